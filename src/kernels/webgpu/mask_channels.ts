/**
 * Zero in place of masked channels; its gradient is the same kernel on `dy`.
 *
 * Computes: `y[b, t, c] = mask[b, c] ? 0 : x[b, t, c]`.
 * Buffers: x, result [B, T, C] f32; mask [B, C] i32; x and mask read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: none.
 * Reference: test/reference/mask_channels.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";

const MASK_CHANNELS: Program<Record<never, never>> = {
  name: "MaskChannels",
  source: () =>
    elements(
      "select(x[i], 0.0, mask[i / uniforms.clip * uniforms.columns + i % uniforms.columns] != 0)",
    ),
};

/** `mask ? 0 : x`. */
export function maskChannels(
  { x, mask }: KernelInputs<"maskChannels">,
  _attrs: KernelAttrs<"maskChannels">,
  backend: DeviceBackend,
): TensorInfo {
  const [, frames = 0, columns = 0] = x.shape;
  return runElements(backend, MASK_CHANNELS, {
    config: {},
    inputs: { x, mask },
    uniforms: { clip: u32(frames * columns), columns: u32(columns) },
    shape: x.shape,
  });
}
