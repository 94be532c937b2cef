/**
 * Plain scaling of channels by a factor each, in every frame of a clip.
 *
 * Reference of `scaleChannels` and `scaleChannelsGrad`.
 *
 * @module
 */
import { map, type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]`, `factor [B, C]` -> `[B, T, C]` */
export function scaleChannels({ x, factor }: { x: NdArray; factor: NdArray }): NdArray {
  return map(x, (value, i) => value * factor.values[factorAt(x, i)]!);
}

/** `x`, `dy [B, T, C]` -> `dfactor [B, C]` */
export function scaleChannelsGrad({ x, dy }: { x: NdArray; dy: NdArray }): NdArray {
  const dfactor = zeros([x.shape[0]!, x.shape[2]!]);
  x.values.forEach((value, i) => dfactor.values[factorAt(x, i)]! += value * dy.values[i]!);
  return dfactor;
}

/** The flat position of the factor of an element. */
function factorAt({ shape: [, frames, channels] }: NdArray, i: number): number {
  return Math.floor(i / (frames! * channels!)) * channels! + i % channels!;
}
