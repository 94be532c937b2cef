/**
 * `parity`: runs golden case directories through the public code and prints the largest differences.
 *
 * A line of JSON for each goes to standard output, with `--json` or without: programs read it.
 *
 * A case is a model directory with `inputs.safetensors`, `expected.safetensors` and `meta.json` as the reference kit
 * makes them; its README holds the tolerances that stand here as {@linkcode LIMITS}.
 *
 * @module
 */
import { type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { basename, resolve } from "node:path";
import { useDevice } from "../devices.ts";
import { CheckpointError } from "../errors.ts";
import { directoryFiles, fileSource } from "../files.ts";
import { featureExtractorFromConfig } from "../features/registry.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import type { ModelOutput } from "../models/architecture.ts";
import { loadModel } from "../pretrained.ts";
import { AdamW } from "../train/optimizer.ts";
import type { Batch } from "../train/batches.ts";
import { disposeGradients, lossAndGradients } from "../train/step.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { openSafetensors, type SafetensorsFile } from "../weights/safetensors.ts";
import { UsageError } from "./_arguments.ts";
import { type Command, DEVICE_OPTIONS, deviceOptions } from "./_command.ts";
import type { Output } from "./_output.ts";

/** `parity` on the command line. */
export const command: Command = {
  usage: "parity DIR ... [--backend wasm|webgpu]",
  options: DEVICE_OPTIONS,
  examples: [
    "parity path/to/golden/wav2vec2-group",
    "parity path/to/golden/wav2vec2-* --backend webgpu",
  ],
  run: async ({ options, files }, out) => {
    if (files.length === 0) {
      throw new UsageError("Cannot compare: expected case directories, found none", {
        hint: "Name one or more, as in: parity path/to/golden/wav2vec2-group",
      });
    }
    const device = await useDevice(deviceOptions(options, { threads: 0 }));
    out.warn(`Device: ${device.description}`);
    try {
      let failed = 0;
      for (const directory of files) {
        const result = await resultOf(directory, device.backend, out);
        console.log(JSON.stringify(result));
        if (!result.ok) failed++;
      }
      out.warn(`${files.length - failed} of ${files.length} cases within the limits`);
      return failed === 0 ? 0 : 1;
    } finally {
      device.dispose();
    }
  },
};

/** A case that cannot be read is one outside the limits, and the next ones still run. */
async function resultOf(
  directory: string,
  backend: string,
  out: Output,
): Promise<ParityResult | FailedCase> {
  try {
    return await runParityCase(directory, backend);
  } catch (error) {
    const { message } = error as Error;
    out.warn(message);
    return { case: caseName(directory), backend, ...NOTHING_COMPARED, ok: false, error: message };
  }
}

function caseName(directory: string): string {
  return basename(resolve(directory));
}

/** Largest differences that are allowed, as the kit's README gives them. */
export const LIMITS = {
  /** Absolute; also of `single.logits` and `pooled`. */
  logits: 5e-5,
  /** Absolute; also of `conv_features` and `last_hidden_state`. */
  hidden: 5e-4,
  loss: 2e-5,
  /** As a share of the tensor's largest value. */
  grad: 1e-3,
  /** Loss before each of three optimiser steps; or 20 times the case's own rounding noise. */
  stepLoss: 1e-4,
  /** Scores after them; or 20 times the case's own rounding noise. */
  stepLogits: 1e-3,
} as const;

/** One line of the report: the largest differences of a case. */
export interface ParityResult {
  case: string;
  backend: string;
  logits: number;
  hidden: number;
  loss: number;
  grad: number;
  /** The larger of loss and scores, each as a share of its limit, times the limit of the scores. */
  steps: number;
  ok: boolean;
}

/** One line of the report for a case that could not be read or run. */
interface FailedCase extends Record<keyof typeof NOTHING_COMPARED, null> {
  case: string;
  backend: string;
  ok: false;
  error: string;
}

const NOTHING_COMPARED = { logits: null, hidden: null, loss: null, grad: null, steps: null };

/** The parts of `meta.json` that comparing needs. */
interface CaseMeta {
  /** Samples of each clip before padding. */
  lengths: number[];
  frozen_by?: string | null;
  grad_none?: string[];
  grad_zero_by_theory?: string[];
  optimizer: {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    max_grad_norm: number;
    steps: number;
  };
  float32_minus_float64?: Record<string, number>;
}

interface GoldenCase {
  directory: string;
  meta: CaseMeta;
  batch: Batch;
  expected: SafetensorsFile;
  model: AudioClassificationModel;
}

/**
 * Compares one case on the device in use.
 *
 * @throws {CheckpointError} when a file of the case is missing or broken.
 */
export async function runParityCase(directory: string, backend: string): Promise<ParityResult> {
  const files = directoryFiles(directory);
  const meta = await readJsonFile(files, "meta.json") as unknown as CaseMeta;
  using source = await fileSource(`${directory}/expected.safetensors`);
  const expected = await openSafetensors(source);
  const batch = await readBatch(directory);
  const model = await loadModel(files);
  try {
    if (meta.frozen_by?.startsWith("freeze_feature_encoder")) model.freezeFeatureEncoder();
    if (meta.frozen_by?.startsWith("freeze_base_model")) model.freezeBaseModel();
    const golden = { directory, meta, batch, expected, model };
    const states = await compareStates(golden);
    const logits = Math.max(
      states.logits,
      await compareSingles(golden),
      await compareTied(golden),
    );
    const gradients = await compareGradients(golden);
    const steps = await compareSteps(golden);
    const result = { logits, hidden: states.hidden, ...gradients, steps: steps.difference };
    const ok = logits <= LIMITS.logits && result.hidden <= LIMITS.hidden &&
      result.loss <= LIMITS.loss && result.grad <= LIMITS.grad && steps.ok;
    return { case: caseName(directory), backend, ...result, ok };
  } finally {
    model.dispose();
  }
}

async function readBatch(directory: string): Promise<Batch> {
  const file = `${directory}/inputs.safetensors`;
  using source = await fileSource(file);
  const stored = await openSafetensors(source);
  const { inputs, shape } = await readInputs(stored, file);
  const mask = stored.shape("attention_mask") && await stored.read("attention_mask");
  return {
    inputs,
    shape,
    labels: await readLabels(stored),
    lengths: mask && rowSums(mask, shape[0]!),
  };
}

/** Class numbers as the kit stores them, in int32; numbers of several labels or of a regression in float32. */
async function readLabels(stored: SafetensorsFile): Promise<Int32Array | Float32Array> {
  const labels = await stored.read("labels");
  return stored.dtype("labels") === "I32" ? Int32Array.from(labels) : labels;
}

/** `input_values` as they are, or `input_features [B, bands, frames]` with the bands last. */
async function readInputs(
  stored: SafetensorsFile,
  file: string,
): Promise<{ inputs: Float32Array; shape: number[] }> {
  const values = stored.shape("input_values");
  if (values) return { inputs: await stored.read("input_values"), shape: [...values] };
  const features = stored.shape("input_features");
  if (!features) {
    throw new CheckpointError(`Cannot read "${file}": expected tensor "input_values", found none`, {
      file,
      key: "input_values",
    });
  }
  const [batch, bands, frames] = features as [number, number, number];
  const read = await stored.read("input_features");
  const inputs = channelsLast(read, batch, bands, frames);
  return { inputs, shape: [batch, frames, bands] };
}

/** **Shape** `[B, C, T]` -> `[B, T, C]` */
function channelsLast(
  values: Float32Array,
  batch: number,
  channels: number,
  frames: number,
): Float32Array {
  const size = channels * frames;
  const turned = new Float32Array(batch * size);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < frames; t++) {
        turned[b * size + t * channels + c] = values[b * size + c * frames + t]!;
      }
    }
  }
  return turned;
}

