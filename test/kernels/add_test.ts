import { add } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function added(shape: number[]): OpCase {
  return {
    name: `[${shape}]`,
    inputs: { x: normal(shape, { seed: 1 }), y: normal(shape, { seed: 2 }) },
    run: ({ x, y }) => add(x!, y!),
  };
}

kernelSuite("add", [
  added([]),
  added([1]),
  added([3, 7]),
  added([2, 33, 19]),
  added([3, 49, 192]),
  {
    ...added([3, 7]),
    name: "a tensor and itself",
    inputs: { x: normal([3, 7]) },
    run: ({ x }) => add(x!, x!),
  },
]);
