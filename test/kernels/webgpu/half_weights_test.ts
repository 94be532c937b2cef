/**
 * Weights in f16: half the bytes, near what f32 gives, and plain numbers for everybody but the products.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  dispose,
  engine,
  reshape,
  scalar,
  sub,
  type Tensor,
  tensor,
  tidy,
  valueAndGrads,
  variable,
  zeros,
} from "@tensorflow/tfjs-core";
import "../../../src/gradients.ts";
import {
  adamwStep,
  adoptWeight,
  conv1d,
  isPacked,
  layerNorm,
  linear,
  linears,
  packWeight,
  prepareWeight,
} from "../../../src/kernels.ts";
import type { DeviceBackend } from "../../../src/kernels/webgpu/_backend.ts";
import { startWebgpu } from "../../../src/kernels/webgpu/mod.ts";
import { normal } from "../_op_case.ts";
import { gpuTest } from "./_gpu.ts";

/** A number in f16 is off by 2^-10 of itself at most, whichever way a device rounds; the smallest may become 0. */
const HALF_TOLERANCE = 2 ** -10;
const SMALLEST_HALF = 2 ** -14;
/** Sums of up to 192 products of two such numbers, of their largest. */
const PRODUCT_TOLERANCE = 2e-3;

function drawn(shape: number[], seed = 1): Tensor {
  return tensor(new Float32Array(normal(shape, { seed, deviation: 0.1 }).values), shape, "float32");
}

/** The same numbers where f16 has them. */
function drawnHalves(shape: number[], seed = 1): Tensor {
  const values = normal(shape, { seed, deviation: 0.1 }).values;
  return tensor(Float32Array.from(values, (value) => Math.f16round(value)), shape, "float32");
}

function backend(): DeviceBackend {
  return engine().backend as DeviceBackend;
}

/** The values of a tensor that is disposed. */
async function taken(x: Tensor): Promise<Float32Array> {
  const values = await x.data() as Float32Array;
  x.dispose();
  return values;
}

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, name: string): void {
  equal(found.length, expected.length, name);
  const numbers = Array.from(expected);
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const apart = numbers.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
  ok(apart <= PRODUCT_TOLERANCE * largest, `${name}: ${apart} of ${largest}`);
}

/** Registers a test of a device that was started with f16. */
function halfTest(name: string, body: () => Promise<void>): void {
  gpuTest(name, async () => {
    await startWebgpu({ software: true, f16: true });
    await body();
  }, { needs: "shader-f16" });
}

interface WeightUse {
  name: string;
  weight: number[];
  use: (weight: Tensor) => Tensor;
}

function uses(): WeightUse[] {
  const frames = drawn([2, 21, 12], 3);
  return [
    { name: "linear", weight: [20, 192], use: (w) => linear(drawn([7, 192], 2), w) },
    { name: "linear of odd sizes", weight: [19, 13], use: (w) => linear(drawn([7, 13], 2), w) },
    { name: "linear of one number", weight: [1, 1], use: (w) => linear(drawn([3, 1], 2), w) },
    {
      name: "linears",
      weight: [8, 12],
      use: (w) => tidy(() => linears(frames, [w, w].map((weight) => ({ weight })))[1]!),
    },
    { name: "conv1d", weight: [19, 12, 3], use: (w) => conv1d(frames, w, { stride: 2 }) },
    {
      name: "conv1d of odd channels",
      weight: [5, 3, 3],
      use: (w) => conv1d(drawn([1, 9, 3], 2), w, { padLeft: 1, padRight: 1 }),
    },
    ...[2, 3, 12].map((groups): WeightUse => ({
      name: `conv1d in ${groups} groups`,
      weight: [24, 12 / groups, 5],
      use: (w) => conv1d(frames, w, { groups, activation: "gelu" }),
    })),
  ];
}

halfTest("a prepared weight in f16 multiplies as in f32, call after call", async () => {
  for (const { name, weight: shape, use } of uses()) {
    await startWebgpu({ software: true });
    const weight = drawn(shape);
    const expected = await taken(use(weight));
    await startWebgpu({ software: true, f16: true });
    prepareWeight(weight);
    const first = await taken(use(weight));
    ok(isPacked(weight), name);
    expectNear(first, expected, name);
    deepEqual(await taken(use(weight)), first, name);
    await startWebgpu({ software: true });
    expectNear(await taken(use(weight)), expected, `${name} in f32 products`);
    ok(isPacked(weight), name);
  }
});

