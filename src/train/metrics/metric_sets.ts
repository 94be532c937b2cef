/**
 * All metrics of a kind of problem, as the command line logs them and compares models by.
 *
 * @module
 */
import type { ProblemType } from "../../models/problem_type.ts";
import {
  accuracy,
  type ComputeMetrics,
  type EvalPrediction,
  precisionRecallF1,
} from "./metrics.ts";
import { averagePrecision, rocAuc, topKAccuracy } from "./ranking_metrics.ts";

const TOP_K = [3, 5];

/** The metrics of a kind of problem with so many classes, by name. */
export function metricNames(problemType: ProblemType, classes: number): string[] {
  if (problemType === "regression") return ["mae", "rmse"];
  const averaged = ["macro", "weighted", "micro"].flatMap((average) =>
    ["precision", "recall", "f1"].map((name) => `${name}_${average}`)
  );
  const ranked = problemType === "multi_label_classification"
    ? ["roc_auc", "average_precision"]
    : TOP_K.filter((k) => k < classes).map((k) => `top${k}_accuracy`);
  return ["accuracy", ...averaged, ...ranked];
}

/**
 * Computes all metrics of a kind of problem: for `Trainer`'s `computeMetrics`.
 *
 * @param problemType the model's.
 * @returns accuracy; precision, recall and F1 by macro, weighted and micro average; `top3_accuracy` and
 * `top5_accuracy` of more classes than that, or `roc_auc` and `average_precision` of several labels a clip; `mae` and
 * `rmse` of a regression. What the data does not define is NaN.
 *
 * @example
 * ```ts
 * import { allMetrics } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const computeMetrics = allMetrics("single_label_classification");
 * const logits = Float32Array.of(2, 1, 0, 3);
 * const metrics = computeMetrics({ logits, classes: 2, labels: Int32Array.of(0, 1) });
 * assert.equal(metrics.f1_macro, 1);
 * ```
 */
export function allMetrics(problemType: ProblemType): ComputeMetrics {
  if (problemType === "regression") return errors;
  return (prediction) => {
    const values: Record<string, number> = { accuracy: accuracy(prediction) };
    for (const average of ["macro", "weighted", "micro"] as const) {
      const means = precisionRecallF1(prediction, average);
      for (const [name, value] of Object.entries(means)) values[`${name}_${average}`] = value;
    }
    return { ...values, ...rankings(prediction, problemType) };
  };
}

function rankings(prediction: EvalPrediction, problemType: ProblemType): Record<string, number> {
  if (problemType === "multi_label_classification") {
    return { roc_auc: rocAuc(prediction), average_precision: averagePrecision(prediction) };
  }
  const ks = TOP_K.filter((k) => k < prediction.classes);
  return Object.fromEntries(ks.map((k) => [`top${k}_accuracy`, topKAccuracy(prediction, k)]));
}

/** Mean absolute error, and the root of the mean squared one. */
function errors({ logits, labels }: EvalPrediction): Record<string, number> {
  let [absolute, squared] = [0, 0];
  for (let i = 0; i < logits.length; i++) {
    const error = logits[i]! - labels[i]!;
    absolute += Math.abs(error);
    squared += error ** 2;
  }
  return { mae: absolute / logits.length, rmse: Math.sqrt(squared / logits.length) };
}
