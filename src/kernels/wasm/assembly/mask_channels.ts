// Channels of a clip set to zero where an int32 mask is not 0; one unit is one frame.
import { storeLanes, VECTOR_BYTES } from "./simd";

export function maskChannels(
  thread: i32, begin: i32, end: i32,
  x: usize, mask: usize, y: usize, frames: i32, channels: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const whole = <usize>(channels & ~3) << 2;
  const rest = channels & 3;
  const zero = i32x4.splat(0);
  for (let row = begin; row < end; row++) {
    const at = <usize>row * rowBytes;
    const clip = mask + <usize>(row / frames) * rowBytes;
    for (let i: usize = 0; i < whole; i += VECTOR_BYTES) {
      const keep = i32x4.eq(v128.load(clip + i), zero);
      v128.store(y + at + i, v128.and(v128.load(x + at + i), keep));
    }
    if (rest) {
      const keep = i32x4.eq(v128.load(clip + whole), zero);
      storeLanes(y + at + whole, v128.and(v128.load(x + at + whole), keep), rest);
    }
  }
}
