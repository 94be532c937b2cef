/**
 * Rotary positions; the gradient is the same turning back.
 *
 * Computes: for channels a and b, half a head apart, `a cos - b sin` and `b cos + a sin`; with `-sin` to turn back.
 * Buffers: x, result [B, T, D]; cos, sin [T, D / 2H]; f32, all but result read.
 * Grid: one thread per element.
 * Memory: none shared, x is read twice.
 * Error: 2e-7 of the largest of both.
 * Reference: test/reference/rotary.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, u32 } from "./_program.ts";

const ROTARY: Program<Record<never, never>> = {
  name: "Rotary",
  source: () =>
    elements(
      "turned(i)",
      `
    fn turned(i: u32) -> f32 {
      let frame = i / uniforms.size % uniforms.frames;
      let angle = frame * uniforms.half + i % uniforms.half;
      let across = uniforms.sign * sin[angle];
      if (i / uniforms.half % 2u == 0u) {
        return x[i] * cos[angle] - x[i + uniforms.half] * across;
      }
      return x[i] * cos[angle] + x[i - uniforms.half] * across;
    }`,
    ),
};

/** Channels turned by the angle of their frame. */
export function rotary(
  { x, cos, sin }: KernelInputs<"rotary">,
  { heads, inverse }: KernelAttrs<"rotary">,
  backend: DeviceBackend,
): TensorInfo {
  const [, frames = 0, size = 0] = x.shape;
  return runElements(backend, ROTARY, {
    config: {},
    inputs: { x, cos, sin },
    uniforms: {
      frames: u32(frames),
      size: u32(size),
      half: u32(size / heads / 2),
      sign: f32(inverse ? -1 : 1),
    },
    shape: x.shape,
  });
}
