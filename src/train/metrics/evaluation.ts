/**
 * Scores and mean loss of a data set in evaluation mode.
 *
 * @module
 */
import { tidy } from "@tensorflow/tfjs-core";
import { MeanScores } from "../../detect/mod.ts";
import type { InferenceModel } from "../../models/inference_model.ts";
import type { ProblemType } from "../../models/problem_type.ts";
import { type Batch, type BatchSource, upload } from "../batches/batches.ts";
import { meanLoss } from "../step/loss.ts";
import type { EvalPrediction } from "./metrics.ts";

/** What evaluation gives: scores, labels, and the mean loss. */
export interface Evaluation extends EvalPrediction {
  /** Mean over the clips, without label smoothing. */
  loss: number;
  /** Which clip of the data each row is of; some are missing where bad files are skipped. */
  indices: Int32Array;
}

interface ScoredClip {
  index: number;
  labels: Int32Array | Float32Array;
  /** Of its windows, where it has several. */
  scores: MeanScores;
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
  options: { batchSize: number; onClips?: (done: number) => void },
): Promise<Evaluation> {
  const classes = model.labels.length;
  const found = new Map<number, ScoredClip>();
  let rows = 0;
  for await (const batch of data.batches(-1, { batchSize: options.batchSize })) {
    const scores = await scoresOf(model, batch);
    const width = batch.labels.length / batch.shape[0]!;
    for (let i = 0; i < batch.shape[0]!; i++) {
      const index = batch.indices?.[i] ?? rows + i;
      const clip = found.get(index) ?? {
        index,
        labels: batch.labels.subarray(i * width, (i + 1) * width),
        scores: new MeanScores(),
      };
      clip.scores.add(scores.subarray(i * classes, (i + 1) * classes));
      found.set(index, clip);
    }
    rows += batch.shape[0]!;
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
  };
}

function joined(clips: ScoredClip[], problemType: ProblemType): Int32Array | Float32Array {
  const all = clips.flatMap(({ labels }) => [...labels]);
  return problemType === "single_label_classification"
    ? Int32Array.from(all)
    : Float32Array.from(all);
}

/** Scores of one batch, back in host memory. */
async function scoresOf(model: InferenceModel, batch: Batch): Promise<Float32Array> {
  const sent = upload(batch);
  const logits = tidy(() => sent.output(model).logits);
  sent.dispose();
  try {
    return await logits.data() as Float32Array;
  } finally {
    logits.dispose();
  }
}
