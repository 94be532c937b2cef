/**
 * What the trainer needs of data: batches by epoch, in an order that only the epoch decides.
 *
 * @module
 */
import { type Tensor, tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { ForwardOptions, HeadOutput, ModelOutput } from "../../models/architecture.ts";
import type { InferenceModel } from "../../models/inference_model.ts";

/** One batch in host memory. */
export interface Batch {
  /** Model input in row-major order. */
  inputs: Float32Array;
  /** Shape of the input, `[B, S]` for waveforms and `[B, T, C]` for spectrograms. */
  shape: number[];
  /** Real samples or frames of each clip, where the model takes a mask of padding. */
  lengths?: Int32Array;
  /** `[B]` class numbers; or `[B, N]` numbers, from 0 to 1 where a clip may have several labels. */
  labels: Int32Array | Float32Array;
  /** What is mixed into the clips, where that is; numbers of several labels are mixed already. */
  mixed?: MixedClips;
  /**
   * `[B]` places of the clips in the data set, where batches go in another order; in evaluation, rows of one place are
   * windows of one clip.
   */
  indices?: ArrayLike<number>;
  /** Place of the batch in its epoch, where some may be left out. */
  position?: number;
  /** What the base model makes of the clips, `[B, D]` for each state that the head sees, where that is known. */
  features?: readonly Float32Array[];
}

/** What a batch holds besides its own clips: another one's share of each. */
export interface MixedClips {
  /** Share of the clips themselves, 0 to 1; the rest is the others'. */
  share: number;
  /** `[B]` class numbers of the others; absent where a clip has not one label. */
  labels?: Int32Array;
  /** `[B]` their places in the data set. */
  indices: ArrayLike<number>;
}

/** Which batches of an epoch. */
export interface BatchesOptions {
  /** Clips of a batch. */
  batchSize: number;
  /** Batches to leave out at the beginning. @default 0 */
  skip?: number;
  /** In evaluation, each clip at several places in time, as rows of one index. @default one, as it is */
  views?: EvaluationViews;
}

/** At how many places in time a clip is evaluated. */
export interface EvaluationViews {
  /** How many. */
  count: number;
  /** The first is so much earlier, the last so much later. */
  shiftSeconds: number;
}

/** A data set as batches. */
export interface BatchSource {
  /** Clips of an epoch. */
  readonly size: number;
  /** Class number of each clip; undefined, or no function, where clips have not one each. */
  labels?(): Promise<ArrayLike<number> | undefined>;
  /** A text that differs for other clips, labels or another order; undefined, or no function, where it is not known. */
  fingerprint?(): Promise<string | undefined>;
  /** Whether a clip is another one in each epoch of training. @default it is not */
  varies?(): Promise<boolean>;
  /** Batches of an epoch. */
  batchCount(batchSize: number): number;
  /**
   * The batches of one epoch; the same epoch gives the same batches each time.
   *
   * @param epoch counted from 0; -1 for evaluation, in the order of the data.
   */
  batches(epoch: number, options: BatchesOptions): AsyncIterable<Batch>;
}

/** What a head says, and where it is asked for what it starts from. */
type FeatureOutput = HeadOutput & Pick<ModelOutput, "features">;

/** A batch on the device, until it is disposed. */
export interface DeviceBatch {
  labels: Tensor;
  /** What a model says of it, from its features where these are known; the caller disposes it. */
  output(model: InferenceModel, options?: ForwardOptions): FeatureOutput;
  /** What the head starts from; the caller disposes it. */
  features(model: InferenceModel): Tensor[];
  dispose(): void;
}

/** Batches of an epoch of training, where a last one of fewer clips may be left out. */
export function countOfBatches(clips: number, batchSize: number, dropsLast = false): number {
  const isDropped = dropsLast && clips >= batchSize;
  return isDropped ? Math.floor(clips / batchSize) : Math.ceil(clips / batchSize);
}

/** Places of clips, grouped by length. */
export function equalLengths(clips: readonly ArrayLike<number>[]): number[][] {
  return [...Map.groupBy(clips.keys(), (i) => clips[i]!.length).values()];
}

/** The first clip of a batch, as a batch. */
export function firstClip({ inputs, shape: [clips, ...rest], lengths, labels }: Batch): Batch {
  return {
    inputs: inputs.subarray(0, inputs.length / clips!),
    shape: [1, ...rest],
    lengths: lengths?.subarray(0, 1),
    labels: labels.subarray(0, labels.length / clips!),
  };
}

/** Sends a batch to the device. */
export function upload({ inputs, shape, lengths, features, ...batch }: Batch): DeviceBatch {
  const [clips] = shape as [number];
  const rows = (values: Float32Array) => tensor2d(values, [clips, values.length / clips]);
  const labels = batch.labels instanceof Int32Array
    ? tensor1d(batch.labels, "int32")
    : rows(batch.labels);
  const sent = features ? features.map(rows) : [tensor(inputs, shape, "float32")];
  return {
    labels,
    output: (model, options) =>
      features
        ? {
          ...model.classify(sent),
          ...options?.outputFeatures && { features: sent.map((part) => part.clone()) },
        }
        : model.forward({ inputs: sent[0]!, lengths }, options),
    features: (model) =>
      features
        ? sent.map((part) => part.clone())
        : tidy(() =>
          model.forward({ inputs: sent[0]!, lengths }, { outputFeatures: true }).features!
        ),
    dispose: () => [labels, ...sent].forEach((part) => part.dispose()),
  };
}

/** Place in the epoch of the batch after these. */
export function positionAfter(batches: Batch[], before: number): number {
  const last = batches.at(-1)!.position;
  return last === undefined ? before + batches.length : last + 1;
}

/** Batches in groups of `size`; the last group of an epoch may be smaller. */
export async function* grouped(
  batches: AsyncIterable<Batch>,
  size: number,
): AsyncIterable<Batch[]> {
  let group: Batch[] = [];
  for await (const batch of batches) {
    group.push(batch);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
