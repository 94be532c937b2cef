/**
 * Euclidean norm of all elements of a list of tensors together, on WASM.
 *
 * Computes: `sqrt(sum_i sum_j x_i[j]^2)`.
 * Buffers: the tensors float32, read; a scalar, written.
 * Memory: one pass; one float64 of scratch for every 16,384 elements.
 * Error: one rounding to float32; squares and sums are in double precision.
 * Reference: `test/reference/global_norm.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { sizeOf, type WasmBackend } from "./_backend.ts";

/** Elements of one unit, as in `assembly/global_norm.ts`. */
const BLOCK = 16384;

export function globalNorm(
  tensors: KernelInputs<"globalNorm">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const norm = backend.output([]);
  const blocks = tensors.map((x) => Math.ceil(sizeOf(x.shape) / BLOCK));
  const count = blocks.reduce((sum, length) => sum + length, 0);
  const sums = backend.scratch(8 * count);
  let next = sums;
  tensors.forEach((x, i) => {
    backend.dispatch("sumSquares", blocks[i]!, [backend.address(x), next, sizeOf(x.shape)]);
    next += 8 * blocks[i]!;
  });
  const total = backend.doubles(sums, count).reduce((sum, square) => sum + square, 0);
  backend.floats(backend.address(norm), 1)[0] = Math.sqrt(total);
  return norm;
}
