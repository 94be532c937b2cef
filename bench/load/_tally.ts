/**
 * What became of requests, as their client saw it.
 *
 * @module
 */

/** One answer, or none. */
export interface Outcome {
  /** 0 where there was no answer. */
  status: number;
  /** From when it was to be sent, so that a client that falls behind hides nothing. */
  ms: number;
}

/** Many of them. */
export class Tally {
  readonly #outcomes: Outcome[] = [];

  add(outcome: Outcome): void {
    this.#outcomes.push(outcome);
  }

  /** How many there were. */
  get count(): number {
    return this.#outcomes.length;
  }

  /** How many had each status. */
  get statuses(): Readonly<Record<number, number>> {
    const counts: Record<number, number> = {};
    for (const { status } of this.#outcomes) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  /** How many had a status. */
  of(status: number): number {
    return this.statuses[status] ?? 0;
  }

  /** The time that a part of the answers of a status took no longer than; NaN where there were none. */
  quantile(part: number, status = 200): number {
    const times = this.#outcomes.filter((one) => one.status === status).map(({ ms }) => ms);
    times.sort((a, b) => a - b);
    return times[Math.min(times.length - 1, Math.ceil(part * times.length) - 1)] ?? NaN;
  }

  /** Such as `200: 590, 503: 10`. */
  toString(): string {
    return Object.entries(this.statuses).map(([status, count]) => {
      return `${status === "0" ? "none" : status}: ${count}`;
    }).join(", ");
  }
}

/** The middle of some figures. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2)];
  return (sorted[low]! + sorted[high]!) / 2;
}
