// One AdamW step in one pass; one unit is one SIMD vector.
import { madd, VECTOR_BYTES } from "./simd";

/**
 * `decay` is 1 - learning rate * weight decay, `stepSize` the learning rate over the bias correction of m,
 * `correction` 1 over the root of the bias correction of v. Without clipping `maxNorm` is 0.
 */
export function adamwStep(
  thread: i32, begin: i32, end: i32,
  param: usize, grad: usize, m: usize, v: usize, norm: usize,
  nextParam: usize, nextM: usize, nextV: usize,
  decay: f32, stepSize: f32, beta1: f32, beta2: f32, newShare1: f32, newShare2: f32,
  correction: f32, eps: f32, maxNorm: f32,
): void {
  const clip = maxNorm > 0.0 ? min<f32>(1.0, maxNorm / (f32.load(norm) + 1e-6)) : 1.0;
  const clips = f32x4.splat(clip);
  for (let i = <usize>begin * VECTOR_BYTES, stop = <usize>end * VECTOR_BYTES; i < stop; i += VECTOR_BYTES) {
    const slope = f32x4.mul(v128.load(grad + i), clips);
    const fresh = f32x4.mul(slope, f32x4.splat(newShare1));
    const mean = madd(v128.load(m + i), f32x4.splat(beta1), fresh);
    const freshSquare = f32x4.mul(f32x4.mul(slope, slope), f32x4.splat(newShare2));
    const square = madd(v128.load(v + i), f32x4.splat(beta2), freshSquare);
    const deviation = madd(f32x4.sqrt(square), f32x4.splat(correction), f32x4.splat(eps));
    const step = f32x4.div(f32x4.mul(mean, f32x4.splat(-stepSize)), deviation);
    v128.store(nextParam + i, madd(v128.load(param + i), f32x4.splat(decay), step));
    v128.store(nextM + i, mean);
    v128.store(nextV + i, square);
  }
}
