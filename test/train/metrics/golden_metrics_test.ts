/**
 * Metrics against those of scikit-learn 1.9.1, on scores and labels of a generator that both sides have.
 *
 * The numbers expected come from `sklearn.metrics`: `precision_recall_fscore_support` with each average and
 * `zero_division=0`, `confusion_matrix`, `top_k_accuracy_score`, `roc_auc_score` and `average_precision_score` with
 * `average="macro"`. "Tied" scores are rounded to whole numbers first.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bootstrapInterval } from "../../../src/train/metrics/bootstrap.ts";
import { allMetrics, metricNames } from "../../../src/train/metrics/metric_sets.ts";
import {
  accuracy,
  confusionMatrix,
  type EvalPrediction,
  precisionRecallF1,
} from "../../../src/train/metrics/metrics.ts";
import {
  averagePrecision,
  rocAuc,
  topKAccuracy,
} from "../../../src/train/metrics/ranking_metrics.ts";

const [CLIPS, CLASSES] = [30, 4];

/** Uniform in [0, 1): x -> (1103515245 x + 12345) mod 2^31, from 7. */
function generator(): () => number {
  let state = 7n;
  return () => {
    state = (state * 1103515245n + 12345n) % 2n ** 31n;
    return Number(state) / 2 ** 31;
  };
}

function predictions(): Record<"single" | "multi" | "tied", EvalPrediction> {
  const next = generator();
  const logits = Float32Array.from(
    { length: CLIPS * CLASSES },
    () => Math.round((next() * 4 - 2) * 1000) / 1000,
  );
  const single = Int32Array.from({ length: CLIPS }, () => Math.floor(next() * 3.4));
  const multi = Float32Array.from({ length: CLIPS * CLASSES }, () => next() < 0.4 ? 1 : 0);
  const tied = logits.map((score) => Math.round(score));
  return {
    single: { logits, classes: CLASSES, labels: single },
    multi: { logits, classes: CLASSES, labels: multi },
    tied: { logits: tied, classes: CLASSES, labels: multi },
  };
}

function assertNear(actual: Record<string, number>, expected: Record<string, number>): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(Math.abs(actual[name]! - value) < 1e-12, `${name}: ${actual[name]} for ${value}`);
  }
}

Deno.test("allMetrics() of one label a clip are those of scikit-learn", () => {
  const { single } = predictions();
  const { top3_accuracy: _, ...found } = allMetrics("single_label_classification")(single);
  assertNear(found, {
    accuracy: 0.16666666666666666,
    precision_macro: 0.15833333333333333,
    recall_macro: 0.1607142857142857,
    f1_macro: 0.14375,
    precision_weighted: 0.21555555555555553,
    recall_weighted: 0.16666666666666666,
    f1_weighted: 0.16833333333333336,
    precision_micro: 0.16666666666666666,
    recall_micro: 0.16666666666666666,
    f1_micro: 0.16666666666666666,
  });
});

Deno.test("allMetrics() of several labels a clip are those of scikit-learn", () => {
  const { multi } = predictions();
  assertNear(allMetrics("multi_label_classification")(multi), {
    accuracy: 0.06666666666666667,
    precision_macro: 0.4666666666666666,
    recall_macro: 0.527432216905901,
    f1_macro: 0.4721092445230376,
    precision_weighted: 0.49358974358974356,
    recall_weighted: 0.5,
    f1_weighted: 0.46940533677934215,
    precision_micro: 0.43333333333333335,
    recall_micro: 0.5,
    f1_micro: 0.4642857142857143,
    roc_auc: 0.47860690235690234,
    average_precision: 0.5059573118262897,
  });
});

Deno.test("rocAuc() and averagePrecision() of equal scores are those of scikit-learn", () => {
  const { tied } = predictions();
  const found = { roc: rocAuc(tied), average: averagePrecision(tied) };
  assertNear(found, { roc: 0.4792157318802056, average: 0.4600250195046846 });
});

Deno.test("precisionRecallF1() counts classes that clips were only taken for, and no others", () => {
  // precision_recall_fscore_support([0, 1], [0, 2], average="macro", zero_division=0)
  const logits = Float32Array.of(1, 0, 0, 0, 0, 0, 1, 0);
  const prediction = { logits, classes: 4, labels: Int32Array.of(0, 1) };
  const third = 1 / 3;
  assert.deepEqual(precisionRecallF1(prediction, "macro"), {
    precision: third,
    recall: third,
    f1: third,
  });
});

Deno.test("rocAuc() leaves labels out that all clips or none have", () => {
  const prediction = {
    logits: Float32Array.of(1, 0, 3, 2, 0, 1),
    classes: 3,
    labels: Float32Array.of(1, 0, 0, 1, 0, 1),
  };
  assert.equal(rocAuc(prediction), 0);
  assert.ok(Number.isNaN(rocAuc({ ...prediction, labels: new Float32Array(6) })));
});

Deno.test("confusionMatrix() and topKAccuracy() are those of scikit-learn", () => {
  const { single } = predictions();
  assert.deepEqual(confusionMatrix(single), [
    [3, 1, 0, 2],
    [2, 2, 5, 5],
    [2, 3, 0, 2],
    [3, 0, 0, 0],
  ]);
  assert.equal(topKAccuracy(single, 2), 0.5);
  assert.equal(topKAccuracy(single, 1), accuracy(single));
});

Deno.test("metricNames() are those that allMetrics() gives", () => {
  const { single, multi } = predictions();
  for (
    const [problemType, prediction] of [
      ["single_label_classification", single],
      ["multi_label_classification", multi],
      ["regression", multi],
    ] as const
  ) {
    const names = Object.keys(allMetrics(problemType)(prediction));
    assert.deepEqual(names, metricNames(problemType, CLASSES));
  }
});

Deno.test("allMetrics() of a regression are mean and root mean square of its errors", () => {
  const prediction = {
    logits: Float32Array.of(1, 5),
    classes: 1,
    labels: Float32Array.of(2, 2),
  };
  assertNear(allMetrics("regression")(prediction), { mae: 2, rmse: Math.sqrt(5) });
});

Deno.test("bootstrapInterval() holds the metric, and is drawn by the seed alone", () => {
  const { single } = predictions();
  const { low, high } = bootstrapInterval(single, accuracy);
  assert.ok(low < 1 / 6 && 1 / 6 < high, `${low} to ${high}`);
  // The standard error of 5 in 30 is 0.068.
  assert.ok(Math.abs(high - low - 2 * 1.96 * 0.068) < 0.05, `${low} to ${high}`);
  assert.deepEqual(bootstrapInterval(single, accuracy), { low, high });
  const other = bootstrapInterval(single, accuracy, { seed: 43, resamples: 50 });
  assert.notDeepEqual(other, { low, high });
  const half = bootstrapInterval(single, accuracy, { level: 0.5 });
  assert.ok(low < half.low && half.high < high);
});

Deno.test("bootstrapInterval() refuses a data set without clips", () => {
  const empty = { logits: new Float32Array(0), classes: 2, labels: new Int32Array(0) };
  assert.throws(() => bootstrapInterval(empty, accuracy), /expected clips, found none/);
});
