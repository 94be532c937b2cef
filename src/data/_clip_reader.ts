/**
 * From one recording to samples at the rate wanted: read, decoded, resampled, checked.
 *
 * @module
 */

import { decodeAudio } from "../audio/decode.ts";
import type { DecodedAudio } from "../audio/decoded_audio.ts";
import { audioDurationSec } from "../audio/duration.ts";
import { resample, resampledLength } from "../audio/resample.ts";
import { AudioFormatError } from "../errors.ts";
import { type AudioClip, openClip } from "./audio_dataset.ts";

/** How one clip is loaded. */
export interface LoadClipOptions {
  /** The rate that the model hears, in hertz. */
  samplingRate: number;
  /**
   * Longest clip accepted; a longer one is refused, from its header where that can be. @default 600
   */
  maxSeconds?: number;
  /** Fewest samples at that rate, such as the model's receptive field. @default 1 */
  minSamples?: number;
}

/** The samples of a clip, with what is odd about its file. */
export type ReadClip = Pick<DecodedAudio, "samples" | "warning">;

const DEFAULT_MAX_SECONDS = 600;

/** Files above this are not read before their header has said how long they are. */
const LARGE_FILE_BYTES = 16 * 2 ** 20;

const MAX_FILE_BYTES = 2 ** 30;

/** Reads and decodes a clip. */
export async function readClip(clip: AudioClip, options: LoadClipOptions): Promise<ReadClip> {
  return await decodeClip(await readBytes(clip, options), clip.file, options);
}

/** Decodes what was read of a clip. */
export async function decodeClip(
  bytes: Uint8Array,
  file: string,
  options: LoadClipOptions,
): Promise<ReadClip> {
  const { samplingRate, maxSeconds = DEFAULT_MAX_SECONDS, minSamples = 1 } = options;
  const { samples, sampleRateHz, warning } = await decodeAudio(bytes, { file, maxSeconds });
  try {
    const length = resampledLength(samples.length, sampleRateHz, samplingRate);
    if (length < minSamples) throw tooShort(file, length, options);
    return { samples: resample(samples, sampleRateHz, samplingRate), warning };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message =
      `Cannot resample audio "${file}": expected a rate from which ${samplingRate} Hz ` +
      `can be made, found ${sampleRateHz} Hz`;
    throw new AudioFormatError(message, { cause, file });
  }
}

/** The bytes of a clip, unless its size or its header says that it is too long. */
export async function readBytes(clip: AudioClip, options: LoadClipOptions): Promise<Uint8Array> {
  const { maxSeconds = DEFAULT_MAX_SECONDS } = options;
  using source = await openClip(clip);
  const { file } = clip;
  const { sizeBytes } = source;
  if (sizeBytes > LARGE_FILE_BYTES) {
    const seconds = await audioDurationSec(source) ?? 0;
    if (seconds > maxSeconds) throw tooLong(file, `${maxSeconds} s`, `${seconds.toFixed(1)} s`);
  }
  if (sizeBytes > MAX_FILE_BYTES) throw tooLong(file, `${MAX_FILE_BYTES} bytes`, `${sizeBytes}`);
  return await source.read(0, sizeBytes);
}

function tooLong(file: string, expected: string, found: string): AudioFormatError {
  const message = `Cannot load audio "${file}": expected at most ${expected}, found ${found}`;
  return new AudioFormatError(message, { file, hint: "Cut it into shorter clips" });
}

function tooShort(
  file: string,
  found: number,
  { minSamples, samplingRate }: LoadClipOptions,
): AudioFormatError {
  const message = `Cannot load audio "${file}": expected at least ${minSamples} samples at ` +
    `${samplingRate} Hz, found ${found}`;
  return new AudioFormatError(message, { file });
}
