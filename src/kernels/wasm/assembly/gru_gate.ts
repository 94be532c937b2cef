// Gate of a recurrent unit, `u (r factor - 1) + 2`, and its gradient; one unit is one row of `x`.
import { sigmoid } from "./simd";

/** The sigmoids u and r of the sums of the two halves of a row, in the first two lanes. */
// @ts-ignore: decorator
@inline
function gates(x: usize, half: i32): v128 {
  const halfBytes = <usize>half << 2;
  let first: f32 = 0.0, second: f32 = 0.0;
  for (let i: usize = 0; i < halfBytes; i += 4) {
    first += f32.load(x + i);
    second += f32.load(x + halfBytes + i);
  }
  return sigmoid(f32x4(first, second, 0.0, 0.0));
}

export function gruGate(
  thread: i32, begin: i32, end: i32,
  x: usize, factor: usize, y: usize, heads: i32, half: i32,
): void {
  for (let row = begin; row < end; row++) {
    const open = gates(x + (<usize>(row * 2 * half) << 2), half);
    const own = f32.load(factor + (<usize>(row % heads) << 2));
    const update = f32x4.extract_lane(open, 0);
    const reset = f32x4.extract_lane(open, 1);
    f32.store(y + (<usize>row << 2), update * (reset * own - 1.0) + 2.0);
  }
}

/** `products` gets each row's share of the gradient of its factor, `dy u r`. */
export function gruGateGrad(
  thread: i32, begin: i32, end: i32,
  x: usize, factor: usize, dy: usize, dx: usize, products: usize, heads: i32, half: i32,
): void {
  for (let row = begin; row < end; row++) {
    const at = <usize>(row * 2 * half) << 2;
    const open = gates(x + at, half);
    const own = f32.load(factor + (<usize>(row % heads) << 2));
    const slope = f32.load(dy + (<usize>row << 2));
    const update = f32x4.extract_lane(open, 0);
    const reset = f32x4.extract_lane(open, 1);
    const toUpdate = slope * (reset * own - 1.0) * update * (1.0 - update);
    const toReset = slope * update * own * reset * (1.0 - reset);
    const middle = dx + at + (<usize>half << 2);
    for (let i: usize = 0, size = <usize>half << 2; i < size; i += 4) {
      f32.store(dx + at + i, toUpdate);
      f32.store(middle + i, toReset);
    }
    f32.store(products + (<usize>row << 2), slope * update * reset);
  }
}
