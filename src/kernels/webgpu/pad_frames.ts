/**
 * Frames of zeros around a clip, or fewer frames; the same kernel is its gradient.
 *
 * Computes: `y[b, t] = x[b, t - before]`, 0 where there is no such frame.
 * Buffers: x [B, T, C], y [B, before + T + after, C] f32; x read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: none.
 * Reference: test/reference/pad_frames.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";

/** Zero frames come `before`, or frames are `left` out: two numbers, since uniforms have no sign here. */
const PAD: Program<Record<never, never>> = {
  name: "PadFrames",
  source: () =>
    elements(
      "padded(i)",
      `
    fn padded(i: u32) -> f32 {
      let row = i / uniforms.columns;
      let clip = row / uniforms.rows;
      let frame = row - clip * uniforms.rows + uniforms.left;
      if (frame < uniforms.before || frame - uniforms.before >= uniforms.frames) { return 0.0; }
      let source = clip * uniforms.frames + frame - uniforms.before;
      return x[source * uniforms.columns + i % uniforms.columns];
    }`,
    ),
};

/** `x [B, T, C]` -> `[B, before + T + after, C]` */
export function padFrames(
  { x }: KernelInputs<"padFrames">,
  { before, after }: KernelAttrs<"padFrames">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, frames = 0, columns = 0] = x.shape;
  const rows = before + frames + after;
  return runElements(backend, PAD, {
    config: {},
    inputs: { x },
    uniforms: {
      frames: u32(frames),
      rows: u32(rows),
      columns: u32(columns),
      before: u32(Math.max(before, 0)),
      left: u32(Math.max(-before, 0)),
    },
    shape: [batch, rows, columns],
  });
}
