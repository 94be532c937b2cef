/**
 * Mean and standard deviation over the first frames of each clip, on WASM.
 *
 * Computes: `y[b][c] = mean`, `y[b][C + c] = sqrt(sum_{t < lengths[b]} (x[b][t][c] - mean)^2 / (lengths[b] - 1))`.
 * Buffers: `x` [B, T, C] float32, `lengths` [B] int32, read; `y` [B, 2 C], written.
 * Memory: two passes, sums in double precision by the engine itself: once a clip, behind the layers of a model, of
 *   which a single product takes longer.
 * Error: that of rounding to float32.
 * Reference: `test/reference/statistics_pool.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { sizeOf, type WasmBackend } from "./_backend.ts";
import { lengthsAddress } from "./_lengths.ts";

export function statisticsPool(
  { x, lengths }: KernelInputs<"statisticsPool">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const counts = lengthsAddress(backend, lengths, frames);
  const y = backend.output([batch, 2 * channels]);
  const to = backend.floats(backend.address(y), sizeOf(y.shape));
  const from = backend.floats(backend.address(x), sizeOf(x.shape));
  for (let b = 0; b < batch; b++) {
    const length = counts ? backend.ints(counts, batch)[b]! : frames;
    const first = b * frames * channels;
    const rows = from.subarray(first, first + length * channels);
    const [means, deviations] = statistics(rows, length, channels);
    to.set(means, 2 * b * channels);
    to.set(deviations, (2 * b + 1) * channels);
  }
  return y;
}

/** **Shape** `rows [length, C]` -> two of `[C]` */
function statistics(
  rows: Float32Array,
  length: number,
  channels: number,
): [Float64Array, Float64Array] {
  const means = new Float64Array(channels);
  for (let i = 0; i < rows.length; i += channels) {
    for (let c = 0; c < channels; c++) means[c]! += rows[i + c]!;
  }
  for (let c = 0; c < channels; c++) means[c]! /= length;
  const squares = new Float64Array(channels);
  for (let i = 0; i < rows.length; i += channels) {
    for (let c = 0; c < channels; c++) squares[c]! += (rows[i + c]! - means[c]!) ** 2;
  }
  return [means, squares.map((sum) => Math.sqrt(sum / (length - 1)))];
}
