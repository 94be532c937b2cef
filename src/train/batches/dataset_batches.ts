/**
 * A data set as batches for the trainer: recordings through the feature extractor, or columns that
 * a preprocessing function has made, as they are.
 *
 * A data set with a column named as the model's input is taken as preprocessed: its rows are padded
 * to the longest of their batch and nothing else. Any other has recordings, which `clip_batches.ts`
 * reads.
 *
 * @module
 */
import {
  audioClips,
  type ClipColumns,
  labelNamesOf,
  type LabelType,
  labelTypeOf,
} from "../../data/audio_clips.ts";
import { alignLabels } from "../../data/audio_dataset.ts";
import type { Dataset, Row } from "../../data/dataset.ts";
import { planBatches } from "../../data/sampler.ts";
import { DatasetError } from "../../errors.ts";
import type { FeatureExtractor } from "../../features/feature_extractor.ts";
import type { InferenceModel } from "../../models/inference_model.ts";
import {
  type Batch,
  type BatchesOptions,
  type BatchSource,
  countOfBatches,
  equalLengths,
} from "./batches.ts";
import { clipBatches, type ClipBatchesOptions } from "./clip_batches.ts";

/** How rows become batches. */
export interface DatasetBatchesOptions extends ClipBatchesOptions, ClipColumns {}

/**
 * Makes the batches of a data set for one model; nothing is read yet.
 *
 * @param dataset rows with recordings and labels, or with the model's input and labels.
 * @param model what is trained, whose labels the rows' have to be.
 * @param extractor what turns recordings into the model's input.
 * @param options which columns, and how batches are made.
 * @throws {DatasetError} where the data set has no rows.
 *
 * @example
 * ```ts
 * import {
 *   AutoFeatureExtractor,
 *   AutoModelForAudioClassification,
 *   datasetBatches,
 *   loadDataset,
 * } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * const { train } = await loadDataset("examples/voice_menu");
 *
 * const batches = datasetBatches(train!, model, extractor, { labelColumn: "label" });
 * equal(batches.size, 616);
 * model.dispose();
 * ```
 */
export function datasetBatches(
  dataset: Dataset,
  model: InferenceModel,
  extractor: FeatureExtractor,
  options: DatasetBatchesOptions = {},
): BatchSource {
  if (dataset.numRows === 0) {
    throw new DatasetError(`Cannot use data set "${dataset.split}": expected rows, found none`);
  }
  const isPrepared = Object.hasOwn(dataset.features, extractor.inputName);
  return isPrepared
    ? new PreparedBatches(dataset, model, extractor, options)
    : new RecordingBatches(dataset, model, extractor, options);
}

/** Rows with recordings; which clips these are is found out when the first batch is asked for. */
class RecordingBatches implements BatchSource {
  readonly size: number;
  readonly #make: () => Promise<BatchSource>;
  readonly #dropsLast: boolean;
  #source: Promise<BatchSource> | undefined;

