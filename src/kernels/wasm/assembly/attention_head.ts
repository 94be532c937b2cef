// What the forward and the gradient of attention share: the call, its heads, and the row arithmetic.
import { counterStep, mixCounters, startCounters } from "./dropout";
import { packPanel } from "./pack";
import { exp, laneMask, LANES, log, madd, maxLanes, sumLanes, VECTOR_BYTES } from "./simd";
import { PANEL, PANEL_BYTES } from "./tile";

/** The arguments of a call that its helpers need. */
// @ts-ignore: decorator
@unmanaged
export class AttentionCall {
  lengths: usize = 0;
  /** `[T, T]` for each head, or 0. */
  bias: usize = 0;
  /** 1 where all clips share the bias. */
  biasShared: i32 = 0;
  frames: i32 = 0;
  heads: i32 = 0;
  headSize: i32 = 0;
  scale: f32 = 0;
  /** Dropout: see dropout.ts; 0 keeps everything. */
  threshold: u32 = 0;
  keepFactor: f32 = 0;
  seed: u32 = 0;
}

/** Bytes of an AttentionCall, rounded up. */
export const CALL_BYTES: usize = 64;

/** Bytes of a frame of all heads. */
// @ts-ignore: decorator
@inline
export function frameBytes(call: AttentionCall): usize {
  return <usize>(call.heads * call.headSize) << 2;
}

/** Offset of the first frame of a head, numbered `clip * heads + head`, in q, k, v and the like. */
// @ts-ignore: decorator
@inline
export function headOffset(call: AttentionCall, head: i32): usize {
  return <usize>(head / call.heads * call.frames) * frameBytes(call) +
    (<usize>(head % call.heads * call.headSize) << 2);
}

/** Address in `bias`, or in another array like it, of the row of a query. */
// @ts-ignore: decorator
@inline
export function biasRow(call: AttentionCall, bias: usize, head: i32, query: i32): usize {
  const square = <usize>(call.biasShared ? head % call.heads : head);
  return bias + ((square * <usize>call.frames + <usize>query) * <usize>call.frames << 2);
}

/** Keys that a clip has: all frames where there are no lengths. */
// @ts-ignore: decorator
@inline
export function keyCount(call: AttentionCall, head: i32): i32 {
  return call.lengths ? load<i32>(call.lengths + (<usize>(head / call.heads) << 2)) : call.frames;
}

/** Dropout counters of a row of probabilities. */
// @ts-ignore: decorator
@inline
export function rowCounters(call: AttentionCall, head: i32, query: i32): v128 {
  const row = <u32>head * <u32>call.frames + <u32>query;
  return startCounters(row * <u32>call.frames, call.seed);
}

/** What dropout multiplies four probabilities by. */
// @ts-ignore: decorator
@inline
export function keepFactors(call: AttentionCall, counters: v128): v128 {
  const kept = i32x4.ge_u(mixCounters(counters), i32x4.splat(call.threshold));
  return v128.and(f32x4.splat(call.keepFactor), kept);
}

/** Frames as columns: B row d, column t is `from[t, d]`. */
export function packColumns(call: AttentionCall, from: usize, count: i32, panels: usize): void {
  const stride = frameBytes(call);
  for (let first = 0; first < count; first += PANEL) {
    const start = from + <usize>first * stride;
    packPanel(start, min(PANEL, count - first), stride, 1, 0, call.headSize, 4, panels);
    panels += <usize>call.headSize * PANEL_BYTES;
  }
}

/** Frames as rows: B row t, column d is `from[t, d]`. */
export function packFrames(call: AttentionCall, from: usize, count: i32, panels: usize): void {
  for (let first = 0; first < call.headSize; first += PANEL) {
    const start = from + (<usize>first << 2);
    packPanel(start, min(PANEL, call.headSize - first), 4, 1, 0, count, frameBytes(call), panels);
    panels += <usize>count * PANEL_BYTES;
  }
}

/**
 * Turns products `q k^T` into `exp(score - largest score)`, after dropout, in place; `bias` may be 0.
 *
 * Up to three floats behind the last become 0. Writes the logarithm of the sum of exponentials.
 *
 * @returns the factor that makes probabilities of the row
 */
export function exponentials(
  call: AttentionCall,
  row: usize,
  count: i32,
  bias: usize,
  counters: v128,
  logSumExp: usize,
): f32 {
  const scale = f32x4.splat(call.scale);
  const end = <usize>count << 2;
  const last = laneMask(((count - 1) & (LANES - 1)) + 1);
  const lowest = f32x4.splat(-Infinity);
  let largest = lowest;
  for (let at: usize = 0; at < end; at += VECTOR_BYTES) {
    let score = f32x4.mul(v128.load(row + at), scale);
    if (bias) score = f32x4.add(score, v128.load(bias + at));
    if (at + VECTOR_BYTES >= end) score = v128.bitselect(score, lowest, last);
    v128.store(row + at, score);
    largest = f32x4.pmax(largest, score);
  }
  const shift = maxLanes(largest);
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < end; at += VECTOR_BYTES) {
    let value = exp(f32x4.sub(v128.load(row + at), f32x4.splat(shift)));
    sum = f32x4.add(sum, value);
    if (call.threshold) {
      value = f32x4.mul(value, keepFactors(call, counters));
      counters = i32x4.add(counters, counterStep());
    }
    v128.store(row + at, value);
  }
  const total = sumLanes(sum);
  store<f32>(logSumExp, shift + <f32>log(total));
  return 1 / total;
}

/** Sum of the products of two runs of `count` floats. */
export function dot(a: usize, b: usize, count: i32): f32 {
  const end = a + (<usize>count << 2);
  let sums = f32x4.splat(0);
  for (; a + VECTOR_BYTES <= end; a += VECTOR_BYTES, b += VECTOR_BYTES) {
    sums = madd(v128.load(a), v128.load(b), sums);
  }
  let sum = sumLanes(sums);
  for (; a < end; a += 4, b += 4) sum += load<f32>(a) * load<f32>(b);
  return sum;
}
