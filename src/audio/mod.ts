/**
 * Audio files to samples: decode bytes to one channel, then bring it to a model's rate.
 *
 * Everything here runs in any JavaScript runtime, and its memory stays in proportion to the bytes
 * that it is given.
 *
 * @example
 * ```ts
 * import { decodeAudio, encodeWav, resample } from "@earshot/earshot/audio";
 * import { equal } from "node:assert/strict";
 *
 * const file = encodeWav(new Float32Array(8_000), 8_000);
 * const audio = await decodeAudio(file);
 * equal(resample(audio.samples, audio.sampleRateHz, 16_000).length, 16_000);
 * ```
 *
 * @module
 */
import "../older_engines.ts";

export { decodeAudio, DECODED_FORMATS } from "./decode.ts";
export type { AudioInfo, DecodedAudio, DecodedChannels, DecodeOptions } from "./decoded_audio.ts";
export { audioDurationSec, type ReadableBytes } from "./duration.ts";
export { encodeWav, type EncodeWavOptions } from "./encode_wav.ts";
export {
  type AudioSource,
  openAudio,
  type OpenAudioOptions,
  type OpenedAudio,
} from "./open_audio.ts";
export { RAW_ENCODINGS, type RawAudio, type RawEncoding, withWavHeader } from "./raw_audio.ts";
export { resample, resampledLength, Resampler } from "./resample.ts";
export { type ContentKind, sniff } from "./sniff.ts";
export { decodeWav, decodeWavChannels } from "./wav.ts";
