/**
 * A tensor times one number, with an optional residual, on WASM; the gradient is the same kernel on `dy`.
 *
 * Computes: `y = x factor + residual`.
 * Buffers: `x`, `residual` float32, read; `y`, written; all of one size.
 * Memory: one pass, no scratch.
 * Error: one or two roundings.
 * Reference: `test/reference/scale.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { registerWasmKernel, VECTOR_GRAIN, vectorsOf } from "./backend.ts";

registerWasmKernel<{ x: TensorInfo; residual?: TensorInfo }, { factor: number }>(
  "EarshotScale",
  ({ inputs: { x, residual }, attrs: { factor }, backend }) => {
    const y = backend.output(x.shape);
    const added = residual ? backend.address(residual) : 0;
    const args = [backend.address(x), added, backend.address(y), factor];
    backend.dispatch("scale", vectorsOf(x), args, VECTOR_GRAIN);
    return y;
  },
);
