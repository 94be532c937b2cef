/**
 * Dropout whose draws can be drawn again, on any device and in any order.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { add } from "./add.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";
import { scale } from "./scale.ts";

/** How a dropout draws: element `i` is kept where `keepHash(seed, i) >= rate * 2^32`. */
export interface DropoutAttrs {
  /** Share of the elements set to zero, 0 to 1; the others are divided by `1 - rate`. */
  rate: number;
  /** Unsigned 32-bit seed; the same seed draws the same elements on every device. */
  seed: number;
}

/** `x`, `residual` of one shape -> that shape */
export const dropoutOperation: Operation<{ x: Tensor; residual?: Tensor }, DropoutAttrs, Tensor> = {
  name: "dropout",
  outputs: ({ x, residual }) => {
    if (residual) expectShape("dropout residual", residual, x);
    return x;
  },
  gradient: gradient([], ({ dy, attrs }) => ({
    x: () => run(dropoutOperation, { x: dy }, attrs),
    residual: () => dy.clone(),
  })),
};

/**
 * Whether dropout keeps element `index`: a 32-bit mix of seed and counter, so that a gradient can
 * draw again what the forward pass drew, on any device and in any order.
 *
 * @returns an unsigned 32-bit number, uniformly distributed.
 */
export function keepHash(seed: number, index: number): number {
  let hash = (Math.imul(index, 0x9e3779b9) + seed) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Dropout, plus a residual if one is given: `x * keep / (1 - rate) + residual`.
 *
 * **Shape** `x`, `residual` any -> the same
 */
export function dropout(x: Tensor, attrs: DropoutAttrs, residual?: Tensor): Tensor {
  if (attrs.rate > 0 && attrs.rate < 1) return run(dropoutOperation, { x, residual }, attrs);
  // Nothing is left to be divided by 0.
  const kept = attrs.rate < 1 ? x.clone() : scale(x, 0);
  if (!residual) return kept;
  const sum = add(kept, residual);
  kept.dispose();
  return sum;
}
