import assert from "node:assert/strict";
import { chosenSetting } from "../../src/heads/_cross_validation.ts";
import type { LabelledVectors } from "../../src/heads/_logistic_regression.ts";

/** Vectors that say which clip they are of. */
function clips(labels: number[]): LabelledVectors {
  return { vectors: Float64Array.from(labels, (_, clip) => clip), labels, classes: 3 };
}

/** The clips that each fit saw. */
function fittedClips(labels: number[], groups: string[]) {
  const seen: number[][] = [];
  const chosen = chosenSetting(clips(labels), {
    groups,
    settings: ["only"],
    scorers: ({ vectors }) => {
      seen.push([...vectors]);
      return [() => [0, 0, 0]];
    },
  });
  return { seen, chosen };
}

Deno.test("chosenSetting() never has clips of a group on both sides", () => {
  const labels = Array.from({ length: 60 }, (_, i) => i % 3);
  const groups = labels.map((_, i) => `recording ${Math.floor(i / 4)}`);
  const { seen, chosen } = fittedClips(labels, groups);
  assert.equal(seen.length, 5);
  for (const fitted of seen) {
    const inside = new Set(fitted.map((clip) => groups[clip]));
    const outside = groups.filter((_, clip) => !fitted.includes(clip));
    assert.ok(outside.length > 0 && outside.every((group) => !inside.has(group)));
  }
  assert.ok(Math.abs(chosen!.heldOutLoss - Math.log(3)) < 1e-12);
});

Deno.test("chosenSetting() makes as many folds as there are groups, and none of one", () => {
  const labels = [0, 1, 2, 0, 1, 2];
  assert.equal(fittedClips(labels, ["a", "a", "a", "b", "b", "b"]).seen.length, 2);
  assert.deepEqual(fittedClips(labels, labels.map(() => "a")), { seen: [], chosen: undefined });
});

Deno.test("chosenSetting() does not judge by clips of a class that no fit has heard", () => {
  // A class of one clip, and one that lies in one group.
  const { chosen } = fittedClips([0, 0, 0, 0, 1, 2, 2], ["a", "b", "c", "d", "e", "f", "f"]);
  assert.ok(Math.abs(chosen!.heldOutLoss - Math.log(3)) < 1e-12);
  assert.equal(fittedClips([0, 1, 2], ["a", "b", "c"]).chosen, undefined);
});

Deno.test("chosenSetting() takes the setting of least loss", () => {
  const labels = Array.from({ length: 20 }, (_, i) => i % 2);
  const chosen = chosenSetting({ ...clips(labels), classes: 2 }, {
    groups: labels.map((_, i) => `${i}`),
    settings: [-1, 1, 0],
    scorers: () => [-1, 1, 0].map((bias) => () => [0, 3 * bias]),
  });
  assert.deepEqual(chosen, { setting: 0, heldOutLoss: Math.log(2) });
});
