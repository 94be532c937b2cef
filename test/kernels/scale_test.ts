import { scale } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function scaled(shape: number[], factor: number): OpCase {
  return {
    name: `[${shape}] by ${factor}`,
    inputs: { x: normal(shape) },
    run: ({ x }) => scale(x!, factor),
  };
}

function withResidual(shape: number[], factor: number): OpCase {
  return {
    name: `[${shape}] by ${factor}, residual`,
    inputs: { x: normal(shape), residual: normal(shape, { seed: 2 }) },
    run: ({ x, residual }) => scale(x!, factor, residual),
  };
}

kernelSuite("scale", [
  scaled([1], 0.5),
  scaled([3, 7], -3),
  withResidual([3, 7], 0),
  withResidual([2, 33, 19], 0.5),
  withResidual([3, 49, 192], 0.1),
]);
