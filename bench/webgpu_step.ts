/**
 * What a training step asks of a WebGPU device: products, bytes, runs, submissions and memory, and its time.
 *
 * An adapter in software is asked for nothing but the counts, which are the same on every device that binds as many
 * buffers: its programs do not run. Models of one and of two layers are measured, since every layer adds the same. From the counts
 * comes the least time of a step on a device whose rates are named: the longer of products and bytes for the programs
 * that multiply matrices, bytes alone for all others.
 *
 * Source: Williams et al. 2009, "Roofline: an insightful visual performance model for multicore architectures".
 *
 * @module
 */
import { engine, tensor, tidy } from "@tensorflow/tfjs-core";
import { countFlops } from "../src/flops.ts";
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

/** Steps of a device whose time counts; the first compiles. */
const STEPS = 3;
/** Products of a training step, in forward passes. */
const STEP_FLOPS = 3;
/** The programs that multiply matrices. */
const PRODUCTS = /^(Linear|Conv|Attention|RelativeScores|Patches)/;

/** Rates of three kinds of GPU, as their makers state them: float32 multiply-adds, counted as two, and memory. */
const KINDS: Readonly<Record<string, { tflops: number; gigabytes: number }>> = {
  "laptop, 2.6 TFLOPS, 68 GB/s (Apple M1, 8 cores)": { tflops: 2.6, gigabytes: 68 },
  "desktop, 12.7 TFLOPS, 360 GB/s (NVIDIA RTX 3060)": { tflops: 12.7, gigabytes: 360 },
  "server, 67 TFLOPS, 4800 GB/s (NVIDIA H200)": { tflops: 67, gigabytes: 4800 },
};

/** `webgpu-step`. */
export const question: Question = {
  asks: "What does a training step ask of a WebGPU device, and what is its least time?",
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
  /** Floating-point operations of all products. */
  flops: number;
  /** Bytes that the programs with products bind. */
  productBytes: number;
  /** Bytes that all other programs bind. */
  otherBytes: number;
  heldBytes: number;
  allocatedBytes: number;
  stepMs: number;
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const preset: PresetName = options.oneOf("model", ["small", "tiny", "base"]);
  const [batch, seconds] = [options.count("batch"), options.positive("seconds")];
  const device = await startWebgpu({ software: true });
  if (!device) throw new RangeError("Cannot measure a step: expected a WebGPU adapter, found none");
  if (device.software) GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {};
  notes.line(`${device.adapter}${device.software ? ", in software: counts alone" : ""}`);
  const { config, preprocessor } = PRESETS[preset];
  const clips = noiseBatch([batch, Math.round(preprocessor.sampling_rate as number * seconds)]);
  const layers = (config.num_hidden_layers ?? 12) as number;
  notes.progress("one layer");
  const one = await measure({ ...config, num_hidden_layers: 1 }, clips, 1);
  notes.progress("two layers");
  const two = await measure({ ...config, num_hidden_layers: 2 }, clips, 1);
  const name = `${preset}, ${batch} x ${seconds} s`;
  yield* rowsOf(name, one, two, layers);
  if (!device.software) {
    notes.progress("whole");
    const { stepMs } = await measure(config, clips, STEPS);
    yield rowOf(`${name}, ${device.adapter}: step`, stepMs, "ms");
  }
  device.dispose();
}

function* rowsOf(
  name: string,
  one: StepCounts,
  two: StepCounts,
  layers: number,
): Generator<BenchRow> {
  const layer = (count: keyof StepCounts) => two[count] - one[count];
  const whole = (count: keyof StepCounts) => one[count] + (layers - 1) * layer(count);
  yield rowOf(`${name}: products`, whole("flops") / 1e9, "GFLOP");
  yield rowOf(`${name}: bytes of the programs with products`, whole("productBytes") / 1e6, "MB");
  yield rowOf(`${name}: bytes of all others`, whole("otherBytes") / 1e6, "MB");
  yield rowOf(`${name}: runs forward and backward`, whole("gradients"), "runs");
  yield rowOf(`${name}: runs of the optimiser`, whole("optimizer"), "runs");
  yield rowOf(`${name}: one layer's runs forward and backward`, layer("gradients"), "runs");
  yield rowOf(`${name}: submissions, at one layer`, one.submissions, "runs");
  yield rowOf(`${name}: tensors read back within a step`, two.reads, "reads");
  yield rowOf(`${name}: held between steps`, whole("heldBytes") / 1e6, "MB");
  yield rowOf(`${name}: allocated`, whole("allocatedBytes") / 1e6, "MB");
  for (const [kind, { tflops, gigabytes }] of Object.entries(KINDS)) {
    const ms = (count: keyof StepCounts, perSecond: number) => whole(count) / perSecond * 1e3;
    const products = Math.max(
      ms("flops", tflops * 1e12),
      ms("productBytes", gigabytes * 1e9),
    );
    const least = products + ms("otherBytes", gigabytes * 1e9);
    yield rowOf(`${name}: least time, ${kind}`, least, "ms");
  }
}

async function measure(
  config: Record<string, unknown>,
  clips: Batch,
  count: number,
): Promise<StepCounts> {
  const model = await buildModel(config, { labels: [...LABELS] });
  const optimizer = new AdamW(model.parameters);
  const steps: StepCounts[] = [];
  for (let step = 0; step < count; step++) steps.push(await countStep(model, optimizer, clips));
  optimizer.dispose();
  model.dispose();
  return { ...steps.at(-1)!, stepMs: median(steps.map(({ stepMs }) => stepMs)) };
}

/** The step of `_training_step.ts`, looked into between gradients and optimiser. */
async function countStep(
  model: AudioClassificationModel,
  optimizer: AdamW,
  clips: Batch,
): Promise<StepCounts> {
  const backend = engine().backend as DeviceBackend;
  const { counts, queue } = backend;
  const { inputs, shape } = clips;
  const flops = STEP_FLOPS *
    countFlops(() => tidy(() => void model.forward({ inputs: tensor(inputs, shape) })));
  const [before, bytesBefore] = [{ ...counts }, boundBytes(backend)];
  const start = performance.now();
  const step = lossAndGradients(model, [clips], { noise: new Noise(1) });
  const gradients = counts.dispatches - before.dispatches;
  optimizer.step(step.gradients, ADAMW).dispose();
  const { dispatches, submissions, reads } = counts;
  const bytes = boundBytes(backend);
  await step.loss.data();
  await queue.onSubmittedWorkDone();
  const stepMs = performance.now() - start;
  disposeGradients(step);
  const { numBytesInGPU, numBytesAllocatedInGPU } = backend.memory();
  return {
    gradients,
    optimizer: dispatches - before.dispatches - gradients,
    submissions: submissions - before.submissions,
    reads: reads - before.reads,
    flops,
    productBytes: bytes.products - bytesBefore.products,
    otherBytes: bytes.others - bytesBefore.others,
    heldBytes: numBytesInGPU,
    allocatedBytes: numBytesAllocatedInGPU,
    stepMs,
  };
}

/** Bytes that all programs have bound so far. */
function boundBytes({ counts }: DeviceBackend): { products: number; others: number } {
  const sums = { products: 0, others: 0 };
  for (const [name, { bytes }] of counts.byProgram) {
    sums[PRODUCTS.test(name) ? "products" : "others"] += bytes;
  }
  return sums;
}
