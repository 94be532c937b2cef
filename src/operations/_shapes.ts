/**
 * Checks of shapes before a kernel runs.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";

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

/** Throws where a tensor has another number of axes. */
export function expectRank(what: string, tensor: Tensor, rank: number): void {
  if (tensor.rank !== rank) {
    throw new ShapeError(
      `Cannot use ${what}: expected ${rank} axes, found shape [${tensor.shape}]`,
    );
  }
}

/** Throws where a tensor has another shape. */
export function expectShape(what: string, tensor: Tensor, shape: readonly number[]): void {
  const same = tensor.rank === shape.length && tensor.shape.every((size, i) => size === shape[i]);
  if (!same) {
    throw new ShapeError(`Cannot use ${what}: expected shape [${shape}], found [${tensor.shape}]`);
  }
}
