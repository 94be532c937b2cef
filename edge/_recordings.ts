/**
 * Clips that are too long to be computed whole, which are heard in windows: one at a time in each thread, in the order
 * in which they came.
 *
 * One that waits has no decoder and no samples yet, so that what they take together does not grow with their number;
 * and each ends as early as it can, where taking turns would have all of them end at once, or none in time. How long
 * they take is measured window by window, decoding included: one that could not be begun or ended in time is refused as
 * soon as that is known.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { busy, BusyError } from "./_busy_error.ts";
import { Pace } from "./_pace.ts";

/** What is known of such a clip. */
export interface RecordingTicket {
  /** Seconds of sound, about. */
  readonly seconds: number;
  /** When it has to have been begun, and answered, by `performance.now()`. */
  readonly startBy: number;
  readonly endBy: number;
}

/** A thread that work stays with, until it leaves. */
export interface Stay {
  worker: number;
  leave(): void;
}

/** Where recordings are heard, and how long each may take. */
export interface RecordingHost {
  /** How many threads there are. */
  workers(): number;
  /** Chooses a thread among those for which the function is true. */
  stay(isFree: (worker: number) => boolean): Stay;
  deadlineMs: number;
}

/** How a recording is waited for. */
export interface HearOptions {
  /** Whose client may have left when its turn comes. */
  request?: Request;
  /** Whether it was begun before, so that it need not begin in time. @default false */
  isNext?: boolean;
}

interface Waiting extends PromiseWithResolvers<Stay> {
  ticket: RecordingTicket;
  request?: Request;
}

/** What is measured varies: one that was begun is not given up before it would be so much too late. */
const TOLERANCE = 1.25;
/** A pace that was measured longer ago than this says nothing, so that the next one is heard and measured. */
const PACE_LASTS_MS = 60_000;

/** The recordings in hand. */
export class Recordings {
  readonly #host: RecordingHost;
  readonly #pace = new Pace();
  #measured = -Infinity;
  /** Seconds of sound that are still to be heard of each, in the order in which they came. */
  readonly #left = new Map<RecordingTicket, number>();
  readonly #waiting: Waiting[] = [];
  readonly #busy = new Set<number>();

  constructor(host: RecordingHost) {
    this.#host = host;
  }

  /** Whether a clip is heard in windows, as far as that is known. */
  has(ticket: RecordingTicket): boolean {
    return this.#left.has(ticket);
  }

  /** Takes one that is known to be too long, so that later ones come behind it. */
  add(ticket: RecordingTicket): void {
    this.#left.set(ticket, ticket.seconds);
  }

  /** It is answered, or given up. */
  drop(ticket: RecordingTicket): void {
    this.#left.delete(ticket);
  }

  /**
   * Refuses what could not be begun or ended in time.
   *
   * @throws {BusyError} saying when to come again.
   */
  expectTime(seconds: number): void {
    const { deadlineMs } = this.#host;
    if (this.#left.size > 0) this.#expectBegin(deadlineMs / 3_000);
    const needed = this.#expected(seconds);
    if (1_000 * needed > deadlineMs) throw this.#tooSlow(needed);
  }

  #expectBegin(withinSeconds: number): void {
    const lateSeconds = this.#secondsBefore() - withinSeconds;
    if (lateSeconds <= 0) return;
    const limit = `one that can be begun within ${withinSeconds} s`;
    throw busy(`expected ${limit}, found too many long ones before it`, lateSeconds);
  }

