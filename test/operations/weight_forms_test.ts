import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { packWeight, unpackWeight, type WeightForm } from "../../src/kernels.ts";
import { normal } from "../kernels/_op_case.ts";

const SHAPES = [[1, 1], [5, 3], [8, 4], [19, 10], [9, 6, 5], [16, 3, 2]];

function drawn(shape: readonly number[]): Float32Array {
  return new Float32Array(normal(shape, { seed: 7 }).values);
}

Deno.test("packWeight() sets 8 columns side by side, the taps of a convolution above its channels", () => {
  const shape = [9, 2, 3];
  const values = Float32Array.from({ length: 54 }, (_, i) => i);
  const { parts } = packWeight(values, shape, { form: "panels" });
  deepEqual(parts[0]!.shape, [1, 2, 6, 8]);
  const row = (panel: number, depth: number) =>
    Array.from(parts[0]!.values.subarray((panel * 6 + depth) * 8, (panel * 6 + depth + 1) * 8));
  deepEqual(row(0, 0), [0, 6, 12, 18, 24, 30, 36, 42]);
  deepEqual(row(0, 1), [3, 9, 15, 21, 27, 33, 39, 45]);
  deepEqual(row(0, 2), [1, 7, 13, 19, 25, 31, 37, 43]);
  deepEqual(row(1, 5), [53, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("packWeight() gives each group panels of its own", () => {
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  const { parts } = packWeight(values, [6, 1], { form: "panels", groups: 2 });
  deepEqual([...parts[0]!.values], [1, 2, 3, 0, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0]);
});

Deno.test("unpackWeight() gives back what was packed as float32", () => {
  for (const shape of SHAPES) {
    for (const groups of [1, shape[0]!]) {
      const values = drawn(shape);
      const held = packWeight(values, shape, { form: "panels", groups });
      deepEqual(unpackWeight(held), values, `${shape}, ${groups} groups`);
    }
  }
});

Deno.test("packWeight() rounds to 63 steps of each output, as bytes from 1 to 127", () => {
  for (const shape of SHAPES) {
    const values = drawn(shape);
    const held = packWeight(values, shape, { form: "int8-panels" });
    const [bytes, scales] = held.parts.map((part) => part.values);
    ok(bytes!.every((byte) => byte >= 1 && byte <= 127));
    const rounded = unpackWeight(held);
    const perOutput = values.length / shape[0]!;
    values.forEach((value, i) => {
      const step = scales![Math.floor(i / perOutput)]!;
      ok(Math.abs(rounded[i]! - value) <= 0.5001 * step, `${shape}: element ${i}`);
    });
  }
});

Deno.test("packWeight() puts four rows of a column side by side as bytes", () => {
  const values = Float32Array.of(63, -63, 1, 0, 2, 6.3, -1.26, 0, 0, 0);
  const { parts } = packWeight(values, [2, 5], { form: "int8-panels" });
  deepEqual(parts[0]!.shape, [1, 1, 2, 8, 4]);
  const bytes = parts[0]!.values;
  deepEqual([...bytes.subarray(0, 8)], [127, 1, 65, 64, 127, 51, 64, 64]);
  deepEqual([...bytes.subarray(32, 40)], [66, 64, 64, 64, 64, 64, 64, 64]);
  deepEqual([...parts[1]!.values.subarray(0, 3)], [1, Math.fround(6.3 / 63), 0].map(Math.fround));
});

Deno.test("packWeight() rounds halves to the even step, and keeps zeros and extremes finite", () => {
  const rows = [[63, 0.5, 1.5, -2.5], [0, 0, 0, 0], [3e38, -3e38, 1e38, 0], [1e-44, -1e-44, 0, 0]];
  const held = packWeight(Float32Array.from(rows.flat()), [4, 4], { form: "int8-panels" });
  const bytes = [...held.parts[0]!.values];
  deepEqual(bytes.slice(0, 8), [127, 64, 66, 62, 64, 64, 64, 64]);
  deepEqual(bytes.slice(8, 12), [127, 1, 85, 64]);
  deepEqual(bytes.slice(14, 16), [64, 64]);
  ok(unpackWeight(held).every(Number.isFinite));
  deepEqual([...unpackWeight(held).subarray(4, 8)], [0, 0, 0, 0]);
});

Deno.test("unpackWeight() rejects parts that are not those of the form", () => {
  const held = packWeight(drawn([9, 4]), [9, 4], { form: "int8-panels" });
  const wrong: [string, typeof held][] = [
    ["no scales", { ...held, parts: held.parts.slice(0, 1) }],
    ["another form", { ...held, form: "panels" }],
    ["another shape", { ...held, shape: [40, 4] }],
    ["a short array", {
      ...held,
      parts: [{ ...held.parts[0]!, values: new Int8Array(3) }, held.parts[1]!],
    }],
  ];
  for (const [what, broken] of wrong) {
    throws(
      () => unpackWeight(broken),
      { name: "ShapeError", message: /^Cannot adopt a weight/ },
      what,
    );
  }
  equal(unpackWeight(held).length, 36);
});

Deno.test("unpackWeight() of rows is the weight", () => {
  const form: WeightForm = "rows";
  const values = drawn([3, 2]);
  deepEqual(unpackWeight(packWeight(values, [3, 2], { form })), values);
});
