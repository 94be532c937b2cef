/**
 * A running median over the scores of each class, centred, so that it moves nothing in time.
 *
 * It knows a score when half of its windows have followed. Near either end it takes as many windows as there are on
 * both sides alike.
 *
 * @module
 */

import type { ScoredSpan } from "./events.ts";

/** Filters spans as they come. */
export class MedianFilter {
  readonly #radius: number;
  /** The spans that are still needed, of which number `#next` is the next to filter. */
  #spans: ScoredSpan[] = [];
  #next = 0;

  /** @param windows an odd number; with 1 nothing changes. */
  constructor(windows: number) {
    this.#radius = (windows - 1) / 2;
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
    const medians = Float64Array.from(scores, (_, i) => {
      return near.map((span) => span.scores[i]!).sort((a, b) => a - b)[radius]!;
    });
    return { start, end, scores: medians };
  }

  #forget(): void {
    const passed = this.#next - this.#radius;
    if (passed <= 0) return;
    this.#spans.splice(0, passed);
    this.#next -= passed;
  }
}
