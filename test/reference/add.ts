/**
 * Plain sum of two tensors of one shape. Reference of `Add`.
 *
 * @module
 */
import { map, type NdArray } from "./nd_array.ts";

/** `a`, `b` of one shape -> that shape */
export function add({ a, b }: { a: NdArray; b: NdArray }): NdArray {
  return map(a, (value, i) => value + b.values[i]!);
}
