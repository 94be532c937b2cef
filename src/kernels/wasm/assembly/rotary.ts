// Rotary positions; one unit is one frame.
import { LANES, madd, nmadd, storeLanes } from "./simd";

/** `half` is half a head; `sign` is -1 to turn back. */
export function rotary(
  thread: i32, begin: i32, end: i32,
  x: usize, cos: usize, sin: usize, y: usize, frames: i32, heads: i32, half: i32, sign: f32,
): void {
  const halfBytes = <usize>half << 2;
  const direction = f32x4.splat(sign);
  for (let frame = begin; frame < end; frame++) {
    const angles = <usize>(frame % frames) * halfBytes;
    for (let head = 0; head < heads; head++) {
      const start = 2 * <usize>(frame * heads + head) * halfBytes;
      for (let c = 0; c < half; c += LANES) {
        const i = <usize>c << 2;
        const along = v128.load(cos + angles + i);
        const across = f32x4.mul(v128.load(sin + angles + i), direction);
        const first = v128.load(x + start + i);
        const second = v128.load(x + start + halfBytes + i);
        const turnedFirst = nmadd(second, across, f32x4.mul(first, along));
        const turnedSecond = madd(first, across, f32x4.mul(second, along));
        if (c + LANES <= half) {
          v128.store(y + start + i, turnedFirst);
          v128.store(y + start + halfBytes + i, turnedSecond);
        } else {
          storeLanes(y + start + i, turnedFirst, half - c);
          storeLanes(y + start + halfBytes + i, turnedSecond, half - c);
        }
      }
    }
  }
}
