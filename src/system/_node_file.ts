/**
 * An open file of Node's with the methods of Deno's.
 *
 * Node reads and writes at places that it is told, so the file's position is kept here.
 *
 * @module
 */
import * as fs from "node:fs";

/** What is known of a file, in Deno's words. */
export interface NodeInfo {
  isFile: boolean;
  isDirectory: boolean;
  isSymlink: boolean;
  isFifo: boolean;
  size: number;
  mtime: Date;
  ino: number;
  mode: number;
}

/** The same in Deno's words. */
export function nodeInfo(stats: fs.Stats): NodeInfo {
  return {
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
    isSymlink: stats.isSymbolicLink(),
    isFifo: stats.isFIFO(),
    size: stats.size,
    mtime: stats.mtime,
    ino: stats.ino,
    mode: stats.mode,
  };
}

/** An open file. */
export class NodeFile implements Disposable {
  readonly #handle: fs.promises.FileHandle;
  #position = 0;

  /** @param handle closed with this. */
  constructor(handle: fs.promises.FileHandle) {
    this.#handle = handle;
  }

  /** How many bytes were read; none at the end of the file. */
  async read(bytes: Uint8Array): Promise<number | null> {
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, this.#position);
    return this.#advanced(bytesRead);
  }

  /** The same at once. */
  readSync(bytes: Uint8Array): number | null {
    return this.#advanced(
      fs.readSync(this.#handle.fd, bytes, 0, bytes.length, this.#position),
    );
  }

  /** How many bytes were written. */
  async write(bytes: Uint8Array): Promise<number> {
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, this.#position);
    this.#position += bytesWritten;
    return bytesWritten;
  }

  /** Goes to a place counted from the start, which is all that is asked for. */
  seek(position: number): Promise<number> {
    return Promise.resolve(this.seekSync(position));
  }

  /** The same at once. */
  seekSync(position: number): number {
    return this.#position = position;
  }

  /** What is known of the file. */
  async stat(): Promise<NodeInfo> {
    return nodeInfo(await this.#handle.stat());
  }

  /** The same at once. */
  statSync(): NodeInfo {
    return nodeInfo(fs.fstatSync(this.#handle.fd));
  }

  /** Has the disk take what was written. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  /** Cuts the file off. */
  truncate(sizeBytes?: number): Promise<void> {
    return this.#handle.truncate(sizeBytes);
  }

  /** Node has no locks. */
  tryLock(): Promise<boolean> {
    return Promise.reject(new TypeError("Cannot lock a file: Node has no locks"));
  }

  /** The rest of the file; it is closed with the stream. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#handle.readableWebStream() as ReadableStream<Uint8Array>;
  }

  /** Closes the file. */
  close(): void {
    // Nobody can do anything about a failure.
    this.#handle.close().catch(() => {});
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }

  #advanced(count: number): number | null {
    this.#position += count;
    return count === 0 ? null : count;
  }
}
