/**
 * A small model that calls every operation of the contract, and its training for a few steps.
 *
 * It means nothing; that it trains shows that the kernels of a device work together on the tape.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import {
  dispose,
  reshape,
  type Scalar,
  type Tensor,
  tensor,
  tensor1d,
  type Variable,
  variable,
  variableGrads,
} from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import {
  activation,
  type AdamwAttrs,
  adamwSteps,
  add,
  addBias,
  attention,
  batchNorm,
  conv1d,
  crossEntropy,
  dropout,
  elementLoss,
  globalNorm,
  glu,
  groupNorm,
  gruGate,
  layerNorm,
  layerSum,
  linear,
  maskChannels,
  maskFrames,
  meanPool,
  padFrames,
  patches,
  relativeScores,
  rotary,
  scale,
  weightNorm,
} from "../../src/kernels.ts";
import { normal, tensorCounts } from "./_op_case.ts";

/** Parameters: the dimensions are 2 clips, 20 samples, 9 frames, 6 channels, 3 classes. */
const SHAPES: Record<string, number[]> = {
  kernel: [6, 1, 4],
  bias: [6],
  gamma: [6],
  beta: [6],
  masked: [6],
  square: [6, 6],
  g: [1, 1, 3],
  v: [6, 3, 3],
  scores: [1, 2, 9, 9],
  layers: [2],
  head: [3, 6],
  factor: [3],
  gate: [12, 6],
  distances: [5, 6],
};

const ADAMW: Omit<AdamwAttrs, "step"> = {
  learningRate: 0.05,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

/** A parameter with its moments, which every step replaces. */
interface Trained {
  name: string;
  param: Variable;
  m: Tensor;
  v: Tensor;
}

/** Trains on the device in use; fails when a step leaves a tensor behind. Returns the losses. */
export async function trainSmallModel(steps: number): Promise<number[]> {
  const trained = Object.entries(SHAPES).map(([name, shape], i) => initial(name, shape, i));
  const before = tensorCounts();
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    losses.push(await trainStep(trained, step));
    deepEqual(tensorCounts(), before, `left behind by step ${step}`);
  }
  for (const { param, m, v } of trained) dispose([param, m, v]);
  return losses;
}

function initial(name: string, shape: number[], seed: number): Trained {
  const value = tensor(Array.from(normal(shape, { seed }).values), shape);
  const param = variable(value);
  value.dispose();
  const zeros = () => tensor(new Float32Array(param.size), shape);
  return { name, param, m: zeros(), v: zeros() };
}

async function trainStep(trained: Trained[], step: number): Promise<number> {
  const params = Object.fromEntries(trained.map(({ name, param }) => [name, param]));
  const { value, grads } = variableGrads(() => lossOf(params), Object.values(params));
  const norm = globalNorm(Object.values(grads));
  const states = trained.map(({ param, m, v }) => ({ param, grad: grads[param.name]!, m, v }));
  const next = adamwSteps(states, norm, trained.map(() => ({ ...ADAMW, step })));
  trained.forEach((state, n) => {
    const [param, m, v] = next[n]!;
    state.param.assign(param);
    dispose([param, state.m, state.v]);
    Object.assign(state, { m, v });
  });
  const [loss] = await value.data();
  dispose([value, norm, ...Object.values(grads)]);
  return loss!;
}

function angles(): { cos: Tensor; sin: Tensor } {
  const turns = Array.from({ length: 9 }, (_, frame) => frame / 3);
  const table = (body: (angle: number) => number) => tensor(turns.map(body), [9, 1]);
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

function lossOf(params: Record<string, Tensor>): Scalar {
  const { kernel, bias, gamma, beta, masked, square, g, v, scores, layers, head, gate } = params;
  const { distances, factor } = params;
  const norm = { eps: 1e-5 };
  const lengths = tensor1d([9, 6], "int32");
  const waveform = tensor(Array.from(normal([40]).values), [2, 20, 1]);
  const features = conv1d(waveform, kernel!, { stride: 2, bias, activation: "gelu" }); // [2, 9, 6]
  const normed = groupNorm(features, gamma!, beta!, norm);
  const frames = tensor([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], [2, 9], "int32");
  const channels = tensor([0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0], [2, 6], "int32");
  const spared = maskChannels(maskFrames(normed, frames, masked!), channels);
  const positions = conv1d(spared, weightNorm(g!, v!), { groups: 2, padLeft: 1, padRight: 1 });
  const hidden = linear(positions, square!, { bias, residual: spared, activation: "relu" });
  const turned = rotary(glu(linear(hidden, gate!)), angles(), { heads: 3 }); // [2, 9, 6]
  const mean = tensor1d(new Float32Array(6));
  const variance = tensor1d(new Float32Array(6).fill(1));
  const affine = { gamma: gamma!, beta: beta!, mean, variance };
  const mixed = activation(batchNorm(addBias(turned, bias!), affine, norm), "silu");
  const index = tensor1d(Array.from({ length: 17 }, (_, i) => i % 5), "int32");
  const near = relativeScores(mixed, distances!, index, { heads: 2, scale: 0.4 }); // [2, 2, 9, 9]
  const options = { heads: 2, lengths, bias: near, dropoutRate: 0.1 };
  const plain = attention(scale(mixed, 0.5, hidden), hidden, hidden, options);
  const biased = attention(plain, hidden, plain, { heads: 2, lengths, bias: scores });
  const out = layerNorm(dropout(biased, { rate: 0.1, seed: 3 }, hidden), gamma!, beta!, norm);
  const pooled = meanPool(layerSum([hidden, out], layers!), lengths); // [2, 6]
  const loss = crossEntropy(linear(pooled, head!), tensor1d([2, 0], "int32"));
  const open = gruGate(reshape(out, [2, 9, 3, 2]), factor!); // [2, 9, 3]
  const heights = meanPool(padFrames(open, { before: 2, after: -3 })); // [2, 3]
  const cut = patches(reshape(waveform, [2, 4, 5]), { size: [3, 1], stride: [2, 1] }); // [2, 8, 3]
  return add(loss, elementLoss(heights, meanPool(cut), { kind: "squaredError" })) as Scalar;
}
