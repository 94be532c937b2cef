/**
 * The gated linear unit (Dauphin et al. 2017).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectEven } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [..., 2 C]` -> `[..., C]` */
export const gluOperation: Operation<{ x: Tensor }, object, Tensor> = {
  name: "glu",
  outputs: ({ x }) => {
    const channels = x.at(-1)!;
    expectEven("glu", channels);
    return [...x.slice(0, -1), channels / 2];
  },
  gradient: gradient(["x"], ({ dy, inputs }) => ({
    x: () => run(gluGrad, { ...inputs, dy }, {}),
  })),
};

/** `x [..., 2 C]`, `dy [..., C]` -> `dx` */
export const gluGrad: Operation<{ x: Tensor; dy: Tensor }, object, Tensor> = {
  name: "gluGrad",
  outputs: ({ x }) => x,
};

/**
 * Gated linear unit: the first half of the channels times the sigmoid of the second.
 *
 * **Shape** `x [..., 2 C]` -> `[..., C]`
 */
export function glu(x: Tensor): Tensor {
  return run(gluOperation, { x }, {});
}
