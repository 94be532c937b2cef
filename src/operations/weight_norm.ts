/**
 * Weight normalisation of a convolution, per kernel tap (Salimans and Kingma 2016).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectRank, expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `g [1, 1, K]`, `v [O, I, K]` -> `[O, I, K]` */
export const weightNormOperation: Operation<{ g: Tensor; v: Tensor }, object, Tensor> = {
  name: "weightNorm",
  outputs: ({ g, v }) => {
    expectRank("weightNorm v", v, 3);
    expectShape("weightNorm g", g, [1, 1, v[2]!]);
    return v;
  },
  gradient: gradient(["g", "v"], ({ dy, inputs }) => {
    const [dg, dv] = run(weightNormGrad, { ...inputs, dy }, {});
    return { g: () => dg, v: () => dv };
  }),
};

/** `g [1, 1, K]`, `v [O, I, K]`, `dy` -> `dg`, `dv` */
export const weightNormGrad: Operation<
  { g: Tensor; v: Tensor; dy: Tensor },
  object,
  [dg: Tensor, dv: Tensor]
> = {
  name: "weightNormGrad",
  outputs: ({ g, v }) => [g, v],
};

/**
 * `g * v / |v|`, the norm over the first two axes.
 *
 * **Shape** `g [1, 1, K]`, `v [O, I, K]` -> `[O, I, K]`
 */
export function weightNorm(g: Tensor, v: Tensor): Tensor {
  return run(weightNormOperation, { g, v }, {});
}
