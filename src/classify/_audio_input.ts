/**
 * Whatever holds a clip, as samples at the rate that a model wants.
 *
 * A name or URL is read, bytes are decoded, samples are checked, and all are resampled. Files of the disk
 * are read by a function that the caller brings, so that this file runs where there is no disk.
 *
 * @module
 */
import { decodeAudio, resample, resampledLength } from "../audio/mod.ts";
import { readBounded } from "./bounded_stream.ts";
import { AudioFormatError, FileError } from "../errors.ts";

/** Samples of one channel, under any of the names in use, with their rate in hertz. */
export type AudioSamples =
  & ({ samples: Float32Array } | { raw: Float32Array } | { array: Float32Array })
  & ({ samplingRate: number } | { sampleRateHz: number });

/** One clip: a path, a URL, the bytes of an audio file, or samples with their rate. */
export type AudioInput = string | URL | Uint8Array | ArrayBuffer | Blob | AudioSamples;

/** What a clip must be, and how a path is read. */
export interface ClipRules {
  /** The rate to bring the clip to. */
  rateHz: number;
  /** The fewest samples at that rate. */
  minSamples: number;
  /** The longest clip, in seconds. */
  maxSeconds: number;
  /** Told of a clip that was read with a doubt. */
  onWarning?: (message: string) => void;
  /** The bytes of a file of the disk, where there is one. */
  readFile?: (path: string, maxBytes: number) => Promise<Uint8Array>;
}

/** Most bytes of one file, whatever its format. */
const MAX_FILE_BYTES = 512 * 2 ** 20;

/**
 * The samples of a clip.
 *
 * **Shape** -> `[S]`, with `minSamples` or more
 *
 * @param name what messages call the clip, where it has no name of its own.
 * @throws {AudioFormatError} when it is no audio, shorter than the model hears, or too long.
 * @throws {FileError} when a file or URL cannot be read.
 */
export async function clipSamples(
  input: AudioInput,
  rules: ClipRules,
  name?: string,
): Promise<Float32Array> {
  const file = typeof input === "string" || input instanceof URL ? shortName(input) : name;
  const recording = await decoded(input, rules, file);
  const { samples, rateHz } = recording;
  requireSeconds(samples.length / rateHz, rules, file);
  const length = lengthAt(input, recording, rules.rateHz, file);
  if (length < rules.minSamples) throw tooShort(samples.length / rateHz, rules, file);
  return resample(samples, rateHz, rules.rateHz);
}

/** The samples at the model's rate; where a file's rate is at fault, and no argument, the file is named. */
function lengthAt(
  input: AudioInput,
  { samples, rateHz }: Recording,
  toHz: number,
  file?: string,
): number {
  try {
    return resampledLength(samples.length, rateHz, toHz);
  } catch (cause) {
    if (!(cause instanceof RangeError) || isSamples(input)) throw cause;
    const expected = `a rate from which ${toHz} Hz can be made`;
    throw clipError(`expected ${expected}, found ${rateHz} Hz`, file, cause);
  }
}

interface Recording {
  samples: Float32Array;
  rateHz: number;
}

async function decoded(input: AudioInput, rules: ClipRules, file?: string): Promise<Recording> {
  if (isSamples(input)) return checkedSamples(input, file);
  const bytes = await bytesOf(input, rules);
  const { maxSeconds, onWarning } = rules;
  const { samples, sampleRateHz, warning } = await decodeAudio(bytes, { file, maxSeconds });
  if (warning !== undefined) onWarning?.(`Odd audio${file ? ` "${file}"` : ""}: ${warning}`);
  return { samples, rateHz: sampleRateHz };
}

async function bytesOf(
  input: Exclude<AudioInput, AudioSamples>,
  rules: ClipRules,
): Promise<Uint8Array> {
  if (input instanceof Uint8Array) return input;
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (input instanceof Blob) return new Uint8Array(await input.arrayBuffer());
  if (typeof input !== "string" && !(input instanceof URL)) throw unknownInput(input);
  const place = String(input);
  if (/^(https?|data|blob):/i.test(place)) return await fetchBytes(place);
  if (rules.readFile) return await rules.readFile(filePath(place), MAX_FILE_BYTES);
  throw new TypeError(
    `Cannot read "${place}": expected bytes, samples or a web address, found a path`,
  );
}

/** The path of a `file:` URL; a path stays as it is. */
function filePath(place: string): string {
  if (!/^file:/i.test(place)) return place;
  return decodeURIComponent(new URL(place).pathname).replace(/^\/(?=[a-z]:)/i, "");
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const file = shortName(url);
  const response = await fetch(url).catch((cause: unknown) => {
    throw new FileError(`Cannot read "${file}": the server was not reached`, { file, cause });
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new FileError(`Cannot read "${file}": expected status 200, found ${response.status}`, {
      file,
    });
  }
  const bytes = await readBounded(response.body, MAX_FILE_BYTES);
  if (bytes) return bytes;
  throw new FileError(`Cannot read "${file}": expected at most ${MAX_FILE_BYTES} bytes`, { file });
}

/** A `data:` URL holds the whole file. */
function shortName(place: string | URL): string {
  const name = String(place);
  return /^data:/i.test(name) ? `${name.slice(0, 32)}...` : name;
}

function isSamples(input: unknown): input is AudioSamples {
  return typeof input === "object" && input !== null &&
    ("samples" in input || "raw" in input || "array" in input);
}

function checkedSamples(input: AudioSamples, file?: string): Recording {
  const samples = "samples" in input ? input.samples : "raw" in input ? input.raw : input.array;
  const rateHz = "samplingRate" in input ? input.samplingRate : input.sampleRateHz;
  if (!(samples instanceof Float32Array)) throw unknownInput(samples);
  if (!Number.isFinite(rateHz)) {
    throw new TypeError(
      `Cannot classify samples: expected their rate in hertz as samplingRate, found ${rateHz}`,
    );
  }
  expectFiniteSamples(samples, file);
  return { samples, rateHz };
}

/** A loop, because a call for each sample takes several times as long. */
function expectFiniteSamples(samples: Float32Array, file?: string): void {
  for (let i = 0; i < samples.length; i++) {
    // Zero times infinity is no number, as is zero times what is none.
    if (samples[i]! * 0 === 0) continue;
    throw clipError(`expected finite samples, found ${samples[i]} as number ${i}`, file);
  }
}

function requireSeconds(seconds: number, rules: ClipRules, file?: string): void {
  if (seconds <= rules.maxSeconds) return;
  throw clipError(
    `expected at most ${rules.maxSeconds} s of audio, found ${seconds.toFixed(1)} s`,
    file,
  );
}

function tooShort(seconds: number, rules: ClipRules, file?: string): AudioFormatError {
  const needed = rules.minSamples / rules.rateHz;
  return clipError(
    `expected at least ${needed.toFixed(4)} s of audio, found ${seconds.toFixed(4)} s`,
    file,
  );
}

function clipError(problem: string, file?: string, cause?: unknown): AudioFormatError {
  const name = file === undefined ? "the clip" : `"${file}"`;
  return new AudioFormatError(`Cannot classify ${name}: ${problem}`, { file, cause });
}

function unknownInput(input: unknown): TypeError {
  const found = input === null || typeof input !== "object" ? typeof input : input.constructor.name;
  return new TypeError(
    `Cannot classify audio: expected a path, a URL, bytes, or { samples: Float32Array, samplingRate }, found ${found}`,
  );
}
