/**
 * Bare samples, as a microphone or a pipe gives them: what no header says is put in front of them.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { sniff } from "./sniff.ts";

/** How samples are written, the lowest byte first. */
export type RawEncoding = "u8" | "s16" | "s24" | "s32" | "f32";

/** What bare samples are. */
export interface RawAudio {
  /** Samples a second of each channel. */
  rateHz: number;
  /** How a sample is written. */
  encoding: RawEncoding;
  /** Channels, a sample of each in turn. */
  channels: number;
}

/** Bytes a sample, and the number that the format has in a WAV file. */
const ENCODINGS: Readonly<Record<RawEncoding, { sampleBytes: number; formatTag: number }>> = {
  u8: { sampleBytes: 1, formatTag: 1 },
  s16: { sampleBytes: 2, formatTag: 1 },
  s24: { sampleBytes: 3, formatTag: 1 },
  s32: { sampleBytes: 4, formatTag: 1 },
  f32: { sampleBytes: 4, formatTag: 3 },
};

/** The encodings by name. */
export const RAW_ENCODINGS: readonly RawEncoding[] = ["u8", "s16", "s24", "s32", "f32"];

const HEADER_BYTES = 44;
/** What tells the formats with a header from bare samples. */
const MAGIC_BYTES = 12;
/** What a writer to a pipe states, which cannot know how much will come. */
const UNKNOWN_SIZE = 0xffffffff;

/**
 * Bare samples as a WAV file of unknown length, which `openAudio` decodes while they come.
 *
 * @param pieces the samples' bytes, cut anywhere.
 * @param raw what they are.
 * @param options the name of the file for messages.
 * @throws {AudioFormatError} where they begin with a header of their own.
 *
 * @example
 * ```ts
 * import { openAudio, withWavHeader } from "@earshot/earshot/audio";
 * import { deepEqual } from "node:assert/strict";
 *
 * const pieces = [Uint8Array.of(0, 0x40, 0), Uint8Array.of(0xc0)];
 * const raw = { rateHz: 8_000, encoding: "s16", channels: 1 } as const;
 * const audio = await openAudio(withWavHeader(pieces, raw));
 * deepEqual(await Array.fromAsync(audio.blocks()), [Float32Array.of(0.5, -0.5)]);
 * ```
 */
export async function* withWavHeader(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  raw: RawAudio,
  options: { file?: string } = {},
): AsyncGenerator<Uint8Array, void, void> {
  yield headerOf(raw);
  let head = new Uint8Array(0);
  for await (const piece of pieces) {
    if (head.length === MAGIC_BYTES) {
      yield piece;
      continue;
    }
    const taken = piece.subarray(0, MAGIC_BYTES - head.length);
    head = Uint8Array.of(...head, ...taken);
    if (head.length < MAGIC_BYTES) continue;
    expectBare(head, options.file);
    yield head;
    if (taken.length < piece.length) yield piece.subarray(taken.length);
  }
  if (head.length < MAGIC_BYTES) yield head;
}

/** The two bytes with which frames of these begin are in many samples. */
const WEAK_SIGNS = ["MP3", "AAC"];

function expectBare(head: Uint8Array, file?: string): void {
  const kind = sniff(head);
  if (!kind?.isAudio || WEAK_SIGNS.includes(kind.name)) return;
  const hint = "Leave out `rate`, `encoding` and `channels`: the header says what it is";
  throw audioError(`expected bare samples, found ${kind.name}`, file, { hint });
}

function headerOf({ rateHz, encoding, channels }: RawAudio): Uint8Array {
  const { sampleBytes, formatTag } = ENCODINGS[encoding];
  const frameBytes = sampleBytes * channels;
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const name = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  name(0, "RIFF");
  view.setUint32(4, UNKNOWN_SIZE, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, formatTag, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, sampleBytes * 8, true);
  name(36, "data");
  view.setUint32(40, UNKNOWN_SIZE, true);
  return bytes;
}
