/**
 * Plain scaled dot-product attention: `dropout(softmax(scale * q k^T + bias)) v` for each head.
 *
 * Reference of `EarshotAttention`, `EarshotBiasedAttention` and their gradients. One query at a time: its
 * row of probabilities, what dropout does to them, and the sums over the keys. The gradients
 * compute the probabilities anew from `q` and `k`, in double precision, and do not read `logSumExp`.
 *
 * @module
 */
import type { AttentionAttrs } from "../../src/kernels.ts";
import { dropoutFactor } from "./dropout.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `q, k, v [B, T, D]`, `lengths [B]`, `bias [B or 1, H, T, T]`. */
export interface AttentionInputs {
  q: NdArray;
  k: NdArray;
  v: NdArray;
  lengths: NdArray;
  bias?: NdArray;
}

/** -> `context [B, T, D]`, `logSumExp [B, H, T]` */
export function attention(inputs: AttentionInputs, attrs: AttentionAttrs): NdArray[] {
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

/** `dy [B, T, D]` and the forward inputs -> `dq`, `dk`, `dv`, and `dbias` where there is a bias. */
export function attentionGrad(
  inputs: AttentionInputs & { dy: NdArray },
  attrs: AttentionAttrs,
): NdArray[] {
  const { q, k, v, bias, dy } = inputs;
  const [dq, dk, dv] = [zeros(q.shape), zeros(q.shape), zeros(q.shape)];
  const dbias = bias && zeros(bias.shape);
  forEachQuery(inputs, attrs, (query) => {
    const slopes = query.keys.map(({ at, factor }) =>
      factor * dot(dy.values, query.at, v.values, at, query.headSize)
    );
    const mean = slopes.reduce((sum, slope, j) => sum + slope * query.keys[j]!.probability, 0);
    query.keys.forEach(({ at, biasAt, probability, factor }, j) => {
      const dscore = probability * (slopes[j]! - mean);
      if (dbias) dbias.values[biasAt]! += dscore;
      for (let d = 0; d < query.headSize; d++) {
        dq.values[query.at + d]! += attrs.scale * dscore * k.values[at + d]!;
        dk.values[at + d]! += attrs.scale * dscore * q.values[query.at + d]!;
        dv.values[at + d]! += probability * factor * dy.values[query.at + d]!;
      }
    });
  });
  return dbias ? [dq, dk, dv, dbias] : [dq, dk, dv];
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
        const keys = Array.from({ length: lengths.values[b]! }, (_, key) => ({
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
