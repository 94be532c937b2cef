/**
 * A file on this disk as a `Blob`, which the client library sends: read when it is sent, never held whole.
 *
 * The library's own stand-in refuses to work in a worker, and reads on where a file has shrunk.
 *
 * @module
 */
import { FileError } from "../errors.ts";
import { attempt } from "../files.ts";
import { SEEK_START, system } from "../system/mod.ts";

const CHUNK_BYTES = 2 ** 18;

/**
 * The bytes of a file, of the size that it has now.
 *
 * @throws {FileError} where there is no such file.
 *
 * @example
 * ```ts
 * import { fileBlob } from "./file_blob.ts";
 * import assert from "node:assert/strict";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "earshot");
 * assert.equal(await (await fileBlob(path)).slice(0, 3).text(), "ear");
 * ```
 */
export async function fileBlob(path: string): Promise<Blob> {
  const { isFile, size } = await attempt("open", path, () => system.stat(path));
  if (isFile) return new FileBlob(path, 0, size);
  throw new FileError(`Cannot open "${path}": expected a file, found something else`, {
    file: path,
  });
}

class FileBlob extends Blob {
  readonly #path: string;
  readonly #start: number;
  readonly #end: number;

  constructor(path: string, start: number, end: number) {
    super();
    this.#path = path;
    this.#start = start;
    this.#end = end;
  }

  override get size(): number {
    return this.#end - this.#start;
  }

  override slice(start = 0, end = this.size): Blob {
    const place = (at: number) => Math.min(Math.max(at < 0 ? at + this.size : at, 0), this.size);
    const first = place(start);
    const last = Math.max(first, place(end));
    return new FileBlob(this.#path, this.#start + first, this.#start + last);
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const parts = this.#parts();
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => void parts.return(undefined),
    });
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = new Uint8Array(this.size);
    let filled = 0;
    for await (const part of this.#parts()) {
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes.buffer;
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer());
  }

  async *#parts(): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
    const path = this.#path;
    const file = await attempt("open", path, () => system.open(path));
    try {
      await file.seek(this.#start, SEEK_START);
      for (let left = this.size; left > 0;) {
        const buffer = new Uint8Array(Math.min(left, CHUNK_BYTES));
        const count = await attempt("read", path, () => file.read(buffer));
        if (count === null) {
          throw new FileError(`Cannot read "${path}": expected ${left} more bytes, found its end`, {
            file: path,
            hint: "It was changed while it was sent",
          });
        }
        left -= count;
        yield buffer.subarray(0, count);
      }
    } finally {
      file.close();
    }
  }
}
