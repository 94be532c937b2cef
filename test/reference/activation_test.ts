import { ok } from "node:assert/strict";
import { assertAllClose } from "../compare.ts";
import { activation, activationGrad, erf } from "./activation.ts";
import type { NdArray } from "./nd_array.ts";

/** Values of the C library's erf, to the last digit. */
const ERF: [number, number][] = [
  [-3, -0.9999779095030014],
  [-1, -0.8427007929497149],
  [-0.5, -0.5204998778130465],
  [0, 0],
  [0.001, 0.0011283787909692365],
  [0.1, 0.1124629160182849],
  [2.5, 0.999593047982555],
  [5, 0.9999999999984626],
  [7, 1],
  [Infinity, 1],
  [NaN, NaN],
];

Deno.test("erf() agrees with the C library to 1e-15", () => {
  assertAllClose(ERF.map(([x]) => erf(x)), ERF.map(([, y]) => y), { atol: 1e-15 });
});

Deno.test("erf() is odd and grows", () => {
  for (let x = -8; x < 8; x += 0.01) {
    assertAllClose([erf(-x)], [-erf(x)], {});
    ok(erf(x + 0.01) > erf(x) - 1e-13, `falls at ${x}`);
  }
});

const X: NdArray = { shape: [4], values: Float64Array.of(-2, -0.5, 0, 1.5) };

Deno.test("activation() is x times the normal distribution for GELU", () => {
  const expected = [-0.045500263896358, -0.15426876936299, 0, 1.3997891980967];
  assertAllClose(activation({ x: X }, { activation: "gelu" }).values, expected, { atol: 1e-13 });
});

Deno.test("activation() is x times the logistic function for SiLU", () => {
  const dy: NdArray = { shape: [4], values: Float64Array.of(1, 2, -2, 1) };
  const expected = [-0.2384058440442351, -0.1887703343990727, 0, 1.2263617142904655];
  assertAllClose(activation({ x: X }, { activation: "silu" }).values, expected, { atol: 1e-15 });
  const slopes = [-0.09078424878489547, 2 * 0.2600388126973482, -1, 1.041294154299143];
  const { values } = activationGrad({ x: X, dy }, { activation: "silu" });
  assertAllClose(values, slopes, { atol: 1e-15 });
});

Deno.test("activation() is the positive part for ReLU", () => {
  const dy: NdArray = { shape: [4], values: Float64Array.of(1, 2, 3, 4) };
  assertAllClose(activation({ x: X }, { activation: "relu" }).values, [0, 0, 0, 1.5], {});
  assertAllClose(activationGrad({ x: X, dy }, { activation: "relu" }).values, [0, 0, 0, 4], {});
});
