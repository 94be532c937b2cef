import { addBias } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function biased(shape: number[]): OpCase {
  return {
    name: `[${shape}]`,
    inputs: { x: normal(shape), bias: normal(shape.slice(-1), { seed: 2 }) },
    run: ({ x, bias }) => addBias(x!, bias!),
  };
}

kernelSuite("addBias", [
  biased([1]),
  biased([3, 7]),
  biased([2, 33, 19]),
  biased([3, 49, 192]),
]);
