/**
 * Plain rotary positions: channels c and c + half a head turn together by an angle.
 *
 * Reference of `rotary`, whose gradient is the same kernel, turning back.
 *
 * @module
 */
import type { RotaryAttrs } from "../../src/kernels.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, D]`, `cos`, `sin [T, D / 2H]` -> `[B, T, D]` */
export function rotary(
  { x, cos, sin }: Record<"x" | "cos" | "sin", NdArray>,
  { heads, inverse }: RotaryAttrs,
): NdArray {
  const [, frames, size] = x.shape as [number, number, number];
  const half = size / heads / 2;
  const y = zeros(x.shape);
  for (let pair = 0; pair < x.values.length / 2; pair++) {
    const first = 2 * Math.floor(pair / half) * half + pair % half;
    const second = first + half;
    const angle = Math.floor(first / size) % frames * half + pair % half;
    const [along, across] = [cos.values[angle]!, (inverse ? -1 : 1) * sin.values[angle]!];
    y.values[first] = x.values[first]! * along - x.values[second]! * across;
    y.values[second] = x.values[second]! * along + x.values[first]! * across;
  }
  return y;
}
