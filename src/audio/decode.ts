/**
 * Decodes an audio file of whatever format, told by its content.
 *
 * WAV is read; any other format is named in the error, so that the user knows what to convert.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { DecodedAudio, DecodeOptions } from "./decoded_audio.ts";
import { sniff } from "./sniff.ts";
import { decodeWav } from "./wav.ts";

const CONVERT_HINT = "Convert it to WAV first, for example with ffmpeg -i INPUT clip.wav";
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
 * import { equal, throws } from "node:assert/strict";
 *
 * equal(decodeAudio(encodeWav(new Float32Array(4_000), 8_000)).durationSec, 0.5);
 * const flac = new TextEncoder().encode("fLaC\0\0\0\x22");
 * throws(() => decodeAudio(flac, { file: "clip.wav" }), /"clip.wav": expected WAV, found FLAC/);
 * ```
 */
export function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): DecodedAudio {
  const { file } = options;
  if (bytes.length === 0) throw audioError("expected audio, found an empty file", file);
  const kind = sniff(bytes);
  if (kind === undefined) {
    throw audioError(`expected audio, found an unknown format (${hexHead(bytes)})`, file);
  }
  if (!kind.isAudio) {
    const hint = kind.name === "a Git LFS pointer" ? LFS_HINT : undefined;
    throw audioError(`expected audio, found ${kind.name}`, file, hint);
  }
  if (kind.name !== "WAV") throw audioError(`expected WAV, found ${kind.name}`, file, CONVERT_HINT);
  return decodeWav(bytes, options);
}

function hexHead(bytes: Uint8Array): string {
  const digits = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  return `it begins ${digits.join(" ")}`;
}
