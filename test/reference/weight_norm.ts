/**
 * Plain weight normalisation per kernel tap: `g * v / |v|`, the norm over outputs and inputs of one tap.
 *
 * Reference of `weightNorm` and `weightNormGrad`.
 *
 * @module
 */
import { map, type NdArray, zeros } from "./nd_array.ts";

/** `g [1, 1, K]`, `v [O, I, K]` -> `[O, I, K]` */
export function weightNorm({ g, v }: { g: NdArray; v: NdArray }): NdArray {
  const norms = tapNorms(v);
  return map(v, (value, i) => g.values[i % norms.length]! * value / norms[i % norms.length]!);
}

/** `g`, `v`, `dy` -> `dg`, `dv` */
export function weightNormGrad(
  { g, v, dy }: { g: NdArray; v: NdArray; dy: NdArray },
): [dg: NdArray, dv: NdArray] {
  const norms = tapNorms(v);
  const width = norms.length;
  const dg = zeros(g.shape);
  v.values.forEach((value, i) =>
    dg.values[i % width]! += dy.values[i]! * value / norms[i % width]!
  );
  const dv = map(v, (value, i) => {
    const k = i % width;
    return g.values[k]! / norms[k]! * (dy.values[i]! - dg.values[k]! * value / norms[k]!);
  });
  return [dg, dv];
}

function tapNorms(v: NdArray): Float64Array {
  const squares = new Float64Array(v.shape[2]!);
  v.values.forEach((value, i) => squares[i % squares.length]! += value * value);
  return squares.map(Math.sqrt);
}
