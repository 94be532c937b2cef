/**
 * Changes of a clip that leave its class as it is, drawn anew in each epoch.
 *
 * @module
 */
import type { Random } from "../random.ts";

/** How clips are changed in training. */
export interface AugmentOptions {
  /** Speed is drawn from 1 - this to 1 + this; pitch goes with it. 0 to below 1. @default 0 */
  speed?: number;
}

/** The change that the options ask for, or undefined where they ask for none. */
export function augmentation(
  options: AugmentOptions,
): ((samples: Float32Array, random: Random) => Float32Array) | undefined {
  const { speed = 0 } = options;
  if (speed === 0) return undefined;
  return (samples, random) => changeSpeed(samples, 1 + speed * (2 * random.uniform() - 1));
}

/**
 * The clip played `factor` times as fast, by linear interpolation: `length / factor` samples, at least one.
 *
 * @example
 * ```ts
 * import { changeSpeed } from "./augment.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(changeSpeed(Float32Array.of(0, 1, 2, 3), 2), Float32Array.of(0, 2));
 * ```
 */
export function changeSpeed(samples: Float32Array, factor: number): Float32Array {
  const length = Math.max(1, Math.round(samples.length / factor));
  const last = samples.length - 1;
  return Float32Array.from({ length }, (_, i) => {
    const place = Math.min(last, i * factor);
    const before = Math.floor(place);
    const after = Math.min(last, before + 1);
    return samples[before]! + (place - before) * (samples[after]! - samples[before]!);
  });
}
