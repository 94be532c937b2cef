/**
 * Whose turn it is, and who is turned away because it would come too late.
 *
 * Each thread of inference does one thing at a time. Short clips go before long ones, which have waited at most some
 * seconds then; clips of one length that wait together are computed together. Clips in hand are counted, and what they
 * will take is known about, so that a clip that cannot be answered in time is refused at once instead of after a minute.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { busy } from "./_busy_error.ts";
import { Meter } from "./_metrics.ts";
import { Pace } from "./_pace.ts";
import { Recordings, type Stay } from "./_recordings.ts";
import type { ServiceTotals } from "./_service_totals.ts";
import { spansHere } from "./_tracing.ts";

/** Bounds of the queue. */
export interface QueueLimits {
  /** Most clips in hand, those that are computed included. */
  maxPending: number;
  /** Longest time from a clip's arrival to its answer, in milliseconds. */
  deadlineMs: number;
}

/** What does the jobs. */
export interface QueuedModel {
  /** Its threads; where there are none, jobs are done in this one. */
  readonly workers?: readonly unknown[];
  /** The most sound that is computed at once, in seconds. */
  readonly maxSeconds?: number;
}

/** What is known of a job before it is done. */
export interface JobOptions {
  /** Seconds of sound that it computes. @default 1 */
  seconds?: number;
  /** The thread that has to do it. @default any */
  worker?: number;
  /** Whose client may have left when its turn comes; the job is then not begun. */
  request?: Request;
  /** The clip that it is for, with its deadline. */
  ticket?: Ticket;
  /** Whether that clip was begun before. @default false */
  isNext?: boolean;
  /** Jobs of the same text may be done at once by one thread. @default alone */
  batch?: string;
}

/** A job's turn. */
export interface Turn {
  /** The thread that is free for it. */
  worker: number;
  /** The jobs that have this turn, where there are several. */
  group?: Group;
}

/** Jobs that are done at once. */
export interface Group {
  id: number;
  size: number;
}

/** A clip in hand. */
export interface Ticket {
  /** Seconds of sound. */
  readonly seconds: number;
  /** Its place among others: the time of its arrival, later by what it may be kept waiting. */
  readonly rank: number;
  /** When it has to have been begun, and answered, by `performance.now()`. */
  readonly startBy: number;
  readonly endBy: number;
}

interface Job {
  seconds: number;
  rank: number;
  asked: number;
  options: JobOptions;
  timer?: ReturnType<typeof setTimeout>;
  hadToWait: boolean;
  /** Where jobs are done in this thread: resolved when it is its turn. */
  turn: PromiseWithResolvers<void>;
  /** Whether it did what it was to do. */
  start(turn: Turn): Promise<boolean>;
  fail(error: Error): void;
}

/** Longest time that others, which came later, go before a long clip. */
const MAX_YIELD_MS = 8_000;
/** It yields to others for as long as it takes itself, so many times. */
const YIELDS = 10;
/** A clip has to be begun within this part of its time. */
const START_PART = 3;
/** Long clips have no more than this part of the places, so that short ones find some. */
const LONG_PART = 0.75;
/** Beyond these a larger batch saves no time. */
const MAX_BATCH_JOBS = 8;
const MAX_BATCH_SECONDS = 30;

/** Clips in hand, the jobs that they wait for, and the threads that do them. */
export class WorkQueue {
  readonly limits: QueueLimits;
  /** Counts what its jobs take. */
  readonly meter = new Meter();
  /** How fast they are done. */
  readonly pace = new Pace();
  /** Clips in hand that are heard in windows. */
  readonly recordings: Recordings;
  readonly #model: () => QueuedModel | undefined;
  readonly #totals: Pick<ServiceTotals, "clips">;
  readonly #tickets = new Set<Ticket>();
  readonly #waiting: Job[] = [];
  readonly #busy = new Set<number>();
  readonly #staying = new Map<number, number>();
  #groups = 0;
  #isClosed = false;
  #empty = Promise.withResolvers<void>();

  /**
   * @param limits of number and time.
   * @param model what does the jobs, once it is loaded.
   * @param totals those of all models of the service.
   */
  constructor(
    limits: QueueLimits,
    model: () => QueuedModel | undefined = () => undefined,
    totals: Pick<ServiceTotals, "clips"> = { clips: 0 },
  ) {
    this.limits = limits;
    this.#model = model;
    this.#totals = totals;
    this.recordings = new Recordings({
      workers: () => this.workers,
      stay: (isFree) => this.stay(isFree),
      deadlineMs: limits.deadlineMs,
    });
  }

