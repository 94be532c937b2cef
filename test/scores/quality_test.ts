import { deepEqual, equal } from "node:assert/strict";
import { auroc, calibrationError, confidenceBins, quantile } from "../../src/scores/mod.ts";
import { near, scoresReference } from "../heads/_scores_reference.ts";

const { qualities } = await scoresReference();

for (
  const [i, { confidences, right, bins, error, unknown, known, ...rest }] of qualities.entries()
) {
  Deno.test(`calibrationError() is NumPy's for case ${i}`, () => {
    near(calibrationError(confidenceBins(confidences, right, bins)), error, 1e-12);
  });

  Deno.test(`auroc() is scikit-learn's for case ${i}, ties among them`, () => {
    near(auroc(unknown, known), rest.auroc, 1e-12);
  });
}

Deno.test("confidenceBins() puts the same number of clips into each bin, and has no empty ones", () => {
  const bins = confidenceBins([0.1, 0.9, 0.3, 0.7, 0.5], [false, true, false, true, true], 2);
  deepEqual(bins.map(({ clips, accuracy }) => ({ clips, accuracy })), [
    { clips: 3, accuracy: 1 / 3 },
    { clips: 2, accuracy: 1 },
  ]);
  equal(confidenceBins([0.5], [true], 15).length, 1);
});

Deno.test("quantile() lies between neighbours where none is exact", () => {
  equal(quantile([3, 1, 2], 0.5), 2);
  equal(quantile([0, 1], 0.25), 0.25);
  equal(quantile([7], 0.98), 7);
});
