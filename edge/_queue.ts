/**
 * Keeps a server from taking more work than it can hold.
 *
 * A model uses the whole thread, so one inference runs at a time; the requests that wait, their bodies with
 * them, are counted, and one too many is turned away at once instead of after a minute.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { Meter } from "./_metrics.ts";
import { beginSpan } from "./_tracing.ts";

/** Requests in hand, and the inference that runs. */
export class WorkQueue {
  /** Most requests in hand, the one that runs included. */
  readonly maxPending: number;
  /** Counts what its jobs take. */
  readonly meter = new Meter();
  #pending = 0;
  #unfinished = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param maxPending requests in hand, the one that runs included. */
  constructor(maxPending: number) {
    this.maxPending = maxPending;
  }

  /** Requests in hand. */
  get length(): number {
    return this.#pending;
  }

  /** Whether one more would be turned away. */
  get isFull(): boolean {
    return this.#pending >= this.maxPending;
  }

  /**
   * Handles a request while it counts as pending.
   *
   * @throws {HTTPException} with status 503 when as many as may be are pending.
   */
  async admit<T>(handle: () => Promise<T>): Promise<T> {
    if (this.isFull) {
      throw new HTTPException(503, {
        message: `Cannot take the request: expected at most ${this.maxPending} at a time`,
      });
    }
    this.#pending++;
    try {
      return await handle();
    } finally {
      this.#pending--;
    }
  }

  /** Runs a job when all jobs before it are done; `hadToWait` says whether there were any. */
  run<T>(job: (hadToWait: boolean) => Promise<T>): Promise<T> {
    const hadToWait = this.#unfinished++ > 0;
    const asked = performance.now();
    const waiting = beginSpan("wait");
    const turn = this.#last.then(nextTurn).then(async () => {
      waiting?.end();
      const computing = beginSpan("compute");
      return await this.#timed(asked, () => job(hadToWait)).finally(() => computing?.end());
    });
    this.#last = turn.catch(() => {}).finally(() => this.#unfinished--);
    return turn;
  }

  async #timed<T>(asked: number, job: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await job();
    } finally {
      this.meter.ran((begun - asked) / 1_000, (performance.now() - begun) / 1_000);
    }
  }
}

/**
 * Lets the runtime take the requests that have come in, before a job holds the thread again.
 *
 * Without it a server under load sees one request at a time, and its limit is never reached. It takes a timer: a
 * message to oneself no longer lets requests in once `node:worker_threads` is loaded.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
