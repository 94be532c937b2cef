/**
 * Frames replaced by one vector where a mask is set, forward and gradient, on WASM.
 *
 * Computes: `y[b][t] = mask[b][t] ? value : x[b][t]`; `dx = mask ? 0 : dy`, `dvalue = sum of dy where masked`.
 * Buffers: `x`, `dy` [B, T, C], `value` [C] float32 and `mask` [B, T] int32, read; `y`, `dx`, `dvalue`, written.
 * Memory: one pass; the gradient reads masked frames a second time.
 * Error: exact, save `dvalue`: 1e-6 of the sum of magnitudes.
 * Reference: `test/reference/mask_frames.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs, KernelOutputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, rowsOf, type WasmBackend } from "./_backend.ts";
import { COLUMN_GRAIN } from "./column_sum.ts";

export function maskFrames(
  { x, mask, value }: KernelInputs<"maskFrames">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const y = backend.output(x.shape);
  const [from, to] = [backend.address(x), backend.address(y)];
  const args = [from, backend.address(mask, "int32"), backend.address(value), to, 4 * columns];
  backend.dispatch("maskFrames", rows, args, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  return y;
}

export function maskFramesGrad(
  { dy, mask }: KernelInputs<"maskFramesGrad">,
  _attrs: object,
  backend: WasmBackend,
): KernelOutputs<"maskFramesGrad"> {
  const { rows, columns } = rowsOf(dy);
  const [dx, dvalue] = [backend.output(dy.shape), backend.output([columns])];
  const inputs = [backend.address(dy), backend.address(mask, "int32")];
  const toInput = [...inputs, backend.address(dx), 4 * columns];
  backend.dispatch("maskFramesGrad", rows, toInput, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  const toValue = [...inputs, backend.address(dvalue), rows, 4 * columns];
  backend.dispatch("maskedColumnSum", Math.ceil(columns / 4), toValue, COLUMN_GRAIN);
  return [dx, dvalue];
}
