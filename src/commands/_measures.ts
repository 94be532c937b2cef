/**
 * What an evaluation comes to, as `train` and `eval` print it and give it to programs.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { DatasetError } from "../errors.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import { bootstrapInterval, type Interval } from "../train/metrics/bootstrap.ts";
import type { Evaluation } from "../train/metrics/evaluation.ts";
import { allMetrics } from "../train/metrics/metric_sets.ts";
import {
  accuracy,
  argMax,
  type ClassMetrics,
  confusionMatrix,
  type EvalPrediction,
  perClass,
} from "../train/metrics/metrics.ts";
import { classTable } from "./_class_table.ts";
import { table } from "./_output.ts";

/** The figures of an evaluation; what the kind of problem does not have is left out. */
export interface Measures {
  /** Names and values, the loss among them. */
  metrics: Record<string, number>;
  /** Clips. */
  samples: number;
  /** Where the accuracy lies with a chance of 95 %. */
  accuracyInterval?: Interval;
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
  if (problemType === "regression") return { metrics, samples };
  const isSingle = problemType === "single_label_classification";
  return {
    metrics,
    samples,
    perClass: perClass(evaluation, labels),
    ...isSingle && samples > 0 && {
      accuracyInterval: bootstrapInterval(rightOrWrong(evaluation), accuracy),
      confusionMatrix: confusionMatrix(evaluation),
    },
  };
}

/** The same accuracy from two classes, so that drawing data sets takes as long whatever their number. */
function rightOrWrong(prediction: EvalPrediction): EvalPrediction {
  const claimed = argMax(prediction);
  const labels = claimed.map((label, clip) => label === prediction.labels[clip] ? 0 : 1);
  const logits = Float32Array.from({ length: 2 * labels.length }, (_, i) => 1 - i % 2);
  return { logits, classes: 2, labels };
}

/** Metrics by class, and what was taken for what. */
export function measuresTables({ perClass, confusionMatrix }: Measures): string {
  if (!perClass) return "";
  const classes = classTable(perClass);
  if (!confusionMatrix) return classes;
  return `${classes}\n\n${confusionText(confusionMatrix, Object.keys(perClass))}`;
}

/** "Test accuracy 91.67 % (95 % interval 87.50 to 95.83 %), macro F1 0.914, loss 0.2391, 240 clips" */
export function measuresLine(
  { metrics, samples, accuracyInterval: interval }: Measures,
  title = "",
): string {
  const percent = (share: number) => (100 * share).toFixed(2);
  const { accuracy, f1_macro: f1, mae, rmse, roc_auc: rocAuc } = metrics;
  const bounds = interval
    ? ` (95 % interval ${percent(interval.low)} to ${percent(interval.high)} %)`
    : "";
  const parts = [
    accuracy !== undefined && `accuracy ${percent(accuracy)} %${bounds}`,
    f1 !== undefined && `macro F1 ${f1.toFixed(3)}`,
    rocAuc !== undefined && `ROC AUC ${rocAuc.toFixed(3)}`,
    mae !== undefined && `mean error ${mae.toFixed(4)}, root mean square ${rmse!.toFixed(4)}`,
    `loss ${metrics.loss!.toFixed(4)}`,
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
