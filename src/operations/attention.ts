/**
 * Attention of the contract, and what tells it where frames stand: scores by distance with their gate, and rotation.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { withLengths } from "./lengths.ts";
import { expectEven, expectHeads, expectRank, expectShape } from "./_shapes.ts";
import { isRecording, run, runAll } from "./run.ts";

/** How {@linkcode attention} divides, scales and drops. */
export interface AttentionAttrs {
  /** Number of heads; must divide D. */
  heads: number;
  /** Factor on `q k^T`. @default 1 / sqrt(D / heads) */
  scale: number;
  /** Dropout of the probabilities; the element index is `((b * H + h) * T + query) * T + key`. @default 0 */
  dropoutRate: number;
  /** @default 0 */
  dropoutSeed: number;
}

/** How {@linkcode relativeScores} divides and scales, and whose frame it reads. */
export interface RelativeScoresAttrs {
  /** Number of heads; must divide D. */
  heads: number;
  /** Factor on every score. @default 1 */
  scale: number;
  /** Whose frame of `x` meets the position: the query's, or the key's. @default "query" */
  owner: "query" | "key";
}

/** How {@linkcode rotary} divides and turns. */
export interface RotaryAttrs {
  /** Number of heads; must divide D into heads of even size. */
  heads: number;
  /** Whether to turn back. @default false */
  inverse: boolean;
}

/**
 * Scaled dot-product attention: `dropout(softmax(scale * q k^T + bias)) v` for each head, keys from
 * `lengths[b]` on left out. Heads are consecutive slices of the last axis.
 *
 * **Shape** `q, k, v [B, T, D]`, `lengths [B]` int32 (1 to T), `bias [B or 1, H, T, T]` -> `[B, T, D]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: Partial<AttentionAttrs> & { heads: number; lengths?: Tensor; bias?: Tensor },
): Tensor {
  const { heads, lengths, bias, dropoutRate = 0, dropoutSeed = 0 } = options;
  expectRank("attention q", q, 3);
  const [batch, frames, size] = q.shape as [number, number, number];
  expectShape("attention k", k, q.shape);
  expectShape("attention v", v, q.shape);
  expectHeads("attention", size, heads);
  if (lengths) expectShape("attention lengths", lengths, [batch]);
  if (bias) {
    expectShape("attention bias", bias, [bias.shape[0] === 1 ? 1 : batch, heads, frames, frames]);
  }
  const scale = options.scale ?? 1 / Math.sqrt(size / heads);
  const attrs: AttentionAttrs = { heads, scale, dropoutRate, dropoutSeed };
  const name = bias ? "EarshotBiasedAttention" : "EarshotAttention";
  return withLengths(lengths, batch, frames, (all) => {
    const [context, logSumExp] = runAll(name, { q, k, v, lengths: all, bias }, attrs);
    if (!isRecording()) logSumExp!.dispose();
    return context!;
  });
}

/**
 * Scores of each query for each key by the distance between them, as a bias for {@linkcode attention}:
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
  expectRank("relativeScores x", x, 3);
  const [, frames, size] = x.shape as [number, number, number];
  expectShape("relativeScores positions", positions, [positions.shape[0]!, size]);
  expectShape("relativeScores index", index, [2 * frames - 1]);
  expectHeads("relativeScores", size, heads);
  const attrs: RelativeScoresAttrs = { heads, scale, owner };
  return run("EarshotRelativeScores", { x, positions, index }, attrs);
}

/**
 * Rotary positions: in each head, channels c and c + D / 2H turn together by the angle of their frame and pair.
 *
 * **Shape** `x [B, T, D]`, `cos [T, D / 2H]`, `sin [T, D / 2H]` -> `[B, T, D]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function rotary(
  x: Tensor,
  angles: { cos: Tensor; sin: Tensor },
  options: Partial<RotaryAttrs> & { heads: number },
): Tensor {
  const { heads, inverse = false } = options;
  expectRank("rotary x", x, 3);
  const [, frames, size] = x.shape as [number, number, number];
  expectHeads("rotary", size, heads);
  if (size / heads % 2 !== 0) {
    throw new ShapeError(`Cannot run rotary: expected an even head, found ${size / heads}`);
  }
  expectShape("rotary cos", angles.cos, [frames, size / heads / 2]);
  expectShape("rotary sin", angles.sin, [frames, size / heads / 2]);
  return run("EarshotRotary", { x, ...angles }, { heads, inverse });
}

/**
 * Gate of a recurrent unit: `u (r factor[h] - 1) + 2`, where `u` and `r` are the sigmoids of the sum of the first
 * half of the last axis and of the second.
 *
 * **Shape** `x [..., H, 2 G]`, `factor [H]` -> `[..., H]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function gruGate(x: Tensor, factor: Tensor): Tensor {
  expectEven("gruGate", x.shape.at(-1)!);
  expectShape("gruGate factor", factor, x.shape.slice(-2, -1));
  return run("EarshotGruGate", { x, factor }, {});
}
