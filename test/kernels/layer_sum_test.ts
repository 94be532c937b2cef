import { layerSum } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function summed(layers: number, shape: number[]): OpCase {
  const names = Array.from({ length: layers }, (_, i) => `state${i}`);
  const states = names.map((name, i) => [name, normal(shape, { seed: 2 + i })]);
  return {
    name: `${layers} of [${shape}]`,
    inputs: { weights: normal([layers], { seed: 1 }), ...Object.fromEntries(states) },
    run: (tensors) => layerSum(names.map((name) => tensors[name]!), tensors.weights!),
  };
}

function weighted(opCase: OpCase, note: string, weights: number[]): OpCase {
  return {
    ...opCase,
    name: `${opCase.name}, ${note}`,
    inputs: { ...opCase.inputs, weights: fixed([weights.length], weights) },
  };
}

kernelSuite("layerSum", [
  summed(1, [1]),
  summed(2, [2, 3, 5]),
  summed(3, [7, 13]),
  summed(5, [2, 33, 19]),
  summed(13, [3, 49, 64]),
  weighted(summed(3, [7, 5]), "equal weights", [1, 1, 1]),
  { ...weighted(summed(3, [7, 5]), "weights of 1e4", [1e4, -1e4, 1e4]), isSteep: true },
]);
