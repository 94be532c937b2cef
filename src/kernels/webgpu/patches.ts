/**
 * Rectangles of frames and channels as vectors.
 *
 * Computes: for the patch at place f along the channels and g along the frames,
 * `y[b, f G + g, c width + t] = x[b, g stride + t, f stride + c]`.
 * Buffers: x [B, T, C], y [B, F G, size] f32; x read.
 * Grid: one thread per element.
 * Memory: none shared, one pass over y.
 * Error: none.
 * Reference: test/reference/patches.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";

const PATCHES: Program<Record<never, never>> = {
  name: "Patches",
  source: () =>
    elements(
      "inPatch(i)",
      `
    fn inPatch(i: u32) -> f32 {
      let patchSize = uniforms.height * uniforms.width;
      let part = i % patchSize;
      let patchAt = i / patchSize;
      let place = patchAt / uniforms.along;
      let frame = patchAt % uniforms.along * uniforms.frameStride + part % uniforms.width;
      let channel = place % uniforms.across * uniforms.channelStride + part / uniforms.width;
      let row = place / uniforms.across * uniforms.frames + frame;
      return x[row * uniforms.channels + channel];
    }`,
    ),
};

/** `x [B, T, C]` -> `[B, F G, size]` */
export function patches(
  { x }: KernelInputs<"patches">,
  { size: [height, width], stride }: KernelAttrs<"patches">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const across = Math.floor((channels - height) / stride[0]) + 1;
  const along = Math.floor((frames - width) / stride[1]) + 1;
  return runElements(backend, PATCHES, {
    config: {},
    inputs: { x },
    uniforms: {
      frames: u32(frames),
      channels: u32(channels),
      across: u32(across),
      along: u32(along),
      height: u32(height),
      width: u32(width),
      channelStride: u32(stride[0]),
      frameStride: u32(stride[1]),
    },
    shape: [batch, across * along, height * width],
  });
}
