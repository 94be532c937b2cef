/**
 * Stretches of long recordings as clips: each recording is decoded once, block by block, and what is wanted of it goes
 * into one temporary file, at the model's rate.
 *
 * Memory holds the stretches that a block is part of and no more, however long a night is. The file has no name any
 * longer as soon as it is open, where the system allows it, so that a run that is killed leaves nothing behind.
 *
 * @module
 */

import { openAudio } from "../audio/mod.ts";
import { attempt, fileSource } from "../files.ts";
import { openBytes } from "./_data_files.ts";
import { samplesFile } from "./_stored_samples.ts";
import type { OpenFile } from "./_table.ts";
import { SEEK_START, system } from "../system/mod.ts";

/** A stretch of a recording. */
export interface Cut {
  /** Seconds from the recording's first sample. */
  start: number;
  seconds: number;
}

/** A stretch that is in the file. */
export interface CutClip {
  /** Opens it as a WAV file. */
  open(): Promise<OpenFile>;
}

const SAMPLE_BYTES = 4;

interface Piece {
  /** Samples from the recording's first. */
  first: number;
  samples: Float32Array<ArrayBuffer>;
  /** Its place among those asked for. */
  at: number;
}

/** The stretches of many recordings. Disposing it closes the file. */
export class CutFile implements Disposable {
  readonly #samplingRate: number;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #sizeBytes = 0;
  #reading: Promise<unknown> = Promise.resolve();

  private constructor(samplingRate: number, path: string, file: Deno.FsFile) {
    this.#samplingRate = samplingRate;
    this.#path = path;
    this.#file = file;
  }

  /**
   * Makes an empty one in the system's folder for temporary files.
   *
   * @throws {FileError} where that cannot be written to.
   */
  static async make(samplingRate: number): Promise<CutFile> {
    const folder = "the folder of temporary files";
    const path = await attempt("make a file in", folder, () => system.makeTempFile());
    const file = await attempt("open", path, () => system.open(path, { read: true, write: true }));
    // Not on Windows, where an open file cannot be removed.
    await system.remove(path).catch(() => {});
    return new CutFile(samplingRate, path, file);
  }

  /**
   * Adds stretches of a recording. What is beyond its end is silence.
   *
   * @param path the recording.
   * @param cuts what is wanted of it, in any order.
   * @returns a clip for each of them, in the same order.
   * @throws {FileError | AudioFormatError} where it cannot be read through.
   */
  async add(path: string, cuts: readonly Cut[]): Promise<CutClip[]> {
    const waiting = cuts.map((cut, at) => ({ ...this.#emptyPiece(cut), at }))
      .sort((a, b) => b.first - a.first);
    const places: { start: number; length: number }[] = [];
    let active: Piece[] = [];
    let first = 0;
    const write = async (piece: Piece) => {
      places[piece.at] = { start: this.#sizeBytes, length: piece.samples.length };
      await this.#write(piece.samples);
    };
    const source = await fileSource(path);
    try {
      const audio = await openAudio(source, { file: path, samplingRate: this.#samplingRate });
      for await (const block of audio.blocks()) {
        const end = first + block.length;
        while (waiting.length > 0 && waiting.at(-1)!.first < end) active.push(waiting.pop()!);
        for (const piece of active) copyOverlap(block, first, piece);
        const done = active.filter((piece) => piece.first + piece.samples.length <= end);
        active = active.filter((piece) => piece.first + piece.samples.length > end);
        for (const piece of done) await write(piece);
        first = end;
        if (waiting.length === 0 && active.length === 0) break;
      }
      for (const piece of [...active, ...waiting]) await write(piece);
      return places.map((place) => ({ open: () => this.#openAt(place, path) }));
    } finally {
      source[Symbol.dispose]();
    }
  }

  #emptyPiece({ start, seconds }: Cut): Omit<Piece, "at"> {
    const samples = new Float32Array(Math.round(seconds * this.#samplingRate));
    return { first: Math.round(start * this.#samplingRate), samples };
  }

  async #write(samples: Float32Array<ArrayBuffer>): Promise<void> {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    await attempt("write", this.#path, async () => {
      await this.#file.seek(this.#sizeBytes, SEEK_START);
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    });
    this.#sizeBytes += bytes.length;
  }

  /** One reading after the other, since they share the file's position. */
  async #openAt(place: { start: number; length: number }, name: string): Promise<OpenFile> {
    const reading = this.#reading.then(() => this.#read(place));
    this.#reading = reading.catch(() => {});
    const stored = { array: await reading, sampling_rate: this.#samplingRate };
    return openBytes(name, samplesFile(stored)!.bytes);
  }

  async #read({ start, length }: { start: number; length: number }): Promise<Float32Array> {
    const bytes = new Uint8Array(length * SAMPLE_BYTES);
    await attempt("read", this.#path, async () => {
      await this.#file.seek(start, SEEK_START);
      for (let at = 0; at < bytes.length;) {
        const count = await this.#file.read(bytes.subarray(at));
        if (count === null) break;
        at += count;
      }
    });
    return new Float32Array(bytes.buffer);
  }

  /** Closes the file, and removes it where that was not done yet. */
  [Symbol.dispose](): void {
    this.#file.close();
    try {
      system.removeSync(this.#path);
    } catch (error) {
      if (!(error instanceof system.errors.NotFound)) throw error;
    }
  }
}

/** Copies what a block, which begins at sample `first`, has of a piece. */
function copyOverlap(block: Float32Array, first: number, piece: Piece): void {
  const from = Math.max(first, piece.first);
  const to = Math.min(first + block.length, piece.first + piece.samples.length);
  if (to > from) piece.samples.set(block.subarray(from - first, to - first), from - piece.first);
}
