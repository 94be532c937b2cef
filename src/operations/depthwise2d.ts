/**
 * Convolution of images, each channel by itself, as cross-correlation with a square kernel.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectRank, expectShape } from "./_shapes.ts";
import { type Activation, activation, type FusedActivation, isFused } from "./activation.ts";
import { columnSum } from "./column_sum.ts";
import { gradient, type Operation, type Shape, sizeOf, type With } from "./operation.ts";
import { isRecording, run } from "./run.ts";

/** How {@linkcode depthwise2d} moves. */
export interface Depthwise2dAttrs {
  /** From one place to the next, along both axes. */
  stride: number;
  /** Rows, and columns, of zeros on every side. */
  padding: number;
}

/** What {@linkcode depthwise2d} reads. */
export interface Depthwise2dInputs {
  x: Tensor;
  weight: Tensor;
  bias?: Tensor;
}

/** `x [B, H, W, C]`, `weight [C, 1, K, K]`, `bias [C]` -> `[B, H', W', C]` */
export const depthwise2dOperation: Operation<
  Depthwise2dInputs,
  Depthwise2dAttrs & { activation: FusedActivation },
  Tensor
> = {
  name: "depthwise2d",
  outputs: outputShape,
  gradient: gradient(["x", "weight"], ({ dy, inputs: { x, weight }, attrs }) => {
    const { stride, padding } = attrs;
    const [, height = 0, width = 0] = x.shape;
    const size = weight.shape[2]!;
    return {
      x: () => run(depthwise2dGradInput, { dy, weight }, { stride, padding, height, width }),
      weight: () => run(depthwise2dGradWeight, { x, dy }, { stride, padding, size }),
      bias: () => run(columnSum, { x: dy }, {}),
    };
  }),
  flops: (inputs, attrs) => 2 * sizeOf(outputShape(inputs, attrs)) * inputs.weight[2]! ** 2,
};

/** `dy [B, H', W', C]`, `weight`; `height` (H), `width` (W) -> `dx [B, H, W, C]` */
export const depthwise2dGradInput: Operation<
  { dy: Tensor; weight: Tensor },
  Depthwise2dAttrs & { height: number; width: number },
  Tensor
> = {
  name: "depthwise2dGradInput",
  outputs: ({ dy }, { height, width }) => [dy[0]!, height, width, dy[3]!],
};

/** `x [B, H, W, C]`, `dy [B, H', W', C]`; `size` (K) -> `dweight [C, 1, K, K]` */
export const depthwise2dGradWeight: Operation<
  { x: Tensor; dy: Tensor },
  Depthwise2dAttrs & { size: number },
  Tensor
> = {
  name: "depthwise2dGradWeight",
  outputs: ({ x }, { size }) => [x[3]!, 1, size, size],
};

function outputShape(
  { x, weight, bias }: With<Depthwise2dInputs, Shape>,
  { stride, padding }: Depthwise2dAttrs,
): Shape {
  expectRank("depthwise2d x", x, 4);
  const [batch = 0, height = 0, width = 0, channels = 0] = x;
  const size = weight[2]!;
  expectShape("depthwise2d weight", weight, [channels, 1, size, size]);
  if (bias) expectShape("depthwise2d bias", bias, [channels]);
  const [rows, columns] = [height, width].map((length) => length + 2 * padding - size);
  if (rows! < 0 || columns! < 0) {
    throw new ShapeError(
      `Cannot run depthwise2d: expected at least ${size} rows and columns, found ${
        height + 2 * padding
      } and ${width + 2 * padding}`,
    );
  }
  const places = (length: number) => Math.floor(length / stride) + 1;
  return [batch, places(rows!), places(columns!), channels];
}

/**
 * Convolution of images, each channel by itself, as cross-correlation.
 *
 * **Shape** `x [B, H, W, C]`, `weight [C, 1, K, K]`, `bias [C]` -> `[B, H', W', C]`, with
 * `H' = floor((H + 2 padding - K) / stride) + 1`, and W' alike
 *
 * @throws {ShapeError} when the sizes do not fit, or `x` is smaller than the kernel.
 */
export function depthwise2d(
  x: Tensor,
  weight: Tensor,
  options: Depthwise2dAttrs & { bias?: Tensor; activation?: Activation },
): Tensor {
  const { bias, stride, padding, activation: kind = "none" } = options;
  const fused = isFused(kind) && (kind === "none" || !isRecording()) ? kind : "none";
  const y = run(depthwise2dOperation, { x, weight, bias }, { stride, padding, activation: fused });
  if (fused === kind) return y;
  const activated = activation(y, kind);
  y.dispose();
  return activated;
}
