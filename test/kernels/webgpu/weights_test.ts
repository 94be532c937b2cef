/**
 * Weights packed in f16: half the bytes, near what f32 gives, beside a tensor that stays as it is.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { engine, type Tensor, tensor, tidy, valueAndGrads } from "@tensorflow/tfjs-core";
import "../../../src/gradients.ts";
import {
  adoptWeight,
  conv1d,
  disposeWeight,
  heldWeight,
  isPacked,
  linear,
  linears,
  packWeight,
  prepareWeight,
  type Weight,
  type WeightLayout,
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
function halfTest(name: string, body: () => void | Promise<void>): void {
  gpuTest(name, async () => {
    await startWebgpu({ software: true, f16: true });
    await body();
  }, { needs: "shader-f16" });
}

interface WeightCase {
  name: string;
  weight: number[];
  groups?: number;
  use: (weight: Weight) => Tensor;
}

function uses(): WeightCase[] {
  const frames = drawn([2, 21, 12], 3);
  return [
    { name: "linear", weight: [20, 192], use: (w) => linear(drawn([7, 192], 2), w) },
    { name: "linear of odd sizes", weight: [19, 13], use: (w) => linear(drawn([7, 13], 2), w) },
    { name: "linear of one number", weight: [1, 1], use: (w) => linear(drawn([3, 1], 2), w) },
    {
      name: "linears",
      weight: [8, 12],
      use: (w) =>
        tidy(() => linears(frames, [w, w].map((weight) => ({ weight, bias: drawn([8], 4) })))[1]!),
    },
    { name: "conv1d", weight: [19, 12, 3], use: (w) => conv1d(frames, w, { stride: 2 }) },
    {
      name: "conv1d of odd channels",
      weight: [5, 3, 3],
      use: (w) => conv1d(drawn([1, 9, 3], 2), w, { padLeft: 1, padRight: 1 }),
    },
    ...[2, 3, 12].map((groups): WeightCase => ({
      name: `conv1d in ${groups} groups`,
      weight: [24, 12 / groups, 5],
      groups,
      use: (w) => conv1d(frames, w, { groups, activation: "gelu" }),
    })),
  ];
}

halfTest("a weight packed in f16 multiplies as in f32, call after call", async () => {
  for (const { name, weight: shape, groups, use } of uses()) {
    await startWebgpu({ software: true });
    const weight = drawn(shape);
    const expected = await taken(use(weight));
    await startWebgpu({ software: true, f16: true });
    const prepared = prepareWeight(weight, { groups });
    ok(isPacked(prepared), name);
    deepEqual(prepared.layout, { form: "halves", shape, groups: groups ?? 1 });
    const first = await taken(use(prepared));
    expectNear(first, expected, name);
    deepEqual(await taken(use(prepared)), first, name);
    await startWebgpu({ software: true });
    expectNear(await taken(use(prepared)), expected, `${name} in f32 products`);
    disposeWeight(prepared);
  }
});

halfTest(
  "a packed weight takes half the bytes of its numbers, and leaves none behind",
  async () => {
    const x = drawn([5, 63]);
    const weight = drawn([33, 63]);
    const bytes = () => backend().memory().numBytesInGPU;
    await taken(linear(x, weight));
    const used = bytes();
    const tensors = backend().numDataIds();
    const prepared = prepareWeight(weight);
    await taken(linear(x, prepared));
    equal(bytes(), used + 4 * Math.ceil(33 * 63 / 2));
    equal(backend().numDataIds(), tensors + 1);
    disposeWeight(prepared);
    await taken(linear(x, weight));
    equal(bytes(), used);
    equal(backend().numDataIds(), tensors);
  },
);

halfTest(
  "a weight packed in f16 is each number rounded, and the tensor stays as it is",
  async () => {
    const weight = drawn([19, 64]);
    const values = weight.dataSync();
    const prepared = prepareWeight(weight);
    await startWebgpu({ software: true });
    const unit = tensor(Float32Array.from({ length: 64 * 64 }, (_, i) => i % 65 ? 0 : 1), [64, 64]);
    const columns = await taken(linear(unit, prepared)); // [64, 19]
    const read = values.map((_, i) => columns[i % 64 * 19 + Math.floor(i / 64)]!);
    ok(read.some((value, i) => value !== values[i]));
    const wrong = read.findIndex((value, i) =>
      Math.abs(value - values[i]!) >
        HALF_TOLERANCE * Math.max(Math.abs(values[i]!), SMALLEST_HALF / HALF_TOLERANCE)
    );
    equal(wrong, -1);
    equal(isPacked(weight), false);
    deepEqual(await weight.data(), values);
  },
);

gpuTest("a device without f16 reads weights as rows", () => {
  const weight = drawn([5, 3]);
  const prepared = prepareWeight(weight);
  ok(!isPacked(prepared));
  equal(prepared.dataId, weight.dataId);
  disposeWeight(prepared);
  ok(!weight.isDisposed);
});

halfTest("adoptWeight() unpacks the form of a file, and packs in f16", async () => {
  for (const { name, weight: shape, groups, use } of uses()) {
    const weight = drawn(shape);
    const values = weight.dataSync<"float32">();
    const expected = await taken(use(prepareWeight(weight, { groups })));
    const before = backend().numDataIds();
    const adopted = adoptWeight(packWeight(values, shape, { form: "panels", groups }), { groups });
    equal(backend().numDataIds(), before + 1);
    ok(isPacked(adopted), name);
    deepEqual(await taken(use(adopted)), expected, name);
  }
});

halfTest("no file holds the form, and no gradient flows through it", () => {
  const prepared = prepareWeight(drawn([24, 12]));
  throws(() => heldWeight(prepared), {
    name: "UnsupportedOpError",
    message: "Cannot read a weight [24,12]: expected rows or panels, found halves",
  });
  throws(() => valueAndGrads((x) => linear(x!, prepared))([drawn([5, 12], 2)]), {
    name: "UnsupportedOpError",
    message: /^Cannot compute a gradient .* expected rows, found halves/,
  });
});

gpuTest("a weight that was packed for another device is refused", () => {
  const layout: WeightLayout = { form: "panels", shape: [8, 4], groups: 1 };
  throws(() => linear(drawn([2, 4]), { layout, values: drawn([1, 1, 4, 8]) }), {
    name: "UnsupportedOpError",
    message: "Cannot use a weight [8,4] on WebGPU: expected rows or halves, found panels",
  });
});
