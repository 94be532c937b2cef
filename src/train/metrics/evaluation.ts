/**
 * Scores and mean loss of a data set in evaluation mode.
 *
 * @module
 */
import { tidy } from "@tensorflow/tfjs-core";
import { MeanScores } from "../../detect/mod.ts";
import type { InferenceModel } from "../../models/inference_model.ts";
import type { ProblemType } from "../../models/problem_type.ts";
import { type Batch, type BatchSource, type EvaluationViews, upload } from "../batches/batches.ts";
import { meanLoss } from "../step/loss.ts";
import type { EvalPrediction } from "./metrics.ts";

/** What evaluation gives: scores, labels, and the mean loss. */
export interface Evaluation extends EvalPrediction {
  /** Mean over the clips, without label smoothing. */
  loss: number;
  /** Which clip of the data each row is of; some are missing where bad files are skipped. */
  indices: Int32Array;
  /** `[clips, D]`, the last of the vectors that the head starts from, where they were asked for. */
  features?: Float32Array;
}

/** How a data set is run through a model. */
export interface EvaluateOptions {
  /** Clips at a time. */
  batchSize: number;
  /** Called with the number of clips that are done. */
  onClips?: (done: number) => void;
  /** Whether what the head starts from is kept. @default false */
  outputFeatures?: boolean;
  /** At how many places in time each clip is looked at, where the data can. @default one, as it is */
  views?: EvaluationViews;
}

interface ScoredClip {
  index: number;
  labels: Int32Array | Float32Array;
  /** Of its windows, where it has several. */
  scores: MeanScores;
  features: MeanScores;
}

/**
 * Runs the model over a data set; scores come in the order of the data. Rows of one index are windows of one clip, whose
 * scores are their mean.
 *
 * @example
 * ```ts
 * import { AutoFeatureExtractor, AutoModelForAudioClassification, loadDataset } from "@earshot/earshot";
 * import { accuracy, datasetBatches, evaluateModel } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const test = await loadDataset("examples/voice_menu", { split: "test" });
 * const clips = datasetBatches(test.select([0, 1]), model, extractor);
 * assert.equal(accuracy(await evaluateModel(model, clips, { batchSize: 2 })), 1);
 * model.dispose();
 * ```
 */
export async function evaluateModel(
  model: InferenceModel,
  data: BatchSource,
  options: EvaluateOptions,
): Promise<Evaluation> {
  model.expectClipHead("evaluate");
  const { batchSize, views } = options;
  const classes = model.labels.length;
  const found = new Map<number, ScoredClip>();
  let rows = 0;
  for await (const batch of data.batches(-1, { batchSize, views })) {
    const clips = batch.shape[0]!;
    const [scores, features] = await outputsOf(model, batch, options);
    const width = batch.labels.length / clips;
    const size = (features?.length ?? 0) / clips;
    for (let i = 0; i < clips; i++) {
      const index = batch.indices?.[i] ?? rows + i;
      const clip = found.get(index) ?? {
        index,
        labels: batch.labels.subarray(i * width, (i + 1) * width),
        scores: new MeanScores(),
        features: new MeanScores(),
      };
      if (features) clip.features.add(features.subarray(i * size, (i + 1) * size));
      clip.scores.add(scores.subarray(i * classes, (i + 1) * classes));
      found.set(index, clip);
    }
    rows += clips;
    options.onClips?.(found.size);
  }
  const clips = [...found.values()].sort((a, b) => a.index - b.index);
  const prediction: EvalPrediction = {
    logits: Float32Array.from(clips.flatMap(({ scores }) => [...scores.mean()])),
    classes,
    labels: joined(clips, model.problemType),
  };
  return {
    ...prediction,
    loss: meanLoss(prediction, model.problemType),
    indices: Int32Array.from(clips, ({ index }) => index),
    ...options.outputFeatures && {
      features: Float32Array.from(clips.flatMap(({ features }) => [...features.mean()])),
    },
  };
}

function joined(clips: ScoredClip[], problemType: ProblemType): Int32Array | Float32Array {
  const all = clips.flatMap(({ labels }) => [...labels]);
  return problemType === "single_label_classification"
    ? Int32Array.from(all)
    : Float32Array.from(all);
}

/** Scores of one batch, and where they are asked for its features, back in host memory. */
async function outputsOf(
  model: InferenceModel,
  batch: Batch,
  { outputFeatures }: EvaluateOptions,
): Promise<[Float32Array, Float32Array?]> {
  const sent = upload(batch);
  const parts = tidy(() => {
    if (!outputFeatures) {
      const { logits, pooled } = sent.output(model);
      return { logits, pooled };
    }
    const features = sent.features(model);
    const { logits, pooled } = model.classify(features);
    return { logits, pooled, features: features.at(-1)! };
  });
  sent.dispose();
  try {
    const { features } = parts;
    const [rows, vectors] = await Promise.all([
      model.scoresOf(parts, batch.shape[0]!),
      features?.data(),
    ]);
    return [joinedRows(rows), vectors as Float32Array | undefined];
  } finally {
    for (const part of Object.values(parts)) part.dispose();
  }
}

function joinedRows(rows: readonly Float32Array[]): Float32Array {
  const size = rows[0]?.length ?? 0;
  const all = new Float32Array(rows.length * size);
  rows.forEach((row, i) => all.set(row, i * size));
  return all;
}
