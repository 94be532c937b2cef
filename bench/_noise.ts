/**
 * The batch that every engine gets, and the settings of every step.
 *
 * Nothing is imported, so that a peer's process starts with nothing of ours.
 *
 * @module
 */
import type { Batch } from "../src/train/batches/batches.ts";

/** The settings of every step that a bench takes. */
export const ADAMW = {
  learningRate: 1e-4,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

/** Noise of a shape whose first axis is clips, labelled 0 to 3 in turn. */
export function noiseBatch(shape: number[]): Batch {
  let state = 1;
  const size = shape.reduce((product, length) => product * length, 1);
  const inputs = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  const labels = Int32Array.from({ length: shape[0]! }, (_, i) => i % 4);
  return { inputs, shape, labels };
}
