/**
 * Numbers with a shape, in double precision: what every plain kernel body here takes and gives.
 *
 * Row-major, always whole: no strides, no views, no data types.
 *
 * @module
 */

/** Numbers with their shape, the last axis running fastest. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** An array of zeros. */
export function zeros(shape: readonly number[]): NdArray {
  return { shape, values: new Float64Array(sizeOf(shape)) };
}

/** The length of the last axis, and how many vectors of that length there are. */
export function rowsOf(x: NdArray): { rows: number; columns: number } {
  const columns = x.shape.at(-1) ?? 1;
  return { rows: columns === 0 ? 0 : x.values.length / columns, columns };
}

/** A new array of the same shape, element by element. */
export function map(x: NdArray, body: (value: number, index: number) => number): NdArray {
  return { shape: x.shape, values: x.values.map(body) };
}
