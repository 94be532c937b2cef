/**
 * Classes that look like something else: splits, folds, two spellings of one name.
 *
 * @module
 */

import { listed } from "./features.ts";
import { splitOf } from "./folder_layout.ts";

/**
 * What is odd about the names of classes, one sentence each.
 *
 * @example
 * ```ts
 * import { deepEqual, match } from "node:assert/strict";
 *
 * deepEqual(labelSuspicions(["no", "yes"]), []);
 * match(labelSuspicions(["Yes", "no", "yes "])[0]!, /differ only in case or spaces/);
 * ```
 */
export function labelSuspicions(labels: readonly string[]): string[] {
  const found: string[] = [];
  if (labels.length === 1) found.push(`There is one class alone, ${JSON.stringify(labels[0])}`);
  const bySpelling = Map.groupBy(
    labels,
    (label) => label.trim().toLowerCase().replace(/\s+/g, " "),
  );
  for (const same of bySpelling.values()) {
    if (same.length > 1) found.push(`Classes differ only in case or spaces: ${listed(same)}`);
  }
  return found;
}

/**
 * What is odd about folders that are taken for classes, one sentence each.
 *
 * @example
 * ```ts
 * import { deepEqual, match } from "node:assert/strict";
 *
 * // A vehicle among others.
 * deepEqual(layoutSuspicions(["bus", "car", "train"]), []);
 * match(layoutSuspicions(["fold1", "fold2"])[0]!, /named like folds/);
 * ```
 */
export function layoutSuspicions(labels: readonly string[]): string[] {
  const found: string[] = [];
  const splits = labels.filter((label) => splitOf(label) !== undefined);
  if (new Set(splits.map(splitOf)).size > 1) {
    found.push(`Classes are named like splits: ${listed(splits)}`);
  }
  const folds = labels.filter((label) => /^(cv[-_ ]?)?folds?[-_ ]?\d+$/i.test(label));
  if (folds.length > 1) {
    found.push(
      `Classes are named like folds: ${listed(folds)}; the labels are probably in a table`,
    );
  }
  return found;
}
