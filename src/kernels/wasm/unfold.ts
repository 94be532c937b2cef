/**
 * Frames side by side with those that follow at a distance, on WASM.
 *
 * Computes: `y[b][t][k C + c] = x[b][t + k dilation][c]`.
 * Buffers: `x` [B, T, C] float32, read; `y` [B, T - (width - 1) dilation, width C], written.
 * Memory: one pass over `y`, copied by the engine's own means: it stands behind the layers of a model, of which a
 *   single product takes longer.
 * Error: exact.
 * Reference: `test/reference/unfold.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { sizeOf, type WasmBackend } from "./_backend.ts";

export function unfold(
  { x }: KernelInputs<"unfold">,
  { width, dilation }: KernelAttrs<"unfold">,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  if (width === 1) return backend.share(x, x.shape);
  const rows = frames - (width - 1) * dilation;
  const y = backend.output([batch, rows, width * channels]);
  const to = backend.floats(backend.address(y), sizeOf(y.shape));
  const from = backend.floats(backend.address(x), sizeOf(x.shape));
  for (let i = 0; i < batch * rows * width; i++) {
    const row = Math.floor(i / width);
    const frame = Math.floor(row / rows) * frames + row % rows + i % width * dilation;
    to.set(from.subarray(frame * channels, (frame + 1) * channels), i * channels);
  }
  return y;
}
