import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { mcNemarTest, pairedDifference } from "../../../src/train/metrics/paired_tests.ts";
import golden from "../../golden/protocol_statistics.json" with { type: "json" };

/** Whether two models have clips right: `a` the first alone, `b` the second alone, three both. */
function answers(a: number, b: number): [first: boolean[], second: boolean[]] {
  const of = (right: boolean, count: number) => new Array<boolean>(count).fill(right);
  return [
    [...of(true, a), ...of(false, b), true, true, true],
    [...of(false, a), ...of(true, b), true, true, true],
  ];
}

Deno.test("mcNemarTest() is scipy's exact binomial test", () => {
  for (const [a, b, expected] of golden.mcnemar as [number, number, number][]) {
    const { firstOnly, secondOnly, p } = mcNemarTest(...answers(a, b));
    deepEqual([firstOnly, secondOnly], [a, b]);
    ok(Math.abs(p - expected) <= 1e-9 * expected, `${a}, ${b}: ${p}, not ${expected}`);
  }
  throws(() => mcNemarTest([true], []), RangeError);
});

/** The share of clips that are right. */
function share(answers: readonly boolean[]): (places: Int32Array) => number {
  return (places) => places.filter((place) => answers[place]).length / places.length;
}

Deno.test("pairedDifference() draws both models together", () => {
  const clips = 40;
  const even = Array.from({ length: clips }, (_, i) => i % 2 === 0);
  // Drawn apart, the interval would be as wide as for two models.
  deepEqual(pairedDifference(clips, share(even), share(even)), {
    difference: 0,
    low: 0,
    high: 0,
    p: 1,
  });
  const better = even.map((right, i) => right || i < 20);
  const { difference, low, high, p } = pairedDifference(clips, share(even), share(better));
  equal(difference, 0.25);
  // Ten of 40 clips differ: a standard error of sqrt(0.25 * 0.75 / 40) = 0.068.
  ok(low > 0.09 && low < 0.15 && high > 0.35 && high < 0.42, `${low} to ${high}`);
  ok(p < 0.01, String(p));
  const back = pairedDifference(clips, share(better), share(even));
  deepEqual([back.difference, back.low, back.p], [-0.25, -high, p]);
});
