// Gated linear unit and its gradient; one unit is one row of the result.
import { LANES, sigmoid, storeLanes } from "./simd";

/** `columns` are those of the result, half as many as `x` has. */
export function glu(
  thread: i32, begin: i32, end: i32,
  x: usize, y: usize, columns: i32,
): void {
  const rowBytes = <usize>columns << 2;
  for (let row = begin; row < end; row++) {
    const from = x + 2 * <usize>row * rowBytes;
    const to = y + <usize>row * rowBytes;
    for (let c = 0; c < columns; c += LANES) {
      const i = <usize>c << 2;
      const gated = f32x4.mul(v128.load(from + i), sigmoid(v128.load(from + rowBytes + i)));
      storeUpTo(to + i, gated, columns - c);
    }
  }
}

/** With s the sigmoid of the gate: `dy s` for the value, `dy value s (1 - s)` for the gate. */
export function gluGrad(
  thread: i32, begin: i32, end: i32,
  x: usize, dy: usize, dx: usize, columns: i32,
): void {
  const rowBytes = <usize>columns << 2;
  for (let row = begin; row < end; row++) {
    const at = 2 * <usize>row * rowBytes;
    for (let c = 0; c < columns; c += LANES) {
      const i = <usize>c << 2;
      const gate = v128.load(x + at + rowBytes + i);
      const open = sigmoid(gate);
      const slope = f32x4.mul(v128.load(dy + <usize>row * rowBytes + i), open);
      const closed = sigmoid(f32x4.neg(gate));
      const gateSlope = f32x4.mul(f32x4.mul(slope, closed), v128.load(x + at + i));
      storeUpTo(dx + at + i, slope, columns - c);
      storeUpTo(dx + at + rowBytes + i, gateSlope, columns - c);
    }
  }
}

// @ts-ignore: decorator
@inline
function storeUpTo(address: usize, x: v128, count: i32): void {
  if (count >= LANES) v128.store(address, x);
  else storeLanes(address, x, count);
}
