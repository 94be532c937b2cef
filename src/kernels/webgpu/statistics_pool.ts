/**
 * Mean and standard deviation over the valid frames of each clip.
 *
 * Computes: `y[b, c] = mean`, `y[b, C + c] = sqrt(sum over t < lengths[b] of (x[b, t, c] - mean)^2 / (lengths[b] - 1))`.
 * Buffers: x [B, T, C], y [B, 2 C] f32; lengths [B] i32 or none; the inputs read.
 * Grid: one thread per element of y, along all frames of a channel: once a clip, and channels are many.
 * Memory: none shared; one pass for a mean, two for a deviation.
 * Error: 1e-6 of the largest |x|: sums of 64 frames are summed.
 * Reference: test/reference/statistics_pool.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";

const RUN_FRAMES = 64;

/** The sum over frames of an expression of `value`, in runs. */
function summed(expression: string): string {
  return `
      for (var start = 0u; start < length; start += ${RUN_FRAMES}u) {
        var part = 0.0;
        for (var t = start; t < min(start + ${RUN_FRAMES}u, length); t++) {
          let value = x[first + t * uniforms.channels];
          part += ${expression};
        }
        sum += part;
      }`;
}

/** Whole clips need no lengths. */
const STATISTICS: Program<{ lengths: boolean }> = {
  name: "StatisticsPool",
  source: ({ lengths }) =>
    elements(
      "statistic(i)",
      `
    fn statistic(i: u32) -> f32 {
      let batch = i / (2u * uniforms.channels);
      let column = i % (2u * uniforms.channels);
      let length = ${lengths ? "u32(lengths[batch])" : "uniforms.frames"};
      let first = batch * uniforms.frames * uniforms.channels + column % uniforms.channels;
      var sum = 0.0;${summed("value")}
      let mean = sum / f32(length);
      if (column < uniforms.channels) {
        return mean;
      }
      sum = 0.0;${summed("(value - mean) * (value - mean)")}
      return sqrt(sum / f32(length - 1u));
    }`,
    ),
};

/** `x [B, T, C]` -> `[B, 2 C]` */
export function statisticsPool(
  { x, lengths }: KernelInputs<"statisticsPool">,
  _attrs: object,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  return runElements(backend, STATISTICS, {
    config: { lengths: lengths !== undefined },
    inputs: lengths ? { x, lengths } : { x },
    uniforms: { frames: u32(frames), channels: u32(channels) },
    shape: [batch, 2 * channels],
  });
}
