/**
 * The weighted sum of the outputs of layers.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import type { Operation } from "./operation.ts";
import { run } from "./run.ts";

/** The list `weights [L]`, L states of one shape -> that shape */
export const layerSumOperation: Operation<[weights: Tensor, ...states: Tensor[]], object, Tensor> =
  {
    name: "layerSum",
    outputs: ([weights, ...states]) => {
      expectShape("layerSum weights", weights, [states.length]);
      const [first = []] = states;
      states.forEach((state, i) => expectShape(`layerSum state ${i}`, state, first));
      return first;
    },
    gradient: {
      inputs: "all",
      slopes: ({ dy, inputs }) =>
        run(layerSumGrad, [dy, ...inputs], {}).map((slope) => () => slope),
    },
  };

/** The list `dy`, `weights [L]`, L states -> `dweights [L]`, then the slope of each state */
export const layerSumGrad: Operation<
  [dy: Tensor, weights: Tensor, ...states: Tensor[]],
  object,
  Tensor[]
> = {
  name: "layerSumGrad",
  outputs: ([_dy, ...shapes]) => shapes,
};

/**
 * Weighted sum of layer outputs: `sum_i softmax(weights)_i * states[i]`.
 *
 * **Shape** `weights [L]`, L states of one shape -> that shape
 */
export function layerSum(states: Tensor[], weights: Tensor): Tensor {
  return run(layerSumOperation, [weights, ...states], {});
}
