/**
 * Batch plans: whole, repeatable, of like length, and random all the same.
 *
 * @module
 */

import { deepEqual, equal, notDeepEqual, throws } from "node:assert/strict";
import { type BatchPlan, planBatches } from "../../src/data/sampler.ts";
import { seededRandom } from "../../src/data/random.ts";

const COUNT = 1_003;
const DURATIONS = Float64Array.from({ length: COUNT }, (_, clip) => {
  return 0.1 + 10 * seededRandom(9, clip).uniform() ** 3;
});

/** How much longer the padded batches are than the clips in them. */
function padding(plan: BatchPlan): number {
  const padded = plan.map((batch) => batch.length * Math.max(...batch.map((at) => DURATIONS[at]!)));
  return padded.reduce((a, b) => a + b) / DURATIONS.reduce((a, b) => a + b);
}

Deno.test("planBatches() puts every clip into exactly one batch", () => {
  for (const shuffle of [true, false]) {
    for (const durations of [undefined, DURATIONS]) {
      const plan = planBatches(COUNT, { batchSize: 16, shuffle, durations });
      deepEqual(plan.flat().sort((a, b) => a - b), Array.from({ length: COUNT }, (_, i) => i));
      const sizes = plan.map((batch) => batch.length).sort((a, b) => a - b);
      deepEqual([sizes.length, sizes[0], sizes[1], sizes.at(-1)], [63, 11, 16, 16]);
    }
  }
});

Deno.test("planBatches() depends on the seed and the epoch alone", () => {
  const plan = (seed: number, epoch: number) =>
    planBatches(COUNT, { batchSize: 16, durations: DURATIONS, seed, epoch });
  deepEqual(plan(1, 0), plan(1, 0));
  notDeepEqual(plan(1, 0), plan(2, 0));
  notDeepEqual(plan(1, 0), plan(1, 1));
});

Deno.test("planBatches() keeps the order of the clips without shuffling", () => {
  deepEqual(planBatches(5, { batchSize: 2, shuffle: false }), [[0, 1], [2, 3], [4]]);
});

Deno.test("planBatches() goes from the longest to the shortest by length without shuffling", () => {
  const plan = planBatches(COUNT, { batchSize: 16, shuffle: false, durations: DURATIONS });
  const lengths = plan.flat().map((clip) => DURATIONS[clip]!);
  deepEqual(lengths, Array.from(DURATIONS.toSorted()).reverse());
});

Deno.test("planBatches() by length pads little, and still mixes the clips", () => {
  const like = planBatches(COUNT, { batchSize: 16, durations: DURATIONS });
  const random = planBatches(COUNT, { batchSize: 16 });
  equal(padding(random) > 2, true, `random: ${padding(random)}`);
  equal(padding(like) < 1.3, true, `like: ${padding(like)}`);
  const next = planBatches(COUNT, { batchSize: 16, durations: DURATIONS, epoch: 1 });
  const neighbours = (plan: BatchPlan) => new Set(plan.find((batch) => batch.includes(500)));
  const shared = neighbours(like).intersection(neighbours(next)).size;
  equal(shared < 12, true, `${shared} of 16 together again`);
});

Deno.test("planBatches() by length begins with the longest clip and then has no order", () => {
  const plan = planBatches(COUNT, { batchSize: 16, durations: DURATIONS });
  const longest = plan.map((batch) => Math.max(...batch.map((clip) => DURATIONS[clip]!)));
  equal(longest[0], Math.max(...DURATIONS));
  const falling = longest.slice(1).filter((length, i) => length < longest[i]!).length;
  equal(falling > 15 && falling < 47, true, `${falling} of 62 fall`);
});

Deno.test("planBatches() plans sets of no clip, one clip and one batch", () => {
  for (const durations of [true, false]) {
    const plan = (count: number) =>
      planBatches(count, {
        batchSize: 4,
        durations: durations ? new Float64Array(count) : undefined,
      });
    deepEqual(plan(0), []);
    deepEqual(plan(1), [[0]]);
    equal(plan(4)[0]!.length, 4);
  }
});

Deno.test("planBatches() refuses batches and durations that do not fit", () => {
  for (const batchSize of [0, -1, 1.5, NaN]) {
    throws(() => planBatches(4, { batchSize }), { name: "RangeError" }, `${batchSize}`);
  }
  const durations = [1, 2, 3];
  throws(() => planBatches(4, { batchSize: 2, durations }), {
    name: "RangeError",
    message: "Cannot plan batches: expected 4 durations, found 3",
  });
});
