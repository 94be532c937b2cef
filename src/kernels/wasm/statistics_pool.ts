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
  for (let i = 0; i < batch * channels; i++) {
    const clip = Math.floor(i / channels);
    const first = clip * frames * channels + i % channels;
    const end = first + (counts ? backend.ints(counts, batch)[clip]! : frames) * channels;
    const length = (end - first) / channels;
    let [mean, squares] = [0, 0];
    for (let at = first; at < end; at += channels) mean += from[at]! / length;
    for (let at = first; at < end; at += channels) squares += (from[at]! - mean) ** 2;
    to[i + clip * channels] = mean;
    to[i + (clip + 1) * channels] = Math.sqrt(squares / (length - 1));
  }
  return y;
}
