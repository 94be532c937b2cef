/**
 * Packed weights: once in the form that the products want, beside a tensor that stays as it is.
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { engine, type Tensor, tensor, tidy, valueAndGrads, variable } from "@tensorflow/tfjs-core";
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
import type { WasmBackend } from "../../../src/kernels/wasm/_backend.ts";
import { startTestWasm } from "../../devices.ts";
import { normal } from "../_op_case.ts";

function drawn(shape: number[], seed = 1): Tensor {
  return tensor(new Float32Array(normal(shape, { seed }).values), shape, "float32");
}

function memoryUse(): { usedBytes: number; blocks: number } {
  const { usedBytes, blocks } = (engine().backend as WasmBackend).memoryUse();
  return { usedBytes, blocks };
}

function wasmTest(name: string, body: () => void | Promise<void>): void {
  Deno.test(`${name} [wasm]`, async () => {
    const device = await startTestWasm({ threads: 1 });
    try {
      await body();
    } finally {
      device.dispose();
    }
  });
}

/** The values of a tensor that is disposed. */
function taken(x: Tensor): Float32Array {
  const values = x.dataSync<"float32">();
  x.dispose();
  return values;
}

interface WeightCase {
  name: string;
  groups?: number;
  weight: number[];
  use: (weight: Weight) => Tensor;
}

function uses(): WeightCase[] {
  const [rows, frames] = [drawn([7, 13], 2), drawn([2, 21, 12], 3)];
  const bias = drawn([19], 4);
  return [
    { name: "linear", weight: [19, 13], use: (weight) => linear(rows, weight) },
    {
      name: "linears",
      weight: [19, 13],
      use: (w) => tidy(() => linears(rows, [w, w].map((weight) => ({ weight, bias })))[1]!),
    },
    {
      name: "conv1d",
      weight: [19, 12, 3],
      use: (w) => conv1d(frames, w, { stride: 2, padLeft: 1 }),
    },
    ...[2, 12].map((groups): WeightCase => ({
      name: `conv1d in ${groups} groups`,
      groups,
      weight: [24, 12 / groups, 5],
      use: (w) => conv1d(frames, w, { groups }),
    })),
  ];
}

wasmTest("a packed weight gives the same bits as its rows, call after call", () => {
  for (const { name, weight: shape, groups, use } of uses()) {
    const weight = drawn(shape);
    const expected = taken(use(weight));
    const prepared = prepareWeight(weight, { groups });
    ok(isPacked(prepared), name);
    for (let call = 0; call < 3; call++) deepEqual(taken(use(prepared)), expected, name);
  }
});

wasmTest("preparing leaves the tensor as it is, and takes what its panels take", () => {
  const x = drawn([5, 64]);
  const before = memoryUse();
  const weight = drawn([64, 64]);
  const rowsBytes = memoryUse().usedBytes - before.usedBytes;
  const values = weight.dataSync();
  taken(linear(x, weight));
  const plain = memoryUse();
  const prepared = prepareWeight(weight);
  taken(linear(x, prepared));
  deepEqual(memoryUse(), { usedBytes: plain.usedBytes + rowsBytes, blocks: plain.blocks + 1 });
  equal(isPacked(weight), false);
  deepEqual(weight.dataSync(), values);
  disposeWeight(prepared);
  deepEqual(memoryUse(), plain);
});

wasmTest("a convolution of each channel by itself reads rows", () => {
  const weight = drawn([12, 1, 5]);
  const prepared = prepareWeight(weight, { groups: 12, precision: "int8" });
  ok(!isPacked(prepared));
  equal(prepared.dataId, weight.dataId);
  disposeWeight(prepared);
  ok(!weight.isDisposed);
});

wasmTest("what was prepared of a variable does not change with it", () => {
  const x = drawn([3, 8]);
  const weight = variable(drawn([16, 8]));
  const prepared = prepareWeight(weight);
  const expected = taken(linear(x, prepared));
  weight.assign(drawn([16, 8], 2));
  deepEqual(taken(linear(x, prepared)), expected);
  weight.dispose();
  deepEqual(taken(linear(x, prepared)), expected);
});

wasmTest("no gradient flows through a packed weight", () => {
  const [x, frames] = [drawn([5, 12], 2), drawn([1, 9, 12], 3)];
  const prepared = prepareWeight(drawn([24, 12]));
  const kernel = prepareWeight(drawn([8, 12, 3]));
  const bias = drawn([24]);
  const calls: [Tensor, (x: Tensor) => Tensor][] = [
    [x, (x) => linear(x, prepared)],
    [frames, (x) => conv1d(x, kernel)],
    [x, (x) => linears(x, [prepared, prepared].map((weight) => ({ weight, bias })))[0]!],
  ];
  for (const [input, call] of calls) {
    throws(() => valueAndGrads((x) => call(x!))([input]), {
      name: "UnsupportedOpError",
      message: /^Cannot compute a gradient by a weight \[.*\]: expected rows, found panels$/,
    });
  }
});

wasmTest("a weight that was packed for another device is refused", () => {
  const layout: WeightLayout = { form: "halves", shape: [8, 4], groups: 1 };
  throws(() => linear(drawn([2, 4]), { layout, values: drawn([16]) }), {
    name: "UnsupportedOpError",
    message: "Cannot use a weight [8,4] on WASM: expected rows or panels, found halves",
  });
});

wasmTest("heldWeight() gives what packWeight() gives", () => {
  for (const { name, weight: shape, groups, use } of uses()) {
    const weight = drawn(shape);
    const values = weight.dataSync<"float32">();
    const prepared = prepareWeight(weight, { groups });
    const held = heldWeight(prepared);
    deepEqual(held, packWeight(values, shape, { form: "panels", groups }), name);
    deepEqual(heldWeight(weight), packWeight(values, shape, { form: "rows" }), name);
    deepEqual(taken(use(adoptWeight(held))), taken(use(prepared)), name);
  }
});

wasmTest("adoptWeight() takes the bytes as they are, and counts one block", () => {
  const x = drawn([7, 13], 2);
  const weight = drawn([19, 13]);
  const expected = taken(linear(x, weight));
  for (const form of ["rows", "panels"] as const) {
    const held = packWeight(weight.dataSync<"float32">(), [19, 13], { form });
    const before = memoryUse();
    const adopted = adoptWeight(held);
    equal(memoryUse().blocks, before.blocks + 1);
    ok(isPacked(adopted));
    deepEqual(adopted.layout, { form: "panels", shape: [19, 13], groups: 1 });
    deepEqual(taken(linear(x, adopted)), expected, form);
    disposeWeight(adopted);
    deepEqual(memoryUse(), before);
  }
});

wasmTest("adoptWeight() rejects parts that do not fit, and takes no memory for them", () => {
  const held = packWeight(new Float32Array(20), [4, 5], { form: "panels" });
  const before = memoryUse();
  throws(() => adoptWeight({ ...held, shape: [4, 6] }), {
    name: "ShapeError",
    message: /^Cannot adopt a weight \[4,6\] in the form "panels": expected values F32/,
  });
  deepEqual(memoryUse(), before);
});
