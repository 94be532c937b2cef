/**
 * The mean over time.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { withLengths } from "./_lengths.ts";
import { expectRank, expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [B, T, C]`, `lengths [B]` int32; `frames` (T) -> `[B, C]` */
export const meanPoolOperation: Operation<
  { x: Tensor; lengths?: Tensor },
  { frames: number },
  Tensor
> = {
  name: "meanPool",
  outputs: ({ x, lengths }) => {
    expectRank("meanPool x", x, 3);
    const [batch = 0, , channels = 0] = x;
    if (lengths) expectShape("meanPool lengths", lengths, [batch]);
    return [batch, channels];
  },
  gradient: gradient(["lengths"], ({ dy, inputs: { lengths }, attrs }) => ({
    x: () => run(meanPoolGrad, { dy, lengths: lengths! }, attrs),
  })),
};

/** `dy [B, C]`, `lengths`; `frames` (T) -> `dx [B, T, C]` */
export const meanPoolGrad: Operation<{ dy: Tensor; lengths: Tensor }, { frames: number }, Tensor> =
  {
    name: "meanPoolGrad",
    outputs: ({ dy }, { frames }) => [dy[0]!, frames, dy[1]!],
  };

/**
 * Mean over time, of the first `lengths[b]` frames if lengths are given.
 *
 * **Shape** `x [B, T, C]`, `lengths [B]` int32 (1 to T) -> `[B, C]`
 */
export function meanPool(x: Tensor, lengths?: Tensor): Tensor {
  const [batch = 0, frames = 0] = x.shape;
  return withLengths(
    lengths,
    { batch, frames },
    (known) => run(meanPoolOperation, { x, lengths: known }, { frames }),
  );
}
