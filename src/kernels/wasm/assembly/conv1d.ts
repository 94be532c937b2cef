// The copies around the products that make a convolution; `../conv1d.ts` has the products.
import { LANES, VECTOR_BYTES } from "./simd";
import { transpose } from "./pack";

/**
 * `x [B, T, C]` -> `y [B, G, padded, C / G]`: the channels of a group together, zeros around the frames.
 *
 * Units: padded frames of all clips.
 */
export function groupFrames(
  thread: i32, begin: i32, end: i32,
  x: usize, y: usize, frames: i32, groups: i32, groupChannels: i32, padLeft: i32, padded: i32,
): void {
  const size = <usize>groupChannels << 2;
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / padded;
    const frame = (unit % padded) - padLeft;
    const inside = frame >= 0 && frame < frames;
    let from = x + <usize>((batch * frames + frame) * groups) * size;
    let to = y + <usize>(batch * groups * padded + (unit % padded)) * size;
    for (let group = 0; group < groups; group++) {
      if (inside) copy(from, to, size);
      else clear(to, size);
      from += size;
      to += <usize>padded * size;
    }
  }
}

// @ts-ignore: decorator
@inline
function copy(from: usize, to: usize, size: usize): void {
  const end = to + size;
  for (; to + VECTOR_BYTES <= end; to += VECTOR_BYTES, from += VECTOR_BYTES) {
    v128.store(to, v128.load(from));
  }
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(from));
}

// @ts-ignore: decorator
@inline
function clear(to: usize, size: usize): void {
  const end = to + size;
  for (; to + VECTOR_BYTES <= end; to += VECTOR_BYTES) v128.store(to, f32x4.splat(0));
  for (; to < end; to += 4) store<f32>(to, 0);
}

/** `from [O, K, C]` -> `to [O, C, K]`. Units: the O matrices. */
export function swapTaps(
  thread: i32, begin: i32, end: i32,
  from: usize, to: usize, taps: i32, channels: i32,
): void {
  const tapBytes = <usize>channels << 2;
  const channelBytes = <usize>taps << 2;
  const wholeTaps = taps & -LANES;
  const wholeChannels = channels & -LANES;
  for (let unit = begin; unit < end; unit++) {
    const source = from + <usize>(unit * taps) * tapBytes;
    const target = to + <usize>(unit * taps) * tapBytes;
    for (let channel = 0; channel < wholeChannels; channel += LANES) {
      for (let tap = 0; tap < wholeTaps; tap += LANES) {
        const at = source + <usize>tap * tapBytes + (<usize>channel << 2);
        transpose(at, tapBytes, target + <usize>channel * channelBytes + (<usize>tap << 2), channelBytes);
      }
    }
    for (let channel = 0; channel < channels; channel++) {
      for (let tap = channel < wholeChannels ? wholeTaps : 0; tap < taps; tap++) {
        const value = load<f32>(source + <usize>tap * tapBytes + (<usize>channel << 2));
        store<f32>(target + <usize>channel * channelBytes + (<usize>tap << 2), value);
      }
    }
  }
}
