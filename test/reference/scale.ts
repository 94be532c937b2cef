/**
 * Plain product with one number, plus a residual. Reference of `scale`.
 *
 * @module
 */
import { map, type NdArray } from "./nd_array.ts";

/** `x * factor + residual` */
export function scale(
  { x, residual }: { x: NdArray; residual?: NdArray },
  { factor }: { factor: number },
): NdArray {
  return map(x, (value, i) => value * factor + (residual?.values[i] ?? 0));
}
