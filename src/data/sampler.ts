/**
 * Which clips make up which batch of an epoch.
 *
 * A batch of clips of like length pads little. To stay random all the same, the clips are shuffled,
 * sorted by length within windows of some fifty batches, cut into batches, and the batches shuffled
 * (the reference's `group_by_length`). A plan depends on the seed and the epoch alone, so a resumed
 * run makes the same one and goes on in the middle. No audio is read here.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { seededRandom } from "./random.ts";

/** How an epoch's batches are planned. */
export interface BatchPlanOptions {
  /** Clips in a batch; the last one may have fewer. */
  batchSize: number;
  /** Seconds (or any measure of length) by clip; given, batches are of like length. */
  durations?: ArrayLike<number>;
  /**
   * Whether the order is random. Without, the clips stay in their order, or with `durations` go
   * from the longest to the shortest. @default true
   */
  shuffle?: boolean;
  /** A number; its low 32 bits count. @default 42 */
  seed?: number;
  /** The epoch, from 0; each has its own order. @default 0 */
  epoch?: number;
}

/** Clip numbers by batch. */
export type BatchPlan = number[][];

const MAX_WINDOW_BATCHES = 50;

/** Windows that there are at least, so that a small data set is not simply sorted. */
const MIN_WINDOWS = 4;

/**
 * Plans the batches of one epoch; every clip is in exactly one of them.
 *
 * In a shuffled plan by length the batch with the longest clip comes first, so that a device whose
 * memory does not suffice fails at once.
 *
 * @param count the number of clips.
 * @param options the size of a batch, and what decides about the order.
 * @returns the clip numbers of each batch.
 * @throws {RangeError} for a batch size that is not a whole number from 1, or other than `count`
 * durations.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const durations = [3, 1, 9, 2, 8];
 * const plan = planBatches(5, { batchSize: 2, durations, shuffle: false });
 * deepEqual(plan, [[2, 4], [0, 3], [1]]);
 * ```
 */
export function planBatches(count: number, options: BatchPlanOptions): BatchPlan {
  const { batchSize, durations, shuffle = true, seed = 42, epoch = 0 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`Cannot plan batches of ${batchSize}: expected a whole number from 1`);
  }
  if (durations !== undefined && durations.length !== count) {
    throw new RangeError(
      `Cannot plan batches: expected ${count} durations, found ${durations.length}`,
    );
  }
  const random = seededRandom(seed, epoch);
  const order = shuffle ? Array.from(random.permutation(count)) : rangeTo(count);
  if (durations === undefined) return cut(order, batchSize);
  if (!shuffle) return cut(longestFirst(order, durations), batchSize);
  const windows = cut(order, batchSize * windowBatches(count, batchSize));
  const batches = windows.flatMap((window) => cut(longestFirst(window, durations), batchSize));
  return leadByLongest(shuffled(batches, random), durations);
}

function windowBatches(count: number, batchSize: number): number {
  const fitting = Math.floor(count / (batchSize * MIN_WINDOWS));
  return Math.min(Math.max(fitting, 1), MAX_WINDOW_BATCHES);
}

function cut(values: readonly number[], size: number): number[][] {
  const parts: number[][] = [];
  for (let at = 0; at < values.length; at += size) parts.push(values.slice(at, at + size));
  return parts;
}

function longestFirst(clips: readonly number[], durations: ArrayLike<number>): number[] {
  return clips.toSorted((a, b) => durations[b]! - durations[a]!);
}

function shuffled(batches: BatchPlan, random: Random): BatchPlan {
  return Array.from(random.permutation(batches.length), (at) => batches[at]!);
}

/** Swaps the batch with the longest clip to the front; a batch's first clip is its longest. */
function leadByLongest(plan: BatchPlan, durations: ArrayLike<number>): BatchPlan {
  let longest = 0;
  for (let at = 1; at < plan.length; at++) {
    if (durations[plan[at]![0]!]! > durations[plan[longest]![0]!]!) longest = at;
  }
  if (longest > 0) [plan[0], plan[longest]] = [plan[longest]!, plan[0]!];
  return plan;
}

function rangeTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
