/**
 * Plain scaled dot-product attention: `dropout(softmax(scale * q k^T + bias)) v` for each head.
 *
 * Reference of `attention`, `biasedAttention` and their gradients. One query at a time: its
 * row of probabilities, what dropout does to them, and the sums over the keys. The gradients
 * compute the probabilities anew from `q` and `k`, in double precision, and do not read `logSumExp`.
 *
 * @module
 */
import type { AttentionAttrs } from "../../src/kernels.ts";
import { dropoutFactor } from "./dropout.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `q, k, v [B, T, D]`, `lengths [B]` or none for whole clips, `bias [B or 1, H, T, T]`. */
export interface AttentionInputs {
  q: NdArray;
  k: NdArray;
  v: NdArray;
  lengths?: NdArray;
  bias?: NdArray;
}

/** -> `context [B, T, D]`, `logSumExp [B, H, T]` */
export function attention(
  inputs: AttentionInputs,
  attrs: AttentionAttrs,
): [context: NdArray, logSumExp: NdArray] {
  const { q, v } = inputs;
  const context = zeros(q.shape);
  const logSumExp = zeros([q.shape[0]!, attrs.heads, q.shape[1]!]);
  forEachQuery(inputs, attrs, (query) => {
    logSumExp.values[query.row] = query.logSumExp;
    query.keys.forEach(({ at, probability, factor }) => {
      for (let d = 0; d < query.headSize; d++) {
        context.values[query.at + d]! += probability * factor * v.values[at + d]!;
      }
    });
  });
  return [context, logSumExp];
}

/** `dy [B, T, D]` and the forward inputs -> `dq`, `dk`, `dv` */
export function attentionGrad(
  inputs: AttentionInputs & { dy: NdArray },
  attrs: AttentionAttrs,
): [dq: NdArray, dk: NdArray, dv: NdArray] {
  const { q, k, v, dy } = inputs;
  const [dq, dk, dv] = [zeros(q.shape), zeros(q.shape), zeros(q.shape)];
  forEachQuery(inputs, attrs, (query) => {
    slopesOf(query, v, dy).forEach((dscore, j) => {
      const { at, probability, factor } = query.keys[j]!;
      for (let d = 0; d < query.headSize; d++) {
        dq.values[query.at + d]! += attrs.scale * dscore * k.values[at + d]!;
        dk.values[at + d]! += attrs.scale * dscore * q.values[query.at + d]!;
        dv.values[at + d]! += probability * factor * dy.values[query.at + d]!;
      }
    });
  });
  return [dq, dk, dv];
}

/** The same, and `dbias` */
export function biasedAttentionGrad(
  inputs: AttentionInputs & { bias: NdArray; dy: NdArray },
  attrs: AttentionAttrs,
): [dq: NdArray, dk: NdArray, dv: NdArray, dbias: NdArray] {
  const dbias = zeros(inputs.bias.shape);
  forEachQuery(inputs, attrs, (query) => {
    slopesOf(query, inputs.v, inputs.dy).forEach((dscore, j) => {
      dbias.values[query.keys[j]!.biasAt]! += dscore;
    });
  });
  return [...attentionGrad(inputs, attrs), dbias];
}

/** The slope of each score of a query. */
function slopesOf({ at: queryAt, headSize, keys }: Query, v: NdArray, dy: NdArray): number[] {
  const slopes = keys.map(({ at, factor }) =>
    factor * dot(dy.values, queryAt, v.values, at, headSize)
  );
  const mean = slopes.reduce((sum, slope, j) => sum + slope * keys[j]!.probability, 0);
  return slopes.map((slope, j) => keys[j]!.probability * (slope - mean));
}

/** One head of one query frame, with all keys that it may look at. */
interface Query {
  /** Position in `q`, `dy` and the context of the first of `headSize` numbers. */
  at: number;
  headSize: number;
  /** Position in `logSumExp`. */
  row: number;
  logSumExp: number;
  keys: Key[];
}

interface Key {
  /** Position in `k` and `v` of the first of `headSize` numbers. */
  at: number;
  biasAt: number;
  probability: number;
  /** What dropout multiplies the probability by. */
  factor: number;
}

function forEachQuery(
  { q, k, lengths, bias }: AttentionInputs,
  { heads, scale, dropoutRate, dropoutSeed }: AttentionAttrs,
  visit: (query: Query) => void,
): void {
  const [batch, frames, size] = q.shape as [number, number, number];
  const headSize = size / heads;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < frames; t++) {
        const at = (b * frames + t) * size + h * headSize;
        const row = (b * heads + h) * frames + t;
        const biasRow = bias?.shape[0] === 1 ? h * frames + t : row;
        const keys = Array.from({ length: lengths?.values[b] ?? frames }, (_, key) => ({
          at: (b * frames + key) * size + h * headSize,
          biasAt: biasRow * frames + key,
          probability: 0,
          factor: dropoutFactor(dropoutRate, dropoutSeed, row * frames + key),
        }));
        const scores = keys.map((key) =>
          scale * dot(q.values, at, k.values, key.at, headSize) + (bias?.values[key.biasAt] ?? 0)
        );
        const logSumExp = logSumExpOf(scores);
        keys.forEach((key, j) => key.probability = Math.exp(scores[j]! - logSumExp));
        visit({ at, headSize, row, logSumExp, keys });
      }
    }
  }
}

/** `log(sum(exp(values)))`, with the largest value taken out so that nothing overflows. */
export function logSumExpOf(values: ArrayLike<number>): number {
  let largest = -Infinity;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]!);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}

function dot(a: Float64Array, aAt: number, b: Float64Array, bAt: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[aAt + i]! * b[bAt + i]!;
  return sum;
}
