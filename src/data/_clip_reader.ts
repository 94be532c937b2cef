/**
 * A clip of a data set as samples for a model.
 *
 * @module
 */

import {
  type Recording,
  recordingBytes,
  type RecordingRules,
  recordingSamples,
} from "../audio/recording.ts";
import { type AudioClip, openClip } from "./audio_dataset.ts";

/** How one clip is loaded. */
export interface LoadClipOptions {
  /** The rate of the model's input, in hertz. */
  samplingRate: number;
  /**
   * Longest clip accepted; a longer one is refused, from its header where that can be. @default 600
   */
  maxSeconds?: number;
  /** Fewest samples at that rate, such as the model's receptive field. @default 1 */
  minSamples?: number;
}

/** The samples of a clip, with what is odd about its file. */
export type ReadClip = Pick<Recording, "samples" | "warning">;

const DEFAULT_MAX_SECONDS = 600;

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
  return await recordingSamples(bytes, rulesFor(file, options));
}

/** The bytes of a clip, unless its size or its header says that it is too long. */
export async function readBytes(clip: AudioClip, options: LoadClipOptions): Promise<Uint8Array> {
  const source = await openClip(clip);
  try {
    return await recordingBytes(source, rulesFor(clip.file, options));
  } finally {
    source[Symbol.dispose]();
  }
}

function rulesFor(file: string, options: LoadClipOptions): RecordingRules {
  const { maxSeconds = DEFAULT_MAX_SECONDS } = options;
  return { ...options, file, maxSeconds };
}
