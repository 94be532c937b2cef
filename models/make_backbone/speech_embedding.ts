/**
 * Google's speech embedding, one of the teachers: 96 numbers of 0.76 s of speech, every 80 ms.
 *
 * Both files are those of openWakeWord: the spectrogram in decibels, and the network over 76 frames of it. As none of
 * its convolutions pads time, all windows of a clip are computed at once.
 *
 * Source: Lin et al. 2020, "Training keyword spotters with limited and synthesized speech data".
 *
 * @module
 */
import { product } from "./product.ts";
import { evaluate, OPERATORS, parseTflite, type TfliteModel } from "./tflite.ts";

/** Numbers of an embedding. */
export const SPEECH_EMBEDDING_SIZE = 96;
/** Samples from one window to the next. */
export const SPEECH_HOP = 1280;

const FRAME = 512;
const HOP = 160;
const BINS = 257;
const BANDS = 32;
/** Frames of a window. */
const WINDOW = 76;
const FULL_SCALE = 32_768;
const LEAST_POWER = 1e-10;
const RANGE_DB = 80;

/** Samples that a window covers. */
export const SPEECH_WINDOW = (WINDOW - 1) * HOP + FRAME;

/** The teacher from its two files. */
export class SpeechEmbedding {
  /** Shape: `[2 bins, frame]`, `[bands, bins]` */
  readonly #fourier: Float32Array;
  readonly #mel: Float32Array;
  readonly #network: TfliteModel;

  constructor(spectrogram: Uint8Array, network: Uint8Array) {
    const front = parseTflite(spectrogram, "melspectrogram.tflite");
    const constants = front.tensors.flatMap(({ values }) => values ?? []);
    const waves = constants.filter(({ length }) => length === BINS * FRAME);
    const bank = constants.find(({ length }) => length === BINS * BANDS);
    if (waves.length !== 2 || !bank) {
      throw new SyntaxError(
        'Cannot use "melspectrogram.tflite": expected two transforms and a bank, found others',
      );
    }
    this.#fourier = Float32Array.from([...waves[0]!, ...waves[1]!]);
    this.#mel = Float32Array.from(
      { length: bank.length },
      (_, i) => bank[i % BINS * BANDS + Math.floor(i / BINS)]!,
    );
    this.#network = parseTflite(network, "embedding_model.tflite");
  }

  /**
   * All windows of a clip, each 80 ms after the one before.
   *
   * Shape: `samples` at 16 kHz, at least {@linkcode SPEECH_WINDOW} -> `[windows, 96]`
   */
  windows(samples: Float32Array): Float32Array {
    const values = this.spectrogram(samples).map((decibels) => decibels / 10 + 2);
    const frames = values.length / BANDS;
    const [last] = evaluate(
      this.#network,
      { shape: [1, frames, BANDS, 1], values },
      { from: this.#network.operators[0]!.inputs[0]!, keep: [OPERATORS.convolution] },
    ).slice(-1);
    return last!.values;
  }

  /** Decibels, no more than 80 below the loudest. Shape: -> `[frames, 32]` */
  spectrogram(samples: Float32Array): Float32Array {
    const frames = Math.floor((samples.length - FRAME) / HOP) + 1;
    const cut = new Float32Array(frames * FRAME);
    for (let frame = 0; frame < frames; frame++) {
      for (let i = 0; i < FRAME; i++) {
        cut[frame * FRAME + i] = samples[frame * HOP + i]! * FULL_SCALE;
      }
    }
    const waves = product(cut, this.#fourier, FRAME);
    const power = new Float32Array(frames * BINS);
    for (let i = 0; i < power.length; i++) {
      const at = Math.floor(i / BINS) * 2 * BINS + i % BINS;
      power[i] = waves[at]! ** 2 + waves[at + BINS]! ** 2;
    }
    const decibels = product(power, this.#mel, BINS)
      .map((energy) => 10 * Math.log10(Math.max(energy, LEAST_POWER)));
    const loudest = decibels.reduce((a, b) => Math.max(a, b), -Infinity);
    return decibels.map((value) => Math.max(value, loudest - RANGE_DB));
  }
}
