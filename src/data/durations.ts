/**
 * How long clips are, from their headers, without decoding them.
 *
 * Good for putting clips of like length together and for refusing one that is far too long before
 * it is read. Not good for timing: a header is believed as far as the file's size allows, and where
 * there is none the length is guessed from the size. What is broken about a file is for the decoder
 * to say.
 *
 * @module
 */

import { compressedDurationSec } from "../audio/duration.ts";
import { AudioFormatError, FileError } from "../errors.ts";
import type { ByteSource } from "../weights/byte_source.ts";
import { type AudioClip, openClip } from "./audio_dataset.ts";

const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;

/** A chunk's header with as much of a `fmt ` chunk as is needed. */
const CHUNK_START_BYTES = CHUNK_HEADER_BYTES + 16;

/** Read at once; holds the headers of most files. */
const HEAD_BYTES = 64;

/** Chunks looked at before giving up. */
const MAX_CHUNKS = 64;

/** What a compressed file is taken to spend on a second: 64 kbit/s, usual for speech. */
const COMPRESSED_BYTES_PER_SEC = 8_000;

const FILES_AT_ONCE = 16;

/** What the headers of clips told. */
interface Headers {
  durations: Float64Array;
  /** Why files could not be opened, by clip. */
  unopened: (FileError | undefined)[];
}

const cache = new WeakMap<readonly AudioClip[], Promise<Headers>>();

/**
 * The seconds of every clip, read once for a data set and then kept.
 *
 * A file that cannot be read counts as 0 seconds long.
 *
 * @param clips the clips of a data set.
 * @returns one number for each clip.
 *
 * @example
 * ```ts
 * import { encodeWav } from "../audio/encode_wav.ts";
 * import { deepEqual } from "node:assert/strict";
 *
 * const file = await Deno.makeTempFile();
 * await Deno.writeFile(file, encodeWav(new Float32Array(4_000), 8_000));
 * deepEqual(await clipDurations([{ file, label: 0 }]), Float64Array.of(0.5));
 * ```
 */
export async function clipDurations(clips: readonly AudioClip[]): Promise<Float64Array> {
  return (await headersOf(clips)).durations;
}

/**
 * Why files of a data set cannot be opened, one error for each, in the order of the clips.
 *
 * The same look at the headers as for {@linkcode clipDurations}, which is had only once.
 *
 * @param clips the clips of a data set.
 * @returns no error where all files are there; what is in them is for the decoder to say.
 *
 * @example
 * ```ts
 * import { match } from "node:assert/strict";
 *
 * const [error] = await unopenedFiles([{ file: "none.wav", label: 0 }]);
 * match(error!.message, /Cannot open "none.wav"/);
 * ```
 */
export async function unopenedFiles(clips: readonly AudioClip[]): Promise<FileError[]> {
  return (await headersOf(clips)).unopened.filter((error) => error !== undefined);
}

function headersOf(clips: readonly AudioClip[]): Promise<Headers> {
  const known = cache.get(clips);
  if (known !== undefined) return known;
  const headers = readHeaders(clips);
  cache.set(clips, headers);
  return headers;
}

async function readHeaders(clips: readonly AudioClip[]): Promise<Headers> {
  const durations = new Float64Array(clips.length);
  const unopened: Headers["unopened"] = [];
  let next = 0;
  const work = async () => {
    while (next < clips.length) {
      const at = next++;
      const read = await clipDuration(clips[at]!);
      if (read instanceof FileError) unopened[at] = read;
      else durations[at] = read;
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
  return { durations, unopened };
}

async function clipDuration(clip: AudioClip): Promise<number | FileError> {
  try {
    using source = await openClip(clip);
    return await wavDurationSec(source) ?? await compressedDurationSec(source) ??
      source.sizeBytes / COMPRESSED_BYTES_PER_SEC;
  } catch (error) {
    if (error instanceof FileError) return error;
    if (error instanceof AudioFormatError) return 0;
    throw error;
  }
}

/**
 * The seconds that a WAV file's headers declare, at most what the file has room for.
 *
 * @param source the file; a few dozen bytes of it are read, however long it is.
 * @returns undefined where it is no WAV file or its headers make no sense.
 *
 * @example
 * ```ts
 * import { encodeWav } from "../audio/encode_wav.ts";
 * import { bytesSource } from "../weights/byte_source.ts";
 * import { equal } from "node:assert/strict";
 *
 * const bytes = encodeWav(new Float32Array(4_000), 8_000);
 * equal(await wavDurationSec(bytesSource("clip.wav", bytes)), 0.5);
 * ```
 */
export async function wavDurationSec(source: ByteSource): Promise<number | undefined> {
  const start = await source.read(0, Math.min(HEAD_BYTES, source.sizeBytes));
  const head = { ...source, read: (from: number, to: number) => partOf(source, start, from, to) };
  return await readWavDuration(head);
}

/** Bytes of what was read at first, or else read now. */
async function partOf(
  source: ByteSource,
  start: Uint8Array,
  from: number,
  to: number,
): Promise<Uint8Array> {
  return to <= start.length ? start.subarray(from, to) : await source.read(from, to);
}

async function readWavDuration(source: ByteSource): Promise<number | undefined> {
  const riff = await viewOf(source, 0, RIFF_HEADER_BYTES);
  if (textAt(riff, 0) !== "RIFF" || textAt(riff, 8) !== "WAVE") return undefined;
  let bytesPerSec: number | undefined;
  let dataBytes: number | undefined;
  let at = RIFF_HEADER_BYTES;
  for (
    let chunks = 0;
    chunks < MAX_CHUNKS && at + CHUNK_HEADER_BYTES <= source.sizeBytes;
    chunks++
  ) {
    const view = await viewOf(source, at, CHUNK_START_BYTES);
    const declared = view.getUint32(4, true);
    at += CHUNK_HEADER_BYTES;
    const room = source.sizeBytes - at;
    const id = textAt(view, 0);
    // A writer to a pipe cannot fill in the size: it leaves 0 or 2^32 - 1.
    if (id === "data") dataBytes ??= declared === 0 ? room : Math.min(declared, room);
    if (id === "fmt " && view.byteLength === CHUNK_START_BYTES) {
      bytesPerSec ??= view.getUint32(12, true) * view.getUint16(20, true);
    }
    if (bytesPerSec && dataBytes !== undefined) return dataBytes / bytesPerSec;
    at += declared + declared % 2;
  }
  return undefined;
}

/** Up to `length` bytes from `start` on. */
async function viewOf(source: ByteSource, start: number, length: number): Promise<DataView> {
  const bytes = await source.read(start, Math.min(start + length, source.sizeBytes));
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textAt(view: DataView, at: number): string {
  if (at + 4 > view.byteLength) return "";
  return String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(at + i)));
}
