/**
 * Plain Euclidean norm of all elements of all tensors together. Reference of `globalNorm`.
 *
 * @module
 */
import { type NdArray, zeros } from "./nd_array.ts";

/** A list of tensors -> scalar */
export function globalNorm(tensors: NdArray[]): NdArray {
  const norm = zeros([]);
  let squares = 0;
  for (const tensor of tensors) {
    for (const value of tensor.values) squares += value * value;
  }
  norm.values[0] = Math.sqrt(squares);
  return norm;
}
