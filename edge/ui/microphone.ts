/**
 * The microphone, and what has been heard of it.
 *
 * @module
 */
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { type LiveSamples, liveSamples } from "../../src/browser/live_samples.ts";
import { EngineError, type LiveSound } from "./engine.ts";

/** Most seconds that are kept, to be listened to and classified as one clip. */
const MAX_KEPT_SECONDS = 60;

/** An open microphone. */
export class Microphone {
  readonly #stream: MediaStream;
  readonly #sound: LiveSamples;
  #kept: Float32Array[] = [];
  #isFresh = false;

  private constructor(stream: MediaStream, sound: LiveSamples) {
    this.#stream = stream;
    this.#sound = sound;
  }

  /** @throws {EngineError} where there is none, or the page may not use it. */
  static async open(): Promise<Microphone> {
    if (!navigator.mediaDevices) {
      throw new EngineError("A microphone needs https, or localhost; a file can be chosen anyway");
    }
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: plain }).catch((error) => {
      const reasons: Record<string, string> = {
        NotAllowedError: "This page may not use the microphone; allow it in the browser's settings",
        NotFoundError: "There is no microphone",
      };
      throw new EngineError(
        reasons[error.name] ?? `The microphone cannot be used: ${error.message}`,
      );
    });
    try {
      const workletUrl = new URL("worklet.js", import.meta.url);
      return new Microphone(stream, await liveSamples(stream, { workletUrl }));
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw error;
    }
  }

  /** Hertz. */
  get samplingRate(): number {
    return this.#sound.samplingRate;
  }

  /** Seconds that are kept. */
  get seconds(): number {
    return this.#length() / this.samplingRate;
  }

  /** What is heard, as it comes. */
  sound(): LiveSound {
    const pieces = this.#pieces();
    return { samplingRate: this.samplingRate, [Symbol.asyncIterator]: () => pieces };
  }

  /** The last seconds, as many as there are. */
  last(seconds: number): Float32Array<ArrayBuffer> {
    const samples = new Float32Array(Math.round(seconds * this.samplingRate));
    let end = samples.length;
    for (const piece of this.#kept.toReversed()) {
      const part = piece.subarray(Math.max(0, piece.length - end));
      samples.set(part, end -= part.length);
      if (end === 0) break;
    }
    return samples;
  }

  /** Whether there is more than when this was asked last. */
  takeNews(): boolean {
    const isFresh = this.#isFresh;
    this.#isFresh = false;
    return isFresh;
  }

  /** All that is kept, as a WAV file. */
  recording(): { clip: Blob; samples: Float32Array<ArrayBuffer> } {
    const samples = this.last(this.seconds);
    return { clip: wav(samples, this.samplingRate), samples };
  }

  /** Stops listening; the browser's sign goes out. */
  close(): void {
    this.#sound.stop();
    for (const track of this.#stream.getTracks()) track.stop();
  }

  async *#pieces(): AsyncGenerator<Float32Array, void, void> {
    for await (const piece of this.#sound) {
      this.#kept.push(piece);
      this.#isFresh = true;
      if (this.#length() > MAX_KEPT_SECONDS * this.samplingRate) this.#kept.shift();
      yield piece;
    }
  }

  #length(): number {
    return this.#kept.reduce((sum, { length }) => sum + length, 0);
  }
}

/** Samples as a file. */
export function wav(samples: Float32Array, samplingRate: number): Blob {
  return new Blob([encodeWav(samples, samplingRate).slice()], { type: "audio/wav" });
}

/** Records for some seconds; `onSecond` is told how many are left. */
export async function recordFor(
  seconds: number,
  onLeft: (seconds: number) => void,
): Promise<Blob> {
  const microphone = await Microphone.open();
  try {
    for await (const _ of microphone.sound()) {
      onLeft(Math.max(0, seconds - microphone.seconds));
      if (microphone.seconds >= seconds) break;
    }
    return microphone.recording().clip;
  } finally {
    microphone.close();
  }
}
