/**
 * Gate of a recurrent unit, and its gradient.
 *
 * Computes: with `u`, `r` the sigmoids of the sums of the halves of a row, `y = u (r factor - 1) + 2`;
 * `dx = dy (r factor - 1) u (1 - u)` in the first half and `dy u factor r (1 - r)` in the second, `dfactor` the
 * sum of `dy u r` over the rows of a head.
 * Buffers: x, dx [R, 2 G], factor, dfactor [H], y, dy [R] f32; all but results read.
 * Grid: one thread per element; for `dfactor` as in `_row_sum.ts`.
 * Memory: none shared; a row of x is read by each thread of its row.
 * Error: 1e-6; that of a row sum for `dfactor`.
 * Reference: test/reference/gru_gate.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, sizeOf, u32 } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";
import { SIGMOID } from "./_wgsl.ts";

/** `gateOf(first)`: the sigmoid of the sum of half a row that begins there. */
const GATE_TEXT = `
    ${SIGMOID}
    fn gateOf(first: u32) -> f32 {
      var sum = 0.0;
      for (var j = first; j < first + uniforms.half; j++) { sum += x[j]; }
      return sigmoid(sum);
    }`;

const FORWARD: Program<Record<never, never>> = {
  name: "GruGate",
  source: () =>
    elements(
      "gated(i)",
      `
    ${GATE_TEXT}
    fn gated(row: u32) -> f32 {
      let start = 2u * row * uniforms.half;
      let own = factor[row % uniforms.heads];
      return gateOf(start) * (gateOf(start + uniforms.half) * own - 1.0) + 2.0;
    }`,
    ),
};

const GRADIENT: Program<Record<never, never>> = {
  name: "GruGateGrad",
  source: () =>
    elements(
      "gateGradient(i)",
      `
    ${GATE_TEXT}
    fn gateGradient(i: u32) -> f32 {
      let row = i / (2u * uniforms.half);
      let start = 2u * row * uniforms.half;
      let u = gateOf(start);
      let r = gateOf(start + uniforms.half);
      let own = factor[row % uniforms.heads];
      let toUpdate = (r * own - 1.0) * u * (1.0 - u);
      let toReset = u * own * r * (1.0 - r);
      return dy[row] * select(toReset, toUpdate, i - start < uniforms.half);
    }`,
    ),
};

const FACTOR_GRADIENT: Program<Record<never, never>> = {
  name: "GruGateGradFactor",
  source: () =>
    `${GATE_TEXT}
    ${rowSum("dy[i] * gateOf(2u * i * uniforms.half) * gateOf((2u * i + 1u) * uniforms.half)")}`,
};

/** `x [..., H, 2 G]` -> `[..., H]` */
export function gruGate(
  { x, factor }: KernelInputs<"gruGate">,
  _attrs: KernelAttrs<"gruGate">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, FORWARD, {
    config: {},
    inputs: { x, factor },
    uniforms: { half: u32(x.shape.at(-1)! / 2), heads: u32(factor.shape[0]!) },
    shape: x.shape.slice(0, -1),
  });
}

/** -> `dx`, `dfactor` */
export function gruGateGrad(
  { x, factor, dy }: KernelInputs<"gruGateGrad">,
  _attrs: KernelAttrs<"gruGateGrad">,
  backend: DeviceBackend,
): KernelOutputs<"gruGateGrad"> {
  const heads = factor.shape[0]!;
  const half = u32(x.shape.at(-1)! / 2);
  const dx = runElements(backend, GRADIENT, {
    config: {},
    inputs: { x, factor, dy },
    uniforms: { half, heads: u32(heads) },
    shape: x.shape,
  });
  const dfactor = sumRows(backend, FACTOR_GRADIENT, {
    config: {},
    inputs: { x, dy },
    uniforms: { half },
    batch: 1,
    rows: sizeOf(dy.shape) / heads,
    columns: heads,
  });
  return [dx, { ...dfactor, shape: [heads] }];
}
