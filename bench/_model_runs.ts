/**
 * Whole runs of a model as the benches time them: a forward pass, and a training step.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import type { AudioClassificationModel } from "../src/models/mod.ts";
import { Noise } from "../src/models/mod.ts";
import { type Batch, upload } from "../src/train/batches/batches.ts";
import type { AdamW } from "../src/train/step/optimizer.ts";
import { lossAndGradients } from "../src/train/step/step.ts";
import { ADAMW } from "./_noise.ts";

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
