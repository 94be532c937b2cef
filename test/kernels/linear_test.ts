import { tidy } from "@tensorflow/tfjs-core";
import { linear, linears, scale } from "../../src/kernels.ts";
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

function withAll(opCase: OpCase, activation: "gelu" | "relu" | "mish"): OpCase {
  const { x, weight } = opCase.inputs;
  const shape = [...x!.shape.slice(0, -1), weight!.shape[0]!];
  return {
    ...withBias(opCase),
    name: `${opCase.name}, bias, ${activation}, residual`,
    inputs: { ...withBias(opCase).inputs, residual: normal(shape, { seed: 4 }) },
    run: ({ x, weight, bias, residual }) => linear(x!, weight!, { bias, residual, activation }),
  };
}

/** With everything that can follow the map; what is dropped is the same on every device. */
function dropping(
  opCase: OpCase,
  activation: "none" | "gelu" | "silu" | "mish",
  rate = 0.3,
): OpCase {
  const { x, weight } = opCase.inputs;
  const shape = [...x!.shape.slice(0, -1), weight!.shape[0]!];
  const dropout = { rate, seed: 7 };
  return {
    ...withBias(opCase),
    name: `${opCase.name}, bias, ${activation}, dropout ${rate}, residual`,
    inputs: { ...withBias(opCase).inputs, residual: normal(shape, { seed: 4 }) },
    run: ({ x, weight, bias, residual }) =>
      linear(x!, weight!, { bias, residual, activation, dropout }),
  };
}

/** Three maps of one input, added up so that each has a slope. */
function joint(rows: number[], inputs: number, outputs: number): OpCase {
  const one = affine(rows, inputs, outputs);
  const parameters = [0, 1, 2].map((n) => ({
    [`weight${n}`]: normal([outputs, inputs], { seed: 10 + n, deviation: 1 / Math.sqrt(inputs) }),
    [`bias${n}`]: normal([outputs], { seed: 20 + n }),
  }));
  return {
    name: one.name,
    inputs: Object.assign({ x: one.inputs.x! }, ...parameters),
    run: (tensors) =>
      tidy(() => {
        const maps = [0, 1, 2].map((n) => ({
          weight: tensors[`weight${n}`]!,
          bias: tensors[`bias${n}`]!,
        }));
        const [first, second, third] = linears(tensors.x!, maps);
        return scale(second!, 2, scale(third!, -3, first!));
      }),
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
  withAll(affine([3, 5], 17, 9), "mish"),
  withBias(affine([5, 33], 31, 67)),
  withBias(affine([65], 129, 33)),
  withBias(affine([252], 192, 768)),
  withAll(affine([252], 768, 192), "gelu"),
  withBias(affine([3, 49], 768, 3072)),
  withBias(affine([600], 20, 12)),
  withBias(affine([600], 21, 13)),
  withBias(affine([2055], 12, 1020)),
  dropping(tiny, "none"),
  dropping(tiny, "silu"),
  dropping(affine([7], 12, 8), "none"),
  dropping(affine([7], 13, 5), "gelu"),
  dropping(affine([7], 13, 5), "mish"),
  dropping(affine([7], 13, 5), "gelu", 1),
  dropping(affine([3, 49], 192, 768), "gelu"),
  dropping(affine([600], 20, 12), "none"),
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

kernelSuite("linears", [
  joint([2], 3, 2),
  joint([2, 2], 4, 4),
  joint([7], 13, 5),
  joint([3, 49], 192, 192),
  joint([600], 20, 12),
  joint([600], 7, 9),
]);
