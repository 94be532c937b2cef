/**
 * From blocks of samples to windows of one length, one every hop.
 *
 * Blocks may have any length; the windows are the same. No more is held than the samples that a window may still
 * need.
 *
 * @module
 */

/** How a recording is cut. */
export interface WindowOptions {
  /** Samples of a window. */
  windowSamples: number;
  /** Samples from the start of a window to that of the next; more than a window leaves some unheard. */
  hopSamples: number;
  /**
   * What becomes of the samples behind the last whole window: `"back"` hears them in a window that ends with the
   * recording, `"pad"` in the next window, filled up with zeros.
   */
  lastWindow: "back" | "pad";
}

/** A stretch of a recording. */
export interface AudioWindow {
  /** The number of its first sample. */
  start: number;
  /** The number behind its last sample; zeros that were added do not count. */
  end: number;
  /** As many as a window has, or all of a recording that is shorter and not padded. */
  samples: Float32Array;
}

/** What is taken of a block at once, so that a recording that comes as one is not held twice. */
const PIECE_SAMPLES = 2 ** 15;

const FIRST_ROOM = 2 ** 14;

/** Cuts a recording into windows while it comes in. */
export class WindowCutter {
  readonly #options: WindowOptions;
  /** Samples from number `#heldStart` on, as many as `#held` of them. */
  #room: Float32Array<ArrayBuffer> = new Float32Array(FIRST_ROOM);
  #held = 0;
  #heldStart = 0;
  /** Where the next window starts. */
  #next = 0;

  /**
   * Starts at the recording's first sample.
   *
   * @param options whole numbers of samples, 1 or more.
   */
  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** Samples that have come. */
  get length(): number {
    return this.#heldStart + this.#held;
  }

  /** The windows that a block completes, in order; all of them are to be taken. */
  *push(block: Float32Array): Generator<AudioWindow, void, void> {
    const { windowSamples, hopSamples } = this.#options;
    for (let at = 0; at < block.length; at += PIECE_SAMPLES) {
      this.#add(block.subarray(at, at + PIECE_SAMPLES));
      while (this.#next + windowSamples <= this.length) {
        yield this.#window(this.#next, this.#next + windowSamples);
        this.#next += hopSamples;
      }
      this.#forget();
    }
  }

  /** The window of what is left when the recording is over, where something is. */
  finish(): AudioWindow | undefined {
    const { windowSamples, hopSamples, lastWindow } = this.#options;
    const { length } = this;
    const heard = this.#next === 0 ? 0 : this.#next - hopSamples + windowSamples;
    if (length <= Math.max(heard, this.#next)) return undefined;
    if (lastWindow === "back") return this.#window(Math.max(0, length - windowSamples), length);
    const window = this.#window(this.#next, length);
    const padded = new Float32Array(windowSamples);
    padded.set(window.samples);
    return { ...window, samples: padded };
  }

  #window(start: number, end: number): AudioWindow {
    const at = start - this.#heldStart;
    return { start, end, samples: this.#room.slice(at, at + end - start) };
  }

  #add(block: Float32Array): void {
    const needed = this.#held + block.length;
    if (needed > this.#room.length) {
      const room = new Float32Array(Math.max(needed, 2 * this.#room.length));
      room.set(this.#room.subarray(0, this.#held));
      this.#room = room;
    }
    this.#room.set(block, this.#held);
    this.#held = needed;
  }

  /** The last window may be moved back, by as much as its own length. */
  #forget(): void {
    const { windowSamples, lastWindow } = this.#options;
    const oldest = lastWindow === "back"
      ? Math.min(this.#next, this.length - windowSamples)
      : this.#next;
    const forgotten = Math.min(oldest - this.#heldStart, this.#held);
    if (forgotten <= 0) return;
    this.#room.copyWithin(0, forgotten, this.#held);
    this.#held -= forgotten;
    this.#heldStart += forgotten;
  }
}
