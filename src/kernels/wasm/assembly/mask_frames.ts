// Frames replaced by one vector where an int32 mask is not 0; one unit is one frame.

export function maskFrames(
  thread: i32, begin: i32, end: i32,
  x: usize, mask: usize, value: usize, y: usize, rowBytes: usize,
): void {
  for (let row = begin; row < end; row++) {
    const at = <usize>row * rowBytes;
    const masked = i32.load(mask + (<usize>row << 2)) != 0;
    memory.copy(y + at, masked ? value : x + at, rowBytes);
  }
}

export function maskFramesGrad(
  thread: i32, begin: i32, end: i32,
  dy: usize, mask: usize, dx: usize, rowBytes: usize,
): void {
  for (let row = begin; row < end; row++) {
    const at = <usize>row * rowBytes;
    if (i32.load(mask + (<usize>row << 2)) != 0) memory.fill(dx + at, 0, rowBytes);
    else memory.copy(dx + at, dy + at, rowBytes);
  }
}
