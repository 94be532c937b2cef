/**
 * Zeros in the place of masked channels.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [B, T, C]`, `mask [B, C]` int32 -> `[B, T, C]` */
export const maskChannelsOperation: Operation<{ x: Tensor; mask: Tensor }, object, Tensor> = {
  name: "maskChannels",
  outputs: ({ x, mask }) => {
    expectShape("maskChannels mask", mask, [x[0]!, x[2]!]);
    return x;
  },
  gradient: gradient(["mask"], ({ dy, inputs }) => ({
    x: () => run(maskChannelsOperation, { ...inputs, x: dy }, {}),
  })),
};

/**
 * Zero in place of the channels where `mask` is 1, in every frame of the clip.
 *
 * **Shape** `x [B, T, C]`, `mask [B, C]` int32 0/1 -> `[B, T, C]`
 */
export function maskChannels(x: Tensor, mask: Tensor): Tensor {
  return run(maskChannelsOperation, { x, mask }, {});
}
