/**
 * Frames side by side with those that follow at a distance.
 *
 * Computes: `y[b, t, k C + c] = x[b, t + k dilation, c]`.
 * Buffers: x [B, T, C], y [B, T - (width - 1) dilation, width C] f32; x read.
 * Grid: one thread per element.
 * Memory: none shared, one pass over y.
 * Error: none.
 * Reference: test/reference/unfold.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";

const UNFOLD: Program<Record<never, never>> = {
  name: "Unfold",
  source: () =>
    elements(
      "besides(i)",
      `
    fn besides(i: u32) -> f32 {
      let row = i / (uniforms.width * uniforms.channels);
      let k = i / uniforms.channels % uniforms.width;
      let frame = row / uniforms.rows * uniforms.frames + row % uniforms.rows;
      let at = frame + k * uniforms.dilation;
      return x[at * uniforms.channels + i % uniforms.channels];
    }`,
    ),
};

/** `x [B, T, C]` -> `[B, T - (width - 1) dilation, width C]` */
export function unfold(
  { x }: KernelInputs<"unfold">,
  { width, dilation }: KernelAttrs<"unfold">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const rows = frames - (width - 1) * dilation;
  return runElements(backend, UNFOLD, {
    config: {},
    inputs: { x },
    uniforms: {
      frames: u32(frames),
      channels: u32(channels),
      rows: u32(rows),
      width: u32(width),
      dilation: u32(dilation),
    },
    shape: [batch, rows, width * channels],
  });
}
