/**
 * Plain sum of every row with one vector. Reference of `addBias`.
 *
 * @module
 */
import { map, type NdArray } from "./nd_array.ts";

/** `x [..., C]`, `bias [C]` -> `[..., C]` */
export function addBias({ x, bias }: { x: NdArray; bias: NdArray }): NdArray {
  return map(x, (value, i) => value + bias.values[i % bias.values.length]!);
}
