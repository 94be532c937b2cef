/**
 * How a decoder gets the bytes of a recording: it asks, and whoever drives it answers.
 *
 * A decoder is a generator. It yields what it needs, a range of bytes or a promise, and goes on when
 * the answer is there, so that one text decodes a file in memory, a file on disk and a stream that
 * is still coming in, and holds no more of it than the piece in work.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";

/** The bytes from `start` on: `least` of them unless the recording ends before, at best `most`. */
export interface ByteRange {
  start: number;
  least: number;
  /** Where there is no end in sight, infinite: whoever answers chooses how much is handy. */
  most: number;
}

/** What a decoder in work may wait for. */
export type Wish = ByteRange | Promise<unknown>;

/** A computation that waits for bytes, and ends with a value. */
export type Asking<T> = Generator<Wish, T, unknown>;

/** Waits for a promise, such as a decoder that is loaded when it is needed. */
export function* awaited<T>(promise: Promise<T>): Asking<T> {
  return (yield promise) as T;
}

/** A place in a recording or in a part of it, from which bytes are read in order. */
export class ByteReader {
  /** Bytes of the part, where they are known. */
  readonly sizeBytes: number | undefined;
  readonly #origin: number;
  readonly #end: number;
  #held: Uint8Array = new Uint8Array(0);
  #heldStart: number;
  #at = 0;

  /**
   * Starts at the part's first byte.
   *
   * @param sizeBytes of the whole recording, where it is known.
   * @param part where the part begins, and where it ends at the latest.
   */
  constructor(sizeBytes?: number, part: { start: number; end: number } = WHOLE) {
    this.#origin = this.#heldStart = part.start;
    this.#end = Math.min(part.end, sizeBytes ?? Infinity);
    this.sizeBytes = this.#end === Infinity ? undefined : Math.max(0, this.#end - part.start);
  }

  /** The place of the next byte, counted from the part's start. */
  get position(): number {
    return this.#heldStart + this.#at - this.#origin;
  }

  /** Goes on at another place; going back needs a source that can. */
  seek(position: number): void {
    const at = this.#origin + position - this.#heldStart;
    if (at >= 0 && at <= this.#held.length) {
      this.#at = at;
      return;
    }
    this.#heldStart = this.#origin + position;
    this.#held = new Uint8Array(0);
    this.#at = 0;
  }

  /** Leaves bytes out. */
  skip(bytes: number): void {
    this.seek(this.position + bytes);
  }

  /** The next bytes without going on; fewer than `length` only at the end. */
  *peek(length: number): Asking<Uint8Array> {
    yield* this.#hold(length);
    return this.#held.subarray(this.#at, this.#at + length);
  }

  /** All bytes that have come, `least` or more; fewer only at the end. */
  *peekAll(least: number): Asking<Uint8Array> {
    yield* this.#hold(least);
    return this.#held.subarray(this.#at);
  }

  /** The next bytes; fewer than `length` only at the end. */
  *take(length: number): Asking<Uint8Array> {
    const bytes = yield* this.peek(length);
    this.#at += bytes.length;
    return bytes;
  }

  /** Whole groups of the next bytes, as many as have come; none only at the end. */
  *takeGroups(groupBytes: number, most: number): Asking<Uint8Array> {
    yield* this.#hold(groupBytes);
    const held = Math.min(this.#held.length - this.#at, most);
    return yield* this.take(Math.floor(held / groupBytes) * groupBytes);
  }

  /** A reader of a part of this one, with a place of its own. */
  part(start: number, bytes: number): ByteReader {
    const from = this.#origin + start;
    const size = this.sizeBytes === undefined ? undefined : this.#end;
    return new ByteReader(size, { start: from, end: Math.min(from + bytes, this.#end) });
  }

  *#hold(length: number): Asking<void> {
    if (this.#at + length <= this.#held.length) return;
    const start = this.#heldStart + this.#at;
    const room = Math.max(0, this.#end - start);
    const least = Math.min(length, room);
    if (this.#at + least <= this.#held.length && this.#held.length > 0) return;
    this.#held = room === 0
      ? new Uint8Array(0)
      : (yield { start, least, most: room }) as Uint8Array;
    this.#heldStart = start;
    this.#at = 0;
  }
}

const WHOLE = { start: 0, end: Infinity };

/** Runs a computation on a whole recording in memory; it must wait for nothing else. */
export function answer<T>(bytes: Uint8Array, asking: Asking<T>): T {
  let step = asking.next();
  while (!step.done) {
    if (step.value instanceof Promise) {
      step.value.catch(() => {});
      const problem = "expected a format that decodes at once, found one to wait for";
      step = asking.throw(audioError(problem, undefined, { hint: "Use decodeAudio()" }));
    } else {
      const { start, most } = step.value;
      step = asking.next(bytes.subarray(start, start + most));
    }
  }
  return step.value;
}

/** Where bytes of a recording come from. */
export interface ByteSupply {
  /** The bytes of a range. */
  bytesOf(range: ByteRange): Uint8Array | Promise<Uint8Array>;
}

/** Runs a computation on bytes from wherever they come. */
export async function answerFrom<T>(supply: ByteSupply, asking: Asking<T>): Promise<T> {
  let step = asking.next();
  while (!step.done) step = await answered(supply, asking, step.value);
  return step.value;
}

/** Grants one wish; what cannot be granted is thrown inside the computation. */
export async function answered<Y, T>(
  supply: ByteSupply,
  asking: Generator<Y, T, unknown>,
  wish: Wish,
): Promise<IteratorResult<Y, T>> {
  let granted: unknown;
  try {
    granted = await (wish instanceof Promise ? wish : supply.bytesOf(wish));
  } catch (error) {
    return asking.throw(error);
  }
  return asking.next(granted);
}

/** A recording in memory. */
export function supplyOf(bytes: Uint8Array): ByteSupply {
  return { bytesOf: ({ start, most }) => bytes.subarray(start, start + most) };
}
