// Normalisation of each channel of each clip over time; one unit is four channels of one clip.
//
// Statistics are gathered eight frames at a time, held in registers: their mean, the squared
// differences from it, and a merge into the running values (Chan, Golub and LeVeque 1983), so that one pass
// over memory is as exact as two.
import { activate } from "./activation";
import { madd, nmadd, storeLanes, VECTOR_BYTES } from "./simd";

const GROUP: i32 = 8;

/** Places of the statistics of a clip, each `statBytes` long. The gradient needs all four. */
// @ts-ignore: decorator
@inline
const MEAN: usize = 0;
/** Sum of squared differences, then the inverse deviation. */
// @ts-ignore: decorator
@inline
const SPREAD: usize = 1;
/** Sum of dy. */
// @ts-ignore: decorator
@inline
const SLOPE: usize = 2;
/** Sum of dy * (x - mean), then of dy * normal. */
// @ts-ignore: decorator
@inline
const PRODUCT: usize = 3;

export function groupNorm(
  thread: i32, begin: i32, end: i32,
  x: usize, gamma: usize, beta: usize, y: usize, stats: usize, statBytes: usize,
  frames: i32, channels: i32, eps: f32, kind: i32,
): void {
  const vectors = (channels + 3) >> 2;
  const clipBytes = <usize>frames * <usize>channels * 4;
  while (begin < end) {
    const clip = begin / vectors;
    const first = begin - clip * vectors;
    const last = min(vectors, first + end - begin);
    const stat = stats + 2 * <usize>clip * statBytes;
    const from = x + <usize>clip * clipBytes;
    gatherMoments(from, stat, statBytes, frames, channels, first, last);
    finishDeviation(stat, statBytes, frames, first, last, eps);
    scaleDeviation(gamma, stat + SPREAD * statBytes, first, last);
    const to = y + <usize>clip * clipBytes;
    normalize(from, to, beta, stat, statBytes, frames, channels, first, last, kind);
    begin += last - first;
  }
}

/** Mean and sum of squared differences of vectors `first` to `last` of the channels of one clip. */
function gatherMoments(
  x: usize, stat: usize, statBytes: usize,
  frames: i32, channels: i32, first: i32, last: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const from = <usize>first * VECTOR_BYTES;
  const until = <usize>last * VECTOR_BYTES;
  memory.fill(stat + MEAN * statBytes + from, 0, until - from);
  memory.fill(stat + SPREAD * statBytes + from, 0, until - from);
  let frame = 0;
  for (; frame + GROUP <= frames; frame += GROUP) {
    const share = f32x4.splat(<f32>GROUP / <f32>(frame + GROUP));
    const weight = f32x4.splat(<f32>GROUP * <f32>frame / <f32>(frame + GROUP));
    const top = x + <usize>frame * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      addGroup(top + i, rowBytes, stat + i, stat + SPREAD * statBytes + i, share, weight);
    }
  }
  for (; frame < frames; frame++) {
    const share = f32x4.splat(1.0 / <f32>(frame + 1));
    const weight = f32x4.splat(<f32>frame / <f32>(frame + 1));
    const top = x + <usize>frame * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      const spread = stat + SPREAD * statBytes + i;
      merge(v128.load(top + i), v128.load(spread), stat + i, spread, share, weight);
    }
  }
}

/** Adds GROUP frames of four channels to their running moments. */
// @ts-ignore: decorator
@inline
function addGroup(
  at: usize, rowBytes: usize, mean: usize, spread: usize, share: v128, weight: v128,
): void {
  const x0 = v128.load(at), x1 = v128.load(at + rowBytes);
  at += 2 * rowBytes;
  const x2 = v128.load(at), x3 = v128.load(at + rowBytes);
  at += 2 * rowBytes;
  const x4 = v128.load(at), x5 = v128.load(at + rowBytes);
  at += 2 * rowBytes;
  const x6 = v128.load(at), x7 = v128.load(at + rowBytes);
  const low = f32x4.add(f32x4.add(x0, x1), f32x4.add(x2, x3));
  const high = f32x4.add(f32x4.add(x4, x5), f32x4.add(x6, x7));
  const groupMean = f32x4.mul(f32x4.add(low, high), f32x4.splat(1.0 / <f32>GROUP));
  let sum = addSquare(x0, groupMean, v128.load(spread));
  sum = addSquare(x1, groupMean, sum);
  sum = addSquare(x2, groupMean, sum);
  sum = addSquare(x3, groupMean, sum);
  sum = addSquare(x4, groupMean, sum);
  sum = addSquare(x5, groupMean, sum);
  sum = addSquare(x6, groupMean, sum);
  sum = addSquare(x7, groupMean, sum);
  merge(groupMean, sum, mean, spread, share, weight);
}

