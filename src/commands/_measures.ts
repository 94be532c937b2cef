/**
 * What an evaluation comes to, as `train` and `eval` print it and give it to programs.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { DatasetError } from "../errors.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import type { Interval } from "../train/metrics/bootstrap.ts";
import type { Evaluation } from "../train/metrics/evaluation.ts";
import { allMetrics } from "../train/metrics/metric_sets.ts";
import { type ClassMetrics, confusionMatrix, perClass } from "../train/metrics/metrics.ts";
import { classTable } from "./_class_table.ts";
import { type Intervals, intervalsOf } from "./_intervals.ts";
import { table } from "./_output.ts";

/** The figures of an evaluation; what the kind of problem does not have is left out. */
export interface Measures extends Intervals {
  /** Names and values, the loss among them. */
  metrics: Record<string, number>;
  /** Clips. */
  samples: number;
  perClass?: Record<string, ClassMetrics>;
  /** Clips by class and the class they were taken for. */
  confusionMatrix?: number[][];
}

/** Most classes whose matrix is printed whole. */
const MAX_MATRIX = 16;

/** Most confusions that are listed instead. */
const MAX_CONFUSIONS = 10;

/** The figures of an evaluation. */
export function measuresOf(
  evaluation: Evaluation,
  { problemType, labels }: Pick<InferenceModel, "problemType" | "labels">,
): Measures {
  const computed = Object.entries(allMetrics(problemType)(evaluation));
  const defined = computed.filter(([, value]) => !Number.isNaN(value));
  const metrics = { ...Object.fromEntries(defined), loss: evaluation.loss };
  const samples = evaluation.logits.length / evaluation.classes;
  const intervals = intervalsOf(evaluation, problemType, metrics);
  if (problemType === "regression") return { metrics, samples, ...intervals };
  const isSingle = problemType === "single_label_classification";
  return {
    metrics,
    samples,
    ...intervals,
    perClass: perClass(evaluation, labels),
    ...isSingle && samples > 0 && { confusionMatrix: confusionMatrix(evaluation) },
  };
}

/** Metrics by class, and what was taken for what. */
export function measuresTables({ perClass, confusionMatrix }: Measures): string {
  if (!perClass) return "";
  const classes = classTable(perClass);
  if (!confusionMatrix) return classes;
  return `${classes}\n\n${confusionText(confusionMatrix, Object.keys(perClass))}`;
}

/**
 * "Test accuracy 91.67 % (95 % interval 87.50 to 94.53 %), macro F1 0.914 (0.875 to 0.948), loss 0.2391 (0.1802 to
 * 0.3055), 240 clips"
 */
export function measuresLine(
  { metrics, samples, accuracyInterval, f1Interval, lossInterval }: Measures,
  title = "",
): string {
  const percent = (share: number) => (100 * share).toFixed(2);
  const within = (interval: Interval | undefined, digits: number) =>
    interval ? ` (${interval.low.toFixed(digits)} to ${interval.high.toFixed(digits)})` : "";
  const { accuracy, f1_macro: f1, mae, rmse, roc_auc: rocAuc } = metrics;
  const bounds = accuracyInterval
    ? ` (95 % interval ${percent(accuracyInterval.low)} to ${percent(accuracyInterval.high)} %)`
    : "";
  const parts = [
    accuracy !== undefined && `accuracy ${percent(accuracy)} %${bounds}`,
    f1 !== undefined && `macro F1 ${f1.toFixed(3)}${within(f1Interval, 3)}`,
    rocAuc !== undefined && `ROC AUC ${rocAuc.toFixed(3)}`,
    mae !== undefined && `mean error ${mae.toFixed(4)}, root mean square ${rmse!.toFixed(4)}`,
    `loss ${metrics.loss!.toFixed(4)}${within(lossInterval, 4)}`,
    `${samples} clips`,
  ].filter((part) => part !== false);
  const line = `${title} ${parts.join(", ")}`.trimStart();
  return line[0]!.toUpperCase() + line.slice(1);
}

function confusionText(matrix: number[][], labels: string[]): string {
  if (labels.length > MAX_MATRIX) return topConfusions(matrix, labels);
  const numbers = labels.map((_, i) => String(i + 1));
  const rows = matrix.map((row, i) => [`${numbers[i]} ${labels[i]}`, ...row]);
  return table(["Taken for", ...numbers], rows);
}

function topConfusions(matrix: number[][], labels: string[]): string {
  const confusions = matrix.flatMap((row, own) =>
    row.map((clips, claimed) => ({ own, claimed, clips }))
  ).filter(({ own, claimed, clips }) => own !== claimed && clips > 0)
    .sort((a, b) => b.clips - a.clips).slice(0, MAX_CONFUSIONS);
  const rows = confusions.map(({ own, claimed, clips }) => [labels[own]!, labels[claimed]!, clips]);
  return table(["Class", "Taken for", "Clips"], rows);
}

/**
 * Checks that a model learned what the clips have.
 *
 * @throws {DatasetError} naming both kinds.
 */
export function expectSameKind(
  { split, kind = "single_label_classification" }: AudioDataset,
  { problemType }: Pick<InferenceModel, "problemType">,
): void {
  if (kind === problemType) return;
  throw new DatasetError(
    `Cannot measure a model of problem type "${problemType}" on "${split}": expected labels of that type, found ${kind}`,
    { hint: "Name another column with --label-column" },
  );
}
