/**
 * A form (`multipart/form-data`, RFC 7578) whose file is read while it comes in, however long it is.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";

/** The fields before the first file, and that file; what comes behind it is not used. */
export interface StreamedForm {
  fields: Record<string, string>;
  file: AsyncIterable<Uint8Array>;
}

const MAX_HEADER_BYTES = 8_192;
const MAX_FIELD_BYTES = 16_384;
const MAX_FIELDS = 100;
const HEADERS_END = bytesOf("\r\n\r\n");

/**
 * Reads a form as far as its first file.
 *
 * @param type the content type, with the boundary.
 * @throws {HTTPException} with status 400 for what is no form, or has no file.
 */
export async function openForm(
  pieces: AsyncIterable<Uint8Array>,
  type: string,
): Promise<StreamedForm> {
  const [, quoted, bare] = /boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type) ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw notAForm("a boundary in Content-Type");
  const mark = bytesOf(`\r\n--${boundary}`);
  const parts = new Parts(pieces);
  const fields: Record<string, string> = {};
  await parts.until(mark, MAX_FIELD_BYTES);
  for (let count = 0; count < MAX_FIELDS; count++) {
    const headers = textOf(await parts.until(HEADERS_END, MAX_HEADER_BYTES));
    if (headers.startsWith("--")) throw notAForm("a file in it");
    if (/;\s*filename\*?=/i.test(headers)) return { fields, file: parts.through(mark) };
    const [, name] = /;\s*name="([^"]*)"/i.exec(headers) ?? [];
    const value = textOf(await parts.until(mark, MAX_FIELD_BYTES));
    if (name !== undefined) fields[name] = value;
  }
  throw notAForm(`at most ${MAX_FIELDS} fields before the file`);
}

/** Bytes in pieces, cut where a mark stands. */
class Parts {
  readonly #pieces: AsyncIterator<Uint8Array>;
  /** A mark begins with the end of a line, which the first one lacks. */
  #held: Uint8Array = bytesOf("\r\n");
  #isOver = false;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** All before a mark, which is taken too. */
  async until(mark: Uint8Array, maxBytes: number): Promise<Uint8Array> {
    for (;;) {
      const at = indexOf(this.#held, mark);
      if (at >= 0) return this.#take(at, mark.length);
      if (this.#isOver) throw notAForm("a file in it");
      if (this.#held.length > maxBytes) throw notAForm(`parts of at most ${maxBytes} bytes`);
      await this.#more();
    }
  }

  /** The same as it comes, of any length. */
  async *through(mark: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        const at = indexOf(this.#held, mark);
        if (at >= 0) {
          yield this.#take(at, mark.length);
          break;
        }
        if (this.#isOver) throw notAForm("all of it, found that it broke off");
        // The mark may have begun at the end of what is there.
        const sure = Math.max(0, this.#held.length - mark.length + 1);
        if (sure > 0) yield this.#take(sure, 0);
        await this.#more();
      }
      while (!(await this.#pieces.next()).done);
    } finally {
      await this.#pieces.return?.();
    }
  }

  #take(count: number, skipped: number): Uint8Array {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count + skipped);
    return taken;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#pieces.next();
    if (done) {
      this.#isOver = true;
      return;
    }
    const joined = new Uint8Array(this.#held.length + value.length);
    joined.set(this.#held);
    joined.set(value, this.#held.length);
    this.#held = joined;
  }
}

function indexOf(bytes: Uint8Array, mark: Uint8Array): number {
  for (let at = bytes.indexOf(mark[0]!); at >= 0; at = bytes.indexOf(mark[0]!, at + 1)) {
    if (at + mark.length > bytes.length) return -1;
    if (mark.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function notAForm(expected: string): HTTPException {
  return new HTTPException(400, { message: `Cannot read the form: expected ${expected}` });
}
