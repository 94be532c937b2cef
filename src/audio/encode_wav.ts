/**
 * Writes one channel of audio as a WAV file, for examples, tests and data sets.
 *
 * @module
 */

import { muLawCode } from "./_companding.ts";
import { MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ } from "./decoded_audio.ts";

/** How the samples are written. */
export interface EncodeWavOptions {
  /** 16-bit integers, or the 8-bit code of telephony. @default "pcm16" */
  encoding?: "pcm16" | "mulaw";
}

const FORMATS = {
  pcm16: { tag: 1, sampleBytes: 2 },
  mulaw: { tag: 7, sampleBytes: 1 },
} as const;

const HEADER_BYTES = 44;

/**
 * Writes mono samples as a WAV file; what lies outside [-1, 1] is clipped.
 *
 * Shape: `samples [S]` -> bytes of a whole file
 *
 * @param samples the samples of one channel.
 * @param sampleRateHz samples a second.
 * @param options how the samples are written.
 * @returns the bytes of the file.
 * @throws {RangeError} for a rate that is not a whole number from 100 to 768000, and for NaN.
 *
 * @example
 * ```ts
 * import { decodeWav, encodeWav } from "@earshot/earshot/audio";
 * import { deepEqual } from "node:assert/strict";
 *
 * const bytes = encodeWav(Float32Array.of(0, 0.25, 2), 8_000);
 * deepEqual(decodeWav(bytes).samples, Float32Array.of(0, 0.25, 32_767 / 32_768));
 * ```
 */
export function encodeWav(
  samples: Float32Array,
  sampleRateHz: number,
  options: EncodeWavOptions = {},
): Uint8Array<ArrayBuffer> {
  requireRate(sampleRateHz);
  const { tag, sampleBytes } = FORMATS[options.encoding ?? "pcm16"];
  const dataBytes = samples.length * sampleBytes;
  const bytes = new Uint8Array(HEADER_BYTES + dataBytes + dataBytes % 2);
  const view = new DataView(bytes.buffer);
  writeText(bytes, 0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  writeText(bytes, 8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, tag, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * sampleBytes, true);
  view.setUint16(32, sampleBytes, true);
  view.setUint16(34, sampleBytes * 8, true);
  writeText(bytes, 36, "data");
  view.setUint32(40, dataBytes, true);
  writeSamples(view, samples, sampleBytes);
  return bytes;
}

function writeSamples(view: DataView, samples: Float32Array, sampleBytes: 1 | 2): void {
  for (let i = 0; i < samples.length; i++) {
    if (Number.isNaN(samples[i])) {
      throw new RangeError(`Cannot encode WAV: expected numbers, found NaN in sample ${i}`);
    }
    if (sampleBytes === 1) view.setUint8(HEADER_BYTES + i, muLawCode(samples[i]!));
    else view.setInt16(HEADER_BYTES + 2 * i, pcm16(samples[i]!), true);
  }
}

function requireRate(rateHz: number): void {
  if (
    Number.isInteger(rateHz) && rateHz >= MIN_SAMPLE_RATE_HZ && rateHz <= MAX_SAMPLE_RATE_HZ
  ) return;
  const expected = `a whole rate of ${MIN_SAMPLE_RATE_HZ} to ${MAX_SAMPLE_RATE_HZ} Hz`;
  throw new RangeError(`Cannot encode WAV: expected ${expected}, found ${rateHz}`);
}

function pcm16(sample: number): number {
  return Math.max(-(2 ** 15), Math.min(2 ** 15 - 1, Math.round(sample * 2 ** 15)));
}

function writeText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
