/**
 * How long a compressed file is, by its headers and its last page, without decoding it.
 *
 * The headers are believed: this is good for sorting by length, not for timing. WAV is not covered,
 * because its length needs no more than its size and one header.
 *
 * @module
 */

import { BitReader } from "./_bit_reader.ts";
import { id3Bytes } from "./_id3.ts";
import { findMp3Frame, GRANULE_FRAMES, readMp3Header } from "./_mp3_header.ts";
import { readMp3Info } from "./_mp3_info.ts";
import { sniff } from "./sniff.ts";

/** A file of which parts can be read. */
export interface ReadableBytes {
  /** The whole file. */
  readonly sizeBytes: number;
  /** Bytes `start` up to, without, `end`. */
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

/** Enough for the headers of any format here, and for a few frames of MP3. */
const HEAD_BYTES = 4_096;

/** The largest page of Ogg. */
const MAX_PAGE_BYTES = 65_307;

const GRANULE_AT = 6;
const OPUS_RATE_HZ = 48_000;

/**
 * The seconds that a FLAC, MP3, Ogg Vorbis or Ogg Opus file declares.
 *
 * @param source the file; at most some 70 KB of it are read, however long it is.
 * @returns undefined where it is of another format or does not say.
 *
 * @example
 * ```ts
 * import { compressedDurationSec } from "@earshot/earshot/audio";
 * import { equal } from "node:assert/strict";
 *
 * const noAudio = { sizeBytes: 4, read: () => Uint8Array.of(1, 2, 3, 4) };
 * equal(await compressedDurationSec(noAudio), undefined);
 * ```
 */
export async function compressedDurationSec(source: ReadableBytes): Promise<number | undefined> {
  const first = await readUpTo(source, 0, HEAD_BYTES);
  const tagBytes = id3Bytes(first);
  const head = tagBytes === 0 ? first : await readUpTo(source, tagBytes, HEAD_BYTES);
  switch (sniff(head)?.name) {
    case "FLAC":
      return flacSeconds(head);
    case "MP3":
      return mp3Seconds(head, source.sizeBytes - tagBytes);
    case "Ogg Opus":
    case "Ogg Vorbis":
      return oggSeconds(head, await readUpTo(source, source.sizeBytes - MAX_PAGE_BYTES));
  }
}

async function readUpTo(
  source: ReadableBytes,
  start: number,
  length: number = source.sizeBytes,
): Promise<Uint8Array> {
  const from = Math.min(Math.max(start, 0), source.sizeBytes);
  return await source.read(from, Math.min(from + length, source.sizeBytes));
}

/** The rate and the number of frames stand in the first block, after 10 bytes of sizes. */
function flacSeconds(head: Uint8Array): number | undefined {
  if (head.length < 26) return undefined;
  const bits = new BitReader(head, 18);
  const rateHz = bits.read(20);
  bits.skip(8);
  const frames = bits.read(4) * 2 ** 32 + bits.read(32);
  return seconds(frames, rateHz);
}

/** The first frame says how many follow; where it does not, all are taken to be of its size. */
function mp3Seconds(head: Uint8Array, sizeBytes: number): number | undefined {
  const start = findMp3Frame(head, 0);
  const header = start < 0 ? undefined : readMp3Header(head, start);
  if (header === undefined) return undefined;
  const frames = header.granules * GRANULE_FRAMES * sizeBytes / header.frameBytes;
  const { totalFrames = frames } = readMp3Info(head, start, header) ?? {};
  return seconds(totalFrames, header.sampleRateHz);
}

/** The last page states the frames until its end. */
function oggSeconds(head: Uint8Array, tail: Uint8Array): number | undefined {
  const text = String.fromCharCode(...head.subarray(0, 512));
  const [opus, vorbis] = [text.indexOf("OpusHead"), text.indexOf("\x01vorbis")];
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const headerAt = opus >= 0 ? opus : vorbis;
  const page = lastPage(tail);
  if (headerAt + 16 > head.length || page + GRANULE_AT + 8 > tail.length || page < 0) {
    return undefined;
  }
  const end = new DataView(tail.buffer, tail.byteOffset + page + GRANULE_AT, 8);
  const frames = Number(end.getBigInt64(0, true));
  return opus >= 0
    ? seconds(frames - view.getUint16(opus + 10, true), OPUS_RATE_HZ)
    : seconds(frames, view.getUint32(vorbis + 12, true));
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
