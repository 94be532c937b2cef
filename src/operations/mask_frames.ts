/**
 * One vector in the place of masked frames.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [B, T, C]`, `mask [B, T]` int32, `value [C]` -> `[B, T, C]` */
export const maskFramesOperation: Operation<
  { x: Tensor; mask: Tensor; value: Tensor },
  object,
  Tensor
> = {
  name: "maskFrames",
  outputs: ({ x, mask, value }) => {
    expectShape("maskFrames mask", mask, x.slice(0, 2));
    expectShape("maskFrames value", value, x.slice(2));
    return x;
  },
  gradient: gradient(["mask"], ({ dy, inputs: { mask } }) => {
    const [dx, dvalue] = run(maskFramesGrad, { dy, mask }, {});
    return { x: () => dx, value: () => dvalue };
  }),
};

/** `dy [B, T, C]`, `mask [B, T]` -> `dx`, `dvalue [C]` */
export const maskFramesGrad: Operation<
  { dy: Tensor; mask: Tensor },
  object,
  [dx: Tensor, dvalue: Tensor]
> = {
  name: "maskFramesGrad",
  outputs: ({ dy }) => [dy, dy.slice(2)],
};

/**
 * `value` in place of the frames where `mask` is 1.
 *
 * **Shape** `x [B, T, C]`, `mask [B, T]` int32 0/1, `value [C]` -> `[B, T, C]`
 */
export function maskFrames(x: Tensor, mask: Tensor, value: Tensor): Tensor {
  return run(maskFramesOperation, { x, mask, value }, {});
}
