/**
 * How long clips are, from their headers, without decoding them.
 *
 * Good for putting clips of like length together and for refusing one that is far too long before
 * it is read. Not good for timing: a header is believed as far as the file's size allows, and where
 * there is none the length is guessed from the size. What is broken behind the headers is for the
 * decoder to say.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { audioDurationSec, expectAudioHeaders } from "../audio/duration.ts";
import { AudioFormatError, FileError } from "../errors.ts";
import type { OpenFile } from "./_table.ts";
import { type AudioClip, openClip } from "./audio_dataset.ts";

/** What a compressed file is taken to spend on a second: 64 kbit/s, usual for speech. */
const COMPRESSED_BYTES_PER_SEC = 8_000;

const FILES_AT_ONCE = 16;

/** What the headers of clips say. */
interface Headers {
  durations: Float64Array;
  /** Why files cannot be used, by clip. */
  bad: (BadFileError | undefined)[];
  /** What recordings in files with others hold, by clip. */
  digests: (string | undefined)[];
}

/** Why a recording cannot be used: its file cannot be opened, or is no audio by its headers. */
export type BadFileError = FileError | AudioFormatError;

/** A recording that cannot be used. */
export interface BadClip {
  /** Its number in the data set. */
  index: number;
  error: BadFileError;
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
 * The clips of a data set whose files cannot be opened, or are no audio by their headers, in the order of the clips.
 *
 * The same look at the headers as for {@linkcode clipDurations}, which is had only once.
 *
 * @param clips the clips of a data set.
 * @returns nothing where all files look sound; what is behind the headers is for the decoder to say.
 *
 * @example
 * ```ts
 * import { match } from "node:assert/strict";
 *
 * const [bad] = await badClips([{ file: "none.wav", label: 0 }]);
 * match(bad!.error.message, /Cannot open "none.wav"/);
 * ```
 */
export async function badClips(clips: readonly AudioClip[]): Promise<BadClip[]> {
  const { bad } = await headersOf(clips);
  return Array.from(bad, (error, index) => ({ index, error }))
    .filter((clip): clip is BadClip => clip.error !== undefined);
}

/**
 * What the recordings hold that lie in files with others, such as rows of a Parquet file: the SHA-256 of their bytes;
 * undefined of files of their own, and of what cannot be read.
 *
 * The same look as for {@linkcode clipDurations}, since to read such a recording again is to unpack what is around it.
 *
 * @param clips the clips of a data set.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * deepEqual(await rowDigests([{ file: "none.wav", label: 0 }]), [undefined]);
 * ```
 */
export async function rowDigests(
  clips: readonly AudioClip[],
): Promise<readonly (string | undefined)[]> {
  return (await headersOf(clips)).digests;
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
  const bad: Headers["bad"] = [];
  const digests = new Array<string | undefined>(clips.length).fill(undefined);
  let next = 0;
  const work = async () => {
    while (next < clips.length) {
      const at = next++;
      const read = await readHeader(clips[at]!);
      if (read instanceof Error) {
        bad[at] = read;
        continue;
      }
      durations[at] = read.seconds;
      digests[at] = read.digest;
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
  return { durations, bad, digests };
}

async function readHeader(
  clip: AudioClip,
): Promise<{ seconds: number; digest?: string } | BadFileError> {
  try {
    const source = await openClip(clip);
    try {
      const seconds = await audioDurationSec(source);
      if (seconds === undefined) {
        await expectAudioHeaders(source, clip.open ? source.name : clip.file);
      }
      return {
        seconds: seconds ?? source.sizeBytes / COMPRESSED_BYTES_PER_SEC,
        digest: clip.open && await digestOf(source),
      };
    } finally {
      source[Symbol.dispose]();
    }
  } catch (error) {
    if (error instanceof FileError || error instanceof AudioFormatError) return error;
    throw error;
  }
}

async function digestOf(source: OpenFile): Promise<string> {
  const bytes = await source.read(0, source.sizeBytes);
  return createHash("sha256").update(bytes).digest("hex");
}
