/**
 * Rotary positions on WASM; the gradient is the same kernel, turning back.
 *
 * Computes: for channels a and b, half a head apart, `a cos - b sin` and `b cos + a sin`; with `-sin` to turn back.
 * Buffers: `x` [B, T, D], `cos`, `sin` [T, D / 2H] float32, read; `y` [B, T, D], written.
 * Memory: one pass, no scratch.
 * Error: 2e-7 of the largest of both.
 * Reference: `test/reference/rotary.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { RotaryAttrs } from "../../kernels.ts";
import { registerWasmKernel, ROW_GRAIN_ELEMENTS } from "./backend.ts";

registerWasmKernel<Record<"x" | "cos" | "sin", TensorInfo>, RotaryAttrs>(
  "EarshotRotary",
  ({ inputs: { x, cos, sin }, attrs: { heads, inverse }, backend }) => {
    const [batch, frames, size] = x.shape as [number, number, number];
    const y = backend.output(x.shape);
    const addresses = [x, cos, sin, y].map((tensor) => backend.address(tensor));
    const args = [...addresses, frames, heads, size / heads / 2, inverse ? -1 : 1];
    backend.dispatch("rotary", batch * frames, args, Math.ceil(ROW_GRAIN_ELEMENTS / size));
    return y;
  },
);
