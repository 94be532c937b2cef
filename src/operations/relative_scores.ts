/**
 * Attention scores by the distance between frames (Dai et al. 2019, He et al. 2021).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectHeads, expectRank, expectShape } from "./_shapes.ts";
import { gradient, type Operation, sizeOf } from "./operation.ts";
import { run } from "./run.ts";

/** How {@linkcode relativeScores} divides and scales, and whose frame it reads. */
export interface RelativeScoresAttrs {
  /** Number of heads; must divide D. */
  heads: number;
  /** Factor on every score. @default 1 */
  scale: number;
  /** Whose frame of `x` meets the position: the query's, or the key's. @default "query" */
  owner: "query" | "key";
}

/** `x [B, T, D]`, `positions [P, D]`, `index [2 T - 1]` int32 -> `[B, H, T, T]` */
export const relativeScoresOperation: Operation<
  { x: Tensor; positions: Tensor; index: Tensor },
  RelativeScoresAttrs,
  Tensor
> = {
  name: "relativeScores",
  outputs: ({ x, positions, index }, { heads }) => {
    expectRank("relativeScores x", x, 3);
    const [batch = 0, frames = 0, size = 0] = x;
    expectShape("relativeScores positions", positions, [positions[0]!, size]);
    expectShape("relativeScores index", index, [2 * frames - 1]);
    expectHeads("relativeScores", size, heads);
    return [batch, heads, frames, frames];
  },
  gradient: gradient(["x", "positions", "index"], ({ dy, inputs, attrs }) => {
    const { x, positions, index } = inputs;
    const count = positions.shape[0]!;
    return {
      x: () => run(relativeScoresGradInput, { dy, positions, index }, attrs),
      positions: () => run(relativeScoresGradPositions, { x, dy, index }, { ...attrs, count }),
    };
  }),
  flops: ({ x }) => 2 * sizeOf(x) * x[1]!,
};

/** `dy [B, H, T, T]`, `positions`, `index` -> `dx [B, T, D]` */
export const relativeScoresGradInput: Operation<
  { dy: Tensor; positions: Tensor; index: Tensor },
  RelativeScoresAttrs,
  Tensor
> = {
  name: "relativeScoresGradInput",
  outputs: ({ dy, positions }) => [dy[0]!, dy[2]!, positions[1]!],
};

/** `x`, `dy`, `index`; `count` (P) -> `dpositions [P, D]` */
export const relativeScoresGradPositions: Operation<
  { x: Tensor; dy: Tensor; index: Tensor },
  RelativeScoresAttrs & { count: number },
  Tensor
> = {
  name: "relativeScoresGradPositions",
  outputs: ({ x }, { count }) => [count, x[2]!],
};

/**
 * Scores of each query for each key by the distance between them, as a bias for `attention`:
 * `scale * x[b, i] . positions[index[j - i + T - 1]]` for each head, query i and key j; `x[b, j]` in place
 * of `x[b, i]` where the owner is the key.
 *
 * **Shape** `x [B, T, D]`, `positions [P, D]`, `index [2 T - 1]` int32 (0 to P - 1) -> `[B, H, T, T]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function relativeScores(
  x: Tensor,
  positions: Tensor,
  index: Tensor,
  options: Partial<RelativeScoresAttrs> & { heads: number },
): Tensor {
  const { heads, scale = 1, owner = "query" } = options;
  return run(relativeScoresOperation, { x, positions, index }, { heads, scale, owner });
}
