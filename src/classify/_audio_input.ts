/**
 * Whatever holds a clip, as samples at the rate that a model wants.
 *
 * A name or URL is read, bytes are decoded, samples are checked, and all are resampled. Files of the disk
 * are read by a function that the caller brings, so that this file runs where there is no disk.
 *
 * @module
 */
import {
  MAX_FILE_BYTES,
  type Recording,
  recordingBytes,
  type RecordingFault,
  type RecordingRules,
  recordingSamples,
} from "../audio/recording.ts";
import type { ReadableBytes } from "../audio/mod.ts";
import { TooLongError } from "../audio/too_long.ts";
import { readBounded } from "./bounded_stream.ts";
import { AudioFormatError, FileError } from "../errors.ts";

/** Samples of one channel: real ones, mostly within 1, or whole ones of 16 bits. */
export type ChannelSamples = Float32Array | Float64Array | Int16Array | readonly number[];

/** Samples of a clip: of one channel, or a list of channels, whose mean is taken. */
export type ClipSamples = ChannelSamples | readonly ChannelSamples[];

/** Samples under any of the names in use, with their rate in hertz. */
export type AudioSamples =
  & ({ samples: ClipSamples } | { raw: ClipSamples } | { array: ClipSamples })
  & ({ samplingRate: number } | { sampleRateHz: number } | { sampling_rate: number });

/** What is used of an `AudioBuffer` of the Web Audio API. */
export interface AudioBufferLike {
  /** Hertz. */
  readonly sampleRate: number;
  /** How many there are. */
  readonly numberOfChannels: number;
  /** The samples of one. */
  getChannelData(channel: number): Float32Array;
}

/** Samples alone, whose rate is an option of the call. */
export type BareSamples = Float32Array | Float64Array | Int16Array;

/** One clip: a path, a URL, the bytes of an audio file, or samples with their rate. */
export type AudioInput =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | AudioSamples
  | AudioBufferLike
  | BareSamples;

/** Opens a file of the disk, of which parts can then be read. */
export type OpenFile = (path: string) => Promise<ReadableBytes & { close?(): void }>;

/** What a clip must be, and how a path is read. */
export interface ClipRules {
  /** The rate to bring the clip to. */
  rateHz: number;
  /** The fewest samples at that rate. */
  minSamples: number;
  /** The longest clip, in seconds. */
  maxSeconds: number;
  /** Most bytes of samples of all channels of a file. @default any */
  maxDecodedBytes?: number;
  /** Hertz of samples that come alone. */
  samplingRate?: number;
  /** Called for a clip that was read with a doubt. */
  onWarning?: (message: string) => void;
  /** Called for a clip that is now samples. */
  onDecoded?: (clip: { seconds: number; decodingSeconds: number }) => void;
  /** Opens a file of the disk, where there is one. */
  openFile?: OpenFile;
  /** The bytes of a file of the disk, where it cannot be opened. */
  readFile?: (path: string, maxBytes: number) => Promise<Uint8Array>;
}

/**
 * The samples of a clip.
 *
 * **Shape** -> `[S]`, with `minSamples` or more
 *
 * @param name what messages call the clip, where it has no name of its own.
 * @throws {AudioFormatError} when it is no audio, shorter than the model takes, or too long.
 * @throws {FileError} when a file or URL cannot be read.
 */
export async function clipSamples(
  input: AudioInput,
  rules: ClipRules,
  name?: string,
): Promise<Float32Array> {
  const file = typeof input === "string" || input instanceof URL ? shortName(input) : name;
  const given = statedSamples(input, rules);
  const recordingRules = {
    file,
    samplingRate: rules.rateHz,
    minSamples: rules.minSamples,
    maxSeconds: rules.maxSeconds,
    maxDecodedBytes: rules.maxDecodedBytes,
    refusal: (fault: RecordingFault) => refusal(fault, rules, file),
  };
  const recording = given
    ? checkedSamples(given, file)
    : await bytesOf(input, rules, recordingRules);
  const begun = performance.now();
  const { samples, warning } = await recordingSamples(recording, recordingRules);
  const decodingSeconds = (performance.now() - begun) / 1_000;
  rules.onDecoded?.({ seconds: samples.length / rules.rateHz, decodingSeconds });
  if (warning !== undefined) rules.onWarning?.(`Odd audio${file ? ` "${file}"` : ""}: ${warning}`);
  return samples;
}

