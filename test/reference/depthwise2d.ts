/**
 * Plain convolution of images, each channel by itself, as cross-correlation with zero padding.
 *
 * Reference of `depthwise2d`, `depthwise2dGradInput` and `depthwise2dGradWeight`: all three visit the same products
 * `x * weight -> y`, so that one loop, `forEachTap`, serves them.
 *
 * @module
 */
import type { Depthwise2dAttrs, FusedActivation } from "../../src/kernels.ts";
import { activate } from "./activation.ts";
import { map, type NdArray, zeros } from "./nd_array.ts";

/** `x [B, H, W, C]`, `weight [C, 1, K, K]`, `bias [C]` -> `[B, H', W', C]` */
export function depthwise2d(
  { x, weight, bias }: { x: NdArray; weight: NdArray; bias?: NdArray },
  attrs: Depthwise2dAttrs & { activation: FusedActivation },
): NdArray {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const size = weight.shape[2]!;
  const places = (length: number) =>
    Math.floor((length + 2 * attrs.padding - size) / attrs.stride) + 1;
  const y = zeros([batch, places(height), places(width), channels]);
  if (bias) y.values.forEach((_, at) => y.values[at] = bias.values[at % channels]!);
  forEachTap(x.shape, y.shape, { ...attrs, size }, (xAt, weightAt, yAt) => {
    y.values[yAt]! += x.values[xAt]! * weight.values[weightAt]!;
  });
  return map(y, (value) => activate(value, attrs.activation));
}

/** `dy [B, H', W', C]`, `weight` -> `dx [B, height, width, C]` */
export function depthwise2dGradInput(
  { dy, weight }: { dy: NdArray; weight: NdArray },
  attrs: Depthwise2dAttrs & { height: number; width: number },
): NdArray {
  const dx = zeros([dy.shape[0]!, attrs.height, attrs.width, dy.shape[3]!]);
  forEachTap(dx.shape, dy.shape, { ...attrs, size: weight.shape[2]! }, (xAt, weightAt, yAt) => {
    dx.values[xAt]! += dy.values[yAt]! * weight.values[weightAt]!;
  });
  return dx;
}

/** `x`, `dy [B, H', W', C]` -> `dweight [C, 1, size, size]` */
export function depthwise2dGradWeight(
  { x, dy }: { x: NdArray; dy: NdArray },
  attrs: Depthwise2dAttrs & { size: number },
): NdArray {
  const dweight = zeros([x.shape[3]!, 1, attrs.size, attrs.size]);
  forEachTap(x.shape, dy.shape, attrs, (xAt, weightAt, yAt) => {
    dweight.values[weightAt]! += x.values[xAt]! * dy.values[yAt]!;
  });
  return dweight;
}

/** Calls `visit` with the flat positions of each product: in `x`, in the weight and in `y`. */
function forEachTap(
  [, height = 0, width = 0]: readonly number[],
  [batch = 0, rows = 0, columns = 0, channels = 0]: readonly number[],
  { stride, padding, size }: Depthwise2dAttrs & { size: number },
  visit: (xAt: number, weightAt: number, yAt: number) => void,
): void {
  for (let place = 0; place < batch * rows * columns; place++) {
    const [row, column] = [Math.floor(place / columns) % rows, place % columns];
    const clip = Math.floor(place / (rows * columns));
    for (let tap = 0; tap < size * size; tap++) {
      const i = row * stride + Math.floor(tap / size) - padding;
      const j = column * stride + tap % size - padding;
      if (i < 0 || i >= height || j < 0 || j >= width) continue;
      const xAt = ((clip * height + i) * width + j) * channels;
      for (let c = 0; c < channels; c++) {
        visit(xAt + c, c * size * size + tap, place * channels + c);
      }
    }
  }
}
