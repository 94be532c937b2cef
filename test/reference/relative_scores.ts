/**
 * Plain scores by distance: for each head, query i and key j the product of the owner's frame with
 * the position `index[j - i + T - 1]`.
 *
 * Reference of `relativeScores`, `relativeScoresGradInput` and
 * `relativeScoresGradPositions`: all three visit the same products, so that one loop serves them.
 *
 * @module
 */
import type { RelativeScoresAttrs } from "../../src/kernels.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, D]`, `positions [P, D]`, `index [2 T - 1]` -> `[B, H, T, T]` */
export function relativeScores(
  { x, positions, index }: Record<"x" | "positions" | "index", NdArray>,
  attrs: RelativeScoresAttrs,
): NdArray {
  const [batch, frames] = x.shape as [number, number];
  const scores = zeros([batch, attrs.heads, frames, frames]);
  forEachProduct(x.shape, index, attrs, (scoreAt, xAt, positionAt) => {
    scores.values[scoreAt]! += attrs.scale * x.values[xAt]! * positions.values[positionAt]!;
  });
  return scores;
}

/** `dy [B, H, T, T]`, `positions`, `index` -> `dx [B, T, D]` */
export function relativeScoresGradInput(
  { dy, positions, index }: Record<"dy" | "positions" | "index", NdArray>,
  attrs: RelativeScoresAttrs,
): NdArray {
  const dx = zeros([dy.shape[0]!, dy.shape[2]!, positions.shape[1]!]);
  forEachProduct(dx.shape, index, attrs, (scoreAt, xAt, positionAt) => {
    dx.values[xAt]! += attrs.scale * dy.values[scoreAt]! * positions.values[positionAt]!;
  });
  return dx;
}

/** `x [B, T, D]`, `dy [B, H, T, T]`, `index` -> `dpositions [count, D]` */
export function relativeScoresGradPositions(
  { x, dy, index }: Record<"x" | "dy" | "index", NdArray>,
  attrs: RelativeScoresAttrs & { count: number },
): NdArray {
  const dpositions = zeros([attrs.count, x.shape[2]!]);
  forEachProduct(x.shape, index, attrs, (scoreAt, xAt, positionAt) => {
    dpositions.values[positionAt]! += attrs.scale * dy.values[scoreAt]! * x.values[xAt]!;
  });
  return dpositions;
}

/** Calls `visit` with three flat positions for every product of two numbers in every score. */
function forEachProduct(
  xShape: readonly number[],
  index: NdArray,
  { heads, owner }: RelativeScoresAttrs,
  visit: (scoreAt: number, xAt: number, positionAt: number) => void,
): void {
  const [batch, frames, size] = xShape as [number, number, number];
  const headSize = size / heads;
  for (let b = 0; b < batch; b++) {
    for (let d = 0; d < size; d++) {
      const head = b * heads + Math.floor(d / headSize);
      for (let query = 0; query < frames; query++) {
        for (let key = 0; key < frames; key++) {
          const frame = b * frames + (owner === "query" ? query : key);
          const position = index.values[key - query + frames - 1]!;
          visit((head * frames + query) * frames + key, frame * size + d, position * size + d);
        }
      }
    }
  }
}
