import { updateStatistics } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function updated(shape: number[], momentum: number, mean = 0): OpCase {
  const channels = [shape.at(-1)!];
  return {
    name: `[${shape}], momentum ${momentum}, around ${mean}`,
    inputs: { x: normal(shape, { mean }) },
    constants: { mean: normal(channels, { seed: 2 }), variance: fixed(channels, [0.5, 2, 7]) },
    run: ({ x, mean, variance }) =>
      updateStatistics(x!, { mean: mean!, variance: variance! }, { momentum }),
    hasGradient: false,
  };
}

kernelSuite("updateStatistics", [
  updated([1, 1], 0.1),
  updated([1, 3, 5], 1),
  updated([2, 7, 3], 0),
  updated([3, 13, 5], 0.1),
  updated([3, 700, 33], 0.1),
  { ...updated([2, 300, 9], 1, 100), forwardTolerance: 1e-4 },
]);
