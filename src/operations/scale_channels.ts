/**
 * Each channel of a clip times a factor of its own.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [B, T, C]`, `factor [B, C]` -> `[B, T, C]` */
export const scaleChannelsOperation: Operation<{ x: Tensor; factor: Tensor }, object, Tensor> = {
  name: "scaleChannels",
  outputs: ({ x, factor }) => {
    expectShape("scaleChannels factor", factor, [x[0]!, x[2]!]);
    return x;
  },
  gradient: gradient(["x", "factor"], ({ dy, inputs: { x, factor } }) => ({
    x: () => run(scaleChannelsOperation, { x: dy, factor }, {}),
    factor: () => run(scaleChannelsGrad, { x, dy }, {}),
  })),
};

/** `x`, `dy [B, T, C]` -> `dfactor [B, C]` */
export const scaleChannelsGrad: Operation<{ x: Tensor; dy: Tensor }, object, Tensor> = {
  name: "scaleChannelsGrad",
  outputs: ({ x }) => [x[0]!, x[2]!],
};

/**
 * Each channel of a clip times a factor of its own, in every frame.
 *
 * **Shape** `x [B, T, C]`, `factor [B, C]` -> `[B, T, C]`
 */
export function scaleChannels(x: Tensor, factor: Tensor): Tensor {
  return run(scaleChannelsOperation, { x, factor }, {});
}
