/**
 * `GET /stream`: live sound over a WebSocket, answered by what is heard in it.
 *
 * A WebSocket cannot be slowed down, so that a client has an allowance in both directions: bytes that wait to be
 * listened to, and answers that wait to be read. One who exceeds it is cut off.
 *
 * @module
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { sniff } from "../src/audio/mod.ts";
import { AudioFormatError } from "../src/errors.ts";
import { noteEnd, noteSound } from "./_access_log.ts";
import { checkedPieces } from "./_audio_head.ts";
import { queryFields } from "./_clip_request.ts";
import { ByteChannel } from "./_byte_channel.ts";
import { listen, SettingsError } from "./_detection.ts";
import { DETECTION_FIELDS, type DetectionRequest, detectionRequest } from "./_detect_request.ts";
import { reasonOf } from "./_failure.ts";
import { detectorOf, type Service } from "./_service.ts";
import { headsWith, labelsOf } from "./_heads_request.ts";
import { isSoundFirst, SoundFirst } from "./_mp4_order.ts";
import { openSound } from "./_sound.ts";
import type { ServerSocket, SocketListener } from "./web_socket.ts";

/** Codes of RFC 6455 and of its registry, as they are used here. */
const CODES = {
  done: 1000,
  shutdown: 1001,
  notAudio: 1003,
  brokenAudio: 1007,
  refused: 1008,
  tooBig: 1009,
  failed: 1011,
  later: 1013,
} as const;

const MAX_REASON_BYTES = 123;
/** Longest message of text, which holds options and nothing else. */
const MAX_TEXT = 2 ** 14;
/** Progress is reported each time that this part of the buffer has been taken. */
const PROGRESS_PART = 8;

/** One client's live sound. */
export class LiveStream implements SocketListener {
  readonly #context: Context;
  readonly #service: Service;
  readonly #ending = new AbortController();
  readonly #bytes: ByteChannel;
  readonly #leave: () => void;
  #fields: Readonly<Record<string, unknown>>;
  #socket?: ServerSocket;
  #hasSound = false;
  #isComplete = false;
  #isListening = false;
  readonly #gone = Promise.withResolvers<void>();
  #silence?: ReturnType<typeof setTimeout>;
  #takenBytes = 0;
  #toldBytes = 0;
  #wantsProgress = false;

  /**
   * Takes a place among the sessions, until the stream has ended.
   *
   * @throws {HTTPException} with status 503 where there is none.
   */
  constructor(c: Context, service: Service) {
    this.#context = c;
    this.#service = service;
    this.#fields = queryFields(c.req.url);
    this.#bytes = new ByteChannel(service.limits.streamBufferBytes, (count) => this.#took(count));
    const leave = service.sessions.enter(() => this.#shutDown());
    const left = Promise.withResolvers<void>();
    this.#leave = () => {
      leave();
      left.resolve();
    };
    noteEnd(c, left.promise);
  }

