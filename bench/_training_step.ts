/**
 * A forward pass and a training step of a model in this process, without the trainer around them.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import type { AudioClassificationModel } from "../src/models/mod.ts";
import { Noise } from "../src/models/mod.ts";
import { type Batch, upload } from "../src/train/batches/batches.ts";
import type { AdamW } from "../src/train/step/optimizer.ts";
import { disposeGradients, lossAndGradients } from "../src/train/step/step.ts";
import { ADAMW } from "./_process.ts";

/** Scores of a batch, read back. */
export function forwardPass(model: AudioClassificationModel, batch: Batch): void {
  const sent = upload(batch);
  engine().tidy(() => {
    sent.output(model).logits.dataSync();
    return [];
  });
  sent.dispose();
}

/** Loss, gradients and the optimiser's step. @returns the loss, read back. */
export async function trainingStep(
  model: AudioClassificationModel,
  optimizer: AdamW,
  batch: Batch,
): Promise<number> {
  const found = lossAndGradients(model, [batch], { noise: new Noise(1) });
  optimizer.step(found.gradients, ADAMW).dispose();
  const [loss] = await found.loss.data();
  disposeGradients(found);
  return loss!;
}
