/**
 * `POST /detect`: a recording of any length, answered by its events while it still comes in.
 *
 * @module
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { DECODED_FORMATS, sniff } from "../src/audio/mod.ts";
import { noteEnd, noteSound } from "./_access_log.ts";
import { checkedPieces } from "./_audio_head.ts";
import { queryFields } from "./_clip_request.ts";
import { withDeadline } from "./_deadline.ts";
import { listen } from "./_detection.ts";
import { DETECTION_FIELDS, detectionRequest } from "./_detect_request.ts";
import { failureOf, logFailure } from "./_failure.ts";
import { LineStream } from "./_line_stream.ts";
import { RecordingBody } from "./_recording_body.ts";
import { openForm } from "./_streamed_form.ts";
import { ignored, warningHeader } from "./_warnings.ts";
import { openSound } from "./_sound.ts";
import { detectorOf, type Service } from "./_service.ts";

const HEADERS = {
  "Content-Type": "application/x-ndjson",
  "Cache-Control": "no-store",
  // nginx would collect the lines otherwise.
  "X-Accel-Buffering": "no",
};

/**
 * Answers with the events of a recording, one line of JSON each.
 *
 * The status waits for the first line, but no longer than proxies do; what goes wrong later is the last line.
 */
export async function detectRecording(c: Context, service: Service): Promise<Response> {
  const fields = queryFields(c.req.url);
  detectionRequest(fields);
  expectRecording(c.req.raw);
  return await new RecordingAnswer(c, service, fields).begun();
}

/** One recording and its answer. */
class RecordingAnswer {
  readonly #context: Context;
  readonly #service: Service;
  readonly #query: Readonly<Record<string, unknown>>;
  readonly #warnings: string[] = [];
  readonly #ending = new AbortController();
  readonly #lines = new LineStream(() => this.#clientLeft());
  readonly #begun = Promise.withResolvers<void>();
  readonly #body: RecordingBody;
  #hasBegun = false;
  #isWaitedFor = false;

  constructor(context: Context, service: Service, query: Readonly<Record<string, unknown>>) {
    this.#context = context;
    this.#service = service;
    this.#query = query;
    this.#body = new RecordingBody(context.req.raw, service.limits, this.#ending.signal);
  }

  /** The answer, as soon as there is a line, an end, or nothing that a client would wait for longer. */
  async begun(): Promise<Response> {
    const { limits, sessions } = this.#service;
    const leave = sessions.enter(() => this.#stop(503, "The service is ending"));
    const late = `Cannot detect: expected an end within ${limits.detectTimeoutMs / 1000} s`;
    const deadline = setTimeout(() => this.#stop(408, late), limits.detectTimeoutMs);
    const hold = setTimeout(() => this.#beginIfRoom(), limits.statusWaitMs);
    const work = this.#work().finally(() => {
      clearTimeout(deadline);
      clearTimeout(hold);
      // What is left of the body is not wanted.
      this.#stop(400, "The answer has ended");
      leave();
    });
    noteEnd(this.#context, work);
    await Promise.race([work, this.#begun.promise]);
    return this.#context.body(this.#lines.body, 200, {
      ...HEADERS,
      ...warningHeader(this.#warnings),
    });
  }

  async #work(): Promise<void> {
    try {
      await this.#listen();
    } catch (cause) {
      const error = this.#ending.signal.aborted ? this.#ending.signal.reason : cause;
      if (!this.#hasBegun) throw error;
      const failure = failureOf(error);
      logFailure(failure, this.#context, this.#service.log);
      this.#lines.write({ error: failure.message });
    }
    this.#begin();
    this.#lines.end();
  }

  async #listen(): Promise<void> {
    const { limits, queue } = this.#service;
    const { signal } = this.#ending;
    const classifier = await detectorOf(this.#service);
    const { fields, file } = await this.#opened();
    const asked = detectionRequest(fields);
    this.#warnings.push(...ignored(Object.keys(fields), DETECTION_FIELDS));
    const pieces = asked.raw ? file : checkedPieces(file, expectKnown);
    const sound = await openSound(pieces, asked.raw, limits.maxAheadBytes);
    await listen(sound, asked, {
      classifier,
      queue,
      signal,
      heard: (seconds) => noteSound(this.#context, seconds),
      tell: (finding) => {
        this.#lines.write(finding);
        this.#beginIfRoom();
      },
      room: async () => {
        if (this.#isWaitedFor) this.#beginIfRoom();
        if (!this.#hasBegun) return;
        const { bodyTimeoutMs } = limits;
        const late = `Cannot send events: expected them to be read within ${
          bodyTimeoutMs / 1000
        } s`;
        await withDeadline(this.#lines.room(), bodyTimeoutMs, late);
      },
    });
    if (sound.warning !== undefined) this.#warn(`Odd audio: ${sound.warning}`);
  }

  /** The recording, and what is asked of it: by the query, and by the fields of a form. */
  async #opened(): Promise<{
    fields: Readonly<Record<string, unknown>>;
    file: AsyncIterable<Uint8Array>;
  }> {
    const type = this.#context.req.header("content-type") ?? "";
    if (!/^multipart\/form-data/i.test(type)) return { fields: this.#query, file: this.#body };
    const { fields, file } = await openForm(this.#body, type);
    return { fields: { ...this.#query, ...fields }, file };
  }

  /** What was odd about the recording, which shows at its end: in the header, or behind the last event. */
  #warn(warning: string): void {
    if (this.#hasBegun) this.#lines.write({ warning });
    else this.#warnings.push(warning);
  }

  /** The answer waits while more of the recording is to come than may be in memory, or than lines wait for it. */
  #beginIfRoom(): void {
    this.#isWaitedFor = true;
    const { maxAheadBytes } = this.#service.limits;
    if (this.#body.isNearEnd || this.#lines.waitingBytes > maxAheadBytes) this.#begin();
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#body.answerBegins();
    this.#begun.resolve();
  }

  #clientLeft(): void {
    this.#stop(400, "The client closed the connection");
  }

  #stop(status: 400 | 408 | 503, message: string): void {
    this.#ending.abort(new HTTPException(status, { message }));
  }
}

function expectRecording(request: Request): void {
  if (!/^application\/json/i.test(request.headers.get("content-type") ?? "")) return;
  const message =
    "Cannot read JSON: expected the file's bytes as the body (curl -X POST -T FILE), or a form";
  throw new HTTPException(415, { message });
}

/** Refuses what is plainly no audio that is read here. */
function expectKnown(head: Uint8Array): void {
  if (head.length === 0) {
    const message = "Cannot detect: expected audio as the body, found nothing";
    throw new HTTPException(400, { message });
  }
  const name = sniff(head)?.name;
  // What is not known by its first bytes may still be MP3 behind others.
  if (name === undefined || DECODED_FORMATS.includes(name)) return;
  const message = `Cannot decode audio: expected ${DECODED_FORMATS.join(", ")}, found ${name}`;
  throw new HTTPException(415, { message });
}
