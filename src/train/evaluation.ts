/**
 * Scores and mean loss of a data set in evaluation mode.
 *
 * @module
 */
import { tidy } from "@tensorflow/tfjs-core";
import type { AudioClassificationModel } from "../models/model.ts";
import { type Batch, type BatchSource, upload } from "./batches.ts";
import type { EvalPrediction } from "./metrics.ts";

/** What evaluation gives: scores, classes, and the mean cross-entropy. */
export interface Evaluation extends EvalPrediction {
  /** Mean over the clips, without label smoothing. */
  loss: number;
}

interface ScoredClip {
  index: number;
  label: number;
  scores: Float32Array;
}

/** Runs the model over a data set; scores come in the order of the data. */
export async function evaluateModel(
  model: AudioClassificationModel,
  data: BatchSource,
  options: { batchSize: number; onClips?: (done: number) => void },
): Promise<Evaluation> {
  const classes = model.labels.length;
  const clips: ScoredClip[] = [];
  for await (const batch of data.batches(-1, { batchSize: options.batchSize })) {
    const before = clips.length;
    const scores = await scoresOf(model, batch);
    batch.labels.forEach((label, i) => {
      const index = batch.indices?.[i] ?? before + i;
      clips.push({ index, label, scores: scores.subarray(i * classes, (i + 1) * classes) });
    });
    options.onClips?.(clips.length);
  }
  clips.sort((a, b) => a.index - b.index);
  const logits = new Float32Array(clips.length * classes);
  clips.forEach(({ scores }, i) => logits.set(scores, i * classes));
  const prediction = { logits, classes, labels: Int32Array.from(clips, ({ label }) => label) };
  return { ...prediction, loss: meanCrossEntropy(prediction) };
}

/** Scores of one batch, back in host memory. */
async function scoresOf(model: AudioClassificationModel, batch: Batch): Promise<Float32Array> {
  const { inputs, labels, lengths } = upload(batch);
  const logits = tidy(() => model.forward({ inputs, lengths }).logits);
  inputs.dispose();
  labels.dispose();
  try {
    return await logits.data() as Float32Array;
  } finally {
    logits.dispose();
  }
}

/** Mean of `log(sum(exp(scores))) - score of the class`. */
export function meanCrossEntropy({ logits, classes, labels }: EvalPrediction): number {
  let sum = 0;
  labels.forEach((label, clip) => {
    const row = logits.subarray(clip * classes, (clip + 1) * classes);
    const top = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((exps, score) => exps + Math.exp(score - top), 0);
    sum += top + Math.log(total) - row[label]!;
  });
  return sum / labels.length;
}
