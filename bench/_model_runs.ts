/**
 * Whole runs of a model as the benches time them: a forward pass, and a training step.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import type { AudioClassificationModel } from "../src/models/mod.ts";
import { Noise } from "../src/models/mod.ts";
import { type Batch, upload } from "../src/train/batches.ts";
import type { AdamW } from "../src/train/optimizer.ts";
import { lossAndGradients } from "../src/train/step.ts";

/** The settings of every step that a bench takes. */
export const ADAMW = {
  learningRate: 1e-4,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

/** Noise of a shape whose first axis is clips, labelled 0 to 3 in turn. */
export function noiseBatch(shape: number[]): Batch {
  let state = 1;
  const size = shape.reduce((product, length) => product * length, 1);
  const inputs = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  const labels = Int32Array.from({ length: shape[0]! }, (_, i) => i % 4);
  return { inputs, shape, labels };
}

/** Scores of a batch, read back. */
export function forwardPass(model: AudioClassificationModel, batch: Batch): void {
  const { inputs, labels, lengths } = upload(batch);
  engine().tidy(() => {
    model.forward({ inputs, lengths }).logits.dataSync();
    return [];
  });
  inputs.dispose();
  labels.dispose();
}

/** Loss, gradients and the optimiser's step. */
export function trainingStep(
  model: AudioClassificationModel,
  optimizer: AdamW,
  batch: Batch,
): void {
  const { loss, gradients } = lossAndGradients(model, [batch], { noise: new Noise(1) });
  optimizer.step(gradients, ADAMW).dispose();
  for (const gradient of gradients.values()) gradient.dispose();
  loss.dispose();
}
