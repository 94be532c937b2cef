import assert from "node:assert/strict";
import { accuracy, argMax, perClass } from "../../../src/train/metrics/metrics.ts";

const PREDICTION = {
  logits: Float32Array.of(3, 1, 0, 0, 2, 1, 5, 0, 0, 1, 1, 1),
  classes: 3,
  labels: Int32Array.of(0, 1, 2, 1),
};

Deno.test("argMax() takes the first of equal scores", () => {
  assert.deepEqual(argMax(PREDICTION), Int32Array.of(0, 1, 0, 0));
});

Deno.test("accuracy() is the share of right classes", () => {
  assert.equal(accuracy(PREDICTION), 0.5);
});

Deno.test("perClass() counts precision, recall and F1, and copes with classes never found", () => {
  const table = perClass(PREDICTION, ["a", "b", "c"]);
  assert.deepEqual(table.a, { samples: 1, precision: 1 / 3, recall: 1, f1: 0.5 });
  assert.deepEqual(table.b, { samples: 2, precision: 1, recall: 0.5, f1: 2 / 3 });
  assert.deepEqual(table.c, { samples: 1, precision: 0, recall: 0, f1: 0 });
});

Deno.test("accuracy() of several labels is the share of clips with all of them right", () => {
  const prediction = {
    logits: Float32Array.of(3, -1, -2, 0.5, -0.5, 0.5),
    classes: 2,
    labels: Float32Array.of(1, 0, 0, 1, 1, 1),
  };
  assert.ok(Math.abs(accuracy(prediction) - 2 / 3) < 1e-12);
});
