/**
 * GSM 06.10 full rate speech: 33 bytes, or 32 1/2, for 160 samples at 8 kHz.
 *
 * A filter of eight coefficients shapes what a predictor repeats of the last 120 samples with
 * pulses added. The arithmetic is that of the recommendation, in 16 bits with saturation, so that all
 * decoders give the same samples. Follows ETSI EN 300 961 (GSM 06.10).
 *
 * @module
 */

import type { SampleCodec } from "./_sample_codec.ts";

/** The two ways in which the bits of frames are packed. */
export type GsmPacking =
  /** Two frames in 65 bytes, the lowest bit first, as WAV has it. */
  | "wav"
  /** One frame in 33 bytes behind the bits 1101, the highest bit first. */
  | "plain";

const FRAME_SAMPLES = 160;
const SUBFRAME_SAMPLES = 40;
const SUBFRAMES = FRAME_SAMPLES / SUBFRAME_SAMPLES;
const PULSES = 13;
const MEMORY_SAMPLES = 120;
const ORDER = 8;

const MAX = 32_767;
const MIN = -32_768;

/** By coefficient: bits, and how a code becomes a logarithmic area ratio. */
const AREA_BITS = [6, 6, 5, 5, 4, 4, 3, 3];
const AREA_LEAST = [-32, -32, -16, -16, -8, -8, -4, -4];
const AREA_OFFSETS = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
const AREA_SLOPES = [13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708];

/** Gains of the predictor, and mantissas of the pulses' height. */
const GAINS = [3277, 11469, 21299, 32767];
const MANTISSAS = [18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767];

/** The part of a frame in which the filter still moves, and the weight of the frame before. */
const TRANSITIONS = [
  { end: 13, before: (old: number, now: number) => (old >> 2) + (now >> 2) + (old >> 1) },
  { end: 27, before: (old: number, now: number) => (old >> 1) + (now >> 1) },
  { end: 40, before: (old: number, now: number) => (old >> 2) + (now >> 2) + (now >> 1) },
  { end: FRAME_SAMPLES, before: (_: number, now: number) => now },
];

const DEEMPHASIS = 28_180;
const FIRST_LAG = 40;
const LAST_LAG = 120;

/** The codec of GSM 06.10, one channel. */
export function gsmCodec(packing: GsmPacking): SampleCodec {
  const decoder = new GsmDecoder();
  const framesAGroup = packing === "wav" ? 2 : 1;
  const groupBytes = packing === "wav" ? 65 : 33;
  const groupFrames = framesAGroup * FRAME_SAMPLES;
  return {
    groupBytes,
    groupFrames,
    decode: (bytes) => {
      const groups = bytes.length / groupBytes;
      const samples = new Float32Array(groups * groupFrames);
      for (let group = 0; group < groups; group++) {
        const read = bitsOf(bytes.subarray(group * groupBytes, (group + 1) * groupBytes), packing);
        for (let i = 0; i < framesAGroup; i++) {
          const start = group * groupFrames + i * FRAME_SAMPLES;
          decoder.decode(read, samples.subarray(start, start + FRAME_SAMPLES));
        }
      }
      return [samples];
    },
  };
}

type ReadBits = (count: number) => number;

function bitsOf(bytes: Uint8Array, packing: GsmPacking): ReadBits {
  let at = packing === "plain" ? 4 : 0;
  const isLowFirst = packing === "wav";
  return (count) => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      const byte = bytes[at >> 3]!;
      if (isLowFirst) value |= (byte >> (at & 7) & 1) << i;
      else value = value << 1 | byte >> (7 - (at & 7)) & 1;
    }
    return value;
  };
}

/** What a channel remembers from frame to frame. */
class GsmDecoder {
  #areas = new Int32Array(ORDER);
  /** The last samples before the filter, and room for a subframe. */
  readonly #excitation = new Int32Array(MEMORY_SAMPLES + SUBFRAME_SAMPLES);
  readonly #filter = new Int32Array(ORDER + 1);
  #lag = FIRST_LAG;
  #emphasis = 0;

