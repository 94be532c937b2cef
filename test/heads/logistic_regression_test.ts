import assert from "node:assert/strict";
import { fitLogisticRegression } from "../../src/heads/_logistic_regression.ts";
import { readJson } from "../kit.ts";

interface Case {
  size: number;
  classes: number;
  l2: number;
  vectors: number[];
  labels: number[];
  loss: number;
  log_probabilities: number[];
}

const { cases } = await readJson<{ cases: Case[] }>(
  new URL("logistic_regression_reference.json", import.meta.url).pathname,
);

for (const { size, classes, l2, labels, loss, ...rest } of cases) {
  Deno.test(`fitLogisticRegression() reaches the optimum of ${classes} classes in ${size} numbers`, () => {
    const vectors = Float64Array.from(rest.vectors);
    const fitted = fitLogisticRegression({ vectors, labels, classes }, { l2 });
    assert.ok(Math.abs(fitted.loss - loss) <= 1e-6, `loss ${fitted.loss}, expected ${loss}`);
    for (const row of labels.keys()) {
      const scores = Array.from(fitted.biases, (bias, k) => {
        const own = fitted.weights.subarray(k * size, (k + 1) * size);
        return own.reduce((sum, weight, d) => sum + weight * vectors[row * size + d]!, bias);
      });
      const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
      for (const [k, score] of scores.entries()) {
        const expected = rest.log_probabilities[row * classes + k]!;
        assert.ok(Math.abs(score - Math.log(sum) - expected) <= 1e-5);
      }
    }
  });
}
