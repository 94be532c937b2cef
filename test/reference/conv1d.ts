/**
 * Plain convolution over time, as cross-correlation, with stride, groups and zero padding.
 *
 * Reference of `conv1d`, `conv1dGradInput` and `conv1dGradWeight`: all three visit
 * the same products `x * weight -> y`, so that one loop, `forEachTap`, serves them.
 *
 * @module
 */
import type { Conv1dAttrs } from "../../src/kernels.ts";
import { activate } from "./activation.ts";
import { map, type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]`, `weight [O, C / groups, K]`, `bias [O]` -> `[B, T', O]` */
export function conv1d(
  { x, weight, bias }: { x: NdArray; weight: NdArray; bias?: NdArray },
  attrs: Conv1dAttrs,
): NdArray {
  const [batch, frames] = x.shape as [number, number, number];
  const [outputs, groupChannels, width] = weight.shape as [number, number, number];
  const padded = frames + attrs.padLeft + attrs.padRight;
  const y = zeros([batch, Math.floor((padded - width) / attrs.stride) + 1, outputs]);
  if (bias) y.values.forEach((_, at) => y.values[at] = bias.values[at % outputs]!);
  forEachTap(x.shape, weight.shape, y.shape, attrs, (xAt, weightAt, yAt) => {
    for (let c = 0; c < groupChannels; c++) {
      y.values[yAt]! += x.values[xAt + c]! * weight.values[weightAt + c * width]!;
    }
  });
  return map(y, (value) => activate(value, attrs.activation));
}

/** `dy [B, T', O]`, `weight` -> `dx [B, frames, C]` */
export function conv1dGradInput(
  { dy, weight }: { dy: NdArray; weight: NdArray },
  attrs: Conv1dAttrs & { frames: number },
): NdArray {
  const [, groupChannels, width] = weight.shape as [number, number, number];
  const dx = zeros([dy.shape[0]!, attrs.frames, groupChannels * attrs.groups]);
  forEachTap(dx.shape, weight.shape, dy.shape, attrs, (xAt, weightAt, yAt) => {
    for (let c = 0; c < groupChannels; c++) {
      dx.values[xAt + c]! += dy.values[yAt]! * weight.values[weightAt + c * width]!;
    }
  });
  return dx;
}

/** `x`, `dy [B, T', O]` -> `dweight [O, C / groups, width]` */
export function conv1dGradWeight(
  { x, dy }: { x: NdArray; dy: NdArray },
  attrs: Conv1dAttrs & { width: number },
): NdArray {
  const groupChannels = x.shape[2]! / attrs.groups;
  const dweight = zeros([dy.shape[2]!, groupChannels, attrs.width]);
  forEachTap(x.shape, dweight.shape, dy.shape, attrs, (xAt, weightAt, yAt) => {
    for (let c = 0; c < groupChannels; c++) {
      dweight.values[weightAt + c * attrs.width]! += x.values[xAt + c]! * dy.values[yAt]!;
    }
  });
  return dweight;
}

/**
 * Calls `visit` for every element of `y` and every kernel tap that meets a frame there, with three flat
 * positions: of that frame's first channel of the group in `x`, of that tap's first channel in the
 * weight (the next is a kernel width further), and of the element of `y`.
 */
function forEachTap(
  xShape: readonly number[],
  weightShape: readonly number[],
  yShape: readonly number[],
  { stride, groups, padLeft }: Conv1dAttrs,
  visit: (xAt: number, weightAt: number, yAt: number) => void,
): void {
  const [batch, frames, channels] = xShape as [number, number, number];
  const [outputs, groupChannels, width] = weightShape as [number, number, number];
  const steps = yShape[1]!;
  for (let b = 0; b < batch; b++) {
    for (let step = 0; step < steps; step++) {
      for (let o = 0; o < outputs; o++) {
        const group = Math.floor(o / (outputs / groups));
        for (let k = 0; k < width; k++) {
          const t = step * stride + k - padLeft;
          if (t < 0 || t >= frames) continue;
          const xAt = (b * frames + t) * channels + group * groupChannels;
          visit(xAt, o * groupChannels * width + k, (b * steps + step) * outputs + o);
        }
      }
    }
  }
}
