import assert from "node:assert/strict";
import { tensor1d, tensor2d, valueAndGrad } from "@tensorflow/tfjs-core";
import type { ProblemType } from "../../../src/models/problem_type.ts";
import { balancedWeights } from "../../../src/train/step/class_weights.ts";
import { batchLoss, meanLoss, weightedLoss } from "../../../src/train/step/loss.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";
import "../../../src/gradients.ts";
import { useReference } from "../../reference/backend.ts";

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

deviceTest("weightedLoss() and its gradient are those of PyTorch's CrossEntropyLoss", async () => {
  const logits = tensor2d([0.5, -1, 2, 1, 0, -0.5, 0.2, 0.3, 0.1, -2, 1.5, 0.7], [4, 3]);
  const labels = Int32Array.of(2, 0, 0, 1);
  const classWeights = [0.5, 2, 3];
  const { value, grad } = valueAndGrad((x) =>
    weightedLoss(x, labels, { classWeights, clips: 3 + 0.5 + 0.5 + 2 })
  )(logits);
  // torch.nn.CrossEntropyLoss(weight=tensor([0.5, 2, 3])), torch 2.13
  assertAllClose(await value.data(), [0.38175562], { atol: 1e-6 });
  assertAllClose(await grad.data(), [
    ...[0.0876452, 0.01955629, -0.10720149],
    ...[-0.03095569, 0.01926866, 0.01168703],
    ...[-0.05564792, 0.03059712, 0.0250508],
    ...[0.00680339, -0.108036, 0.10123263],
  ], { atol: 1e-6 });
  const equal = weightedLoss(logits, labels, { classWeights: [2, 2, 2], clips: 8 });
  const plain = batchLoss(logits, tensor1d(labels, "int32"), {
    problemType: "single_label_classification",
    clips: 4,
  });
  assertAllClose(await equal.data(), await plain.data(), { atol: 1e-6 });
  const none = weightedLoss(logits, labels, { classWeights: [0, 0, 0], clips: 1 });
  assert.equal((await none.data())[0], 0);
});

Deno.test("balancedWeights() gives each class the same sum, as scikit-learn's", () => {
  // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 2, 2])
  const weights = balancedWeights([0, 0, 0, 1, 2, 2], 3);
  assertAllClose(weights, [2 / 3, 2, 1], { atol: 1e-12 });
  assert.deepEqual(balancedWeights([0, 0], 2), [0.5, 0]);
});
