/**
 * One training step of the smallest preset on WebGPU: whether it works here, and how many runs it is made of.
 *
 * Programs are short on a GPU, so that their number decides the speed of small models.
 *
 * @module
 */
import { startWebgpu, type WebgpuDevice } from "../kernels/webgpu/mod.ts";
import { buildModel, Noise } from "../models/mod.ts";
import { TrainingArguments } from "../train/options/arguments.ts";
import { AdamW } from "../train/step/optimizer.ts";
import { PRESETS } from "../train/options/presets.ts";
import { disposeGradients, lossAndGradients } from "../train/step/step.ts";

/** What a device does in a training step. */
export interface WebgpuStep {
  /** Programs run: forward, backward and the optimiser. */
  runs: number;
  /** Of these, what each transformer layer adds forward and backward. */
  runsPerLayer: number;
  /** Batches of programs that were handed over. */
  submissions: number;
  /** Tensors read back before the step was over. */
  reads: number;
}

const { config, preprocessor } = PRESETS.tiny;
const LAYERS = config.num_hidden_layers as number;
const SAMPLES = preprocessor.sampling_rate as number;

/**
 * Counts a training step of `tiny`, on a clip of a second.
 *
 * @returns nothing where there is no adapter.
 * @throws {DeviceError} where the device refuses it.
 */
export async function countWebgpuStep(): Promise<WebgpuStep | undefined> {
  const device = await startWebgpu({ software: true });
  if (!device) return undefined;
  try {
    const fewer = await countsOf(device, LAYERS - 1);
    const { gradients, runs, submissions, reads } = await countsOf(device, LAYERS);
    return { runs, runsPerLayer: gradients - fewer.gradients, submissions, reads };
  } finally {
    device.dispose();
  }
}

async function countsOf(
  { counts }: WebgpuDevice,
  layers: number,
): Promise<{ gradients: number; runs: number; submissions: number; reads: number }> {
  const model = await buildModel({ ...config, num_hidden_layers: layers }, { labels: ["a", "b"] });
  const optimizer = new AdamW(model.trainable());
  const inputs = Float32Array.from({ length: SAMPLES }, (_, i) => Math.sin(i));
  const batch = { inputs, shape: [1, SAMPLES], labels: Int32Array.of(0) };
  const before = { ...counts };
  const step = lossAndGradients(model, [batch], { noise: new Noise(1) });
  const gradients = counts.dispatches - before.dispatches;
  optimizer.step(step.gradients, new TrainingArguments({ outputDir: "." })).dispose();
  const made = {
    gradients,
    runs: counts.dispatches - before.dispatches,
    submissions: counts.submissions - before.submissions,
    reads: counts.reads - before.reads,
  };
  await step.loss.data();
  disposeGradients(step);
  optimizer.dispose();
  model.dispose();
  return made;
}