function rowSums(values: Float32Array, rows: number): Int32Array {
  const width = values.length / rows;
  return Int32Array.from({ length: rows }, (_, row) => {
    return values.subarray(row * width, (row + 1) * width).reduce((a, b) => a + b, 0);
  });
}

/** Scores, pooled vectors and every state of one forward pass. */
async function compareStates(golden: GoldenCase): Promise<{ logits: number; hidden: number }> {
  const { expected, model, batch } = golden;
  const inputs = tensor(batch.inputs, batch.shape);
  const options = { outputHiddenStates: true };
  const output = model.forward({ inputs, lengths: batch.lengths }, options);
  inputs.dispose();
  const logits = Math.max(
    await difference(output.logits, expected, "logits"),
    await difference(output.pooled, expected, "pooled"),
  );
  let hidden = 0;
  for (const [i, state] of output.hiddenStates!.entries()) {
    hidden = Math.max(hidden, await difference(state, expected, `hidden_states.${i}`));
  }
  if (output.lastHiddenState && expected.shape("last_hidden_state")) {
    hidden = Math.max(
      hidden,
      await difference(output.lastHiddenState, expected, "last_hidden_state"),
    );
  }
  if (output.convFeatures && expected.shape("conv_features")) {
    hidden = Math.max(hidden, await featureDifference(output.convFeatures, expected));
  }
  disposeOutput(output);
  return { logits, hidden };
}

function disposeOutput({ logits, pooled, hiddenStates, ...rest }: ModelOutput): void {
  const tensors = [logits, pooled, ...hiddenStates ?? [], rest.convFeatures, rest.lastHiddenState];
  for (const part of new Set(tensors)) part?.dispose();
}

/**
 * Each clip alone and without padding, as a single call of the model sees it. Where a batch has no mask, the
 * extractor has normalised a clip together with its padding, and gets to see it alone here.
 */
