/**
 * What is random inside a model in training, drawn from one seeded stream.
 *
 * Layers get `Noise | undefined`; undefined means evaluation: no dropout, no layer drop, no masks. The
 * state goes into checkpoints, so a resumed run draws on where it stopped.
 *
 * @module
 */
import { add, dropout as dropoutKernel } from "../kernels.ts";
import { Random, type RandomState } from "../random.ts";
import type { Tensor } from "@tensorflow/tfjs-core";

/**
 * The random stream of a model in training.
 *
 * @example
 * ```ts
 * import { Noise } from "@earshot/earshot/models";
 * import { equal } from "node:assert/strict";
 *
 * const noise = new Noise(42);
 * const replay = noise.replay();
 * equal(replay.seed(), noise.seed());
 * ```
 */
export class Noise {
  /** The stream itself, for masks. */
  readonly random: Random;
  /** Whether it draws again what was drawn before, for a gradient: nothing that a model holds may change then. */
  readonly isReplay: boolean;

  /**
   * Starts the stream.
   *
   * @param seed a number, or the saved state of another stream.
   */
  constructor(seed: number | RandomState, options: { isReplay?: boolean } = {}) {
    this.random = new Random(seed);
    this.isReplay = options.isReplay ?? false;
  }

  /** A stream of its own that will draw what this one draws from here on. */
  replay(): Noise {
    return new Noise(this.random.state, { isReplay: true });
  }

  /** A fresh seed for one dropout. */
  seed(): number {
    return this.random.uint32();
  }

  /** Whether a layer is skipped (Fan et al. 2019), with probability `rate`. */
  dropsLayer(rate: number): boolean {
    return this.random.uniform() < rate;
  }
}

/**
 * Dropout in training, the identity in evaluation; with a residual, its sum with the result.
 *
 * **Shape** `x`, `residual` any -> the same
 */
export function dropout(
  x: Tensor,
  rate: number,
  noise: Noise | undefined,
  residual?: Tensor,
): Tensor {
  if (noise && rate > 0) return dropoutKernel(x, { rate, seed: noise.seed() }, residual);
  return residual ? add(x, residual) : x.clone();
}
