/**
 * Gated linear unit, and its gradient.
 *
 * Computes: with `x = [value, gate]` and s the logistic function of the gate, `y = value s`; `dx = [dy s, dy value s (1 - s)]`.
 * Buffers: x, dx [R, 2 C], y, dy [R, C] f32, x and dy read.
 * Grid: one thread per element of the result.
 * Memory: none shared, one pass.
 * Error: 3e-7 of the value.
 * Reference: test/reference/glu.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";
import { SIGMOID } from "./_wgsl.ts";

const FORWARD: Program<Record<never, never>> = {
  name: "Glu",
  source: () =>
    elements(
      "gated(i + i / uniforms.columns * uniforms.columns)",
      `
    ${SIGMOID}
    fn gated(at: u32) -> f32 { return x[at] * sigmoid(x[at + uniforms.columns]); }`,
    ),
};

const GRADIENT: Program<Record<never, never>> = {
  name: "GluGrad",
  source: () =>
    elements(
      "slope(i)",
      `
    ${SIGMOID}
    fn slope(i: u32) -> f32 {
      let column = i % (2u * uniforms.columns);
      let row = i / (2u * uniforms.columns);
      let isGate = column >= uniforms.columns;
      let c = select(column, column - uniforms.columns, isGate);
      let gate = x[2u * row * uniforms.columns + uniforms.columns + c];
      let open = dy[row * uniforms.columns + c] * sigmoid(gate);
      if (!isGate) { return open; }
      return open * sigmoid(-gate) * x[2u * row * uniforms.columns + c];
    }`,
    ),
};

/** `x [..., 2 C]` -> `[..., C]` */
export function glu(
  { x }: KernelInputs<"glu">,
  _attrs: KernelAttrs<"glu">,
  backend: DeviceBackend,
): TensorInfo {
  const columns = x.shape.at(-1)! / 2;
  return runElements(backend, FORWARD, {
    config: {},
    inputs: { x },
    uniforms: { columns: u32(columns) },
    shape: [...x.shape.slice(0, -1), columns],
  });
}

/** -> `dx` */
export function gluGrad(
  { x, dy }: KernelInputs<"gluGrad">,
  _attrs: KernelAttrs<"gluGrad">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, GRADIENT, {
    config: {},
    inputs: { x, dy },
    uniforms: { columns: u32(dy.shape.at(-1)!) },
    shape: x.shape,
  });
}