  opened(socket: ServerSocket): void {
    this.#socket = socket;
    if (this.#ending.signal.aborted) return socket.close(CODES.shutdown, "The service is ending");
    this.#awaitSound();
    this.#greet();
  }

  message(data: string | Uint8Array): void {
    if (this.#ending.signal.aborted || this.#isComplete) return;
    this.#awaitSound();
    if (typeof data === "string") this.#read(data);
    else this.#hear(data);
  }

  closed(): void {
    this.#gone.resolve();
    this.#stop(new HTTPException(400, { message: "The client closed the connection" }));
  }

  async #shutDown(): Promise<void> {
    this.#close(CODES.shutdown, "The service is ending");
    if (this.#socket) await this.#gone.promise;
  }

  /** Options are refused, and the model loaded, before there is sound. */
  async #greet(): Promise<void> {
    try {
      const { settings: { head } } = detectionRequest(this.#fields);
      const classifier = await detectorOf(this.#service);
      if (head !== undefined) headsWith(classifier, head);
      const labels = labelsOf(classifier, head);
      this.#send({ type: "ready", bufferBytes: this.#service.limits.streamBufferBytes, labels });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads options, or the word that no more sound comes. */
  #read(text: string): void {
    try {
      const fields = fieldsOf(text);
      if (fields.end === true) {
        if (!this.#hasSound) this.#begin();
        this.#isComplete = true;
        this.#bytes.end();
        clearTimeout(this.#silence);
      } else if (this.#hasSound) {
        throw new HTTPException(400, { message: "Cannot change options: expected them first" });
      } else {
        this.#fields = { ...this.#fields, ...fields };
        detectionRequest(this.#fields);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #hear(piece: Uint8Array): void {
    const { streamBufferBytes } = this.#service.limits;
    if (piece.length > streamBufferBytes) {
      const found =
        `expected messages of at most ${streamBufferBytes} bytes, found ${piece.length}`;
      return this.#close(CODES.tooBig, `Cannot take the sound: ${found}`);
    }
    if (!this.#bytes.push(piece)) {
      const found = `expected at most ${streamBufferBytes} bytes ahead of what was heard`;
      return this.#close(CODES.refused, `Cannot take the sound: ${found}`);
    }
    if (!this.#hasSound) this.#begin();
  }

  #begin(): void {
    this.#hasSound = true;
    this.#isListening = true;
    const listening = this.#listen(detectionRequest(this.#fields));
    listening.catch((error) => this.#fail(error)).finally(() => {
      this.#isListening = false;
      if (this.#ending.signal.aborted) this.#leave();
    });
  }

  async #listen(asked: DetectionRequest): Promise<void> {
    this.#wantsProgress = asked.progress;
    const classifier = await detectorOf(this.#service);
    const bytes = asked.raw ? this.#bytes : checkedPieces(this.#bytes, expectKnown);
    const sound = await openSound(bytes, asked.raw, 0).catch((cause: unknown) => {
      const isUnknown = cause instanceof AudioFormatError && !(cause instanceof SoundFirst);
      throw isUnknown ? new UnknownSound(cause) : cause;
    });
    await listen(sound, asked, {
      classifier,
      queue: this.#service.queue,
      signal: this.#ending.signal,
      heard: (seconds) => noteSound(this.#context, seconds),
      tell: (finding) => {
        this.#send({ type: "scores" in finding ? "scores" : "event", ...finding });
      },
    });
    this.#send({ type: "end", bytes: this.#takenBytes, warning: sound.warning });
    this.#close(CODES.done, "All was heard");
  }

  #took(count: number): void {
    this.#takenBytes += count;
    const since = this.#takenBytes - this.#toldBytes;
    if (since * PROGRESS_PART < this.#service.limits.streamBufferBytes) return;
    this.#toldBytes = this.#takenBytes;
    if (this.#wantsProgress) this.#send({ type: "progress", bytes: this.#takenBytes });
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    if (this.#ending.signal.aborted) return;
    this.#socket!.send(JSON.stringify(message));
    const { streamBufferBytes } = this.#service.limits;
    if (this.#socket!.bufferedBytes <= streamBufferBytes) return;
    const found = `expected at most ${streamBufferBytes} bytes unread`;
    this.#close(CODES.refused, `Cannot send events: ${found}`);
  }

  /** Cuts a client off that has gone silent, so that it does not keep a place. */
  #awaitSound(): void {
    clearTimeout(this.#silence);
    const { streamIdleMs } = this.#service.limits;
    this.#silence = setTimeout(() => {
      // A client that waits until it is listened to has done nothing wrong.
      if (!this.#bytes.isEmpty) return this.#awaitSound();
      const message = `Cannot go on listening: expected sound within ${streamIdleMs / 1000} s`;
      this.#close(CODES.refused, message);
    }, streamIdleMs);
  }

  #fail(error: unknown): void {
    if (this.#ending.signal.aborted) return;
    const { code, message, reason } = closingOf(error);
    if (reason !== undefined) {
      this.#service.log(JSON.stringify({ path: "/stream", code, error: reason }));
    }
    this.#close(code, message);
  }

  /** The whole reason goes ahead as a message: the one of a closing has few bytes, and browsers may lose it. */
  #close(code: number, message: string): void {
    if (this.#ending.signal.aborted) return;
    if (code !== CODES.done) this.#socket?.send(JSON.stringify({ type: "error", error: message }));
    this.#stop(new HTTPException(400, { message }));
    this.#socket?.close(code, shortened(message));
  }

  #stop(error: HTTPException): void {
    if (this.#ending.signal.aborted) return;
    clearTimeout(this.#silence);
    this.#ending.abort(error);
    this.#bytes.fail(error);
    // What computes for it holds its place until then.
    if (!this.#isListening) this.#leave();
  }
}

/**
 * Refuses at once what begins like nothing known (a file might still be MP3 behind other bytes, a stream is not), and
 * what could only be heard when all of it had come.
 */
function expectKnown(head: Uint8Array): void {
  const kind = sniff(head);
  if (kind?.name === "M4A or MP4" && isSoundFirst(head)) throw new SoundFirst();
  if (head.length === 0 || kind !== undefined) return;
  throw new AudioFormatError(
    "Cannot decode audio: expected audio, found an unknown format; bare samples need rate=16000",
  );
}

/** Sound that cannot be read from its first bytes on. */
class UnknownSound extends AudioFormatError {
  constructor(cause: AudioFormatError) {
    super(cause.message, { cause, hint: cause.hint });
  }
}

interface Closing {
  code: number;
  message: string;
  /** For the log, where the client is not to blame. */
  reason?: string;
}

function closingOf(error: unknown): Closing {
  if (error instanceof UnknownSound) return { code: CODES.notAudio, message: error.message };
  if (error instanceof AudioFormatError) return { code: CODES.brokenAudio, message: error.message };
  if (error instanceof SettingsError) return { code: CODES.refused, message: error.message };
  if (error instanceof HTTPException) {
    const { status, message, cause } = error;
    const code = status === 503 ? CODES.later : status >= 500 ? CODES.failed : CODES.refused;
    return { code, message, reason: cause === undefined ? undefined : reasonOf(cause) };
  }
  const message = "The server failed on this stream";
  return { code: CODES.failed, message, reason: reasonOf(error) };
}

/** As much of a reason as a closing may carry, in whole characters. */
export function shortened(reason: string): string {
  const encoder = new TextEncoder();
  let short = reason.slice(0, MAX_REASON_BYTES);
  while (encoder.encode(short).length > MAX_REASON_BYTES) short = short.slice(0, -1);
  return short;
}

function fieldsOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.length <= MAX_TEXT ? JSON.parse(text) : undefined;
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const message = "Cannot read the message: expected a JSON object of options, found other text";
    throw new HTTPException(400, { message });
  }
  const odd = Object.keys(value).find((key) => key !== "end" && !DETECTION_FIELDS.includes(key));
  if (odd === undefined) return value as Record<string, unknown>;
  const message = `Cannot use option "${odd.slice(0, 40)}": expected ${
    DETECTION_FIELDS.join(", ")
  }`;
  throw new HTTPException(400, { message });
}
