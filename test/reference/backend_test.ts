import { deepEqual, equal, ok } from "node:assert/strict";
import {
  dispose,
  engine,
  getKernelsForBackend,
  grad,
  reshape,
  type Scalar,
  type Tensor,
  tensor,
  tensor1d,
  type Variable,
  variable,
  variableGrads,
} from "@tensorflow/tfjs-core";
import { GRADIENT_KERNELS } from "../../src/gradients.ts";
import {
  activation,
  adamwStep,
  attention,
  conv1d,
  crossEntropy,
  dropout,
  globalNorm,
  groupNorm,
  layerNorm,
  layerSum,
  linear,
  maskChannels,
  maskFrames,
  meanPool,
  weightNorm,
} from "../../src/kernels.ts";
import { assertAllClose } from "../compare.ts";
import { normal } from "../kernels/_op_case.ts";
import { useReference } from "./backend.ts";

Deno.test("useReference() offers every gradient kernel of the contract", async () => {
  await useReference();
  const names = new Set(getKernelsForBackend("reference").map(({ kernelName }) => kernelName));
  for (const name of Object.values(GRADIENT_KERNELS)) ok(names.has(name), `no ${name}`);
});

Deno.test("the reference shares the numbers of clones and reshapes until the last is gone", async () => {
  await useReference();
  const before = engine().memory();
  const x = tensor1d([1, 2, 3, 4]);
  const square = reshape(x, [2, -1]);
  const copy = square.clone();
  deepEqual(square.shape, [2, 2]);
  equal(engine().memory().numDataBuffers, before.numDataBuffers + 1);
  dispose([x, square]);
  deepEqual(Array.from(copy.dataSync()), [1, 2, 3, 4]);
  copy.dispose();
  equal(engine().memory().numDataBuffers, before.numDataBuffers);
  equal(engine().memory().numTensors, before.numTensors);
});

Deno.test("the reference rounds to single precision unless it is told not to", async () => {
  for (const precision of ["single", "double"] as const) {
    await useReference(precision);
    const x = tensor1d([1]);
    const y = activation(x, "gelu");
    const [value] = y.dataSync();
    equal(value === Math.fround(value!), precision === "single");
    dispose([x, y]);
  }
});

Deno.test("gradients pass through reshape, clone and dropout of rate 0", async () => {
  await useReference();
  const x = tensor1d([-1, 2, 3, 4]);
  const gradient = grad((x: Tensor) => dropout(reshape(x, [2, 2]).clone(), { rate: 0, seed: 1 }))(
    x,
  );
  assertAllClose(gradient.dataSync(), [1, 1, 1, 1], {});
  dispose([x, gradient]);
});

/** Parameters of a small model that calls every operation of the contract. */
const SHAPES: Record<string, number[]> = {
  kernel: [6, 1, 4],
  bias: [6],
  gamma: [6],
  beta: [6],
  mask: [6],
  square: [6, 6],
  g: [1, 1, 3],
  v: [6, 3, 3],
  layers: [2],
  head: [3, 6],
};

Deno.test("a model of all operations trains on the reference and leaks no tensor", async () => {
  await useReference();
  const before = engine().memory().numTensors;
  const params = Object.entries(SHAPES).map(([name, shape], i) => makeVariable(name, shape, i));
  const moments = params.map((param) => [0, 1].map(() => zerosLike(param)));
  const losses: number[] = [];
  const afterStep: number[] = [];
  for (let step = 1; step <= 8; step++) {
    losses.push(trainStep(params, moments, step));
    afterStep.push(engine().memory().numTensors);
  }
  ok(losses.at(-1)! < 0.5 * losses[0]!, `losses ${losses}`);
  equal(new Set(afterStep).size, 1, `tensors ${afterStep}`);
  dispose([params, moments] as unknown as Tensor[]);
  equal(engine().memory().numTensors, before);
});

function makeVariable(name: string, shape: number[], seed: number): Variable {
  const initial = tensor(
    Array.from(normal([shape.reduce((a, b) => a * b)], { seed }).values),
    shape,
  );
  const param = variable(initial, true, name);
  initial.dispose();
  return param;
}

function zerosLike(param: Variable): Tensor {
  return tensor(new Float32Array(param.size), param.shape);
}

/** One step on one batch; the new moments take the place of the old ones in `moments`. */
function trainStep(params: Variable[], moments: Tensor[][], step: number): number {
  const byName = Object.fromEntries(params.map((param) => [param.name, param]));
  const { value, grads } = variableGrads(() => lossOf(byName), params);
  const norm = globalNorm(Object.values(grads));
  const attrs = { learningRate: 0.05, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
  params.forEach((param, i) => {
    const [m, v] = moments[i] as [Tensor, Tensor];
    const state = { param, grad: grads[param.name]!, m, v, norm };
    const [next, ...rest] = adamwStep(state, { ...attrs, step, maxGradNorm: 1 });
    param.assign(next);
    dispose([next, m, v]);
    moments[i] = rest;
  });
  const loss = value.dataSync()[0]!;
  dispose([value, norm, ...Object.values(grads)]);
  return loss;
}

function lossOf(params: Record<string, Tensor>): Scalar {
  const { kernel, bias, gamma, beta, mask, square, g, v, layers, head } = params;
  const waveform = tensor(Array.from(normal([2 * 20]).values), [2, 20, 1]);
  const lengths = tensor1d([9, 6], "int32");
  const features = conv1d(waveform, kernel!, { stride: 2, bias, activation: "gelu" }); // [2, 9, 6]
  const normed = groupNorm(features, gamma!, beta!, { eps: 1e-5 });
  const spans = tensor([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], [2, 9], "int32");
  const channels = tensor([0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0], [2, 6], "int32");
  const masked = maskChannels(maskFrames(normed, spans, mask!), channels);
  const positions = conv1d(masked, weightNorm(g!, v!), { groups: 2, padLeft: 1, padRight: 1 });
  const hidden = linear(positions, square!, { bias, residual: masked, activation: "relu" });
  const mixed = attention(hidden, hidden, hidden, { heads: 2, lengths, dropoutRate: 0.1 });
  const out = layerNorm(dropout(mixed, { rate: 0.1, seed: 3 }, hidden), gamma!, beta!, {
    eps: 1e-5,
  });
  const pooled = meanPool(layerSum([hidden, out], layers!), lengths);
  return crossEntropy(linear(pooled, head!), tensor1d([2, 0], "int32")) as Scalar;
}