async function bytesOf(
  input: AudioInput,
  rules: ClipRules,
  recordingRules: RecordingRules,
): Promise<Uint8Array> {
  if (input instanceof Uint8Array) return input;
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (input instanceof Blob) return new Uint8Array(await input.arrayBuffer());
  if (typeof input !== "string" && !(input instanceof URL)) throw unknownInput(input);
  const place = String(input);
  if (isWebAddress(place)) return await fetchBytes(place);
  if (rules.openFile) {
    const opened = await rules.openFile(filePath(place));
    try {
      return await recordingBytes(opened, recordingRules);
    } finally {
      opened.close?.();
    }
  }
  if (rules.readFile) return await rules.readFile(filePath(place), MAX_FILE_BYTES);
  throw new TypeError(
    `Cannot read "${place}": expected bytes, samples or a web address, found a path`,
  );
}

/** Whether it can be fetched. */
export function isWebAddress(place: string): boolean {
  return /^(https?|data|blob):/i.test(place);
}

/** The path of a `file:` URL; a path stays as it is. */
export function filePath(place: string): string {
  if (!/^file:/i.test(place)) return place;
  return decodeURIComponent(new URL(place).pathname).replace(/^\/(?=[a-z]:)/i, "");
}

/** The answer of a server that has what was asked for. */
export async function fetchResponse(url: string, signal?: AbortSignal): Promise<Response> {
  const file = shortName(url);
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new FileError(`Cannot read "${file}": the server was not reached`, { file, cause });
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new FileError(`Cannot read "${file}": expected status 200, found ${response.status}`, {
      file,
    });
  }
  return response;
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const { body } = await fetchResponse(url);
  const bytes = await readBounded(body, MAX_FILE_BYTES);
  if (bytes) return bytes;
  const file = shortName(url);
  throw new FileError(`Cannot read "${file}": expected at most ${MAX_FILE_BYTES} bytes`, { file });
}

/** A `data:` URL holds the whole file. */
export function shortName(place: string | URL): string {
  const name = String(place);
  return /^data:/i.test(name) ? `${name.slice(0, 32)}...` : name;
}

/** Channels with their rate, as they were given. */
export interface StatedSamples {
  channels: ClipSamples;
  rateHz: unknown;
}

/** What was given as samples; undefined for what has to be read. */
export function statedSamples(
  input: unknown,
  rules: Pick<ClipRules, "samplingRate">,
): StatedSamples | undefined {
  if (typeof input !== "object" || input === null) return undefined;
  if (isChannel(input)) return { channels: input, rateHz: rules.samplingRate };
  if ("getChannelData" in input) {
    const buffer = input as AudioBufferLike;
    const channels = Array.from(
      { length: buffer.numberOfChannels },
      (_, i) => buffer.getChannelData(i),
    );
    return { channels, rateHz: buffer.sampleRate };
  }
  const fields = input as Record<string, unknown>;
  const channels = fields.samples ?? fields.raw ?? fields.array;
  if (channels === undefined) return undefined;
  const rateHz = fields.samplingRate ?? fields.sampleRateHz ?? fields.sampling_rate;
  return { channels: channels as ClipSamples, rateHz };
}

function isChannel(value: unknown): value is ChannelSamples {
  return value instanceof Float32Array || value instanceof Float64Array ||
    value instanceof Int16Array || (Array.isArray(value) && typeof value[0] === "number");
}

