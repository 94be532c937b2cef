/**
 * The gate of WavLM's relative positions (Chen et al. 2021).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectEven, expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [..., H, 2 G]`, `factor [H]` -> `[..., H]` */
export const gruGateOperation: Operation<{ x: Tensor; factor: Tensor }, object, Tensor> = {
  name: "gruGate",
  outputs: ({ x, factor }) => {
    expectEven("gruGate", x.at(-1)!);
    expectShape("gruGate factor", factor, x.slice(-2, -1));
    return x.slice(0, -1);
  },
  gradient: gradient(["x", "factor"], ({ dy, inputs }) => {
    const [dx, dfactor] = run(gruGateGrad, { ...inputs, dy }, {});
    return { x: () => dx, factor: () => dfactor };
  }),
};

/** `x [..., H, 2 G]`, `factor [H]`, `dy [..., H]` -> `dx`, `dfactor` */
export const gruGateGrad: Operation<
  { x: Tensor; factor: Tensor; dy: Tensor },
  object,
  [dx: Tensor, dfactor: Tensor]
> = {
  name: "gruGateGrad",
  outputs: ({ x, factor }) => [x, factor],
};

/**
 * Gate of a recurrent unit: `u (r factor[h] - 1) + 2`, where `u` and `r` are the sigmoids of the sum of the first
 * half of the last axis and of the second.
 *
 * **Shape** `x [..., H, 2 G]`, `factor [H]` -> `[..., H]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function gruGate(x: Tensor, factor: Tensor): Tensor {
  return run(gruGateOperation, { x, factor }, {});
}
