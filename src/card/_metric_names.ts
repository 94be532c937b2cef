/**
 * Metrics as the log names them, and what the hub and people call them.
 *
 * @module
 */

/** A metric on the hub. */
export interface KnownMetric {
  /** Its id among the hub's metrics. */
  type: string;
  name: string;
  /** How it is averaged over the classes. */
  average?: string;
}

const BASES: Readonly<Record<string, string>> = {
  precision: "Precision",
  recall: "Recall",
  f1: "F1",
};

const OTHERS: Readonly<Record<string, KnownMetric>> = {
  accuracy: { type: "accuracy", name: "Accuracy" },
  roc_auc: { type: "roc_auc", name: "ROC AUC" },
  average_precision: { type: "average_precision", name: "Average precision" },
  top3_accuracy: { type: "top_k_accuracy", name: "Accuracy of the best three" },
  top5_accuracy: { type: "top_k_accuracy", name: "Accuracy of the best five" },
  mae: { type: "mae", name: "Mean absolute error" },
  rmse: { type: "rmse", name: "Root mean squared error" },
};

/** What is known of `f1_macro` and the like; undefined for a metric of someone's own. */
export function knownMetric(key: string): KnownMetric | undefined {
  const [base = "", average] = key.split(/_(?=macro$|weighted$|micro$)/);
  const name = Object.hasOwn(BASES, base) ? BASES[base] : undefined;
  if (name === undefined) return Object.hasOwn(OTHERS, key) ? OTHERS[key] : undefined;
  return average === undefined
    ? { type: base, name }
    : { type: base, name: `${name} (${average})`, average };
}

/** "f1_macro" as "F1 Macro", as transformers heads its columns. */
export function heading(key: string): string {
  return key.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join(" ");
}