/**
 * Merges a group into the running moments: its mean, and the sum of squares that already holds its own
 * differences. `share` is its part of all frames so far, `weight` that times the frames before it.
 */
// @ts-ignore: decorator
@inline
function merge(
  groupMean: v128, sum: v128, mean: usize, spread: usize, share: v128, weight: v128,
): void {
  const before = v128.load(mean);
  const apart = f32x4.sub(groupMean, before);
  v128.store(mean, madd(apart, share, before));
  v128.store(spread, madd(f32x4.mul(apart, apart), weight, sum));
}

// @ts-ignore: decorator
@inline
function addSquare(x: v128, mean: v128, sum: v128): v128 {
  const apart = f32x4.sub(x, mean);
  return madd(apart, apart, sum);
}

/** Turns sums of squared differences into inverse deviations. */
function finishDeviation(
  stat: usize, statBytes: usize, frames: i32, first: i32, last: i32, eps: f32,
): void {
  const share = f32x4.splat(1.0 / <f32>frames);
  const added = f32x4.splat(eps);
  const one = f32x4.splat(1.0);
  for (let vector = first; vector < last; vector++) {
    const at = stat + SPREAD * statBytes + <usize>vector * VECTOR_BYTES;
    v128.store(at, f32x4.div(one, f32x4.sqrt(madd(v128.load(at), share, added))));
  }
}

/** `gamma` by the inverse deviation, in its place. */
function scaleDeviation(gamma: usize, deviation: usize, first: i32, last: i32): void {
  const until = <usize>last * VECTOR_BYTES;
  for (let i = <usize>first * VECTOR_BYTES; i < until; i += VECTOR_BYTES) {
    v128.store(deviation + i, f32x4.mul(v128.load(gamma + i), v128.load(deviation + i)));
  }
}

function normalize(
  x: usize, y: usize, beta: usize, stat: usize, statBytes: usize,
  frames: i32, channels: i32, first: i32, last: i32, kind: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const rest = last * 4 > channels ? channels & 3 : 0;
  const from = <usize>first * VECTOR_BYTES;
  const until = <usize>(rest ? last - 1 : last) * VECTOR_BYTES;
  const scale = stat + SPREAD * statBytes;
  for (let frame = 0; frame < frames; frame++) {
    const at = <usize>frame * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      const normal = normalOf(x + at + i, beta + i, stat + i, scale + i);
      v128.store(y + at + i, activate(normal, kind));
    }
    if (rest) {
      const i = until;
      const tail = normalOf(x + at + i, beta + i, stat + i, scale + i);
      storeLanes(y + at + i, activate(tail, kind), rest);
    }
  }
}

// @ts-ignore: decorator
@inline
function normalOf(x: usize, beta: usize, mean: usize, scale: usize): v128 {
  return madd(f32x4.sub(v128.load(x), v128.load(mean)), v128.load(scale), v128.load(beta));
}

/** dx; in `stats`, four a clip, SLOPE and PRODUCT are what the clip adds to dbeta and dgamma. */
export function groupNormGrad(
  thread: i32, begin: i32, end: i32,
  x: usize, gamma: usize, dy: usize, dx: usize, stats: usize, statBytes: usize,
  frames: i32, channels: i32, eps: f32,
): void {
  const vectors = (channels + 3) >> 2;
  const clipBytes = <usize>frames * <usize>channels * 4;
  while (begin < end) {
    const clip = begin / vectors;
    const first = begin - clip * vectors;
    const last = min(vectors, first + end - begin);
    const stat = stats + 4 * <usize>clip * statBytes;
    const at = <usize>clip * clipBytes;
    gatherSlopes(x + at, dy + at, stat, statBytes, frames, channels, first, last);
    finishDeviation(stat, statBytes, frames, first, last, eps);
    finishProduct(stat, statBytes, first, last);
    spreadSlopes(x + at, gamma, dy + at, dx + at, stat, statBytes, frames, channels, first, last);
    begin += last - first;
  }
}

