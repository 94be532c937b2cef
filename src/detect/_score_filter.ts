/**
 * A running mean or median over the scores of each class, centred, so that it moves nothing in time.
 *
 * It knows a score when half of its windows have followed. Near either end it takes as many windows as there are on
 * both sides alike.
 *
 * @module
 */

import type { ScoredSpan } from "./events.ts";

/** What becomes of the scores that a class has in neighbouring windows, an odd number of them. */
export type Summary = (scores: number[]) => number;

/** Filters spans as they come. */
export class ScoreFilter {
  readonly #radius: number;
  readonly #summary: Summary;
  /** The spans that are still needed, of which number `#next` is the next to filter. */
  #spans: ScoredSpan[] = [];
  #next = 0;

  /** @param windows an odd number; with 1 nothing changes. */
  constructor(windows: number, summary: Summary) {
    this.#radius = (windows - 1) / 2;
    this.#summary = summary;
  }

  /** The spans that are now known. */
  push(span: ScoredSpan): ScoredSpan[] {
    if (this.#radius === 0) return [span];
    this.#spans.push(span);
    const known: ScoredSpan[] = [];
    while (this.#next + Math.min(this.#radius, this.#next) < this.#spans.length) {
      known.push(this.#filtered());
    }
    this.#forget();
    return known;
  }

  /** The spans that waited for others. */
  finish(): ScoredSpan[] {
    const known: ScoredSpan[] = [];
    while (this.#next < this.#spans.length) known.push(this.#filtered());
    this.#spans = [];
    this.#next = 0;
    return known;
  }

  #filtered(): ScoredSpan {
    const at = this.#next++;
    const radius = Math.min(this.#radius, at, this.#spans.length - 1 - at);
    const near = this.#spans.slice(at - radius, at + radius + 1);
    const { start, end, scores } = this.#spans[at]!;
    const summaries = Float64Array.from(scores, (_, i) => {
      return this.#summary(near.map((span) => span.scores[i]!));
    });
    return { start, end, scores: summaries };
  }

  #forget(): void {
    const passed = this.#next - this.#radius;
    if (passed <= 0) return;
    this.#spans.splice(0, passed);
    this.#next -= passed;
  }
}

/** Filters the same spans one after the other: their mean, then the median of the means. */
export class ScoreFilters {
  readonly #mean: ScoreFilter;
  readonly #median: ScoreFilter;

  /** Both odd numbers; 1 for none. */
  constructor({ meanWindows, medianWindows }: { meanWindows: number; medianWindows: number }) {
    this.#mean = new ScoreFilter(meanWindows, mean);
    this.#median = new ScoreFilter(medianWindows, median);
  }

  /** The spans that are now known. */
  push(span: ScoredSpan): ScoredSpan[] {
    return this.#mean.push(span).flatMap((known) => this.#median.push(known));
  }

  /** The spans that waited for others. */
  finish(): ScoredSpan[] {
    const known = this.#mean.finish().flatMap((span) => this.#median.push(span));
    return [...known, ...this.#median.finish()];
  }
}

function mean(scores: number[]): number {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

function median(scores: number[]): number {
  return scores.sort((a, b) => a - b)[(scores.length - 1) / 2]!;
}
