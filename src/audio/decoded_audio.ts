/**
 * What every decoder here takes and gives, and the limits that all of them hold.
 *
 * A limit is checked on what a header declares, before anything of that size is allocated, so
 * memory stays in proportion to the bytes that were handed in.
 *
 * @module
 */

/** Options of a decoder. */
export interface DecodeOptions {
  /** The file's name, for messages. */
  file?: string;
  /** Longest audio accepted, in seconds. @default Infinity */
  maxSeconds?: number;
  /** Most bytes of 32-bit samples of all channels, whatever becomes of them. @default Infinity */
  maxDecodedBytes?: number;
}

/** What is known of a piece of audio besides its samples. */
export interface AudioInfo {
  /** Samples a second of each channel. */
  sampleRateHz: number;
  /** Frames divided by the rate. */
  durationSec: number;
  /** Channels in the file, before any mixing. */
  channels: number;
  /** What is odd about a file that was accepted all the same. */
  warning?: string;
}

/** One channel of audio: the mean of the file's channels. */
export interface DecodedAudio extends AudioInfo {
  /** One number a frame; integer formats lie in [-1, 1). Shape: `[frames]`. */
  samples: Float32Array;
}

/** Audio with its channels apart. */
export interface DecodedChannels extends AudioInfo {
  /** The channels of a frame side by side. Shape: `[frames, channels]`. */
  interleaved: Float32Array;
}

/** Most channels that a file may declare. */
export const MAX_CHANNELS = 64;

/** Lowest rate that a file may declare, in hertz. */
export const MIN_SAMPLE_RATE_HZ = 100;

/** Highest rate that a file may declare, in hertz: four times the fastest studio rate. */
export const MAX_SAMPLE_RATE_HZ = 768_000;