/** The mean of the channels, all of it real numbers. */
export function checkedSamples({ channels, rateHz }: StatedSamples, file?: string): Recording {
  const list = isChannel(channels) ? [channels] : channels;
  if (!Array.isArray(list) || list.length === 0 || !list.every(isChannel)) {
    throw unknownInput(channels);
  }
  if (typeof rateHz !== "number" || !Number.isFinite(rateHz)) {
    throw new TypeError(
      `Cannot classify samples: expected their rate in hertz as samplingRate, found ${rateHz}`,
    );
  }
  const samples = meanOf(list.map(realSamples), file);
  expectFiniteSamples(samples, file);
  return { samples, sampleRateHz: rateHz };
}

const INT16_SCALE = 2 ** -15;

/** Samples of 16 bits come to lie within 1. */
export function realSamples(channel: ChannelSamples): Float32Array {
  if (channel instanceof Float32Array) return channel;
  if (channel instanceof Int16Array) {
    return Float32Array.from(channel, (value) => value * INT16_SCALE);
  }
  return Float32Array.from(channel);
}

/** The mean of channels; one is taken as it is. */
function meanOf(channels: readonly Float32Array[], file?: string): Float32Array {
  const [first, ...others] = channels as [Float32Array, ...Float32Array[]];
  if (others.length === 0) return first;
  const mean = new Float32Array(first.length);
  for (const channel of channels) {
    if (channel.length !== first.length) {
      const found = channels.map(({ length }) => length).join(", ");
      throw clipError(`expected channels of one length, found ${found} samples`, file);
    }
    for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + channel[i]! / channels.length;
  }
  return mean;
}

/** A loop, because a call for each sample takes several times as long; `before` have come already. */
export function expectFiniteSamples(samples: Float32Array, file?: string, before = 0): void {
  for (let i = 0; i < samples.length; i++) {
    // Zero times infinity is no number, as is zero times what is none.
    if (samples[i]! * 0 === 0) continue;
    throw clipError(`expected finite samples, found ${samples[i]} as number ${before + i}`, file);
  }
}

function refusal(fault: RecordingFault, rules: ClipRules, file?: string): AudioFormatError {
  const { rateHz, minSamples, maxSeconds } = rules;
  switch (fault.kind) {
    case "rate": {
      const expected = `a rate from which ${rateHz} Hz can be made`;
      return clipError(`expected ${expected}, found ${fault.sampleRateHz} Hz`, file, fault.cause);
    }
    case "short": {
      const [needed, found] = [minSamples / rateHz, fault.seconds].map((sec) => sec.toFixed(4));
      return clipError(`expected at least ${needed} s of audio, found ${found} s`, file);
    }
    case "long": {
      const found = fault.seconds.toFixed(1);
      const problem = `expected at most ${maxSeconds} s of audio, found ${found} s`;
      return new TooLongError(clipError(problem, file).message, { file, hint: LONG_HINT });
    }
    case "large": {
      const problem = `expected at most ${MAX_FILE_BYTES} bytes, found ${fault.sizeBytes}`;
      return new TooLongError(clipError(problem, file).message, { file, hint: LONG_HINT });
    }
  }
}

/** What hears a recording of any length. */
const LONG_HINT = 'detect() hears it in windows, and so does the option longClips: "windows"';

function clipError(problem: string, file?: string, cause?: unknown): AudioFormatError {
  const name = file === undefined ? "the clip" : `"${file}"`;
  return new AudioFormatError(`Cannot classify ${name}: ${problem}`, { file, cause });
}

/** What is no sound at all. */
export function unknownInput(input: unknown): TypeError {
  const found = input === null || typeof input !== "object" ? typeof input : input.constructor.name;
  return new TypeError(
    `Cannot classify audio: expected a path, a URL, bytes, or samples with their samplingRate, found ${found}`,
  );
}