  /** Clips in hand. */
  get length(): number {
    return this.#tickets.size;
  }

  /** Jobs that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Threads that do a job. */
  get busy(): number {
    return this.#busy.size;
  }

  /** Threads of inference, or this one. */
  get workers(): number {
    return this.#model()?.workers?.length ?? 1;
  }

  /** Whether jobs are done in this thread. */
  get #isHere(): boolean {
    return !this.#model()?.workers;
  }

  /** Whether one more clip would be turned away. */
  get isFull(): boolean {
    return this.#totals.clips >= this.limits.maxPending || this.#lateMs(1) > 0;
  }

  /**
   * Handles a clip while it counts as in hand.
   *
   * @param seconds of its sound, as far as that is known.
   * @throws {BusyError} when there is no place for it, or it could not be begun in time.
   */
  async admit<T>(seconds: number, handle: (ticket: Ticket) => Promise<T>): Promise<T> {
    this.#expectPlace(seconds);
    const now = performance.now();
    const { deadlineMs } = this.limits;
    const ticket = {
      seconds,
      rank: this.#rankOf(seconds),
      startBy: now + deadlineMs / START_PART,
      endBy: now + deadlineMs,
    };
    this.#tickets.add(ticket);
    if (this.#isTooLong(seconds)) this.recordings.add(ticket);
    this.#totals.clips++;
    try {
      return await handle(ticket);
    } finally {
      this.#tickets.delete(ticket);
      this.recordings.drop(ticket);
      this.#totals.clips--;
      if (this.length === 0) this.#empty.resolve();
    }
  }

  /**
   * Does a job when it is its turn.
   *
   * @throws {HTTPException} 400 where its client has left before, 503 where its turn came too late.
   */
  run<T>(job: (turn: Turn) => Promise<T>, options: JobOptions = {}): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { seconds = 1, ticket } = options;
    if (ticket && ticket.endBy < performance.now()) {
      return Promise.reject(busy("its turn would have come too late"));
    }
    const spanOf = spansHere();
    const wait = spanOf("wait");
    const entry: Job = {
      options,
      seconds,
      hadToWait: options.isNext ?? false,
      rank: this.#rankOf(seconds),
      asked: performance.now(),
      turn: Promise.withResolvers(),
      start: async (turn) => {
        wait?.end();
        const compute = spanOf("compute");
        try {
          resolve(await job(turn));
          return true;
        } catch (error) {
          reject(error);
          return false;
        } finally {
          compute?.end();
        }
      },
      fail: (error) => {
        wait?.end();
        reject(error);
      },
    };
    this.#waiting.push(entry);
    // Workers end what a request began with the request: each begins its own job, and none the next one's.
    if (this.#isHere) entry.turn.promise.then(() => this.#begin(0, [entry]));
    if (ticket) this.#expire(entry, options.isNext ? ticket.endBy : ticket.startBy);
    this.#serve();
    if (this.#waiting.includes(entry)) {
      entry.hadToWait = true;
      // Deno learns that a client has left after its signal was first asked for.
      void options.request?.signal.aborted;
    }
    return promise;
  }

  /** A thread for work that stays with it, of those that are free for it the one with the least of such. */
  stay(isFree: (worker: number) => boolean = () => true): Stay {
    const staying = (of: number) => this.#staying.get(of) ?? 0;
    const worker = Array.from({ length: this.workers }, (_, i) => i).filter(isFree)
      .reduce((best, one) => staying(one) < staying(best) ? one : best);
    this.#staying.set(worker, staying(worker) + 1);
    return { worker, leave: () => void this.#staying.set(worker, staying(worker) - 1) };
  }

  /** Takes no more clips; resolves when those in hand are answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.length > 0) await this.#empty.promise;
  }

  /**
   * Refuses any clip for which there is no place now, before more is done for it.
   *
   * @throws {BusyError} when all places are taken.
   */
  expectAnyPlace(): void {
    const { maxPending } = this.limits;
    if (this.#isClosed) throw busy("the service is ending");
    if (this.#totals.clips >= maxPending) throw busy(`expected at most ${maxPending} at a time`);
  }

  #expectPlace(seconds: number): void {
    const { maxPending, deadlineMs } = this.limits;
    this.expectAnyPlace();
    const mostLong = Math.max(1, Math.floor(maxPending * LONG_PART));
    if (this.#isLong(seconds)) {
      const long = Array.from(this.#tickets).filter((ticket) => this.#isLong(ticket.seconds));
      if (long.length >= mostLong) {
        throw busy(`expected at most ${mostLong} long clips at a time`);
      }
    }
    if (this.#isTooLong(seconds)) this.recordings.expectTime(seconds);
    const lateMs = this.#lateMs(seconds);
    if (lateMs <= 0) return;
    const limit = `one that can be begun within ${deadlineMs / START_PART / 1_000} s`;
    throw busy(`expected ${limit}, found too many before it`, lateMs / 1_000);
  }

  /** How much too late a clip would be begun; not above 0 where it would not. */
  #lateMs(seconds: number): number {
    const rank = this.#rankOf(seconds);
    const before = [
      // Short clips go before each window of a recording.
      ...Array.from(this.#tickets).filter((ticket) => !this.recordings.has(ticket)),
      ...this.#waiting.filter(({ options }) => !options.ticket),
    ].filter((other) => other.rank <= rank);
    const ahead = before.reduce((sum, other) => sum + this.pace.expected(other.seconds), 0);
    return 1_000 * ahead / this.workers - this.limits.deadlineMs / START_PART;
  }

  /** How long others, which came later, go before. */
  #yieldMs(seconds: number): number {
    return Math.min(MAX_YIELD_MS, YIELDS * 1_000 * this.pace.expected(seconds));
  }

  #rankOf(seconds: number): number {
    return performance.now() + this.#yieldMs(seconds);
  }

  /** Whether it is heard in windows, as far as its headers and the model say. */
  #isTooLong(seconds: number): boolean {
    return seconds > (this.#model()?.maxSeconds ?? Infinity);
  }

  #isLong(seconds: number): boolean {
    return this.#yieldMs(seconds) === MAX_YIELD_MS;
  }

  /** Gives a job up when its clip's time is over before its turn has come. */
  #expire(job: Job, by: number): void {
    job.timer = setTimeout(() => {
      if (!this.#waiting.includes(job)) return;
      this.#waiting.splice(this.#waiting.indexOf(job), 1);
      job.fail(busy("its turn would have come too late"));
    }, Math.max(0, by - performance.now()));
  }

  /** Gives every thread that is free its next job. */
  #serve(): void {
    for (let worker = 0; worker < this.workers; worker++) {
      if (this.#busy.has(worker)) continue;
      const jobs = this.#take(worker);
      if (jobs.length === 0) continue;
      this.#busy.add(worker);
      if (this.#isHere) jobs[0]!.turn.resolve();
      else this.#begin(worker, jobs);
    }
  }

  /** The jobs that come next in a thread; several where they make a batch. */
  #take(worker: number): Job[] {
    const able = this.#waiting.filter(({ options }) => (options.worker ?? worker) === worker);
    if (able.length === 0) return [];
    const first = able.reduce((best, job) => job.rank < best.rank ? job : best);
    const jobs = [first];
    const batch = this.#isHere ? undefined : first.options.batch;
    const most = Math.min(MAX_BATCH_SECONDS, this.#model()?.maxSeconds ?? Infinity);
    for (const job of batch === undefined ? [] : able) {
      if (job === first || job.options.batch !== batch) continue;
      const sound = (jobs.length + 1) * first.seconds;
      if (jobs.length === MAX_BATCH_JOBS || sound > most) break;
      jobs.push(job);
    }
    for (const job of jobs) this.#waiting.splice(this.#waiting.indexOf(job), 1);
    return jobs;
  }

  async #begin(worker: number, jobs: Job[]): Promise<void> {
    for (const { timer } of jobs) clearTimeout(timer);
    // Where jobs are done in this thread, requests that have come in meanwhile are taken before the next.
    if (this.#isHere) await nextTurn();
    const present = jobs.filter(isWanted);
    const begun = performance.now();
    const group = present.length > 1 ? { id: this.#groups++, size: present.length } : undefined;
    for (const { asked } of present) this.meter.waited((begun - asked) / 1_000);
    const done = await Promise.all(present.map((job) => job.start({ worker, group })));
    const tookSeconds = (performance.now() - begun) / 1_000;
    if (present.length > 0) this.meter.ran(tookSeconds);
    const sound = present.reduce((sum, job, i) => done[i] ? sum + job.seconds : sum, 0);
    // What was refused shows nothing.
    if (sound > 0 && done.every(Boolean)) this.pace.add(sound, tookSeconds);
    this.#busy.delete(worker);
    this.#serve();
  }
}

/** Whether its client still waits; one that has left is answered at once. */
function isWanted({ options: { request }, hadToWait, fail }: Job): boolean {
  if (!hadToWait || !request?.signal.aborted) return true;
  fail(new HTTPException(400, { message: "The client closed the connection" }));
  return false;
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
