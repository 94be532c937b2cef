/**
 * The masks of SpecAugment on encoder frames: spans of time, and spans of channels.
 *
 * The number of spans is `prob * length / span`, rounded up or down at random with the right mean, at least
 * `minSpans`, and never more than fit. A clip shorter than one span is left unmasked, where
 * the reference refuses it.
 *
 * Source: Park et al. 2019; `_compute_mask_indices` of transformers 5.18.
 *
 * @module
 */
import type { Random } from "../random.ts";

/** How much is masked. */
export interface SpanMaskOptions {
  /** Share of positions masked if no two spans overlapped, 0 to 1. */
  prob: number;
  /** Positions of a span. */
  span: number;
  /** @default 0 */
  minSpans?: number;
  /** Positions of each row that may be masked; the whole row by default. */
  lengths?: ArrayLike<number>;
}

/**
 * Draws a mask of spans for each row.
 *
 * **Shape** -> `[rows, length]`, 1 where masked
 */
export function spanMask(
  rows: number,
  length: number,
  options: SpanMaskOptions & { random: Random },
): Int32Array {
  const { prob, span, minSpans = 0, lengths, random } = options;
  const mask = new Int32Array(rows * length);
  if (span > length) return mask;
  const rounding = random.uniform();
  const spansOf = (valid: number): number => {
    const wanted = Math.max(Math.floor(prob * valid / span + rounding), minSpans);
    const fitting = Math.min(wanted, Math.floor(length / span));
    return Math.max(0, Math.min(fitting, valid - (span - 1)));
  };
  for (let row = 0; row < rows; row++) {
    const valid = lengths?.[row] ?? length;
    const count = spansOf(valid);
    if (count === 0) continue;
    const starts = random.permutation(valid - (span - 1)).subarray(0, count);
    for (const start of starts) {
      const begin = row * length + start;
      mask.fill(1, begin, begin + span);
    }
  }
  return mask;
}
