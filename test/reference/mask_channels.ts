/**
 * Plain zeroing of masked channels, in every frame of a clip.
 *
 * Reference of `maskChannels`, whose gradient is the same kernel on `dy`.
 *
 * @module
 */
import { map, type NdArray } from "./nd_array.ts";

/** `x [B, T, C]`, `mask [B, C]` -> `[B, T, C]` */
export function maskChannels({ x, mask }: { x: NdArray; mask: NdArray }): NdArray {
  const [, frames, channels] = x.shape as [number, number, number];
  return map(x, (value, i) => {
    const b = Math.floor(i / (frames * channels));
    return mask.values[b * channels + i % channels] ? 0 : value;
  });
}