  /**
   * Hears a recording when it is its turn.
   *
   * @throws {HTTPException} 400 where its client has left before, 503 where its turn came too late.
   */
  async hear<T>(
    ticket: RecordingTicket,
    use: (place: Place) => Promise<T>,
    options: HearOptions = {},
  ): Promise<T> {
    this.add(ticket);
    const { worker, leave } = await this.#turnOf(ticket, options);
    try {
      return await use(
        new Place(worker, (seconds, tookMs) => this.#heard(ticket, { seconds, tookMs })),
      );
    } finally {
      this.drop(ticket);
      leave();
      this.#busy.delete(worker);
      this.#serve();
    }
  }

  #turnOf(ticket: RecordingTicket, { request, isNext }: HearOptions): Promise<Stay> {
    const waiting: Waiting = { ticket, request, ...Promise.withResolvers() };
    this.#waiting.push(waiting);
    const by = isNext ? ticket.endBy : ticket.startBy;
    const timer = setTimeout(() => this.#refuse(waiting), Math.max(0, by - performance.now()));
    this.#serve();
    return waiting.promise.finally(() => clearTimeout(timer));
  }

  #serve(): void {
    while (this.#busy.size < this.#host.workers()) {
      const next = this.#waiting.shift();
      if (!next) return;
      if (next.request?.signal.aborted) {
        this.drop(next.ticket);
        next.reject(new HTTPException(400, { message: "The client closed the connection" }));
        continue;
      }
      const stay = this.#host.stay((worker) => !this.#busy.has(worker));
      this.#busy.add(stay.worker);
      next.resolve(stay);
    }
  }

  /** A part of one has been heard: the pace is known better, and so who would come too late. */
  #heard(
    ticket: RecordingTicket,
    { seconds, tookMs }: { seconds: number; tookMs: number },
  ): void {
    const now = performance.now();
    this.#pace.add(seconds, tookMs / 1_000);
    this.#measured = now;
    const left = Math.max(0, (this.#left.get(ticket) ?? 0) - seconds);
    this.#left.set(ticket, left);
    for (const waiting of [...this.#waiting]) {
      const begins = now + 1_000 * this.#secondsBefore(waiting.ticket);
      if (begins > waiting.ticket.startBy) this.#refuse(waiting);
    }
    const neededMs = left === 0 ? 0 : 1_000 * this.#expected(left);
    if (neededMs <= TOLERANCE * (ticket.endBy - now)) return;
    const wholeSeconds = this.#expected(ticket.seconds);
    if (1_000 * wholeSeconds > this.#host.deadlineMs) throw this.#tooSlow(wholeSeconds);
    throw busy("it would not have been answered in time", this.#secondsBefore());
  }

  #refuse(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.drop(waiting.ticket);
    waiting.reject(busy("its turn would have come too late", this.#secondsBefore()));
  }

  #tooSlow(neededSeconds: number): BusyError {
    const expected = `expected a recording that takes at most ${this.#host.deadlineMs / 1_000} s`;
    return new BusyError(
      `Cannot answer the request: ${expected}, found one that takes ${Math.ceil(neededSeconds)}; ` +
        "/detect takes recordings of any length",
      { retryAfterSeconds: this.#secondsBefore() },
    );
  }

  /** Seconds until a recording would be begun, one that comes now where none is named. */
  #secondsBefore(ticket?: RecordingTicket): number {
    let seconds = 0;
    for (const [other, left] of this.#left) {
      if (other === ticket) break;
      if (left > 0) seconds += this.#expected(left);
    }
    return seconds / this.#host.workers();
  }

  #expected(soundSeconds: number): number {
    const isKnown = performance.now() - this.#measured < PACE_LASTS_MS;
    return isKnown ? this.#pace.expected(soundSeconds) : 0;
  }
}

/** The thread that a recording has while it is heard. */
export class Place {
  readonly worker: number;
  readonly #heard: (seconds: number, tookMs: number) => void;
  #since = performance.now();

  constructor(worker: number, heard: (seconds: number, tookMs: number) => void) {
    this.worker = worker;
    this.#heard = heard;
  }

  /**
   * Hears a part. What it took is measured without the time in which others had their turn, and with the decoding that
   * came before.
   *
   * @param seconds of sound.
   * @param run waits for a turn, and computes what it is given.
   * @throws {BusyError} where the whole recording cannot be heard in time.
   */
  async hear<T>(
    seconds: number,
    compute: () => Promise<T>,
    run: (compute: () => Promise<T>) => Promise<T>,
  ): Promise<T> {
    const decodedMs = performance.now() - this.#since;
    let begun = 0;
    const found = await run(() => {
      begun = performance.now();
      return compute();
    });
    this.#since = performance.now();
    this.#heard(seconds, decodedMs + this.#since - begun);
    return found;
  }
}
