import { type Activation, layerNorm } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function normalization(name: string, x: NdArray, eps = 1e-5): OpCase {
  const channels = [x.shape.at(-1)!];
  return {
    name: `${name}[${x.shape}]`,
    inputs: {
      x,
      gamma: normal(channels, { seed: 2, mean: 1, deviation: 0.3 }),
      beta: normal(channels, { seed: 3 }),
    },
    run: ({ x, gamma, beta }) => layerNorm(x!, gamma!, beta!, { eps }),
  };
}

function activated(kind: Activation, x: NdArray): OpCase {
  return {
    ...normalization(`then ${kind}, `, x),
    run: ({ x, gamma, beta }) => layerNorm(x!, gamma!, beta!, { eps: 1e-5, activation: kind }),
  };
}

kernelSuite("layerNorm", [
  activated("gelu", normal([7, 13])),
  activated("mish", normal([7, 13])),
  activated("gelu", normal([3, 49, 64])),
  activated("relu", normal([7, 13])),
  activated("silu", normal([7, 13])),
  normalization("", normal([1, 1])),
  normalization("", normal([2, 3, 5])),
  normalization("", normal([7, 13])),
  normalization("eps 0.1, ", normal([3, 7]), 0.1),
  normalization("", normal([33, 67])),
  normalization("", normal([3, 49, 192])),
  normalization("", normal([5, 768])),
  normalization("", normal([9, 1025])),
  {
    ...normalization(
      "mean 100 and deviation 0.1, ",
      normal([4, 96], { mean: 100, deviation: 0.1 }),
    ),
    // Rounding at 100 is 8e-6, which is 1e-4 of the deviation.
    forwardTolerance: 5e-4,
    gradientTolerance: 1e-3,
  },
  normalization("all equal, ", fixed([2, 3, 16], [0.5])),
  normalization("zeros, ", fixed([2, 19], 0)),
  normalization("denormal, ", normal([3, 19], { deviation: 1e-40 })),
  normalization("deviation 1e4, ", normal([3, 19], { deviation: 1e4 })),
]);
