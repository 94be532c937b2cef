// Frames of zeros around clips, or fewer frames; one unit is a frame of the result.

export function padFrames(
  thread: i32, begin: i32, end: i32,
  x: usize, y: usize, frames: i32, rows: i32, before: i32, rowBytes: usize,
): void {
  for (let row = begin; row < end; row++) {
    const clip = row / rows;
    const frame = row - clip * rows - before;
    const to = y + <usize>row * rowBytes;
    if (frame < 0 || frame >= frames) memory.fill(to, 0, rowBytes);
    else memory.copy(to, x + <usize>(clip * frames + frame) * rowBytes, rowBytes);
  }
}
