/**
 * Convolution of images, each channel by itself, and its gradients.
 *
 * Computes: `y[i, j, c] = activation(bias[c] + sum over k, l of weight[c, 0, k, l] x[i stride + k - padding, j stride + l - padding, c])`,
 * and the sums of the same products by `x` and by `weight`.
 * Buffers: x, dx [B, H, W, C], weight, dweight [C, 1, K, K], y, dy [B, H', W', C], bias [C] f32; the inputs read.
 * Grid: one thread per element; the gradient of the weight as in `_row_sum.ts`, a batch for each tap.
 * Memory: none shared, one pass; the gradient of the weight as in `_row_sum.ts`, then once more, turned.
 * Error: 1e-6 of the sum of absolute products.
 * Reference: test/reference/depthwise2d.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Activation, KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, release, u32, type Uniform } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";
import { activationText } from "./activation.ts";

/** The place of an element of an image, and its channel. */
const PLACE = `
    struct Place { clip: u32, row: u32, column: u32, channel: u32 }
    fn placeOf(i: u32, height: u32, width: u32) -> Place {
      let line = i / uniforms.channels / width;
      return Place(line / height, line % height, i / uniforms.channels % width, i % uniforms.channels);
    }`;

const FORWARD: Program<{ bias: boolean; activation: Activation }> = {
  name: "Depthwise2d",
  source: ({ bias, activation }) =>
    elements(
      "activate(sumOfTaps(i))",
      `
    ${activationText(activation)}
    ${PLACE}
    fn sumOfTaps(i: u32) -> f32 {
      let at = placeOf(i, uniforms.rows, uniforms.steps);
      var sum = ${bias ? "bias[at.channel]" : "0.0"};
      for (var k = 0u; k < uniforms.size; k++) {
        let row = i32(at.row * uniforms.stride + k) - i32(uniforms.padding);
        if (row < 0 || row >= i32(uniforms.height)) { continue; }
        let line = (at.clip * uniforms.height + u32(row)) * uniforms.width;
        for (var l = 0u; l < uniforms.size; l++) {
          let column = i32(at.column * uniforms.stride + l) - i32(uniforms.padding);
          if (column < 0 || column >= i32(uniforms.width)) { continue; }
          let tap = (at.channel * uniforms.size + k) * uniforms.size + l;
          sum += weight[tap] * x[(line + u32(column)) * uniforms.channels + at.channel];
        }
      }
      return sum;
    }`,
    ),
};

const INPUT_GRADIENT: Program<Record<never, never>> = {
  name: "Depthwise2dGradInput",
  source: () =>
    elements(
      "slope(i)",
      `
    ${PLACE}
    fn slope(i: u32) -> f32 {
      let at = placeOf(i, uniforms.height, uniforms.width);
      var sum = 0.0;
      for (var k = 0u; k < uniforms.size; k++) {
        let down = i32(at.row + uniforms.padding) - i32(k);
        let row = u32(down) / uniforms.stride;
        if (down < 0 || row * uniforms.stride != u32(down) || row >= uniforms.rows) { continue; }
        let line = (at.clip * uniforms.rows + row) * uniforms.steps;
        for (var l = 0u; l < uniforms.size; l++) {
          let right = i32(at.column + uniforms.padding) - i32(l);
          let column = u32(right) / uniforms.stride;
          if (right < 0 || column * uniforms.stride != u32(right) || column >= uniforms.steps) {
            continue;
          }
          let tap = (at.channel * uniforms.size + k) * uniforms.size + l;
          sum += weight[tap] * dy[(line + column) * uniforms.channels + at.channel];
        }
      }
      return sum;
    }`,
    ),
};

/** A batch for each tap, whose rows are the places of `dy`. */
const WEIGHT_GRADIENT: Program<Record<never, never>> = {
  name: "Depthwise2dGradWeight",
  source: () => `
    fn part(tap: u32, place: u32, channel: u32) -> f32 {
      let line = place / uniforms.steps;
      let row = i32(line % uniforms.imageRows * uniforms.stride + tap / uniforms.size) - i32(uniforms.padding);
      let column = i32(place % uniforms.steps * uniforms.stride + tap % uniforms.size) - i32(uniforms.padding);
      if (row < 0 || row >= i32(uniforms.height) || column < 0 || column >= i32(uniforms.width)) { return 0.0; }
      let at = (line / uniforms.imageRows * uniforms.height + u32(row)) * uniforms.width + u32(column);
      return x[at * uniforms.columns + channel] * dy[place * uniforms.columns + channel];
    }
    ${rowSum("part(batch, row, column)")}`,
};

const TURNED: Program<Record<never, never>> = {
  name: "Depthwise2dTurned",
  source: () => elements("x[i % uniforms.taps * uniforms.channels + i / uniforms.taps]"),
};

/** `x [B, H, W, C]`, `weight [C, 1, K, K]` -> `[B, H', W', C]` */
export function depthwise2d(
  { x, weight, bias }: KernelInputs<"depthwise2d">,
  { stride, padding, activation }: KernelAttrs<"depthwise2d">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const size = weight.shape[2]!;
  const places = (length: number) => Math.floor((length + 2 * padding - size) / stride) + 1;
  const [rows, steps] = [places(height), places(width)];
  return runElements(backend, FORWARD, {
    config: { bias: bias !== undefined, activation },
    inputs: { x, weight, ...(bias && { bias }) },
    uniforms: uniformsOf({ height, width, rows, steps, channels, size, stride, padding }),
    shape: [batch, rows, steps, channels],
  });
}

/** -> `dx [B, H, W, C]` */
export function depthwise2dGradInput(
  { dy, weight }: KernelInputs<"depthwise2dGradInput">,
  { stride, padding, height, width }: KernelAttrs<"depthwise2dGradInput">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch, rows, steps, channels] = dy.shape as [number, number, number, number];
  const size = weight.shape[2]!;
  return runElements(backend, INPUT_GRADIENT, {
    config: {},
    inputs: { dy, weight },
    uniforms: uniformsOf({ height, width, rows, steps, channels, size, stride, padding }),
    shape: [batch, height, width, channels],
  });
}

/** -> `dweight [C, 1, K, K]` */
export function depthwise2dGradWeight(
  { x, dy }: KernelInputs<"depthwise2dGradWeight">,
  { stride, padding, size }: KernelAttrs<"depthwise2dGradWeight">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, rows = 0, steps = 0] = dy.shape;
  const taps = size * size;
  const sums = sumRows(backend, WEIGHT_GRADIENT, {
    config: {},
    inputs: { x, dy },
    uniforms: uniformsOf({ height, width, imageRows: rows, steps, size, stride, padding }),
    batch: taps,
    rows: batch * rows * steps,
    columns: channels,
  }); // [K K, C]
  const turned = runElements(backend, TURNED, {
    config: {},
    inputs: { x: sums },
    uniforms: uniformsOf({ taps, channels }),
    shape: [channels, 1, size, size],
  });
  release(backend, sums);
  return turned;
}

function uniformsOf(sizes: Record<string, number>): Record<string, Uniform> {
  return Object.fromEntries(Object.entries(sizes).map(([name, value]) => [name, u32(value)]));
}
