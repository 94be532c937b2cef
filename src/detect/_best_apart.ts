/**
 * Of events of different classes that lie too near to each other, the best: those that hold on to a sound which a model
 * takes for one class now and for another a moment later.
 *
 * An event weighs what its scores come to over its time. It is left out where a heavier one of another class is nearer
 * than allowed. That is known when nothing heavier can come so near any more, so that an event is only then told.
 *
 * @module
 */

/** A class's event, over or not yet. */
export interface WeighedEvent {
  /** The class's number. */
  index: number;
  start: number;
  end: number;
  /** Score times samples, so far. */
  weight: number;
}

/** Holds events back until it is known whether they stay. */
export class BestApart<T extends WeighedEvent> {
  readonly #apart: number;
  #waiting: T[] = [];
  /** Events that are over, as long as others may come near them. */
  #past: WeighedEvent[] = [];

  /** @param apart samples that events of different classes are to be apart, more than 0. */
  constructor(apart: number) {
    this.#apart = apart;
  }

  /** Takes an event that is over. */
  close(event: T): void {
    this.#waiting.push(event);
    this.#past.push(event);
  }

  /**
   * The events that stay, of those that wait, in the order of their ends.
   *
   * @param open events that are not over, however short yet.
   * @param now the sample up to which all is known; Infinity at the recording's end.
   * @param isEvent whether one that is not over is long enough already.
   */
  settle(open: readonly T[], now: number, isEvent: (event: T) => boolean): T[] {
    const stay: T[] = [];
    this.#waiting = this.#waiting.filter((event) => {
      if (this.#past.some((other) => this.#outweighs(other, event))) return false;
      if (open.some((other) => isEvent(other) && this.#outweighs(other, event))) return false;
      if (now < event.end + this.#apart || this.#mayComeNear(open, event)) return true;
      stay.push(event);
      return false;
    });
    this.#past = this.#past.filter((event) => {
      const lighter = open.filter(({ weight }) => weight < event.weight);
      return now < event.end + this.#apart || this.#mayComeNear(lighter, event);
    });
    return stay;
  }

  /** Whether one that is not over is near, or would be if it went on. */
  #mayComeNear(open: readonly WeighedEvent[], { index, end }: WeighedEvent): boolean {
    return open.some((other) => other.index !== index && other.start < end + this.#apart);
  }

  #outweighs(other: WeighedEvent, event: WeighedEvent): boolean {
    return other.weight > event.weight && this.#areNear(event, other);
  }

  #areNear(a: WeighedEvent, b: WeighedEvent): boolean {
    const apart = Math.max(a.start, b.start) - Math.min(a.end, b.end);
    return a.index !== b.index && apart < this.#apart;
  }
}
