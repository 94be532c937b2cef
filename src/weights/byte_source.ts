/**
 * Files as weight readers see them: a name, a size, and any range of bytes on request.
 *
 * Nothing here opens a file. A caller brings its own source (a file on disk, a URL with range
 * requests, bytes built into a bundle), so the readers run in any isolate and take from a large
 * checkpoint one tensor at a time.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";

/** Random access to the bytes of one file. */
export interface ByteSource {
  /** What error messages call the file. */
  readonly name: string;
  /** The whole file, which does not change while it is open. */
  readonly sizeBytes: number;
  /**
   * Bytes `start` up to, without, `end`, in an array that the caller may keep and change.
   *
   * A source that cannot deliver all of them rejects or returns fewer.
   */
  read(start: number, end: number): Promise<Uint8Array>;
  /** Gives back what the source holds open; absent where it holds nothing. */
  close?(): void;
}

/** The files of one model directory, wherever that lies. */
export interface FileReader {
  /** What error messages call the directory. */
  readonly name?: string;
  /** The file of that name, which the caller closes, or undefined where there is none. */
  open(name: string): Promise<ByteSource | undefined>;
}

/**
 * What error messages call a file of a directory.
 *
 * @example
 * ```ts
 * import { nameIn } from "./byte_source.ts";
 * import assert from "node:assert/strict";
 *
 * const open = () => Promise.resolve(undefined);
 * assert.equal(nameIn({ name: "runs/a", open }, "config.json"), "runs/a/config.json");
 * assert.equal(nameIn({ open }, "config.json"), "config.json");
 * ```
 */
export function nameIn(files: FileReader, file: string): string {
  return files.name ? `${files.name}/${file}` : file;
}

/**
 * A source over bytes in memory.
 *
 * @param name what error messages call the bytes.
 * @param bytes read in place, so they must not change while the source is in use.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import assert from "node:assert/strict";
 *
 * const source = bytesSource("three.bin", Uint8Array.of(7, 8, 9));
 * assert.deepEqual(await source.read(1, 3), Uint8Array.of(8, 9));
 * ```
 */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    sizeBytes: bytes.byteLength,
    // A plain slice() of a Node Buffer would share its memory.
    read: (start, end) => Promise.resolve(Uint8Array.prototype.slice.call(bytes, start, end)),
  };
}

/**
 * Reads a range in full.
 *
 * @throws {CheckpointError} if the range leaves the file, or fewer bytes come back.
 *
 * @example
 * ```ts
 * import { bytesSource, readExactly } from "./byte_source.ts";
 * import assert from "node:assert/strict";
 *
 * const source = bytesSource("three.bin", Uint8Array.of(7, 8, 9));
 * await assert.rejects(readExactly(source, 1, 4), /bytes 1 to 4, found 3 bytes in all/);
 * ```
 */
export async function readExactly(
  source: ByteSource,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const inside = start >= 0 && start <= end && end <= source.sizeBytes;
  const bytes = inside ? await source.read(start, end) : undefined;
  if (bytes?.byteLength === end - start) return bytes;
  const found = bytes ? `${bytes.byteLength} of them` : `${source.sizeBytes} bytes in all`;
  throw new CheckpointError(
    `Cannot read "${source.name}": expected bytes ${start} to ${end}, found ${found}`,
    { file: source.name },
  );
}
