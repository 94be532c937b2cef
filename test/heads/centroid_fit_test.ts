import assert from "node:assert/strict";
import { fitCentroids } from "../../src/heads/centroid_fit.ts";
import { Random } from "../../src/random.ts";

function scoresOf(
  { weights, biases }: ReturnType<typeof fitCentroids>,
  vector: number[],
): number[] {
  return Array.from(
    biases,
    (bias, k) =>
      vector.reduce((sum, value, d) => sum + value * weights[k * vector.length + d]!, bias),
  );
}

Deno.test("fitCentroids() takes the class of the nearest mean, however many clips a class has", () => {
  // Two clips a class and fifty make the same means.
  const random = new Random(2);
  const means = [[0, 0, 5], [4, 0, 5], [0, 4, 5]];
  const labels = [...Array.from({ length: 50 }, () => 0), 1, 1, 2, 2];
  const vectors = Float64Array.from(
    labels.flatMap((label) => means[label]!.map((value) => value + 0.3 * random.normal())),
  );
  const fit = fitCentroids({ vectors, labels, classes: 3 });
  for (
    const [vector, label] of [[[0.3, 0.3, 5], 0], [[2.6, 0.2, 5], 1], [[0.1, 2.6, 5], 2]] as const
  ) {
    const scores = scoresOf(fit, [...vector]);
    assert.equal(scores.indexOf(Math.max(...scores)), label);
  }
  assert.ok(fit.heldOutLoss! < 0.3, `${fit.heldOutLoss}`);
});

Deno.test("fitCentroids() takes one clip a class, and vectors that are the same", () => {
  const one = fitCentroids({
    vectors: Float64Array.of(0, 1, 1, 0, 5, 5),
    labels: [0, 1, 2],
    classes: 3,
  });
  assert.equal(one.heldOutLoss, undefined);
  const scores = scoresOf(one, [5, 4]);
  assert.equal(scores.indexOf(Math.max(...scores)), 2);
  const same = fitCentroids({ vectors: new Float64Array(8), labels: [0, 1, 0, 1], classes: 2 });
  assert.ok([...same.weights, ...same.biases].every(Number.isFinite));
});
