/**
 * Prepared weights: held once, in the form that the products want, and plain for everybody else.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  type DataId,
  dispose,
  engine,
  reshape,
  type Tensor,
  tensor,
  tidy,
  valueAndGrads,
  variable,
} from "@tensorflow/tfjs-core";
import "../../../src/gradients.ts";
import {
  adoptWeight,
  conv1d,
  heldWeight,
  isPacked,
  layerNorm,
  linear,
  packWeight,
  prepareWeight,
  weightNorm,
} from "../../../src/kernels.ts";
import type { WasmBackend } from "../../../src/kernels/wasm/backend.ts";
import { normalisedWeight } from "../../../src/layers/normalised_weight.ts";
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
  const values = x.dataSync() as Float32Array;
  x.dispose();
  return values;
}

interface WeightUse {
  name: string;
  groups?: number;
  weight: number[];
  use: (weight: Tensor) => Tensor;
}

function uses(): WeightUse[] {
  const [rows, frames] = [drawn([7, 13], 2), drawn([2, 21, 12], 3)];
  return [
    { name: "linear", weight: [19, 13], use: (weight) => linear(rows, weight) },
    {
      name: "conv1d",
      weight: [19, 12, 3],
      use: (w) => conv1d(frames, w, { stride: 2, padLeft: 1 }),
    },
    ...[2, 12].map((groups): WeightUse => ({
      name: `conv1d in ${groups} groups`,
      groups,
      weight: [24, 12 / groups, 5],
      use: (w) => conv1d(frames, w, { groups }),
    })),
  ];
}

wasmTest("a prepared weight gives the same bits, call after call", () => {
  for (const { name, weight: shape, use } of uses()) {
    const weight = drawn(shape);
    const expected = taken(use(weight));
    prepareWeight(weight);
    for (let call = 0; call < 3; call++) deepEqual(taken(use(weight)), expected, name);
  }
});

wasmTest("a prepared weight takes the place of its rows", () => {
  const x = drawn([5, 64]);
  const weight = drawn([64, 64]);
  dispose(linear(x, weight));
  const before = memoryUse();
  prepareWeight(weight);
  dispose(linear(x, weight));
  deepEqual(memoryUse(), before);
  weight.dispose();
  equal(memoryUse().blocks, before.blocks - 1);
});

wasmTest("reading a prepared weight gives its numbers and leaves it packed", async () => {
  for (const { name, weight: shape, use } of uses()) {
    const weight = drawn(shape);
    const values = weight.dataSync();
    prepareWeight(weight);
    dispose(use(weight));
    const addressOf = (dataId: DataId) => (engine().backend as WasmBackend).getMemoryOffset(dataId);
    const address = addressOf(weight.dataId);
    deepEqual(await weight.data(), values, name);
    deepEqual(weight.dataSync(), values, name);
    equal(addressOf(weight.dataId), address);
  }
});

wasmTest("other operations, gradients and other groups see a prepared weight as it is", () => {
  const x = drawn([5, 12], 2);
  const frames = drawn([1, 9, 12], 3);
  const others: Record<string, (weight: Tensor) => Tensor> = {
    layerNorm: (w) => layerNorm(w, drawn([12], 4), drawn([12], 5), { eps: 1e-5 }),
    gradient: (w) => {
      const { grads: [dx, dw] } = valueAndGrads((a, b) => linear(a!, b!))(
        [x, w],
        drawn([5, 24], 6),
      );
      dx!.dispose();
      return dw!;
    },
    "gradient of the input": (w) =>
      valueAndGrads((a) => linear(a!, w))([x], drawn([5, 24], 6)).grads[0]!,
    conv1d: (w) => conv1d(frames, reshape(w, [24, 12, 1])),
    "conv1d in groups": (w) => conv1d(frames, reshape(w, [24, 3, 4]), { groups: 4 }),
    weightNorm: (w) => weightNorm(drawn([1, 1, 4], 8), reshape(w, [24, 3, 4])),
  };
  for (const [name, use] of Object.entries(others)) {
    const expected = taken(use(drawn([24, 12])));
    const weight = drawn([24, 12]);
    prepareWeight(weight);
    const product = taken(linear(x, weight));
    deepEqual(taken(use(weight)), expected, name);
    deepEqual(taken(linear(x, weight)), product, `linear after ${name}`);
  }
});

wasmTest("a variable's next value is not prepared", () => {
  const x = drawn([3, 8]);
  const weight = variable(drawn([16, 8]));
  prepareWeight(weight);
  dispose(linear(x, weight));
  equal(heldWeight(weight).form, "panels");
  weight.assign(drawn([16, 8], 2));
  dispose(linear(x, weight));
  equal(heldWeight(weight).form, "rows");
  deepEqual(heldWeight(weight).parts[0]!.values, drawn([16, 8], 2).dataSync());
});

wasmTest("heldWeight() gives what packWeight() gives, once the weight was used", () => {
  for (const { name, weight: shape, groups, use } of uses()) {
    const weight = drawn(shape);
    const values = weight.dataSync() as Float32Array;
    prepareWeight(weight);
    equal(heldWeight(weight).form, "rows");
    equal(isPacked(weight), false);
    const expected = taken(use(weight));
    equal(isPacked(weight), true);
    const held = heldWeight(weight);
    deepEqual(held, packWeight(values, shape, { form: "panels", groups }), name);
    deepEqual(taken(use(adoptWeight(held))), expected, name);
  }
});

wasmTest("adoptWeight() takes the bytes as they are, and counts one block", () => {
  const x = drawn([7, 13], 2);
  const weight = drawn([19, 13]);
  const expected = taken(linear(x, weight));
  for (const form of ["rows", "panels"] as const) {
    const held = packWeight(weight.dataSync() as Float32Array, [19, 13], { form });
    const before = memoryUse();
    const adopted = adoptWeight(held);
    equal(memoryUse().blocks, before.blocks + 1);
    deepEqual(adopted.shape, [19, 13]);
    deepEqual(taken(linear(x, adopted)), expected, form);
    deepEqual(adopted.dataSync(), weight.dataSync(), form);
    equal(heldWeight(adopted).form, "panels");
    adopted.dispose();
    deepEqual(memoryUse(), before);
  }
});

wasmTest("adoptWeight() rejects parts that do not fit, and takes no memory for them", () => {
  const held = packWeight(new Float32Array(20), [4, 5], { form: "panels" });
  const before = memoryUse();
  let message = "";
  try {
    adoptWeight({ ...held, shape: [4, 6] });
  } catch (error) {
    message = (error as Error).message;
  }
  ok(
    message.startsWith('Cannot adopt a weight [4,6] in the form "panels": expected values F32'),
    message,
  );
  deepEqual(memoryUse(), before);
});

wasmTest("a normalised weight that is packed is taken as it was written", () => {
  const frames = drawn([1, 21, 12], 3);
  const convolved = (g: Tensor, v: Tensor) =>
    taken(tidy(() => conv1d(frames, normalisedWeight(g, v), { groups: 2 })));
  const [g, v] = [variable(drawn([1, 1, 5], 4)), variable(drawn([24, 6, 5]))];
  prepareWeight(v);
  const expected = convolved(g, v);
  const held = heldWeight(v);
  equal(held.form, "panels");
  deepEqual(convolved(g, adoptWeight(held)), expected);
  // Rows say nothing about their length, so they are normalised, to the same but for rounding.
  const rows = packWeight(v.dataSync() as Float32Array, v.shape, { form: "rows" });
  const again = convolved(g, adoptWeight(rows));
  ok(again.every((value, i) => Math.abs(value - expected[i]!) < 1e-5));
  const half = {
    ...held,
    parts: [{ ...held.parts[0]!, values: held.parts[0]!.values.map(halved) }],
  };
  ok(convolved(g, adoptWeight(half)).every((value, i) => value === expected[i]! / 2));
});

function halved(value: number): number {
  return value / 2;
}
