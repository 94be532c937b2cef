/**
 * Keeps a server from taking more work than it can hold.
 *
 * A model uses the whole thread, so one inference runs at a time; the requests that wait, their bodies with
 * them, are counted, and one too many is turned away at once instead of after a minute.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";

/** Requests in hand, and the inference that runs. */
export class WorkQueue {
  readonly #maxPending: number;
  #pending = 0;
  #running = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param maxPending requests in hand, the one that runs included. */
  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  /**
   * Handles a request while it counts as pending.
   *
   * @throws {HTTPException} with status 503 when as many as may be are pending.
   */
  async admit<T>(handle: () => Promise<T>): Promise<T> {
    if (this.#pending >= this.#maxPending) {
      throw new HTTPException(503, {
        message: `Cannot take the request: expected at most ${this.#maxPending} at a time`,
      });
    }
    this.#pending++;
    try {
      return await handle();
    } finally {
      this.#pending--;
    }
  }

  /** Runs a job when all jobs before it are done; the job is told whether there were any. */
  run<T>(job: (waited: boolean) => Promise<T>): Promise<T> {
    const waited = this.#running > 0;
    this.#running++;
    const turn = this.#last.then(() => job(waited)).finally(() => this.#running--);
    const pause = () => this.#running > 0 ? nextTurn() : undefined;
    this.#last = turn.then(pause, pause);
    return turn;
  }
}

/** Lets the runtime take new requests, which would otherwise wait until all jobs are done. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
