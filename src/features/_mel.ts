/**
 * Bands of hearing: triangles over the frequencies of a power spectrum, evenly spaced on a mel scale.
 *
 * Three forms. Slaney's, for Whisper: linear up to 1 kHz and logarithmic above, sides straight in hertz, each triangle
 * of one area. Kaldi's, for AST and Wav2Vec2-BERT: `1127 ln(1 + f / 700)`, sides straight in mels, each triangle of one
 * height. HTK's, for CED: `2595 log10(1 + f / 700)`, sides straight in hertz, each triangle of one height.
 *
 * Source: M. Slaney 1998, "Auditory Toolbox", Interval Technical Report 1998-010; the Kaldi manual, "Feature
 * extraction"; S. Young et al. 2006, "The HTK Book"; the numbers are those of `mel_filter_bank` of transformers 5.18.
 *
 * @module
 */

/** The non-zero weights of every band, band after band. */
export interface MelBank {
  bands: number;
  /** The first frequency of each band. Shape: `[bands]`. */
  firstBin: Int32Array;
  /** Where each band's weights begin, and behind the last one. Shape: `[bands + 1]`. */
  offsets: Int32Array;
  weights: Float64Array;
}

/** What a bank covers. */
export interface MelBankOptions {
  bands: number;
  /** Frequencies of a spectrum, from 0 to half the rate. */
  bins: number;
  samplingRate: number;
  minHz: number;
  maxHz: number;
}

/** The bank of Whisper. */
export function slaneyBank(options: MelBankOptions): MelBank {
  const corners = spaced(slaneyMels(options.minHz), slaneyMels(options.maxHz), options.bands + 2)
    .map(slaneyHz);
  const places = spaced(0, Math.floor(options.samplingRate / 2), options.bins);
  return triangles(corners, places, (low, high) => 2 / (high - low));
}

/** The bank of AST and of Wav2Vec2-BERT. */
export function kaldiBank(options: MelBankOptions): MelBank {
  const corners = spaced(kaldiMels(options.minHz), kaldiMels(options.maxHz), options.bands + 2);
  const binHz = options.samplingRate / (2 * (options.bins - 1));
  const places = Array.from({ length: options.bins }, (_, bin) => kaldiMels(bin * binHz));
  return triangles(corners, places, () => 1);
}

/** The bank of CED. */
export function htkBank(options: MelBankOptions): MelBank {
  const corners = spaced(htkMels(options.minHz), htkMels(options.maxHz), options.bands + 2)
    .map((mels) => 700 * (10 ** (mels / HTK_MELS) - 1));
  const places = spaced(0, Math.floor(options.samplingRate / 2), options.bins);
  return triangles(corners, places, () => 1);
}

/**
 * The energy in each band of a bank.
 *
 * Shape: `power [bins]` -> `energies [bands]`
 */
export function bandEnergies(bank: MelBank, power: Float64Array, energies: Float32Array): void {
  const { bands, firstBin, offsets, weights } = bank;
  for (let band = 0; band < bands; band++) {
    const [begin, end] = [offsets[band]!, offsets[band + 1]!];
    const shift = firstBin[band]! - begin;
    let sum = 0;
    for (let i = begin; i < end; i++) sum += weights[i]! * power[shift + i]!;
    energies[band] = sum;
  }
}

/** A triangle over each three neighbouring corners; `corners` and `places` are on one scale. */
function triangles(
  corners: number[],
  places: number[],
  height: (low: number, high: number) => number,
): MelBank {
  const bands = corners.length - 2;
  const firstBin = new Int32Array(bands);
  const offsets = new Int32Array(bands + 1);
  const weights: number[] = [];
  for (let band = 0; band < bands; band++) {
    const [low, peak, high] = corners.slice(band, band + 3) as [number, number, number];
    const inBand = places.map((place) =>
      Math.min((place - low) / (peak - low), (high - place) / (high - peak))
    );
    const first = inBand.findIndex((weight) => weight > 0);
    firstBin[band] = Math.max(0, first);
    for (let bin = first; first >= 0 && inBand[bin]! > 0; bin++) {
      weights.push(inBand[bin]! * height(low, high));
    }
    offsets[band + 1] = weights.length;
  }
  return { bands, firstBin, offsets, weights: Float64Array.from(weights) };
}

function spaced(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + (to - from) * i / (count - 1));
}

function kaldiMels(hz: number): number {
  return 1127 * Math.log(1 + hz / 700);
}

const HTK_MELS = 2595;

function htkMels(hz: number): number {
  return HTK_MELS * Math.log10(1 + hz / 700);
}

const SLANEY_LINEAR_HZ = 1000;
const SLANEY_HZ_PER_MEL = 200 / 3;
const SLANEY_LINEAR_MELS = SLANEY_LINEAR_HZ / SLANEY_HZ_PER_MEL;
/** Above 1 kHz, 27 mels multiply the frequency by 6.4. */
const SLANEY_LOG_STEP = Math.log(6.4) / 27;

function slaneyMels(hz: number): number {
  if (hz < SLANEY_LINEAR_HZ) return hz / SLANEY_HZ_PER_MEL;
  return SLANEY_LINEAR_MELS + Math.log(hz / SLANEY_LINEAR_HZ) / SLANEY_LOG_STEP;
}

function slaneyHz(mels: number): number {
  if (mels < SLANEY_LINEAR_MELS) return mels * SLANEY_HZ_PER_MEL;
  return SLANEY_LINEAR_HZ * Math.exp((mels - SLANEY_LINEAR_MELS) * SLANEY_LOG_STEP);
}
