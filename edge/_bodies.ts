/**
 * The bodies of clips that are on their way or wait for their turn: how many, how large together, how slow.
 *
 * A request takes a place in the queue only when its body is there, so that slow clients take none.
 *
 * @module
 */
import { joined } from "../src/classify/bounded_stream.ts";
import { HTTPException } from "hono/http-exception";
import { busy } from "./_busy_error.ts";
import { withDeadline } from "./_deadline.ts";
import { unpackedBody } from "./_packed_body.ts";
import type { ServiceTotals } from "./_service_totals.ts";

/** What bodies may take. */
export interface BodyLimits {
  /** Most bytes of one. */
  maxBodyBytes: number;
  /** Most bytes of all together, until they are answered. */
  maxBodiesBytes: number;
  /** Most of them on their way at a time. */
  maxBodies: number;
  /** Longest time for one to arrive, in milliseconds. */
  bodyTimeoutMs: number;
  /** Fewest bytes a second. */
  minBytesPerSecond: number;
  /** How long a client may take before its bytes a second are looked at, in milliseconds. */
  bodyGraceMs: number;
}

/** A body that is on its way, or until it is answered. */
interface Arrival {
  bytes: number;
  /** Gives it up. */
  refuse: (error: Error) => void;
}

/** What is counted of them. */
type BodyTotals = Pick<ServiceTotals, "bodiesArriving" | "bodiesBytes">;

/** Counts what bodies take. */
export class Bodies {
  readonly #limits: BodyLimits;
  readonly #totals: BodyTotals;
  /** Those that are on their way, in the order in which they came. */
  readonly #arrivals = new Set<Arrival>();
  readonly #arrived = Promise.withResolvers<void>();
  #isEnding = false;
  #bytes = 0;

  /**
   * @param limits what they may take together.
   * @param totals those of all models of the service.
   */
  constructor(limits: BodyLimits, totals: BodyTotals) {
    this.#limits = limits;
    this.#totals = totals;
  }

  /** How many are on their way. */
  get arriving(): number {
    return this.#arrivals.size;
  }

  /** What is in hand of all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Reads a body, and uses it while its bytes are counted.
   *
   * @throws {HTTPException} 400 for one that breaks off, 408 for a slow one, 413 for a large one, 503 where there is no
   * room for it.
   */
  async use<T>(request: Request, handle: (body: Uint8Array) => Promise<T>): Promise<T> {
    // A promise of its own: one of all bodies would keep each that was ever raced with it.
    const { promise: refused, reject: refuse } = Promise.withResolvers<never>();
    const arrival = { bytes: 0, refuse };
    try {
      return await handle(await this.#whole(request, arrival, refused));
    } finally {
      this.#count(arrival, -arrival.bytes);
    }
  }

  /** Takes no more bodies; those on their way get some time. Resolves when none is. */
  async close(graceMs: number): Promise<void> {
    this.#isEnding = true;
    if (this.arriving === 0) return;
    const timer = setTimeout(() => {
      for (const { refuse } of this.#arrivals) refuse(busy("the service is ending"));
    }, graceMs);
    await this.#arrived.promise;
    clearTimeout(timer);
  }

  async #whole(
    request: Request,
    arrival: Arrival,
    refused: Promise<never>,
  ): Promise<Uint8Array> {
    const { maxBodies, maxBodyBytes, bodyTimeoutMs } = this.#limits;
    if (this.#isEnding) throw busy("the service is ending");
    if (this.#totals.bodiesArriving >= maxBodies) {
      throw busy(`expected at most ${maxBodies} bodies on their way`);
    }
    const statedBytes = Number(request.headers.get("content-length") ?? 0);
    if (statedBytes > maxBodyBytes) throw tooLarge(maxBodyBytes);
    // Before any of it is read: what there is no room for now would be thrown away half-way.
    if (!this.#hasRoom(statedBytes)) throw this.#noRoom();
    const reader = unpackedBody(request)?.getReader();
    this.#totals.bodiesArriving++;
    this.#arrivals.add(arrival);
    try {
      const late = `Cannot read the body: expected it within ${bodyTimeoutMs / 1000} s`;
      const arriving = Promise.race([this.#read(reader, arrival, statedBytes), refused]);
      return await withDeadline(arriving, bodyTimeoutMs, late);
    } finally {
      this.#arrivals.delete(arrival);
      this.#totals.bodiesArriving--;
      if (this.#isEnding && this.arriving === 0) this.#arrived.resolve();
      reader?.cancel().catch(() => {});
    }
  }

  async #read(
    reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
    arrival: Arrival,
    statedBytes: number,
  ): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    const started = performance.now();
    for (;;) {
      const step = await reader?.read().catch(brokenOff);
      if (step === undefined || step.done) return joined(chunks, arrival.bytes);
      this.#take(step.value.length, arrival);
      chunks.push(step.value);
      // One that is there is not late any more: where the model has this thread, nobody looked before.
      if (statedBytes > 0 && arrival.bytes === statedBytes) continue;
      this.#expectPace(arrival.bytes, performance.now() - started);
    }
  }

  /** Where many come at once, the first of them get the room, and not none of them. */
  #take(count: number, arrival: Arrival): void {
    const { maxBodyBytes } = this.#limits;
    if (arrival.bytes + count > maxBodyBytes) throw tooLarge(maxBodyBytes);
    // It may have been given up while it waited for more.
    if (!this.#arrivals.has(arrival)) throw this.#noRoom();
    while (!this.#hasRoom(count)) {
      const last = [...this.#arrivals].at(-1)!;
      if (last === arrival) throw this.#noRoom();
      this.#arrivals.delete(last);
      this.#count(last, -last.bytes);
      last.refuse(this.#noRoom());
    }
    this.#count(arrival, count);
  }

  #count(arrival: Arrival, bytes: number): void {
    arrival.bytes += bytes;
    this.#bytes += bytes;
    this.#totals.bodiesBytes += bytes;
  }

  #hasRoom(count: number): boolean {
    return this.#totals.bodiesBytes + count <= this.#limits.maxBodiesBytes;
  }

  #noRoom(): Error {
    return busy(`expected at most ${this.#limits.maxBodiesBytes} bytes of bodies in hand`);
  }

  #expectPace(bytes: number, elapsedMs: number): void {
    const { minBytesPerSecond, bodyGraceMs } = this.#limits;
    if (elapsedMs < bodyGraceMs || bytes * 1_000 >= minBytesPerSecond * elapsedMs) return;
    const message = `Cannot read the body: expected at least ${minBytesPerSecond} bytes a second`;
    throw new HTTPException(408, { message });
  }
}

/** Status 400, for a body that ends before it is whole. */
export function brokenOff(): never {
  const message = "Cannot read the body: expected all of it, found that it broke off";
  throw new HTTPException(400, { message });
}

/** Status 413. */
export function tooLarge(maxBytes: number): HTTPException {
  const message = `Cannot read the body: expected at most ${maxBytes} bytes`;
  return new HTTPException(413, { message });
}
