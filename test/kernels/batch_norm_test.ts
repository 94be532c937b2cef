import { batchNorm } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function normalization(shape: number[], eps = 1e-5): OpCase {
  const channels = [shape.at(-1)!];
  const spread = normal(channels, { seed: 5 });
  return {
    name: `[${shape}], eps ${eps}`,
    inputs: {
      x: normal(shape),
      gamma: normal(channels, { seed: 2, mean: 1, deviation: 0.3 }),
      beta: normal(channels, { seed: 3 }),
    },
    constants: {
      mean: normal(channels, { seed: 4 }),
      variance: { shape: channels, values: spread.values.map((x) => Math.fround(0.1 + x * x)) },
    },
    run: ({ x, gamma, beta, mean, variance }) =>
      batchNorm(x!, { gamma: gamma!, beta: beta!, mean: mean!, variance: variance! }, { eps }),
  };
}

kernelSuite("batchNorm", [
  normalization([1, 1]),
  normalization([2, 7, 3]),
  normalization([3, 13, 5], 0.1),
  normalization([2, 131, 33]),
  normalization([8, 49, 192]),
  {
    ...normalization([2, 5, 4]),
    name: "variance 0",
    constants: { mean: fixed([4], 0), variance: fixed([4], 0) },
  },
]);
