// Weighted sum of tensors of one shape, and its gradient.
//
// `table` holds the addresses of the tensors, `shares` their weights, `count` how many there are.
import { laneMask, madd, sumLanes, VECTOR_BYTES } from "./simd";

/** Elements of one unit of the gradient; `../layer_sum.ts` has the same. */
const BLOCK: i32 = 4096;
/** Bytes of one unit of the forward kernel: four vectors, which every block of the heap has room for. */
const LINE_BYTES: usize = 64;

export function layerSum(
  thread: i32, begin: i32, end: i32,
  table: usize, shares: usize, count: i32, y: usize,
): void {
  for (let i = <usize>begin * LINE_BYTES, stop = <usize>end * LINE_BYTES; i < stop; i += LINE_BYTES) {
    let sum0 = f32x4.splat(0.0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (let layer: usize = 0; layer < <usize>count; layer++) {
      const at = load<usize>(table + (layer << 2)) + i;
      const share = v128.load32_splat(shares + (layer << 2));
      sum0 = madd(v128.load(at), share, sum0);
      sum1 = madd(v128.load(at, 16), share, sum1);
      sum2 = madd(v128.load(at, 32), share, sum2);
      sum3 = madd(v128.load(at, 48), share, sum3);
    }
    v128.store(y + i, sum0);
    v128.store(y + i, sum1, 16);
    v128.store(y + i, sum2, 32);
    v128.store(y + i, sum3, 48);
  }
}

/** The gradient of each tensor, at `slopes`, and the products of dy and the tensors, `count` a unit. */
export function layerSumGrad(
  thread: i32, begin: i32, end: i32,
  dy: usize, table: usize, shares: usize, count: i32, slopes: usize, products: usize, size: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    const first = <usize>(unit * BLOCK) << 2;
    const length = min(BLOCK, size - unit * BLOCK);
    for (let layer: usize = 0; layer < <usize>count; layer++) {
      const x = load<usize>(table + (layer << 2)) + first;
      const dx = load<usize>(slopes + (layer << 2)) + first;
      const share = v128.load32_splat(shares + (layer << 2));
      let product = f32x4.splat(0.0);
      let left = length;
      let i: usize = 0;
      for (; left >= 4; left -= 4, i += VECTOR_BYTES) {
        const slope = v128.load(dy + first + i);
        product = madd(slope, v128.load(x + i), product);
        v128.store(dx + i, f32x4.mul(slope, share));
      }
      if (left > 0) {
        const mask = laneMask(left);
        const slope = v128.and(v128.load(dy + first + i), mask);
        product = madd(slope, v128.and(v128.load(x + i), mask), product);
        v128.store(dx + i, f32x4.mul(slope, share));
      }
      const at = <usize>unit * <usize>count + layer;
      f32.store(products + (at << 2), sumLanes(product));
    }
  }
}
