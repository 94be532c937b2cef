// Rectangles of frames and channels as rows; one unit is a patch.

/** Strides and sizes along channels and along frames; `across` and `along` are how many patches lie there. */
export function patches(
  thread: i32, begin: i32, end: i32,
  x: usize, y: usize, frames: i32, channels: i32, across: i32, along: i32,
  height: i32, width: i32, channelStride: i32, frameStride: i32,
): void {
  const rowBytes = <usize>channels << 2;
  for (let patch = begin; patch < end; patch++) {
    const place = patch / along;
    const frame = place / across * frames + patch % along * frameStride;
    const channel = place % across * channelStride;
    const from = x + <usize>frame * rowBytes + (<usize>channel << 2);
    let to = y + (<usize>(patch * height * width) << 2);
    for (let c = 0; c < height; c++) {
      let at = from + (<usize>c << 2);
      for (let t = 0; t < width; t++, at += rowBytes, to += 4) f32.store(to, f32.load(at));
    }
  }
}
