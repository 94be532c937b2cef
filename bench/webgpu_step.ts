/**
 * What a training step costs a WebGPU device besides its arithmetic: runs, submissions and memory, and its time.
 *
 * Where the adapter computes on the processor the time says nothing; the counts are the same on every device that
 * binds as many buffers.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "../src/kernels/webgpu/_backend.ts";
import { startWebgpu } from "../src/kernels/webgpu/mod.ts";
import { type AudioClassificationModel, buildModel, Noise } from "../src/models/mod.ts";
import type { Batch } from "../src/train/batches/batches.ts";
import { AdamW } from "../src/train/step/optimizer.ts";
import { type PresetName, PRESETS } from "../src/train/options/presets.ts";
import { disposeGradients, lossAndGradients } from "../src/train/step/step.ts";
import { LABELS } from "./_models.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { ADAMW, noiseBatch } from "./_process.ts";
import { type BenchRow, rowOf } from "./_records.ts";
import { median } from "./_timing.ts";

const STEPS = 3;

/** `webgpu-step`. */
export const question: Question = {
  asks: "What does a training step ask of a WebGPU device: runs, submissions, memory?",
  options: {
    model: { help: "tiny, small or base", default: "small" },
    batch: { help: "clips at once", default: "8" },
    seconds: { help: "of each clip", default: "1" },
  },
  answer,
};

/** What a step was seen to do. */
interface StepCounts {
  /** Runs forward and backward. */
  gradients: number;
  /** Runs of the optimiser. */
  optimizer: number;
  submissions: number;
  /** Tensors read back within the step. */
  reads: number;
  stepMs: number;
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const preset: PresetName = options.oneOf("model", ["small", "tiny", "base"]);
  const [batch, seconds] = [options.count("batch"), options.positive("seconds")];
  const device = await startWebgpu({ software: true });
  if (!device) throw new RangeError("Cannot measure a step: expected a WebGPU adapter, found none");
  notes.line(`${device.adapter}${device.software ? ", in software: its time says nothing" : ""}`);
  const { config, preprocessor } = PRESETS[preset];
  const samples = Math.round(preprocessor.sampling_rate as number * seconds);
  const clips = noiseBatch([batch, samples]);
  const layers = (config.num_hidden_layers ?? 12) as number;
  notes.progress("a layer less");
  const fewer = await measure({ ...config, num_hidden_layers: layers - 1 }, clips);
  notes.progress("whole");
  const whole = await measure({ ...config, num_hidden_layers: layers }, clips);
  const [name, layer] = [`${preset}, ${batch} x ${seconds} s`, "one layer's runs"];
  yield rowOf(`${name}: runs forward and backward`, whole.gradients, "runs");
  yield rowOf(`${name}: runs of the optimiser`, whole.optimizer, "runs");
  yield rowOf(`${name}: ${layer} forward and backward`, whole.gradients - fewer.gradients, "runs");
  yield rowOf(`${name}: ${layer} of the optimiser`, whole.optimizer - fewer.optimizer, "runs");
  yield rowOf(`${name}: submissions`, whole.submissions, "runs");
  yield rowOf(`${name}: tensors read back within a step`, whole.reads, "reads");
  yield rowOf(`${name}: held between steps`, whole.heldMb, "MB");
  yield rowOf(`${name}: allocated`, whole.allocatedMb, "MB");
  if (!device.software) yield rowOf(`${name}, ${device.adapter}: step`, whole.stepMs, "ms");
  device.dispose();
}

async function measure(
  config: Record<string, unknown>,
  clips: Batch,
): Promise<StepCounts & { heldMb: number; allocatedMb: number }> {
  const model = await buildModel(config, { labels: [...LABELS] });
  const optimizer = new AdamW(model.parameters);
  const steps: StepCounts[] = [];
  for (let step = 0; step < STEPS; step++) steps.push(await countStep(model, optimizer, clips));
  const { numBytesInGPU, numBytesAllocatedInGPU } = (engine().backend as DeviceBackend).memory();
  optimizer.dispose();
  model.dispose();
  const memory = { heldMb: numBytesInGPU / 1e6, allocatedMb: numBytesAllocatedInGPU / 1e6 };
  return { ...steps.at(-1)!, stepMs: median(steps.map(({ stepMs }) => stepMs)), ...memory };
}

/** The step of `_training_step.ts`, looked into between gradients and optimiser. */
async function countStep(
  model: AudioClassificationModel,
  optimizer: AdamW,
  clips: Batch,
): Promise<StepCounts> {
  const { counts, queue } = engine().backend as DeviceBackend;
  const before = { ...counts };
  const start = performance.now();
  const step = lossAndGradients(model, [clips], { noise: new Noise(1) });
  const gradients = counts.dispatches - before.dispatches;
  optimizer.step(step.gradients, ADAMW).dispose();
  const { dispatches, submissions, reads } = counts;
  await step.loss.data();
  await queue.onSubmittedWorkDone();
  disposeGradients(step);
  return {
    gradients,
    optimizer: dispatches - before.dispatches - gradients,
    submissions: submissions - before.submissions,
    reads: reads - before.reads,
    stepMs: performance.now() - start,
  };
}
