/**
 * The long conversations in hand: live streams, and recordings whose events go out while they are found.
 *
 * @module
 */
import { busy } from "./_busy_error.ts";
import type { ServiceTotals } from "./_service_totals.ts";

/**
 * Longest wait for sessions to end: their clients may have vanished. A little less than a service takes to end, as one
 * whose client is only slow should still hear why.
 */
const MAX_ENDING_MS = 4_000;

/** Counts sessions, and ends them all when the service does. */
export class Sessions {
  readonly #maxSessions: number;
  readonly #totals: Pick<ServiceTotals, "sessions">;
  readonly #ends = new Set<() => Promise<void> | void>();
  readonly #empty = Promise.withResolvers<void>();
  #isClosed = false;

  /**
   * @param maxSessions how many there may be at a time.
   * @param totals those of all models of the service.
   */
  constructor(maxSessions: number, totals: Pick<ServiceTotals, "sessions">) {
    this.#maxSessions = maxSessions;
    this.#totals = totals;
  }

  /** How many there are. */
  get count(): number {
    return this.#ends.size;
  }

  /** Whether the service is ending. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Takes a place.
   *
   * @param end is called when the service ends; its promise resolves when the client knows.
   * @returns gives the place back; more than once does no harm.
   * @throws {BusyError} with status 503 where there is none.
   */
  enter(end: () => Promise<void> | void): () => void {
    if (this.#isClosed) {
      throw busy("the service is ending");
    }
    if (this.#totals.sessions >= this.#maxSessions) {
      throw busy(`expected at most ${this.#maxSessions} streams and detections at a time`);
    }
    // Each session's own, even where two pass the same function.
    const own = () => end();
    this.#ends.add(own);
    this.#totals.sessions++;
    return () => {
      if (this.#ends.delete(own)) this.#totals.sessions--;
      if (this.#isClosed && this.#ends.size === 0) this.#empty.resolve();
    };
  }

  /** Ends all sessions and takes no more; resolves when all have given their place back and told their client. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#ends.size === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, MAX_ENDING_MS));
    const told = Promise.all([...this.#ends].map((end) => end()));
    await Promise.race([Promise.all([told, this.#empty.promise]), late]);
    clearTimeout(timer);
  }
}
