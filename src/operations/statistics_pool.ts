/**
 * The mean and the standard deviation over time.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectRank, expectShape } from "./_shapes.ts";
import type { Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [B, T, C]`, `lengths [B]` int32 -> `[B, 2 C]`; there is no gradient */
export const statisticsPoolOperation: Operation<{ x: Tensor; lengths?: Tensor }, object, Tensor> = {
  name: "statisticsPool",
  outputs: ({ x, lengths }) => {
    expectRank("statisticsPool x", x, 3);
    const [batch = 0, , channels = 0] = x;
    if (lengths) expectShape("statisticsPool lengths", lengths, [batch]);
    return [batch, 2 * channels];
  },
};

/**
 * Means over time, then standard deviations (the root of the sum of squares over one less than the frames, so that a
 * single frame has none: NaN), of the first `lengths[b]` frames if lengths are given. There is no gradient.
 *
 * **Shape** `x [B, T, C]`, `lengths [B]` int32 (1 to T) -> `[B, 2 C]`
 */
export function statisticsPool(x: Tensor, lengths?: Tensor): Tensor {
  return run(statisticsPoolOperation, { x, lengths }, {});
}
