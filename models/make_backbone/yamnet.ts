/**
 * YAMNet, one of the teachers: what 521 classes of AudioSet make of a clip.
 *
 * Log-mel spectrograms of 0.96 s, every 0.48 s, go through the network of the file; a clip is the mean over them. A
 * clip shorter than one is padded with silence.
 *
 * Source: Plakal and Ellis, YAMNet, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet; Howard
 * et al. 2017, "MobileNets". The graph's own front end has its Fourier matrices in 8 bits; this is the exact one.
 *
 * @module
 */
import { product } from "./product.ts";
import { evaluate, OPERATORS, parseTflite, type TfliteModel } from "./tflite.ts";

/** What YAMNet makes of a clip. */
export interface YamnetOutput {
  /** `[521]`, 0 to 1 */
  scores: Float32Array;
  /** `[1024]`, what is before the scores. */
  embedding: Float32Array;
}

const RATE_HZ = 16_000;
const WINDOW = 400;
const HOP = 160;
const FFT = 512;
const BINS = FFT / 2 + 1;
const BANDS = 64;
const LOW_HZ = 125;
const HIGH_HZ = 7500;
const LOG_OFFSET = 0.001;
const PATCH = 96;
const PATCH_HOP = 48;

/** Samples of the shortest clip that fills a patch. */
const PATCH_SAMPLES = (PATCH - 1) * HOP + WINDOW;

/** Hertz to mels, as TensorFlow has them. */
function mels(hz: number): number {
  return 1127 * Math.log(1 + hz / 700);
}

/** Triangles that are straight in mels. Shape: `[bands, bins]` */
function melMatrix(): Float32Array {
  const matrix = new Float32Array(BANDS * BINS);
  const step = (mels(HIGH_HZ) - mels(LOW_HZ)) / (BANDS + 1);
  for (let band = 0; band < BANDS; band++) {
    const low = mels(LOW_HZ) + band * step;
    // The lowest bin, a constant, belongs to no band.
    for (let bin = 1; bin < BINS; bin++) {
      const place = (mels(bin * RATE_HZ / FFT) - low) / step;
      matrix[band * BINS + bin] = Math.max(0, Math.min(place, 2 - place));
    }
  }
  return matrix;
}

/** The Fourier transform of a frame under a periodic Hann window, cosines before sines. Shape: `[2 bins, window]` */
function fourierMatrix(): Float32Array {
  const matrix = new Float32Array(2 * BINS * WINDOW);
  for (let bin = 0; bin < BINS; bin++) {
    for (let i = 0; i < WINDOW; i++) {
      const window = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / WINDOW);
      const angle = 2 * Math.PI * (bin * i % FFT) / FFT;
      matrix[bin * WINDOW + i] = window * Math.cos(angle);
      matrix[(BINS + bin) * WINDOW + i] = window * Math.sin(angle);
    }
  }
  return matrix;
}

let matrices: { fourier: Float32Array; mel: Float32Array } | undefined;

/**
 * YAMNet's view of a clip.
 *
 * Shape: `samples` at 16 kHz -> `[frames, 64]`
 */
export function logMelSpectrogram(samples: Float32Array): Float32Array {
  matrices ??= { fourier: fourierMatrix(), mel: melMatrix() };
  const { fourier, mel } = matrices;
  const frames = Math.floor((samples.length - WINDOW) / HOP) + 1;
  const cut = new Float32Array(frames * WINDOW);
  for (let frame = 0; frame < frames; frame++) {
    cut.set(samples.subarray(frame * HOP, frame * HOP + WINDOW), frame * WINDOW);
  }
  const waves = product(cut, fourier, WINDOW);
  const magnitudes = new Float32Array(frames * BINS);
  for (let i = 0; i < magnitudes.length; i++) {
    const at = Math.floor(i / BINS) * 2 * BINS + i % BINS;
    magnitudes[i] = Math.hypot(waves[at]!, waves[at + BINS]!);
  }
  return product(magnitudes, mel, BINS).map((energy) => Math.log(energy + LOG_OFFSET));
}

/** YAMNet from its file. */
export class Yamnet {
  readonly #model: TfliteModel;
  /** The tensor of patches. */
  readonly #from: number;

  /** `file` is named in messages. */
  constructor(bytes: Uint8Array, file: string) {
    this.#model = parseTflite(bytes, file);
    const first = this.#model.operators.find(({ code }) => code === OPERATORS.convolution);
    if (!first) {
      throw new SyntaxError(`Cannot use "${file}": expected YAMNet, found no convolution`);
    }
    this.#from = first.inputs[0]!;
  }

  /** The mean over the patches of a clip at 16 kHz. */
  output(samples: Float32Array): YamnetOutput {
    const padded = new Float32Array(Math.max(samples.length, PATCH_SAMPLES));
    padded.set(samples);
    const spectrogram = logMelSpectrogram(padded);
    const frames = spectrogram.length / BANDS;
    const patches = Math.floor((frames - PATCH) / PATCH_HOP) + 1;
    const values = new Float32Array(patches * PATCH * BANDS);
    for (let patch = 0; patch < patches; patch++) {
      const from = patch * PATCH_HOP * BANDS;
      values.set(spectrogram.subarray(from, from + PATCH * BANDS), patch * PATCH * BANDS);
    }
    const [embedding, scores] = evaluate(
      this.#model,
      { shape: [patches, PATCH, BANDS, 1], values },
      { from: this.#from, keep: [OPERATORS.mean, OPERATORS.logistic] },
    );
    return { embedding: mean(embedding!.values, patches), scores: mean(scores!.values, patches) };
  }
}

function mean(rows: Float32Array, count: number): Float32Array {
  const size = rows.length / count;
  const sum = new Float32Array(size);
  for (let i = 0; i < rows.length; i++) sum[i % size]! += rows[i]! / count;
  return sum;
}
