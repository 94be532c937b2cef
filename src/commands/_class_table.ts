/**
 * The table of metrics by class, as `train` and `eval` print it.
 *
 * @module
 */
import type { ClassMetrics } from "../train/metrics/metrics.ts";
import { table } from "./_output.ts";

/** Precision, recall and F1 by class. */
export function classTable(classes: Record<string, ClassMetrics>): string {
  const rows = Object.entries(classes).map(([label, { samples, precision, recall, f1 }]) => {
    const shares = [precision, recall, f1].map((share) => share.toFixed(3));
    return [label, samples, ...shares];
  });
  return table(["Class", "Clips", "Precision", "Recall", "F1"], rows);
}
