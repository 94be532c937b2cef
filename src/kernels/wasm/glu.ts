/**
 * Gated linear unit, forward and gradient, on WASM.
 *
 * Computes: with `x = [value, gate]` and s the logistic function of the gate, `y = value s`; gradients `dy s` of
 *   the value and `dy value s (1 - s)` of the gate.
 * Buffers: `x`, `dx` [R, 2 C], `y`, `dy` [R, C] float32; `x`, `dy` read, the others written.
 * Memory: one pass, no scratch.
 * Error: 2e-7 of the value.
 * Reference: `test/reference/glu.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, rowsOf, type WasmBackend } from "./_backend.ts";

export function glu(
  { x }: KernelInputs<"glu">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const y = backend.output([...x.shape.slice(0, -1), columns / 2]);
  const args = [backend.address(x), backend.address(y), columns / 2];
  backend.dispatch("glu", rows, args, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  return y;
}

export function gluGrad(
  { x, dy }: KernelInputs<"gluGrad">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const dx = backend.output(x.shape);
  const args = [...[x, dy, dx].map((tensor) => backend.address(tensor)), columns / 2];
  backend.dispatch("gluGrad", rows, args, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  return dx;
}
