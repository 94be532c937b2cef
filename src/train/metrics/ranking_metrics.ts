/**
 * Metrics of how well scores rank: within a clip (top k), and within a label over all clips.
 *
 * @module
 */
import type { EvalPrediction } from "./metrics.ts";

/**
 * Share of the clips whose class is among the `k` highest scores; of equal scores the first counts.
 *
 * @example
 * ```ts
 * import { topKAccuracy } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const prediction = { logits: Float32Array.of(3, 2, 1), classes: 3, labels: Int32Array.of(1) };
 * assert.deepEqual([topKAccuracy(prediction, 1), topKAccuracy(prediction, 2)], [0, 1]);
 * ```
 */
export function topKAccuracy({ logits, classes, labels }: EvalPrediction, k: number): number {
  let right = 0;
  for (let clip = 0; clip < labels.length; clip++) {
    const row = logits.subarray(clip * classes, (clip + 1) * classes);
    const label = labels[clip]!;
    const own = row[label]!;
    const above = row.reduce(
      (count, score, i) => count + (score > own || score === own && i < label ? 1 : 0),
      0,
    );
    if (above < k) right++;
  }
  return right / labels.length;
}

/**
 * Chance that a clip with the label scores above one without it, averaged over the labels that some clips have and
 * some have not; NaN where there is no such label.
 *
 * **Shape** `logits`, `labels [clips, N]`
 *
 * @example
 * ```ts
 * import { rocAuc } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const logits = Float32Array.of(3, 1, 2);
 * assert.equal(rocAuc({ logits, classes: 1, labels: Float32Array.of(1, 0, 0) }), 1);
 * ```
 */
export function rocAuc(prediction: EvalPrediction): number {
  return meanOverLabels(prediction, (groups) => {
    let [pairs, having, lacking] = [0, 0, 0];
    for (const { positive, negative } of groups) {
      pairs += negative * (having + positive / 2);
      having += positive;
      lacking += negative;
    }
    return pairs / (having * lacking);
  });
}

/**
 * Area under the steps of precision over recall, averaged as {@linkcode rocAuc}.
 *
 * **Shape** `logits`, `labels [clips, N]`
 *
 * @example
 * ```ts
 * import { averagePrecision } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const logits = Float32Array.of(3, 1, 2);
 * assert.equal(averagePrecision({ logits, classes: 1, labels: Float32Array.of(0, 0, 1) }), 0.5);
 * ```
 */
export function averagePrecision(prediction: EvalPrediction): number {
  return meanOverLabels(prediction, (groups) => {
    const all = groups.reduce((sum, { positive }) => sum + positive, 0);
    let [area, having, seen] = [0, 0, 0];
    for (const { positive, negative } of groups) {
      having += positive;
      seen += positive + negative;
      area += positive / all * (having / seen);
    }
    return area;
  });
}

/** Clips of one score, with and without the label. */
interface ScoreGroup {
  positive: number;
  negative: number;
}

function meanOverLabels(
  { logits, labels, classes }: EvalPrediction,
  metric: (fromTheHighest: ScoreGroup[]) => number,
): number {
  const values: number[] = [];
  for (let label = 0; label < classes; label++) {
    const groups = new Map<number, ScoreGroup>();
    for (let at = label; at < logits.length; at += classes) {
      const group = groups.get(logits[at]!) ?? { positive: 0, negative: 0 };
      if (labels[at]! > 0.5) group.positive++;
      else group.negative++;
      groups.set(logits[at]!, group);
    }
    const ordered = [...groups].sort(([a], [b]) => b - a).map(([, group]) => group);
    const isMixed = ordered.some(({ positive }) => positive > 0) &&
      ordered.some(({ negative }) => negative > 0);
    if (isMixed) values.push(metric(ordered));
  }
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