  constructor(
    dataset: Dataset,
    model: InferenceModel,
    extractor: FeatureExtractor,
    options: DatasetBatchesOptions,
  ) {
    this.size = dataset.numRows;
    this.#dropsLast = options.dataloaderDropLast ?? false;
    this.#make = async () => {
      const clips = await audioClips(dataset, options);
      return clipBatches(alignLabels(clips, model.labels), model, extractor, options);
    };
  }

  batchCount(batchSize: number): number {
    return countOfBatches(this.size, batchSize, this.#dropsLast);
  }

  async labels(): Promise<ArrayLike<number> | undefined> {
    return await (await (this.#source ??= this.#make())).labels?.();
  }

  async fingerprint(): Promise<string | undefined> {
    return await (await (this.#source ??= this.#make())).fingerprint?.();
  }

  async varies(): Promise<boolean> {
    return await (await (this.#source ??= this.#make())).varies?.() ?? false;
  }

  async *batches(
    epoch: number,
    options: BatchesOptions,
  ): AsyncIterable<Batch> {
    yield* (await (this.#source ??= this.#make())).batches(epoch, options);
  }
}

/** Rows with the model's input. */
class PreparedBatches implements BatchSource {
  readonly size: number;
  readonly #dataset: Dataset;
  readonly #extractor: FeatureExtractor;
  readonly #labelType: LabelType;
  readonly #options: DatasetBatchesOptions;
  readonly #modelLabels: readonly string[];
  /** Numbers beside each other in the input: the bands of a spectrogram. */
  readonly #width: number;
  readonly #masks: boolean;
  /** Whether scores are the same in a padded batch. */
  readonly #mixesLengths: boolean;
  #names: Promise<readonly string[]> | undefined;

  constructor(
    dataset: Dataset,
    model: InferenceModel,
    extractor: FeatureExtractor,
    options: DatasetBatchesOptions,
  ) {
    this.size = dataset.numRows;
    this.#dataset = dataset;
    this.#extractor = extractor;
    this.#options = options;
    this.#labelType = labelTypeOf(dataset, options);
    this.#modelLabels = model.labels;
    const { shape } = extractor.extract([new Float32Array(extractor.minSamples)]);
    this.#width = shape[2] ?? 1;
    this.#masks = extractor.toConfig().return_attention_mask === true;
    this.#mixesLengths = this.#masks && model.paddingInvariant;
  }

  batchCount(batchSize: number): number {
    return countOfBatches(this.size, batchSize, this.#options.dataloaderDropLast);
  }

  async labels(): Promise<ArrayLike<number> | undefined> {
    const { kind, column } = this.#labelType;
    if (kind !== "single_label_classification") return undefined;
    const places = Array.from({ length: this.size }, (_, i) => i);
    const rows = await this.#dataset.read(places, [column]);
    return await this.#labels(rows.map((row) => row[column]));
  }

  async *batches(
    epoch: number,
    { batchSize, skip = 0 }: { batchSize: number; skip?: number },
  ): AsyncIterable<Batch> {
    const plan = planBatches(this.size, {
      batchSize,
      shuffle: epoch >= 0,
      seed: this.#options.seed,
      epoch: Math.max(0, epoch),
    });
    const { inputName } = this.#extractor;
    const { column } = this.#labelType;
    const count = epoch >= 0 ? this.batchCount(batchSize) : plan.length;
    for (const [at, indices] of plan.slice(0, count).entries()) {
      if (at < skip) continue;
      const rows = await this.#dataset.read(indices, [inputName, column]);
      const inputs = rows.map((row) => numbersOf(row[inputName], inputName));
      const mixes = epoch >= 0 || this.#mixesLengths;
      for (const group of mixes ? [[...inputs.keys()]] : equalLengths(inputs)) {
        yield {
          ...this.#inputs(group.map((i) => inputs[i]!)),
          labels: await this.#labels(group.map((i) => rows[i]![column])),
          indices: group.map((i) => indices[i]!),
          position: at,
        };
      }
    }
  }

  /** Inputs of unlike length, padded with zeros at their end. */
  #inputs(inputs: readonly ArrayLike<number>[]): Pick<Batch, "inputs" | "shape" | "lengths"> {
    const frames = inputs.map((input) => input.length / this.#width);
    const longest = Math.max(...frames);
    const batch = new Float32Array(inputs.length * longest * this.#width);
    inputs.forEach((input, i) => batch.set(input, i * longest * this.#width));
    const shape = [inputs.length, longest];
    const isTold = this.#masks || this.#extractor.fixedSamples !== undefined;
    return {
      inputs: batch,
      shape: this.#width > 1 ? [...shape, this.#width] : shape,
      lengths: isTold ? Int32Array.from(frames) : undefined,
    };
  }

  async #labels(values: readonly unknown[]): Promise<Int32Array | Float32Array> {
    const { kind, names: stated } = this.#labelType;
    if (kind === "regression") return Float32Array.from(values, Number);
    const names = await (this.#names ??= labelNamesOf([this.#dataset], this.#labelType));
    const numberOf = (value: unknown): number => {
      const name = stated ? names[Number(value)] : String(value);
      const number = name === undefined ? -1 : this.#modelLabels.indexOf(name);
      if (number >= 0) return number;
      const { split } = this.#dataset;
      const found = JSON.stringify(name ?? value) ?? "nothing";
      throw new DatasetError(
        `Cannot use data set "${split}": expected labels that the model knows, found ${found}`,
      );
    };
    if (kind === "single_label_classification") return Int32Array.from(values, numberOf);
    const classes = this.#modelLabels.length;
    const targets = new Float32Array(values.length * classes);
    values.forEach((list, row) => {
      for (const value of list as unknown[]) targets[row * classes + numberOf(value)] = 1;
    });
    return targets;
  }
}

/** The numbers of one row, which may be nested by frame. */
function numbersOf(value: unknown, column: string): ArrayLike<number> {
  if (value instanceof Float32Array) return value;
  const numbers = Array.isArray(value) ? value.flat(2) : [];
  if (numbers.length > 0 && numbers.every((number) => typeof number === "number")) return numbers;
  throw new DatasetError(
    `Cannot use column "${column}": expected lists of numbers, found ${typeof value}`,
  );
}

/**
 * Whether something to train on is a data set, and no source of batches.
 *
 * @example
 * ```ts
 * import { Dataset } from "@earshot/earshot";
 * import { isDataset } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * assert.equal(isDataset(Dataset.fromRows([{ label: "yes" }])), true);
 * ```
 */
export function isDataset(data: Dataset<Row> | BatchSource): data is Dataset<Row> {
  return "features" in data;
}