  decode(read: ReadBits, out: Float32Array): void {
    const areas = Int32Array.from(AREA_BITS, (bits, i) => areaOf(read(bits), i));
    const residual = new Int32Array(FRAME_SAMPLES);
    for (let subframe = 0; subframe < SUBFRAMES; subframe++) {
      this.#excite(read);
      residual.set(this.#excitation.subarray(MEMORY_SAMPLES), subframe * SUBFRAME_SAMPLES);
      this.#excitation.copyWithin(0, SUBFRAME_SAMPLES);
    }
    this.#synthesize(areas, residual, out);
    this.#areas = areas;
  }

  /** Repeats what was a lag ago, and adds the pulses of a subframe. */
  #excite(read: ReadBits): void {
    const lag = read(7);
    const gain = GAINS[read(2)]!;
    const grid = read(2);
    const pulses = readPulses(read);
    if (lag >= FIRST_LAG && lag <= LAST_LAG) this.#lag = lag;
    const samples = this.#excitation;
    for (let i = 0; i < SUBFRAME_SAMPLES; i++) {
      const place = (i - grid) / 3;
      const pulse = Number.isInteger(place) ? pulses[place] ?? 0 : 0;
      const at = MEMORY_SAMPLES + i;
      samples[at] = saturate(pulse + rounded(gain, samples[at - this.#lag]!));
    }
  }

  /** Shapes the excitation by a lattice of reflections, then undoes the encoder's emphasis. */
  #synthesize(areas: Int32Array, residual: Int32Array, out: Float32Array): void {
    const filter = this.#filter;
    let at = 0;
    for (const { end, before } of TRANSITIONS) {
      const reflections = areas.map((area, i) => reflectionOf(before(this.#areas[i]!, area)));
      for (; at < end; at++) {
        let sample = residual[at]!;
        for (let i = ORDER - 1; i >= 0; i--) {
          sample = saturate(sample - rounded(reflections[i]!, filter[i]!));
          filter[i + 1] = saturate(filter[i]! + rounded(reflections[i]!, sample));
        }
        filter[0] = sample;
        this.#emphasis = saturate(sample + rounded(this.#emphasis, DEEMPHASIS));
        out[at] = (saturate(2 * this.#emphasis) & ~7) / 2 ** 15;
      }
    }
  }
}

function areaOf(code: number, i: number): number {
  const distance = saturate((code + AREA_LEAST[i]! << 10) - 2 * AREA_OFFSETS[i]!);
  return saturate(2 * rounded(AREA_SLOPES[i]!, distance));
}

/** A reflection coefficient from its logarithmic area ratio, along three straight lines. */
function reflectionOf(area: number): number {
  const size = area === MIN ? MAX : Math.abs(area);
  const value = size < 11_059
    ? size << 1
    : size < 20_070
    ? size + 11_059
    : saturate((size >> 2) + 26_112);
  return area < 0 ? -value : value;
}

/** Pulses of a subframe: one height for all, and 3 bits for each. */
function readPulses(read: ReadBits): Int32Array {
  const code = read(6);
  let exponent = code > 15 ? (code >> 3) - 1 : 0;
  let mantissa = code - (exponent << 3);
  if (mantissa === 0) [exponent, mantissa] = [-4, 7];
  else {
    for (; mantissa <= 7; exponent--) mantissa = mantissa << 1 | 1;
    mantissa -= 8;
  }
  const shift = 6 - exponent;
  const half = shift > 0 ? 1 << shift - 1 : 0;
  return Int32Array.from({ length: PULSES }, () => {
    const height = (read(3) << 1) - 7 << 12;
    return saturate(rounded(MANTISSAS[mantissa]!, height) + half) >> shift;
  });
}

/** The product of two fractions of 15 bits. */
function rounded(a: number, b: number): number {
  return a === MIN && b === MIN ? MAX : a * b + 16_384 >> 15;
}

function saturate(value: number): number {
  return value < MIN ? MIN : value > MAX ? MAX : value;
}
