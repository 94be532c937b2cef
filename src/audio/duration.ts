/**
 * How long a recording is, by its headers and its last page, without decoding it.
 *
 * The headers are believed as far as the file's size allows: this is good for sorting by length, and
 * for refusing what is far too long, not for timing.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { answerFrom, type ByteRange, ByteReader, type ByteSupply } from "./_byte_reader.ts";
import { id3Bytes } from "./_id3.ts";
import { OPENERS } from "./_openers.ts";
import { AudioFormatError } from "../errors.ts";
import { openerOf } from "./decode.ts";
import { sniff } from "./sniff.ts";

/** A file of which parts can be read. */
export interface ReadableBytes {
  /** The whole file. */
  readonly sizeBytes: number;
  /** Bytes `start` up to, without, `end`. */
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

/** Read at once: enough for the headers of most files, and for a few frames of MP3. */
const PIECE_BYTES = 4_096;

/** The largest page of Ogg. */
const MAX_PAGE_BYTES = 65_307;

const GRANULE_AT = 6;
const SERIAL_AT = 14;
const OPUS_RATE_HZ = 48_000;

/** What is looked at of the first packet's header. */
const HEADER_BYTES = 31;

/**
 * The seconds that a recording's headers declare, in any format that `decodeAudio` reads.
 *
 * @param source the file; seldom more than some 70 KB of it are read, however long it is.
 * @returns undefined where it is no audio, its headers make no sense, or it does not say.
 *
 * @example
 * ```ts
 * import { audioDurationSec, encodeWav } from "@earshot/earshot/audio";
 * import { equal } from "node:assert/strict";
 *
 * const wav = encodeWav(new Float32Array(4_000), 8_000);
 * const read = (start: number, end: number) => wav.subarray(start, end);
 * equal(await audioDurationSec({ sizeBytes: wav.length, read }), 0.5);
 * ```
 */
export async function audioDurationSec(source: ReadableBytes): Promise<number | undefined> {
  return (await audioFacts(source))?.durationSec;
}

/** What a recording's headers declare. */
export interface AudioFacts {
  /** Undefined where they do not say. */
  durationSec?: number;
  /** Hertz. */
  sampleRateHz: number;
  /** In the file, before any mixing. */
  channels: number;
}

/**
 * What decoding a recording will take, by its headers: length, rate and channels.
 *
 * @param source the file; seldom more than some 70 KB of it are read, however long it is.
 * @returns undefined where it is no audio, or its headers make no sense.
 *
 * @example
 * ```ts
 * import { audioFacts } from "./duration.ts";
 * import { encodeWav } from "./encode_wav.ts";
 * import { deepEqual } from "node:assert/strict";
 *
 * const wav = encodeWav(new Float32Array(4_000), 8_000);
 * const read = (start: number, end: number) => wav.subarray(start, end);
 * const facts = await audioFacts({ sizeBytes: wav.length, read });
 * deepEqual(facts, { durationSec: 0.5, sampleRateHz: 8_000, channels: 1 });
 * ```
 */
export async function audioFacts(source: ReadableBytes): Promise<AudioFacts | undefined> {
  const first = await readUpTo(source, 0, PIECE_BYTES);
  const tagBytes = id3Bytes(first);
  const head = tagBytes === 0 ? first : await readUpTo(source, tagBytes, PIECE_BYTES);
  const name = (sniff(head) ?? sniff(first))?.name ?? "";
  if (name.startsWith("Ogg ")) {
    return oggFacts(head, await readUpTo(source, source.sizeBytes - MAX_PAGE_BYTES));
  }
  const open = await OPENERS[name]?.();
  if (open === undefined) return undefined;
  try {
    const reader = new ByteReader(source.sizeBytes);
    const stream = await answerFrom(supplyOf(source, first), open(reader));
    const { sampleRateHz, channels, totalFrames, expectedFrames = totalFrames } = stream;
    const durationSec = seconds(expectedFrames ?? stream.likelyFrames ?? 0, sampleRateHz);
    return { durationSec, sampleRateHz, channels };
  } catch (error) {
    if (error instanceof AudioFormatError) return undefined;
    throw error;
  }
}

/**
 * Reads a recording's headers, and nothing of what follows them.
 *
 * @param source the file; seldom more than some 70 KB of it are read.
 * @param file its name, for the error.
 * @throws {AudioFormatError} where it is in no format that `decodeAudio` reads, or its headers are broken.
 *
 * @example
 * ```ts
 * import { encodeWav } from "./encode_wav.ts";
 * import { expectAudioHeaders } from "./duration.ts";
 * import { rejects } from "node:assert/strict";
 *
 * const wav = encodeWav(new Float32Array(4_000), 8_000);
 * const source = (bytes: Uint8Array) => {
 *   return { sizeBytes: bytes.length, read: (from: number, to: number) => bytes.subarray(from, to) };
 * };
 * await expectAudioHeaders(source(wav), "clip.wav");
 * await rejects(expectAudioHeaders(source(wav.subarray(0, 20)), "clip.wav"), /"clip.wav"/);
 * ```
 */
export async function expectAudioHeaders(source: ReadableBytes, file: string): Promise<void> {
  const first = await readUpTo(source, 0, PIECE_BYTES);
  const open = await openerOf(first, file);
  // Their decoders start with the headers; the format is known by then.
  if (/^Ogg (Opus|Vorbis)$/.test(sniff(first)?.name ?? "")) return;
  try {
    await answerFrom(supplyOf(source, first), open(new ByteReader(source.sizeBytes)));
  } catch (error) {
    if (!(error instanceof AudioFormatError) || error.file !== undefined) throw error;
    const problem = error.message.replace(/^Cannot decode audio: /, "");
    throw audioError(problem, file, { cause: error, hint: error.hint });
  }
}

/** Small pieces of a file, the first of which is here already. */
function supplyOf(source: ReadableBytes, first: Uint8Array): ByteSupply {
  return {
    bytesOf: ({ start, least, most }: ByteRange) => {
      if (start + least <= first.length) return first.subarray(start, start + most);
      return readUpTo(source, start, Math.min(most, Math.max(least, PIECE_BYTES)));
    },
  };
}

async function readUpTo(
  source: ReadableBytes,
  start: number,
  length: number = source.sizeBytes,
): Promise<Uint8Array> {
  const from = Math.min(Math.max(start, 0), source.sizeBytes);
  return await source.read(from, Math.min(from + length, source.sizeBytes));
}

/** The last page states the frames until its end. */
function oggFacts(head: Uint8Array, tail: Uint8Array): AudioFacts | undefined {
  const stream = oggStream(head);
  // Of several streams behind each other the last one counts from its own start.
  if (!stream || !isOneStream(head, tail)) return stream;
  const end = new DataView(tail.buffer, tail.byteOffset + lastPage(tail) + GRANULE_AT, 8);
  const { skippedFrames, ...facts } = stream;
  const frames = Number(end.getBigInt64(0, true)) - skippedFrames;
  return { ...facts, durationSec: seconds(frames, facts.sampleRateHz) };
}

/** What the first page tells of the stream. */
function oggStream(head: Uint8Array): AudioFacts & { skippedFrames: number } | undefined {
  const text = String.fromCharCode(...head.subarray(0, 512));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [opus, vorbis, flac] = ["OpusHead", "\x01vorbis", "\x7fFLAC"].map((magic) => {
    const at = text.indexOf(magic);
    return at >= 0 && at + HEADER_BYTES <= head.length ? at : undefined;
  });
  if (opus !== undefined) {
    const skippedFrames = view.getUint16(opus + 10, true);
    return { sampleRateHz: OPUS_RATE_HZ, channels: head[opus + 9]!, skippedFrames };
  }
  if (vorbis !== undefined) {
    const sampleRateHz = view.getUint32(vorbis + 12, true);
    return { sampleRateHz, channels: head[vorbis + 11]!, skippedFrames: 0 };
  }
  if (flac === undefined) return undefined;
  const bits = view.getUint32(flac + 27);
  return { sampleRateHz: bits >>> 12, channels: (bits >>> 9 & 7) + 1, skippedFrames: 0 };
}

/** Whether the last page is there, and of the stream that the first page belongs to. */
function isOneStream(head: Uint8Array, tail: Uint8Array): boolean {
  const page = lastPage(tail);
  if (page < 0 || page + SERIAL_AT + 4 > tail.length) return false;
  const serialOf = (bytes: Uint8Array, at: number) => String(bytes.subarray(at, at + 4));
  return serialOf(head, SERIAL_AT) === serialOf(tail, page + SERIAL_AT);
}

function lastPage(tail: Uint8Array): number {
  for (let at = tail.length - 4; at >= 0; at--) {
    const isPage = tail[at] === 0x4f && tail[at + 1] === 0x67 && tail[at + 2] === 0x67 &&
      tail[at + 3] === 0x53;
    if (isPage) return at;
  }
  return -1;
}

function seconds(frames: number, rateHz: number): number | undefined {
  return frames > 0 && rateHz > 0 ? frames / rateHz : undefined;
}
