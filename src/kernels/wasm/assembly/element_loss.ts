// Losses of one output against one number. The loss is one unit, of the gradient one unit is a SIMD vector.
import { exp, log, sigmoid, VECTOR_BYTES } from "./simd";

/** The numbers of the losses; `../element_loss.ts` has the same. */
const BINARY_CROSS_ENTROPY: i32 = 0;

export function elementLoss(
  thread: i32, begin: i32, end: i32,
  logits: usize, targets: usize, loss: usize, count: i32, kind: i32, normalizer: f64,
): void {
  let total: f64 = 0.0;
  for (let i: usize = 0, stop = <usize>count << 2; i < stop; i += 4) {
    const logit = f32.load(logits + i);
    const target = f32.load(targets + i);
    if (kind == BINARY_CROSS_ENTROPY) {
      const power = f32x4.extract_lane(exp(f32x4.splat(-abs(logit))), 0);
      total += <f64>max<f32>(logit, 0.0) - <f64>logit * target + log(1.0 + <f64>power);
    } else {
      const difference = <f64>logit - target;
      total += difference * difference;
    }
  }
  f32.store(loss, <f32>(total / normalizer));
}

export function elementLossGrad(
  thread: i32, begin: i32, end: i32,
  logits: usize, targets: usize, dy: usize, dlogits: usize, kind: i32, normalizer: f32,
): void {
  const isEntropy = kind == BINARY_CROSS_ENTROPY;
  const factor = f32x4.splat((isEntropy ? <f32>1.0 : <f32>2.0) * f32.load(dy) / normalizer);
  for (let i = <usize>begin * VECTOR_BYTES, stop = <usize>end * VECTOR_BYTES; i < stop; i += VECTOR_BYTES) {
    const logit = v128.load(logits + i);
    const value = isEntropy ? sigmoid(logit) : logit;
    v128.store(dlogits + i, f32x4.mul(factor, f32x4.sub(value, v128.load(targets + i))));
  }
}
