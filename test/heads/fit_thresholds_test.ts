import { deepEqual, equal, ok } from "node:assert/strict";
import { fitThresholds } from "../../src/heads/fit_thresholds.ts";
import { near, scoresReference } from "./_scores_reference.ts";

const { thresholds } = await scoresReference();

function counted(scores: number[], targets: number[], threshold: number) {
  const taken = scores.map((score, i) => ({ score, isOf: targets[i] === 1 }))
    .filter(({ score }) => score >= threshold);
  const right = taken.filter(({ isOf }) => isOf).length;
  const all = targets.filter((target) => target === 1).length;
  return {
    precision: right / taken.length,
    recall: right / all,
    f1: 2 * right / (taken.length + all),
  };
}

for (const [i, { scores, targets, ...expected }] of thresholds.entries()) {
  const clips = {
    scores: scores.map((score) => [score]),
    targets: targets.map((target) => [target]),
  };

  Deno.test(`fitThresholds() reaches scikit-learn's best F1 of case ${i}`, () => {
    const [found] = fitThresholds(clips, "f1");
    near(counted(scores, targets, found!.threshold).f1, expected.f1, 1e-12);
  });

  Deno.test(`fitThresholds() keeps a precision with scikit-learn's recall of case ${i}`, () => {
    const [found] = fitThresholds(clips, { precision: expected.precision });
    const { precision, recall } = counted(scores, targets, found!.threshold);
    ok(precision >= expected.precision);
    near(recall, expected.recall, 1e-12);
    near(found!.precision, precision, 1e-12);
    near(found!.recall, recall, 1e-12);
  });
}

Deno.test("fitThresholds() has none for a class that no clip is of, and 1 where no precision is kept", () => {
  const clips = { scores: [[0.9, 0.1], [0.4, 0.6]], targets: [[0, 0], [1, 0]] };
  deepEqual(fitThresholds(clips, { precision: 0.9 }), [
    { threshold: 1, precision: 1, recall: 0 },
    undefined,
  ]);
});

Deno.test("fitThresholds() never parts clips of one score", () => {
  const clips = { scores: [[0.5], [0.5], [0.2]], targets: [[1], [0], [0]] };
  const [found] = fitThresholds(clips, "f1");
  equal(found!.threshold, 0.35);
});
