/**
 * A linear head in the place of training: the model hears each clip once, in evaluation mode, and its last layer
 * becomes the logistic regression over what that layer sees. No step is taken.
 *
 * The vectors are brought to mean 0 and deviation 1 for fitting, which is folded back into the weights, so that the
 * result is an ordinary classifier. How strongly weights are held down is chosen by cross-validation, in which clips of
 * one group are never on both sides.
 *
 * Not here: architectures with a norm before the last layer.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { DatasetError, UnsupportedOpError } from "../../errors.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { type BatchSource, upload } from "../batches/batches.ts";
import { fitLogisticRegression, type LabelledVectors } from "../step/logistic_regression.ts";
import type { CallbackEvent, TrainerCallback } from "./callbacks.ts";

/** How a linear head is fitted. */
export interface LinearHeadOptions {
  /** What a clip belongs with, such as its speaker. @default each clip is by itself */
  groupOf?: (clip: number) => string;
  /** Called with what was chosen. */
  onFitted?: (fit: LinearHeadFit) => void;
}

/** What was fitted, and how. */
export interface LinearHeadFit {
  clips: number;
  /** What held the weights down; 1 where there was nothing to choose by. */
  l2: number;
  /** Mean cross-entropy of clips that were left out, with that; undefined where there were no two groups. */
  heldOutLoss?: number;
}

const WEIGHT = "classifier.weight";
const BIAS = "classifier.bias";
const FOLDS = 5;
const L2 = [1000, 100, 10, 1, 0.1, 0.01];
/** Enough to tell settings apart. */
const ROUGHLY = 1e-4;

/** Fits the last layer when a run begins, and ends the run. */
export class LinearHeadCallback implements TrainerCallback {
  readonly #options: LinearHeadOptions;

  /** `options`: groups, and who is told of the result. */
  constructor(options: LinearHeadOptions = {}) {
    this.#options = options;
  }

  /** Fits, and leaves no step to take. */
  async onTrainBegin(...event: CallbackEvent): Promise<void> {
    const [args, _state, control, { model, trainDataset }] = event;
    expectLastLayer(model);
    const batchSize = args.perDeviceEvalBatchSize;
    const { indices, ...data } = await vectorsOf(model, trainDataset, batchSize);
    const { groupOf = String, onFitted } = this.#options;
    const groups = indices.map(groupOf);
    const { scaled, fold } = standardised(data);
    const { l2, heldOutLoss } = chooseL2(scaled, groups);
    const { weights, biases } = fold(fitLogisticRegression(scaled, { l2 }));
    assign(model, WEIGHT, weights);
    assign(model, BIAS, biases);
    onFitted?.({ clips: indices.length, l2, heldOutLoss });
    control.shouldTrainingStop = true;
  }
}

/** @throws {UnsupportedOpError} where the classes are not scored by one last layer alone, or not one of several. */
function expectLastLayer(model: AudioClassificationModel): void {
  if (model.problemType !== "single_label_classification") {
    throw new UnsupportedOpError(
      `Cannot fit a linear head: expected one label a clip, found ${model.problemType}`,
    );
  }
  if (model.parameters.has(WEIGHT) && model.parameters.has(BIAS)) return;
  throw new UnsupportedOpError(
    `Cannot fit a linear head of a model of type "${model.modelType}": expected "${WEIGHT}", found none`,
    { hint: "Train its head by steps, with the option `freezeBaseModel`" },
  );
}

type HeardClips = LabelledVectors & { indices: number[] };

/** What the last layer sees of each clip. **Shape** -> `vectors [n, P]` */
async function vectorsOf(
  model: AudioClassificationModel,
  data: BatchSource,
  batchSize: number,
): Promise<HeardClips> {
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  const indices: number[] = [];
  for await (const batch of data.batches(-1, { batchSize })) {
    const { inputs, labels: sent, lengths } = upload(batch);
    const pooled = tidy(() => model.forward({ inputs, lengths }).pooled);
    inputs.dispose();
    sent.dispose();
    rows.push(await pooled.data() as Float32Array);
    pooled.dispose();
    for (const [i, label] of batch.labels.entries()) {
      indices.push(batch.indices?.[i] ?? labels.length);
      labels.push(label);
    }
  }
  if (labels.length === 0) {
    throw new DatasetError("Cannot fit a linear head: expected clips, found none");
  }
  const vectors = Float64Array.from(rows.flatMap((row) => [...row]));
  return { vectors, labels, classes: model.labels.length, indices };
}

