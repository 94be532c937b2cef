import assert from "node:assert/strict";
import { spanned } from "../../src/heads/_clip_vectors.ts";
import { fitLinear } from "../../src/heads/linear_fit.ts";
import { fitLogisticRegression } from "../../src/heads/_logistic_regression.ts";
import { Random } from "../../src/random.ts";

const random = new Random(5);
const CLIPS = 40;
const SIZE = 6;
const vectors = Float64Array.from({ length: CLIPS * SIZE }, () => 2 * random.normal() + 1);

Deno.test("fitLinear() of several labels is a regression of each label against all others", () => {
  const targets = Float32Array.from(
    { length: CLIPS * 2 },
    (_, i) => +(vectors[Math.floor(i / 2) * SIZE + i % 2]! + random.normal() > 1),
  );
  const { weights, biases, l2 } = fitLinear({ vectors, targets, classes: 2 }, { l2: 0.5 });
  assert.equal(l2, 0.5);
  for (const k of [0, 1]) {
    // The slope of the loss of the label, by differences: 0 at the optimum, of scaled weights.
    const deviations = Array.from({ length: SIZE }, (_, d) => {
      const own = Array.from({ length: CLIPS }, (_, row) => vectors[row * SIZE + d]!);
      const mean = own.reduce((a, b) => a + b) / CLIPS;
      return Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / CLIPS);
    });
    const lossAt = (moved: number, by: number) => {
      const own = Array.from(weights.subarray(k * SIZE, (k + 1) * SIZE));
      own[moved]! += by / deviations[moved]!;
      let loss = 0;
      for (let row = 0; row < CLIPS; row++) {
        const score = own.reduce((sum, w, d) => sum + w * vectors[row * SIZE + d]!, biases[k]!);
        loss += Math.log1p(Math.exp(targets[row * 2 + k]! > 0 ? -score : score));
      }
      return loss + own.reduce((sum, w, d) => sum + 0.25 * (w * deviations[d]!) ** 2, 0);
    };
    for (let d = 0; d < SIZE; d++) {
      // The bias is not moved along, so that the mean of the vectors shows: it is at its own optimum.
      const slope = (lossAt(d, 1e-5) - lossAt(d, -1e-5)) / 2e-5;
      assert.ok(Math.abs(slope) < 1e-5, `${slope}`);
    }
  }
});

Deno.test("fitLogisticRegression() finds the same optimum from another start", () => {
  const labels = Array.from({ length: CLIPS }, (_, i) => i % 3);
  const data = { vectors, labels, classes: 3 };
  const start = fitLogisticRegression(data, { l2: 100 });
  const [cold, warm] = [undefined, start].map((start) =>
    fitLogisticRegression(data, { l2: 1, start })
  );
  const furthest = Math.max(...cold!.weights.map((w, i) => Math.abs(w - warm!.weights[i]!)));
  assert.ok(furthest < 1e-7, `${furthest}`);
});

Deno.test("fitLinear() takes classes of one clip, and labels that all clips or none have", () => {
  const labels = Array.from({ length: CLIPS }, (_, i) => i === 7 ? 1 : 0);
  const rare = fitLinear({ vectors, labels, classes: 3 });
  const targets = Float32Array.from({ length: 2 * CLIPS }, (_, i) => i % 2);
  const odd = fitLinear({ vectors, targets, classes: 2 });
  for (const { weights, biases } of [rare, odd]) {
    assert.ok([...weights, ...biases].every(Number.isFinite));
  }
  assert.ok(odd.biases[0]! < -5 && odd.biases[1]! > 5);
});

Deno.test("fitLinear() of more numbers than clips is at the optimum too", () => {
  const clips = 12;
  // The second half of the clips is as the first, so that they span no more than six directions.
  const wide = Float64Array.from({ length: clips / 2 * 30 }, () => random.normal());
  const vectors = Float64Array.from({ length: clips * 30 }, (_, i) => wide[i % wide.length]!);
  const labels = Array.from({ length: clips }, (_, i) => i % 3);
  const data = { vectors, labels, classes: 3 };
  const { narrow, widen } = spanned(data);
  assert.equal(narrow.vectors.length, clips * 6);
  const found = widen(fitLogisticRegression(narrow, { l2: 0.7 }));
  const expected = fitLogisticRegression(data, { l2: 0.7 });
  const furthest = Math.max(...expected.weights.map((w, i) => Math.abs(w - found.weights[i]!)));
  assert.ok(furthest < 1e-7, `${furthest}`);
});
