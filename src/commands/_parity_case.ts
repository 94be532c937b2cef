/**
 * A golden case against this package: forward pass, gradients and three optimiser steps, by their largest differences.
 *
 * @module
 */
import { type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { loadFeatureExtractor } from "../features/mod.ts";
import { directoryFiles } from "../files.ts";
import type { ModelOutput } from "../models/architecture.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { loadModel } from "../pretrained.ts";
import type { Batch } from "../train/batches/batches.ts";
import { AdamW } from "../train/step/optimizer.ts";
import { disposeGradients, lossAndGradients } from "../train/step/step.ts";
import type { SafetensorsFile } from "../weights/safetensors.ts";
import { channelsLast, type GoldenCase } from "./_golden_case.ts";

/** Largest differences that are allowed, as the README of the reference kit gives them. */
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

/** The largest differences of a case. */
export interface Differences {
  logits: number;
  hidden: number;
  loss: number;
  grad: number;
  /** The larger of loss and scores, each as a share of its limit, times the limit of the scores. */
  steps: number;
}

/** Compares a case on the device in use; the model is changed by it. */
export async function compareCase(golden: GoldenCase): Promise<Differences> {
  const states = await compareStates(golden);
  const logits = Math.max(
    states.logits,
    await compareSingles(golden),
    await compareTied(golden),
  );
  const gradients = await compareGradients(golden);
  return { logits, hidden: states.hidden, ...gradients, steps: await compareSteps(golden) };
}

/** Whether all differences of a case are allowed. */
export function isWithinLimits({ logits, hidden, loss, grad, steps }: Differences): boolean {
  return logits <= LIMITS.logits && hidden <= LIMITS.hidden && loss <= LIMITS.loss &&
    grad <= LIMITS.grad && steps <= LIMITS.stepLogits;
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
  const extractor = await loadFeatureExtractor(directoryFiles(directory));
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
  const model = await loadModel(directoryFiles(directory), { config, onWarning: () => {} });
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
): Promise<number> {
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
  return share * LIMITS.stepLogits;
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
