/**
 * Decodes an audio file of any format, recognised by its content.
 *
 * A decoder is loaded with the first file that needs it. A format that has none is named in the
 * error, so that the user knows what to convert.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { decoding, type OpenAudio } from "./_audio_stream.ts";
import { answerFrom, ByteReader, supplyOf } from "./_byte_reader.ts";
import type { DecodedAudio, DecodeOptions } from "./decoded_audio.ts";
import { OPENERS } from "./_openers.ts";
import { sniff } from "./sniff.ts";
import { UnknownFormatError } from "./unknown_format.ts";

/** The names that {@linkcode sniff} gives to what {@linkcode decodeAudio} reads. */
export const DECODED_FORMATS: readonly string[] = Object.keys(OPENERS);

const CONVERT_HINT = "Convert it first, for example with ffmpeg -i INPUT clip.wav";
const LFS_HINT = "Fetch the file itself with git lfs pull";

/**
 * Decodes an audio file to one channel, the mean of its channels.
 *
 * Shape: bytes of `frames` frames -> `samples [frames]`
 *
 * @param bytes the whole file.
 * @param options the file's name for messages, and the longest audio to accept.
 * @returns the samples, their rate in hertz, and a warning where the file is cut short.
 * @throws {AudioFormatError} where the format is not supported, then named, or the file is broken.
 *
 * @example
 * ```ts
 * import { decodeAudio, encodeWav } from "@earshot/earshot/audio";
 * import { equal, rejects } from "node:assert/strict";
 *
 * const { durationSec } = await decodeAudio(encodeWav(new Float32Array(4_000), 8_000));
 * equal(durationSec, 0.5);
 * const amr = new TextEncoder().encode("#!AMR\n");
 * await rejects(decodeAudio(amr, { file: "clip.wav" }), /"clip.wav": expected WAV, .*, found AMR/);
 * ```
 */
export async function decodeAudio(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedAudio> {
  const open = await openerOf(bytes, options.file);
  const reader = new ByteReader(bytes.length);
  return await answerFrom(supplyOf(bytes), decoding(open, reader, options));
}

/**
 * What reads a recording that begins with these bytes.
 *
 * @throws {AudioFormatError} where nothing does.
 */
export async function openerOf(head: Uint8Array, file?: string): Promise<OpenAudio> {
  if (head.length === 0) throw audioError("expected audio, found an empty file", file);
  const kind = sniff(head);
  if (kind === undefined) {
    const { message } = audioError(
      `expected audio, found an unknown format (${hexHead(head)})`,
      file,
    );
    throw new UnknownFormatError(message, { file });
  }
  if (!kind.isAudio) {
    const hint = kind.name === "a Git LFS pointer" ? LFS_HINT : undefined;
    throw audioError(`expected audio, found ${kind.name}`, file, { hint });
  }
  const open = OPENERS[kind.name];
  if (open !== undefined) return await open();
  const found = `expected ${listed(DECODED_FORMATS)}, found ${kind.name}`;
  throw audioError(found, file, { hint: CONVERT_HINT });
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

function hexHead(bytes: Uint8Array): string {
  const digits = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  return `it begins ${digits.join(" ")}`;
}
