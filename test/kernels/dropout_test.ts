import { dropout } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function dropped(shape: number[], rate: number, seed: number): OpCase {
  return {
    name: `[${shape}], rate ${rate}, seed ${seed}`,
    inputs: { x: normal(shape) },
    run: ({ x }) => dropout(x!, { rate, seed }),
  };
}

function withResidual(opCase: OpCase, rate: number, seed: number): OpCase {
  return {
    ...opCase,
    name: `${opCase.name}, residual`,
    inputs: { ...opCase.inputs, residual: normal(opCase.inputs.x!.shape, { seed: 2 }) },
    run: ({ x, residual }) => dropout(x!, { rate, seed }, residual),
  };
}

kernelSuite("dropout", [
  dropped([1], 0.5, 1),
  dropped([3, 7], 0.5, 0),
  dropped([3, 7], 0, 5),
  withResidual(dropped([3, 7], 0, 5), 0, 5),
  withResidual(dropped([5, 5, 5], 0.3, 7), 0.3, 7),
  dropped([33, 67], 0.1, 0xffffffff),
  dropped([33, 67], 0.999, 0x80000000),
  withResidual(dropped([3, 499, 77], 0.1, 1234567891), 0.1, 1234567891),
]);
