import { type Activation, conv1d, type Conv1dOptions } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

interface Sizes extends Omit<Conv1dOptions, "bias"> {
  /** `[B, T, C]` */
  x: [number, number, number];
  outputs: number;
  width: number;
  bias?: boolean;
}

/** A case with a weight scaled so that outputs are around 1. */
function convolution({ x, outputs, width, bias = false, ...attrs }: Sizes): OpCase {
  const { stride = 1, groups = 1, padLeft = 0, padRight = 0, activation = "none" } = attrs;
  const groupChannels = x[2] / groups;
  const deviation = 1 / Math.sqrt(groupChannels * width);
  const weight = normal([outputs, groupChannels, width], { seed: 2, deviation });
  const extra = bias ? { bias: normal([outputs], { seed: 3 }) } : undefined;
  return {
    name: `[${x}] -> ${outputs}, width ${width}, stride ${stride}, groups ${groups}, ` +
      `padding ${padLeft}/${padRight}, ${activation}${bias ? ", bias" : ""}`,
    inputs: { x: normal(x, { seed: 1 }), weight, ...extra },
    run: (tensors) => conv1d(tensors.x!, tensors.weight!, { ...attrs, bias: tensors.bias }),
  };
}

const gelu: Activation = "gelu";

kernelSuite("conv1d", [
  convolution({ x: [1, 1, 1], outputs: 1, width: 1 }),
  convolution({ x: [1, 5, 1], outputs: 1, width: 5, bias: true }),
  convolution({ x: [2, 7, 3], outputs: 5, width: 1, activation: gelu }),
  convolution({ x: [2, 7, 3], outputs: 5, width: 2, activation: "mish" }),
  convolution({ x: [2, 12, 3], outputs: 5, width: 4, stride: 3, bias: true, activation: "relu" }),
  convolution({ x: [2, 9, 4], outputs: 6, width: 3, groups: 2, padLeft: 2, padRight: 1 }),
  convolution({ x: [1, 3, 2], outputs: 4, width: 7, groups: 2, padLeft: 3, padRight: 3 }),
  convolution({
    x: [2, 11, 6],
    outputs: 6,
    width: 5,
    groups: 6,
    padLeft: 2,
    padRight: 2,
    bias: true,
  }),
  convolution({ x: [2, 11, 3], outputs: 9, width: 2, groups: 3, stride: 4, padLeft: 1 }),
  convolution({ x: [2, 501, 1], outputs: 33, width: 10, stride: 5, bias: true, activation: gelu }),
  convolution({ x: [3, 3200, 1], outputs: 128, width: 10, stride: 5 }),
  convolution({ x: [2, 160, 128], outputs: 128, width: 3, stride: 2, activation: gelu }),
  convolution({ x: [3, 81, 128], outputs: 128, width: 2, stride: 2, bias: true }),
  convolution({ x: [2, 67, 65], outputs: 31, width: 3, stride: 2, bias: true }),
  convolution({
    x: [2, 49, 192],
    outputs: 192,
    width: 128,
    groups: 16,
    padLeft: 64,
    padRight: 63,
    bias: true,
    activation: gelu,
  }),
  convolution({ x: [2, 49, 48], outputs: 48, width: 19, groups: 4, padLeft: 9, padRight: 9 }),
  convolution({ x: [2, 131, 70], outputs: 70, width: 9, groups: 70, padLeft: 4, padRight: 4 }),
  convolution({ x: [2, 45, 9], outputs: 9, width: 5, groups: 9, stride: 2, padLeft: 2 }),
  convolution({ x: [1, 3, 5], outputs: 5, width: 7, groups: 5, padLeft: 3, padRight: 4 }),
]);