async function compareSingles(
  { directory, batch, expected, meta, model }: GoldenCase,
): Promise<number> {
  if (!expected.shape("single.logits")) return 0;
  const extractor = featureExtractorFromConfig(
    await readJsonFile(directoryFiles(directory), "preprocessor_config.json"),
  );
  const wanted = await expected.read("single.logits");
  const classes = model.labels.length;
  const width = batch.shape[1]!;
  let worst = 0;
  for (const [clip, length] of meta.lengths.entries()) {
    const samples = batch.inputs.slice(clip * width, clip * width + length);
    const padded = !batch.lengths && length < width;
    const inputs = padded ? extractor.extract([samples]).inputValues : samples;
    const found = await scores(model, { ...batch, inputs, shape: [1, length] });
    worst = Math.max(
      worst,
      largestDifference(found, wanted.subarray(clip * classes, (clip + 1) * classes)),
    );
  }
  return worst;
}

/** The weighted layer sum as before transformers 5, where the case has it. */
async function compareTied({ directory, batch, expected }: GoldenCase): Promise<number> {
  if (!expected.shape("tied.logits")) return 0;
  const config = { transformers_version: "4.57.6" };
  const model = await loadModel(directoryFiles(directory), { config });
  try {
    const found = await scores(model, batch, batch.lengths);
    return largestDifference(found, await expected.read("tied.logits"));
  } finally {
    model.dispose();
  }
}

async function scores(
  model: AudioClassificationModel,
  batch: Batch,
  lengths?: Int32Array,
): Promise<Float32Array> {
  const inputs = tensor(batch.inputs, batch.shape);
  const logits = tidy(() => model.forward({ inputs, lengths }).logits);
  inputs.dispose();
  const values = await logits.data() as Float32Array;
  logits.dispose();
  return values;
}

async function compareGradients(
  { batch, expected, meta, model }: GoldenCase,
): Promise<{ loss: number; grad: number }> {
  const result = lossAndGradients(model, [batch]);
  const loss = await difference(result.loss, expected, "loss");
  const skipped = new Set([...meta.grad_none ?? [], ...meta.grad_zero_by_theory ?? []]);
  let grad = 0;
  for (const name of expected.names()) {
    const parameter = name.startsWith("grad.") && name.slice("grad.".length);
    if (!parameter || skipped.has(parameter)) continue;
    const gradient = result.gradients.get(parameter);
    const wanted = await expected.read(name);
    const found = await gradient?.data() as Float32Array | undefined;
    grad = Math.max(grad, found ? largestDifference(found, wanted) / largest(wanted) : Infinity);
  }
  disposeGradients(result);
  return { loss, grad };
}

/** Three optimiser steps on the batch; the model is changed by them. */
async function compareSteps(
  { batch, expected, meta, model }: GoldenCase,
): Promise<{ difference: number; ok: boolean }> {
  const noise = meta.float32_minus_float64 ?? {};
  const limits = {
    loss: Math.max(LIMITS.stepLoss, 20 * (noise["step3.loss"] ?? 0)),
    logits: Math.max(LIMITS.stepLogits, 20 * (noise["step3.logits"] ?? 0)),
  };
  const { lr, betas, eps, weight_decay, max_grad_norm, steps } = meta.optimizer;
  const optimizer = new AdamW(model.trainable());
  let share = 0;
  for (let step = 0; step < steps; step++) {
    const result = lossAndGradients(model, [batch]);
    const off = await difference(result.loss, expected, `step3.loss.${step}`);
    share = Math.max(share, off / limits.loss);
    const norm = optimizer.step(result.gradients, {
      learningRate: lr,
      adamBeta1: betas[0],
      adamBeta2: betas[1],
      adamEpsilon: eps,
      weightDecay: weight_decay,
      maxGradNorm: max_grad_norm,
    });
    norm.dispose();
    disposeGradients(result);
  }
  optimizer.dispose();
  const found = await scores(model, batch, batch.lengths);
  const off = largestDifference(found, await expected.read("step3.logits"));
  share = Math.max(share, off / limits.logits);
  return { difference: share * LIMITS.stepLogits, ok: share <= 1 };
}

/** Largest absolute difference between a tensor, which it leaves alone, and an expected one. */
async function difference(
  found: Tensor,
  expected: SafetensorsFile,
  name: string,
): Promise<number> {
  return largestDifference(await found.data() as Float32Array, await expected.read(name));
}

/** The same for features `[B, T, C]`, which the kit stores as `[B, C, T]`. */
async function featureDifference(found: Tensor, expected: SafetensorsFile): Promise<number> {
  const [batch, frames, channels] = found.shape as [number, number, number];
  const wanted = await expected.read("conv_features");
  if (wanted.length !== found.size) return Infinity;
  return largestDifference(await found.data(), channelsLast(wanted, batch, channels, frames));
}

/** Infinity where the lengths differ or something is not a number. */
function largestDifference(found: ArrayLike<number>, wanted: Float32Array): number {
  if (found.length !== wanted.length) return Infinity;
  return wanted.reduce((worst, value, i) => worse(worst, Math.abs(found[i]! - value)), 0);
}

function worse(worst: number, difference: number): number {
  return difference <= worst ? worst : (Number.isNaN(difference) ? Infinity : difference);
}

function largest(values: Float32Array): number {
  return values.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
}