interface Layer {
  weights: Float64Array;
  biases: Float64Array;
}

/** Vectors of mean 0 and deviation 1, and what makes a layer over them one over the vectors as they were. */
function standardised(
  data: LabelledVectors,
): { scaled: LabelledVectors; fold: (layer: Layer) => Layer } {
  const { vectors, labels } = data;
  const size = vectors.length / labels.length;
  const [mean, deviation] = [new Float64Array(size), new Float64Array(size)];
  vectors.forEach((value, i) => mean[i % size] = mean[i % size]! + value / labels.length);
  vectors.forEach((value, i) => {
    deviation[i % size] = deviation[i % size]! + (value - mean[i % size]!) ** 2 / labels.length;
  });
  // What is the same in all clips says nothing, and stays as it is.
  deviation.forEach((square, d) => deviation[d] = Math.sqrt(square) || 1);
  return {
    scaled: {
      ...data,
      vectors: vectors.map((value, i) => (value - mean[i % size]!) / deviation[i % size]!),
    },
    fold: ({ weights, biases }) => {
      const folded = weights.map((weight, i) => weight / deviation[i % size]!);
      const moved = biases.map((bias, k) => {
        const own = folded.subarray(k * size, (k + 1) * size);
        return own.reduce((sum, weight, d) => sum - weight * mean[d]!, bias);
      });
      return { weights: folded, biases: moved };
    },
  };
}

/** The setting with the least loss of clips that were left out. */
function chooseL2(
  data: LabelledVectors,
  groups: readonly string[],
): { l2: number; heldOutLoss?: number } {
  const folds = foldsOf(data, groups);
  const used = [...new Set(folds)];
  if (used.length < 2) return { l2: 1 };
  const rows = folds.map((_, i) => i);
  const parts = used.map((fold) => ({
    fitted: rowsOf(data, rows.filter((i) => folds[i] !== fold)),
    left: rowsOf(data, rows.filter((i) => folds[i] === fold)),
  }));
  const tried = L2.map((l2) => {
    const losses = parts.map(({ fitted, left }) =>
      lossOf(fitLogisticRegression(fitted, { l2, tolerance: ROUGHLY }), left)
    );
    return { l2, heldOutLoss: losses.reduce((a, b) => a + b, 0) / rows.length };
  });
  return tried.reduce((best, next) => next.heldOutLoss < best.heldOutLoss ? next : best);
}

/** A fold for each clip: all of a group in one, and the groups of a class dealt out in turn. */
function foldsOf({ labels }: LabelledVectors, groups: readonly string[]): number[] {
  const folds = new Map<string, number>();
  const dealt = new Map<number, number>();
  return groups.map((group, i) => {
    const label = labels[i]!;
    const turn = dealt.get(label) ?? label;
    const fold = folds.get(group) ?? turn % FOLDS;
    if (!folds.has(group)) dealt.set(label, turn + 1);
    folds.set(group, fold);
    return fold;
  });
}

function rowsOf({ vectors, labels, classes }: LabelledVectors, rows: number[]): LabelledVectors {
  const size = vectors.length / labels.length;
  const chosen = new Float64Array(rows.length * size);
  rows.forEach((row, i) => chosen.set(vectors.subarray(row * size, (row + 1) * size), i * size));
  return { vectors: chosen, labels: rows.map((row) => labels[row]!), classes };
}

/** The sum of cross-entropies. */
function lossOf({ weights, biases }: Layer, { vectors, labels }: LabelledVectors): number {
  const size = vectors.length / labels.length;
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const scores = Array.from(biases, (bias, k) => {
      let score = bias;
      for (let d = 0; d < size; d++) score += weights[k * size + d]! * vectors[row * size + d]!;
      return score;
    });
    const most = Math.max(...scores);
    const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
    loss += Math.log(sum) + most - scores[labels[row]!]!;
  }
  return loss;
}

function assign(model: AudioClassificationModel, name: string, values: Float64Array): void {
  const parameter = model.parameters.get(name)!;
  const next = tensor(Float32Array.from(values), parameter.shape, "float32");
  parameter.assign(next);
  next.dispose();
}
