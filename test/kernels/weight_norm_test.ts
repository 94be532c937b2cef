import { weightNorm } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function normalized(shape: [number, number, number], deviation = 1): OpCase {
  return {
    name: `[${shape}]${deviation === 1 ? "" : `, deviation ${deviation}`}`,
    inputs: {
      g: normal([1, 1, shape[2]], { seed: 1, mean: 2 }),
      v: normal(shape, { seed: 2, deviation }),
    },
    run: ({ g, v }) => weightNorm(g!, v!),
  };
}

kernelSuite("weightNorm", [
  normalized([1, 1, 1]),
  normalized([2, 3, 5]),
  normalized([7, 5, 13]),
  normalized([33, 9, 19]),
  normalized([192, 12, 128]),
  { ...normalized([4, 3, 7], 1e-3), isSteep: true },
  normalized([4, 3, 7], 1e4),
]);
