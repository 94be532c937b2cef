import { type Activation, groupNorm } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function normalization(name: string, x: NdArray): OpCase {
  const channels = [x.shape[2]!];
  return {
    name: `${name}[${x.shape}]`,
    inputs: {
      x,
      gamma: normal(channels, { seed: 2, mean: 1, deviation: 0.3 }),
      beta: normal(channels, { seed: 3 }),
    },
    run: ({ x, gamma, beta }) => groupNorm(x!, gamma!, beta!, { eps: 1e-5 }),
  };
}

function activated(kind: Activation, x: NdArray): OpCase {
  return {
    ...normalization(`then ${kind}, `, x),
    run: ({ x, gamma, beta }) => groupNorm(x!, gamma!, beta!, { eps: 1e-5, activation: kind }),
  };
}

kernelSuite("groupNorm", [
  activated("gelu", normal([2, 13, 5])),
  activated("mish", normal([2, 13, 5])),
  activated("gelu", normal([1, 131, 32])),
  activated("relu", normal([2, 7, 3])),
  activated("silu", normal([2, 7, 3])),
  normalization("", normal([1, 1, 1])),
  normalization("", normal([2, 7, 3])),
  normalization("", normal([3, 13, 5])),
  normalization("", normal([2, 131, 33])),
  normalization("", normal([3, 640, 128])),
  normalization("", normal([1, 3199, 17])),
  {
    ...normalization(
      "mean 100 and deviation 0.1, ",
      normal([2, 96, 3], { mean: 100, deviation: 0.1 }),
    ),
    // Rounding at 100 is 8e-6, which is 1e-4 of the deviation.
    forwardTolerance: 5e-4,
    gradientTolerance: 1e-3,
  },
  normalization("all equal, ", fixed([2, 16, 3], [0.5])),
  normalization("zeros, ", fixed([2, 19, 4], 0)),
  normalization("denormal, ", normal([2, 19, 4], { deviation: 1e-40 })),
  normalization("deviation 1e4, ", normal([2, 19, 4], { deviation: 1e4 })),
]);
