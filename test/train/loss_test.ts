import assert from "node:assert/strict";
import { tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { ProblemType } from "../../src/models/problem_type.ts";
import { batchLoss, meanLoss } from "../../src/train/loss.ts";
import { useReference } from "../reference/backend.ts";

const SINGLE = "single_label_classification";
const MULTI = "multi_label_classification";

const LOGITS = [0.5, -1, 2, 0, 3, -0.25];
const CASES: [ProblemType, Int32Array | Float32Array, number][] = [
  // Worked out with NumPy: log-sum-exp minus the class, log(1 + e^x) - t x, (x - t)^2; means over all.
  [SINGLE, Int32Array.of(2, 0), 1.6630840955],
  [MULTI, Float32Array.of(1, 0, 1, 0, 0, 1), 0.9136567725],
  ["regression", Float32Array.of(0, 1, 2, -1, 1, 0), 1.5520833333],
];

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `expected ${expected}, found ${actual}`);
}

Deno.test("batchLoss() and meanLoss() are the loss of the problem", async (t) => {
  await useReference();
  for (const [problemType, labels, expected] of CASES) {
    await t.step(problemType, async () => {
      const logits = tensor2d(LOGITS, [2, 3]);
      const targets = labels instanceof Int32Array
        ? tensor1d(labels, "int32")
        : tensor2d(labels, [2, 3]);
      const [loss] = await batchLoss(logits, targets, { problemType, clips: 2 }).data();
      near(loss!, expected);
      const prediction = { logits: Float32Array.from(LOGITS), classes: 3, labels };
      near(meanLoss(prediction, problemType), expected);
    });
  }
});

Deno.test("batchLoss() is a mean over the clips of all batches", async () => {
  await useReference();
  const logits = tensor2d(LOGITS, [2, 3]);
  const labels = tensor2d(new Float32Array(6), [2, 3]);
  const [two] = await batchLoss(logits, labels, { problemType: MULTI, clips: 2 }).data();
  const [eight] = await batchLoss(logits, labels, { problemType: MULTI, clips: 8 }).data();
  near(eight!, two! / 4);
});

Deno.test("batchLoss() refuses labels of another kind of problem", async () => {
  await useReference();
  const logits = tensor2d(LOGITS, [2, 3]);
  const classes = tensor1d([0, 1], "int32");
  assert.throws(
    () => batchLoss(logits, classes, { problemType: MULTI, clips: 2 }),
    /"multi_label_classification": expected float32 labels, found int32/,
  );
  assert.throws(
    () => batchLoss(logits, tensor1d([0, 1]), { problemType: SINGLE, clips: 2 }),
    /expected int32 labels, found float32/,
  );
});

Deno.test("meanLoss() is log N for equal scores, and finite for huge ones", () => {
  const flat = { logits: new Float32Array(6), classes: 3, labels: Int32Array.of(0, 2) };
  near(meanLoss(flat, SINGLE), Math.log(3));
  const huge = { logits: Float32Array.of(1e4, 0), classes: 2, labels: Int32Array.of(1) };
  assert.equal(meanLoss(huge, SINGLE), 1e4);
  assert.equal(meanLoss({ ...huge, labels: Float32Array.of(0, 0) }, MULTI), 5000 + Math.LN2 / 2);
});
