/**
 * Plain affine map of the last axis: `activation(x weight^T + bias) + residual`.
 *
 * Reference of `linear`, `linearGradInput` and `linearGradWeight`. The gradients
 * are those of `x weight^T` alone.
 *
 * @module
 */
import type { LinearAttrs } from "../../src/kernels.ts";
import { activate } from "./activation.ts";
import { type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** `x [..., I]`, `weight [O, I]`, `bias [O]`, `residual [..., O]` -> `[..., O]` */
export function linear(
  inputs: { x: NdArray; weight: NdArray; bias?: NdArray; residual?: NdArray },
  attrs: Pick<LinearAttrs, "activation">,
): NdArray {
  const { x, weight, bias, residual } = inputs;
  const { rows, columns: width } = rowsOf(x);
  const outputs = weight.shape[0]!;
  const y = zeros([...x.shape.slice(0, -1), outputs]);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias?.values[o] ?? 0;
      for (let i = 0; i < width; i++) {
        sum += x.values[row * width + i]! * weight.values[o * width + i]!;
      }
      const at = row * outputs + o;
      y.values[at] = activate(sum, attrs.activation) + (residual?.values[at] ?? 0);
    }
  }
  return y;
}

/** `dx = dy weight` */
export function linearGradInput({ dy, weight }: { dy: NdArray; weight: NdArray }): NdArray {
  const { rows, columns: outputs } = rowsOf(dy);
  const width = weight.shape[1]!;
  const dx = zeros([...dy.shape.slice(0, -1), width]);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < width; i++) {
        dx.values[row * width + i]! += dy.values[row * outputs + o]! *
          weight.values[o * width + i]!;
      }
    }
  }
  return dx;
}

/** `dweight = dy^T x` */
export function linearGradWeight({ x, dy }: { x: NdArray; dy: NdArray }): NdArray {
  const { rows, columns: width } = rowsOf(x);
  const { columns: outputs } = rowsOf(dy);
  const dweight = zeros([outputs, width]);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < width; i++) {
        dweight.values[o * width + i]! += dy.values[row * outputs + o]! *
          x.values[row * width + i]!;
      }
    }
  }
  return dweight;
}
