/**
 * Checks of shapes before a kernel runs.
 *
 * @module
 */
import { ShapeError } from "../errors.ts";
import type { Shape } from "./operation.ts";

/** Throws where a size cannot be divided among heads. */
export function expectHeads(what: string, size: number, heads: number): void {
  if (size % heads === 0) return;
  throw new ShapeError(
    `Cannot run ${what}: expected a size divisible by ${heads} heads, found ${size}`,
  );
}

/** Throws where channels cannot be halved. */
export function expectEven(what: string, size: number): void {
  if (size % 2 === 0) return;
  throw new ShapeError(`Cannot run ${what}: expected an even number of channels, found ${size}`);
}

/** Throws where there is another number of axes. */
export function expectRank(what: string, shape: Shape, rank: number): void {
  if (shape.length !== rank) {
    throw new ShapeError(`Cannot use ${what}: expected ${rank} axes, found shape [${shape}]`);
  }
}

/** Throws where it is another shape. */
export function expectShape(what: string, found: Shape, shape: Shape): void {
  const same = found.length === shape.length && found.every((size, i) => size === shape[i]);
  if (!same) {
    throw new ShapeError(`Cannot use ${what}: expected shape [${shape}], found [${found}]`);
  }
}

/** Whether two shapes are the same. */
export function isSame(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