halfTest(
  "a prepared weight takes half the bytes of its numbers, and leaves none behind",
  async () => {
    const x = drawn([5, 63]);
    const weight = drawn([33, 63]);
    const bytes = () => {
      const memory = backend().memory() as unknown as Record<string, number>;
      return [memory.numBytesInGPU!, memory.numBytesAllocatedInGPU!];
    };
    await taken(linear(x, weight));
    const [used, allocated] = bytes();
    const tensors = backend().numDataIds();
    prepareWeight(weight);
    await taken(linear(x, weight));
    const saved = 4 * 33 * 63 - 4 * Math.ceil(33 * 63 / 2);
    deepEqual(bytes(), [used! - saved, allocated! - saved]);
    equal(backend().numDataIds(), tensors);
    await taken(sub(weight, 0));
    equal(isPacked(weight), false);
    await taken(linear(x, weight));
    equal(bytes()[0], used! - saved);
    weight.dispose();
    equal(bytes()[0], used! - 4 * 33 * 63);
    equal(backend().numDataIds(), tensors - 1);
  },
);

halfTest("reading a prepared weight gives its rounded numbers and leaves it in f16", async () => {
  for (const { name, weight: shape, use } of uses()) {
    const weight = drawn(shape);
    const values = weight.dataSync();
    prepareWeight(weight);
    dispose(use(weight));
    const tensors = backend().numDataIds();
    const read = await weight.data();
    ok(read.some((value, i) => value !== values[i]), name);
    const wrong = read.findIndex((value, i) =>
      Math.abs(value - values[i]!) >
        HALF_TOLERANCE * Math.max(Math.abs(values[i]!), SMALLEST_HALF / HALF_TOLERANCE)
    );
    equal(wrong, -1, name);
    ok(isPacked(weight), name);
    equal(backend().numDataIds(), tensors, name);
  }
});

halfTest("other operations, gradients and other shapes see a weight in f16 as it is", async () => {
  const x = drawn([5, 12], 2);
  const frames = drawn([1, 9, 12], 3);
  const others: Record<string, (weight: Tensor) => Tensor> = {
    layerNorm: (w) => layerNorm(w, drawn([12], 4), drawn([12], 5), { eps: 1e-5 }),
    "a stock operation": (w) => sub(w, 1),
    "gradient of the input": (w) =>
      valueAndGrads((a) => linear(a!, w))([x], drawn([5, 24], 6)).grads[0]!,
    conv1d: (w) => conv1d(frames, reshape(w, [24, 12, 1])),
    "conv1d in groups": (w) => conv1d(frames, reshape(w, [24, 3, 4]), { groups: 4 }),
  };
  for (const [name, use] of Object.entries(others)) {
    const expected = await taken(use(drawnHalves([24, 12])));
    const weight = drawnHalves([24, 12]);
    prepareWeight(weight);
    const product = await taken(linear(x, weight));
    deepEqual(await taken(use(weight)), expected, name);
    deepEqual(await taken(linear(x, weight)), product, `linear after ${name}`);
  }
});

halfTest("nothing is rounded while a gradient is recorded", async () => {
  const weight = drawn([24, 12]);
  const values = weight.dataSync();
  prepareWeight(weight);
  const { value, grads } = valueAndGrads((x) => linear(x!, weight))([drawn([5, 12], 2)]);
  dispose([value, grads]);
  equal(isPacked(weight), false);
  deepEqual(await weight.data(), values);
});

/** Settings of a step that only the gradient moves. */
const STEP = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  step: 1,
  maxGradNorm: 0,
};

halfTest("what is written over a weight in f16 is not rounded", async () => {
  const x = drawn([3, 8]);
  const grad = drawn([16, 8], 3);
  const stepped = (param: Tensor) => {
    const [m, v] = [zeros([16, 8]), zeros([16, 8])];
    return adamwStep({ param, grad, m, v, norm: scalar(1) }, STEP)[0];
  };
  const expected = await taken(stepped(drawnHalves([16, 8])));
  const source = drawnHalves([16, 8]);
  const weight = variable(source);
  const { dataId } = source;
  source.dispose();
  prepareWeight(weight);
  dispose(linear(x, weight));
  ok(isPacked(weight));
  weight.assign(stepped(weight));
  equal(weight.dataId, dataId);
  dispose(linear(x, weight));
  equal(isPacked(weight), false);
  deepEqual(await weight.data(), expected);
});

halfTest("adoptWeight() holds numbers that f16 has in it, and no others", async () => {
  const shapes = { linear: [19, 13], conv1d: [24, 6, 5] };
  for (const [name, shape] of Object.entries(shapes)) {
    const values = drawnHalves(shape).dataSync() as Float32Array;
    const groups = name === "conv1d" ? 2 : 1;
    const adopted = adoptWeight(packWeight(values, shape, { form: "panels", groups }));
    deepEqual([isPacked(adopted), adopted.shape], [true, shape], name);
    deepEqual(await adopted.data(), values, name);
    const held = packWeight(values.map((value) => value / 3), shape, { form: "panels", groups });
    const plain = adoptWeight(held);
    equal(isPacked(plain), false, name);
    deepEqual(await plain.data(), values.map((value) => value / 3), name);
  }
});
