/**
 * Plain replacement of masked frames by one vector.
 *
 * Reference of `maskFrames` and `maskFramesGrad`.
 *
 * @module
 */
import { map, type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** `x [B, T, C]`, `mask [B, T]`, `value [C]` -> `[B, T, C]` */
export function maskFrames(
  { x, mask, value }: { x: NdArray; mask: NdArray; value: NdArray },
): NdArray {
  const { columns } = rowsOf(x);
  return map(
    x,
    (kept, i) => mask.values[Math.floor(i / columns)] ? value.values[i % columns]! : kept,
  );
}

/** `dy [B, T, C]`, `mask` -> `dx`, `dvalue [C]` */
export function maskFramesGrad(
  { dy, mask }: { dy: NdArray; mask: NdArray },
): [dx: NdArray, dvalue: NdArray] {
  const { columns } = rowsOf(dy);
  const [dx, dvalue] = [zeros(dy.shape), zeros([columns])];
  dy.values.forEach((slope, i) => {
    if (mask.values[Math.floor(i / columns)]) dvalue.values[i % columns]! += slope;
    else dx.values[i] = slope;
  });
  return [dx, dvalue];
}
