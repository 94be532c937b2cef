/**
 * From a recording to samples at the rate wanted, in one way for whoever classifies, trains or looks at data.
 *
 * A recording is a file that can be read, its bytes, or samples with their rate. How long it may be is for the
 * caller to say; how large its file may be is the same for all.
 *
 * @module
 */

import { AudioFormatError } from "../errors.ts";
import { decodeAudio } from "./decode.ts";
import type { DecodedAudio, DecodeOptions } from "./decoded_audio.ts";
import { audioDurationSec, type ReadableBytes } from "./duration.ts";
import { resample, resampledLength } from "./resample.ts";

/** Most bytes of a file, whatever its format. */
export const MAX_FILE_BYTES = 2 ** 30;

/**
 * Longest clip that is classified or evaluated whole, in seconds. The first layers hold the most: 20 MB a second in
 * wav2vec2-base, so that it fits into the 4 GiB of WASM memory.
 */
export const MAX_CLIP_SECONDS = 180;

/** Longest clip that is evaluated in windows: its samples are all in memory, in seconds. */
export const MAX_LONG_SECONDS = 3_600;

/** Files above this are not read before their header has said how long they are. */
const LARGE_FILE_BYTES = 16 * 2 ** 20;

/** Samples of one channel, their rate, and what is odd about the file they come from. */
export type Recording = Pick<DecodedAudio, "samples" | "sampleRateHz" | "warning">;

/** What a recording must be, and what it is called. */
export interface RecordingRules extends DecodeOptions {
  /** The rate wanted, in hertz. @default the recording's own */
  samplingRate?: number;
  /** Fewest samples at that rate, such as a model's receptive field. @default 1 */
  minSamples?: number;
  /** Words the error for a recording that was understood and cannot be used. @default to load it */
  refusal?: (fault: RecordingFault) => AudioFormatError;
}

/** Why a recording cannot be used. */
export type RecordingFault =
  /** The rate wanted cannot be made from its own. */
  | { kind: "rate"; sampleRateHz: number; cause: unknown }
  /** It has fewer samples than needed, counted at the rate wanted. */
  | { kind: "short"; samples: number; seconds: number }
  | { kind: "long"; seconds: number }
  | { kind: "large"; sizeBytes: number };

/**
 * The bytes of a recording, unless its size or its header says that it is too long.
 *
 * @param source the file.
 * @param rules the longest recording to accept.
 * @throws {AudioFormatError} where it is too long, or larger than {@linkcode MAX_FILE_BYTES}.
 *
 * @example
 * ```ts
 * import { encodeWav } from "./encode_wav.ts";
 * import { recordingBytes } from "./recording.ts";
 * import { deepEqual, rejects } from "node:assert/strict";
 *
 * const wav = encodeWav(new Float32Array(4_000), 8_000);
 * const read = () => wav;
 * deepEqual(await recordingBytes({ sizeBytes: wav.length, read }, {}), wav);
 * await rejects(recordingBytes({ sizeBytes: 2 ** 30 + 1, read }, {}), /at most 1073741824 bytes/);
 * ```
 */
export async function recordingBytes(
  source: ReadableBytes,
  rules: RecordingRules,
): Promise<Uint8Array> {
  const { maxSeconds = Infinity } = rules;
  const { sizeBytes } = source;
  if (sizeBytes > LARGE_FILE_BYTES) {
    const seconds = await audioDurationSec(source) ?? 0;
    if (seconds > maxSeconds) throw refused({ kind: "long", seconds }, rules);
  }
  if (sizeBytes > MAX_FILE_BYTES) throw refused({ kind: "large", sizeBytes }, rules);
  return await source.read(0, sizeBytes);
}

/**
 * The samples of a recording at the rate wanted.
 *
 * Shape: `S` samples a channel -> `[ceil(S * samplingRate / sampleRateHz)]`
 *
 * @param recording the bytes of a file, or samples of one channel with their rate.
 * @param rules the rate wanted, and the limits.
 * @returns the mean of the channels; the very samples that were given where nothing had to change.
 * @throws {AudioFormatError} where it is no audio, too short or too long, or a file of a rate from which the one
 * wanted cannot be made.
 * @throws {RangeError} where such a rate was given with samples.
 *
 * @example
 * ```ts
 * import { encodeWav } from "./encode_wav.ts";
 * import { recordingSamples } from "./recording.ts";
 * import { equal } from "node:assert/strict";
 *
 * const samples = new Float32Array(4_000);
 * const rules = { samplingRate: 16_000 };
 * equal((await recordingSamples({ samples, sampleRateHz: 8_000 }, rules)).samples.length, 8_000);
 * equal((await recordingSamples(encodeWav(samples, 8_000), rules)).samples.length, 8_000);
 * ```
 */
export async function recordingSamples(
  recording: Uint8Array | Recording,
  rules: RecordingRules,
): Promise<Recording> {
  const { file, maxSeconds = Infinity, maxDecodedBytes, minSamples = 1 } = rules;
  const isFile = recording instanceof Uint8Array;
  const { samples, sampleRateHz, warning } = isFile
    ? await decodeAudio(recording, { file, maxSeconds, maxDecodedBytes })
    : recording;
  const seconds = samples.length / sampleRateHz;
  if (!isFile && seconds > maxSeconds) throw refused({ kind: "long", seconds }, rules);
  const { samplingRate = sampleRateHz } = rules;
  let length: number;
  try {
    length = resampledLength(samples.length, sampleRateHz, samplingRate);
  } catch (cause) {
    // A rate that came as an argument is the caller's fault, not a file's.
    if (!isFile || !(cause instanceof RangeError)) throw cause;
    throw refused({ kind: "rate", sampleRateHz, cause }, rules);
  }
  if (length < minSamples) throw refused({ kind: "short", samples: length, seconds }, rules);
  const resampled = resample(samples, sampleRateHz, samplingRate);
  return { samples: resampled, sampleRateHz: samplingRate, warning };
}

function refused(fault: RecordingFault, rules: RecordingRules): AudioFormatError {
  return rules.refusal?.(fault) ?? loadingRefused(fault, rules);
}

function loadingRefused(fault: RecordingFault, rules: RecordingRules): AudioFormatError {
  const { file, maxSeconds, minSamples, samplingRate } = rules;
  const hint = "Cut it into shorter clips";
  const audio = file === undefined ? "audio" : `audio "${file}"`;
  const refusal = (problem: string, facts: object, verb = "load") =>
    new AudioFormatError(`Cannot ${verb} ${audio}: expected ${problem}`, { file, ...facts });
  switch (fault.kind) {
    case "rate": {
      const problem = `a rate from which ${samplingRate} Hz can be made, found ` +
        `${fault.sampleRateHz} Hz`;
      return refusal(problem, { cause: fault.cause }, "resample");
    }
    case "short":
      return refusal(
        `at least ${minSamples} samples at ${samplingRate} Hz, found ${fault.samples}`,
        {},
      );
    case "long":
      return refusal(`at most ${maxSeconds} s, found ${fault.seconds.toFixed(1)} s`, { hint });
    case "large":
      return refusal(`at most ${MAX_FILE_BYTES} bytes, found ${fault.sizeBytes}`, { hint });
  }
}
