import { linear } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

/** `x [...rows, I]` and a weight `[O, I]`, scaled so that outputs are around 1. */
function affine(rows: number[], inputs: number, outputs: number): OpCase {
  return {
    name: `[${[...rows, inputs]}] -> ${outputs}`,
    inputs: {
      x: normal([...rows, inputs], { seed: 1 }),
      weight: normal([outputs, inputs], { seed: 2, deviation: 1 / Math.sqrt(inputs) }),
    },
    run: ({ x, weight }) => linear(x!, weight!),
  };
}

function withBias(opCase: OpCase): OpCase {
  const outputs = opCase.inputs.weight!.shape[0]!;
  return {
    ...opCase,
    name: `${opCase.name}, bias`,
    inputs: { ...opCase.inputs, bias: normal([outputs], { seed: 3 }) },
    run: ({ x, weight, bias }) => linear(x!, weight!, { bias }),
  };
}

function withAll(opCase: OpCase, activation: "gelu" | "relu"): OpCase {
  const { x, weight } = opCase.inputs;
  const shape = [...x!.shape.slice(0, -1), weight!.shape[0]!];
  return {
    ...withBias(opCase),
    name: `${opCase.name}, bias, ${activation}, residual`,
    inputs: { ...withBias(opCase).inputs, residual: normal(shape, { seed: 4 }) },
    run: ({ x, weight, bias, residual }) => linear(x!, weight!, { bias, residual, activation }),
  };
}

const tiny = affine([2, 2], 3, 5);

kernelSuite("linear", [
  affine([1], 1, 1),
  affine([1], 13, 1),
  affine([13], 1, 5),
  withBias(affine([], 6, 4)),
  withBias(affine([7], 13, 5)),
  withAll(affine([7], 13, 5), "gelu"),
  withAll(affine([3, 5], 17, 9), "relu"),
  withBias(affine([5, 33], 31, 67)),
  withBias(affine([65], 129, 33)),
  withBias(affine([252], 192, 768)),
  withAll(affine([252], 768, 192), "gelu"),
  withBias(affine([3, 49], 768, 3072)),
  {
    ...withBias(tiny),
    name: "inputs of 1e4",
    inputs: { ...withBias(tiny).inputs, x: normal([2, 2, 3], { seed: 5, deviation: 1e4 }) },
    forwardTolerance: 1e-2,
  },
  {
    ...withBias(tiny),
    name: "denormal inputs",
    inputs: { ...withBias(tiny).inputs, x: normal([2, 2, 3], { seed: 5, deviation: 1e-40 }) },
  },
]);
