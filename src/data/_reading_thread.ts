/**
 * Reads and decodes clips beside the device's work, in a thread of its own.
 *
 * A WASM device with one thread computes where the program runs: what is decoded there, it waits
 * for. The samples are the same to the bit. Where no worker can be started, such as from a place
 * that may not be read again, the clips are decoded where the program runs.
 *
 * @module
 */

import { AudioFormatError, FileError } from "../errors.ts";
import { siblingModule } from "../sibling_module.ts";
import { type LoadClipOptions, readBytes, type ReadClip, readClip } from "./_clip_reader.ts";
import type { AudioClip } from "./audio_dataset.ts";

/** What the worker is asked: a file to read, or bytes to decode. */
export interface ReadRequest {
  id: number;
  file: string;
  bytes?: Uint8Array;
  options: LoadClipOptions;
}

/** What it answers: samples, or why there are none. */
export interface ReadAnswer {
  id: number;
  samples?: Float32Array;
  warning?: string;
  error?: { kind: "audio" | "file" | "other"; message: string; hint?: string; code?: string };
}

interface Waiting {
  file: string;
  resolve: (clip: ReadClip) => void;
  reject: (error: unknown) => void;
}

/** The worker is not there, or no longer. */
class NoWorker extends Error {}

/** One worker and what is asked of it; disposing it ends the worker. */
export class ReadingThread implements Disposable {
  readonly #options: LoadClipOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #worker: Worker;
  #isBroken = false;
  #next = 0;

  /** Starts the worker. */
  constructor(options: LoadClipOptions) {
    const { samplingRate, maxSeconds, minSamples } = options;
    this.#options = { samplingRate, maxSeconds, minSamples };
    this.#worker = new Worker(siblingModule("_reading_worker", import.meta.url), {
      type: "module",
    });
    this.#worker.onmessage = ({ data }: MessageEvent<ReadAnswer>) => this.#take(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#break();
    };
  }

  /** The samples of a clip, the same that `readClip()` gives. */
  async read(clip: AudioClip): Promise<ReadClip> {
    try {
      return await this.#ask(clip);
    } catch (error) {
      if (error instanceof NoWorker) return await readClip(clip, this.#options);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#break();
  }

  async #ask(clip: AudioClip): Promise<ReadClip> {
    const { file } = clip;
    // What opens a clip of a table cannot go to another thread; its bytes can.
    const bytes = clip.open && whole(await readBytes(clip, this.#options));
    if (this.#isBroken) throw new NoWorker();
    const id = this.#next++;
    const request: ReadRequest = { id, file, bytes, options: this.#options };
    return await new Promise<ReadClip>((resolve, reject) => {
      this.#waiting.set(id, { file, resolve, reject });
      this.#worker.postMessage(request, bytes ? [bytes.buffer] : []);
    });
  }

  #take({ id, samples, warning, error }: ReadAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting === undefined) return;
    const { file, resolve, reject } = waiting;
    if (samples !== undefined) return resolve({ samples, warning });
    const { kind, message, hint, code } = error!;
    if (kind === "audio") reject(new AudioFormatError(message, { file, hint }));
    else if (kind === "file") reject(new FileError(message, { file, hint, code }));
    else reject(new NoWorker());
  }

  #break(): void {
    this.#isBroken = true;
    for (const { reject } of this.#waiting.values()) reject(new NoWorker());
    this.#waiting.clear();
  }
}

/** Bytes that fill their buffer, which then can be handed over. */
function whole(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength;
  return isWhole ? new Uint8Array(buffer) : bytes.slice();
}
