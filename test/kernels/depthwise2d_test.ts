import { throws } from "node:assert/strict";
import { zeros } from "@tensorflow/tfjs-core";
import { type Activation, depthwise2d } from "../../src/kernels.ts";
import { deviceTest } from "../devices.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

interface Sizes {
  /** `[B, H, W, C]` */
  x: [number, number, number, number];
  size: number;
  stride?: number;
  padding?: number;
  bias?: boolean;
  activation?: Activation;
}

/** A case whose outputs are around 1. */
function convolution(
  { x, size, stride = 1, padding = (size - 1) / 2, bias = false, activation }: Sizes,
): OpCase {
  const weight = normal([x[3], 1, size, size], { seed: 2, deviation: 1 / size });
  const extra = bias ? { bias: normal([x[3]], { seed: 3 }) } : undefined;
  return {
    name: `[${x}], size ${size}, stride ${stride}, padding ${padding}, ${activation ?? "none"}` +
      `${bias ? ", bias" : ""}`,
    inputs: { x: normal(x, { seed: 1 }), weight, ...extra },
    run: (tensors) =>
      depthwise2d(tensors.x!, tensors.weight!, { stride, padding, activation, bias: tensors.bias }),
  };
}

kernelSuite("depthwise2d", [
  convolution({ x: [1, 1, 1, 1], size: 1 }),
  convolution({ x: [1, 1, 1, 3], size: 3, bias: true }),
  convolution({ x: [2, 3, 4, 2], size: 3, bias: true, activation: "relu" }),
  convolution({ x: [1, 4, 5, 3], size: 3, stride: 2, activation: "hardswish" }),
  convolution({ x: [1, 5, 4, 3], size: 5, stride: 2 }),
  convolution({ x: [1, 2, 6, 1], size: 2, stride: 3, padding: 1 }),
  convolution({ x: [2, 9, 13, 5], size: 3, padding: 0 }),
  convolution({ x: [2, 8, 25, 24], size: 5, bias: true, activation: "relu" }),
  convolution({ x: [1, 16, 63, 72], size: 5, stride: 2, bias: true }),
  convolution({ x: [2, 17, 40, 16], size: 3, stride: 2, bias: true }),
  convolution({ x: [1, 33, 50, 33], size: 3, bias: true }),
]);

deviceTest("depthwise2d() refuses an image smaller than its kernel", () => {
  const [x, weight] = [zeros([1, 2, 9, 1]), zeros([1, 1, 5, 5])];
  throws(
    () => depthwise2d(x, weight, { stride: 1, padding: 1 }),
    /^ShapeError: Cannot run depthwise2d: expected at least 5 rows and columns, found 4 and 11$/,
  );
  for (const tensor of [x, weight]) tensor.dispose();
});
