import { glu } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function gated(shape: number[]): OpCase {
  return {
    name: `[${shape}]`,
    inputs: { x: normal(shape) },
    run: ({ x }) => glu(x!),
  };
}

const STEEP = [1e30, -1e30, 3, -3, 100, -100, 1000, -1e4];

kernelSuite("glu", [
  gated([2]),
  gated([3, 2, 10]),
  gated([2, 7, 26]),
  gated([2, 9, 64]),
  gated([3, 49, 386]),
  { ...gated([2, 8]), name: "gates of 1e4", inputs: { x: fixed([2, 8], STEEP) }, isSteep: true },
]);