/** The moments of x as above and, in the same pass, the sums of dy and of dy * (x - mean). */
function gatherSlopes(
  x: usize, dy: usize, stat: usize, statBytes: usize,
  frames: i32, channels: i32, first: i32, last: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const from = <usize>first * VECTOR_BYTES;
  const until = <usize>last * VECTOR_BYTES;
  for (let kind: usize = 0; kind < 4; kind++) {
    memory.fill(stat + kind * statBytes + from, 0, until - from);
  }
  for (let frame = 0; frame < frames; frame += GROUP) {
    const count = min(GROUP, frames - frame);
    const share = f32x4.splat(<f32>count / <f32>(frame + count));
    const weight = f32x4.splat(<f32>count * <f32>frame / <f32>(frame + count));
    const inverse = f32x4.splat(1.0 / <f32>count);
    const top = <usize>frame * rowBytes;
    const groupBytes = <usize>count * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      const at = top + i;
      addSlopes(x + at, dy + at, groupBytes, rowBytes, stat + i, statBytes, inverse, share, weight);
    }
  }
}

/** Adds some frames of four channels to their running moments and sums of slopes. */
// @ts-ignore: decorator
@inline
function addSlopes(
  x: usize, dy: usize, groupBytes: usize, rowBytes: usize, stat: usize, statBytes: usize,
  inverse: v128, share: v128, weight: v128,
): void {
  let sum = f32x4.splat(0.0);
  for (let at: usize = 0; at < groupBytes; at += rowBytes) sum = f32x4.add(sum, v128.load(x + at));
  const groupMean = f32x4.mul(sum, inverse);
  let spread = v128.load(stat + SPREAD * statBytes);
  let slope = f32x4.splat(0.0), product = slope;
  for (let at: usize = 0; at < groupBytes; at += rowBytes) {
    const apart = f32x4.sub(v128.load(x + at), groupMean);
    const given = v128.load(dy + at);
    spread = madd(apart, apart, spread);
    product = madd(apart, given, product);
    slope = f32x4.add(slope, given);
  }
  const mean = v128.load(stat + MEAN * statBytes);
  merge(groupMean, spread, stat + MEAN * statBytes, stat + SPREAD * statBytes, share, weight);
  const moved = v128.load(stat + MEAN * statBytes);
  const slopeBefore = v128.load(stat + SLOPE * statBytes);
  product = f32x4.add(product, v128.load(stat + PRODUCT * statBytes));
  product = madd(f32x4.sub(mean, moved), slopeBefore, product);
  product = madd(f32x4.sub(groupMean, moved), slope, product);
  v128.store(stat + SLOPE * statBytes, f32x4.add(slopeBefore, slope));
  v128.store(stat + PRODUCT * statBytes, product);
}

/** From dy * (x - mean) to dy * normal. */
function finishProduct(stat: usize, statBytes: usize, first: i32, last: i32): void {
  for (let vector = first; vector < last; vector++) {
    const at = stat + <usize>vector * VECTOR_BYTES;
    const product = v128.load(at + PRODUCT * statBytes);
    v128.store(at + PRODUCT * statBytes, f32x4.mul(product, v128.load(at + SPREAD * statBytes)));
  }
}

/** `dx = gamma / deviation * (dy - mean(dy) - normal * mean(dy * normal))`. */
function spreadSlopes(
  x: usize, gamma: usize, dy: usize, dx: usize, stat: usize, statBytes: usize,
  frames: i32, channels: i32, first: i32, last: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const share = f32x4.splat(1.0 / <f32>frames);
  const rest = last * 4 > channels ? channels & 3 : 0;
  const from = <usize>first * VECTOR_BYTES;
  const until = <usize>(rest ? last - 1 : last) * VECTOR_BYTES;
  for (let frame = 0; frame < frames; frame++) {
    const at = <usize>frame * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      v128.store(dx + at + i, slopeOf(x + at + i, gamma + i, dy + at + i, stat + i, statBytes, share));
    }
    if (rest) {
      const i = until;
      const tail = slopeOf(x + at + i, gamma + i, dy + at + i, stat + i, statBytes, share);
      storeLanes(dx + at + i, tail, rest);
    }
  }
}

// @ts-ignore: decorator
@inline
function slopeOf(
  x: usize, gamma: usize, dy: usize, stat: usize, statBytes: usize, share: v128,
): v128 {
  const inverse = v128.load(stat + SPREAD * statBytes);
  const normal = f32x4.mul(f32x4.sub(v128.load(x), v128.load(stat)), inverse);
  const projection = f32x4.mul(v128.load(stat + PRODUCT * statBytes), share);
  const centred = nmadd(v128.load(stat + SLOPE * statBytes), share, v128.load(dy));
  return f32x4.mul(nmadd(normal, projection, centred), f32x4.mul(v128.load(gamma), inverse));
}
