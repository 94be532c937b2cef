/**
 * Plain dropout by counter: element `i` stays where `keepHash(seed, i) >= rate * 2^32`.
 *
 * Reference of `dropout`, whose gradient is the same kernel on `dy`.
 *
 * @module
 */
import { type DropoutAttrs, keepHash } from "../../src/kernels.ts";
import { map, type NdArray } from "./nd_array.ts";

/** `x * keep / (1 - rate) + residual` */
export function dropout(
  { x, residual }: { x: NdArray; residual?: NdArray },
  { rate, seed }: DropoutAttrs,
): NdArray {
  return map(x, (value, i) => value * dropoutFactor(rate, seed, i) + (residual?.values[i] ?? 0));
}

/** What element `index` is multiplied by: 0 or `1 / (1 - rate)`. */
export function dropoutFactor(rate: number, seed: number, index: number): number {
  return keepHash(seed, index) >= rate * 2 ** 32 ? 1 / (1 - rate) : 0;
}
