/**
 * Plain sum of two tensors of one shape. Reference of `add`.
 *
 * @module
 */
import { map, type NdArray } from "./nd_array.ts";

/** `x`, `y` of one shape -> that shape */
export function add({ x, y }: { x: NdArray; y: NdArray }): NdArray {
  return map(x, (value, i) => value + y.values[i]!);
}
