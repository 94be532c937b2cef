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
  type RecordingFault,
  recordingSamples,
} from "../audio/recording.ts";
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
  /** Called for a clip that was read with a doubt. */
  onWarning?: (message: string) => void;
  /** The bytes of a file of the disk, where there is one. */
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
  const recording = isSamples(input) ? checkedSamples(input, file) : await bytesOf(input, rules);
  const { samples, warning } = await recordingSamples(recording, {
    file,
    samplingRate: rules.rateHz,
    minSamples: rules.minSamples,
    maxSeconds: rules.maxSeconds,
    refusal: (fault) => refusal(fault, rules, file),
  });
  if (warning !== undefined) rules.onWarning?.(`Odd audio${file ? ` "${file}"` : ""}: ${warning}`);
  return samples;
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
  return { samples, sampleRateHz: rateHz };
}

/** A loop, because a call for each sample takes several times as long. */
function expectFiniteSamples(samples: Float32Array, file?: string): void {
  for (let i = 0; i < samples.length; i++) {
    // Zero times infinity is no number, as is zero times what is none.
    if (samples[i]! * 0 === 0) continue;
    throw clipError(`expected finite samples, found ${samples[i]} as number ${i}`, file);
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
      return clipError(`expected at most ${maxSeconds} s of audio, found ${found} s`, file);
    }
    case "large":
      return clipError(`expected at most ${MAX_FILE_BYTES} bytes, found ${fault.sizeBytes}`, file);
  }
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
