/**
 * Channels of clips by a factor each, forward and gradient, on WASM.
 *
 * Computes: `y[b][t][c] = x[b][t][c] factor[b][c]`; `dfactor[b][c] = sum_t x[b][t][c] dy[b][t][c]`.
 * Buffers: `x`, `dy` [B, T, C], `factor` [B, C] float32, read; `y` [B, T, C], `dfactor` [B, C], written.
 * Memory: one pass.
 * Error: 1e-6 of the sum of magnitudes.
 * Reference: `test/reference/scale_channels.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, type WasmBackend } from "./_backend.ts";
import { COLUMN_GRAIN } from "./column_sum.ts";

const FLOAT_BYTES = 4;
const LANES = 4;

export function scaleChannels(
  { x, factor }: KernelInputs<"scaleChannels">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const y = backend.output(x.shape);
  const [from, factors, to] = [x, factor, y].map((tensor) => backend.address(tensor));
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / channels);
  for (let clip = 0; clip < batch; clip++) {
    const ofClip = clip * channels * FLOAT_BYTES;
    const args = [from! + frames * ofClip, factors! + ofClip, to! + frames * ofClip, channels];
    backend.dispatch("scaleColumns", frames, args, grain);
  }
  return y;
}

export function scaleChannelsGrad(
  { x, dy }: KernelInputs<"scaleChannelsGrad">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const dfactor = backend.output([batch, channels]);
  const [from, slopes, to] = [x, dy, dfactor].map((tensor) => backend.address(tensor));
  // What a clip's last vector writes too much is the next clip's, which comes later.
  for (let clip = 0; clip < batch; clip++) {
    const ofClip = clip * channels * FLOAT_BYTES;
    const at = [from! + frames * ofClip, slopes! + frames * ofClip, to! + ofClip];
    const args = [...at, frames, channels * FLOAT_BYTES];
    backend.dispatch("columnDot", Math.ceil(channels / LANES), args, COLUMN_GRAIN);
  }
  return dfactor;
}
