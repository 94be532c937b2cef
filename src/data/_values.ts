/**
 * What stored values mean: numbers of classes are checked, recordings are read and decoded.
 *
 * @module
 */

import { type Recording, recordingBytes, recordingSamples } from "../audio/recording.ts";
import { AudioFormatError, DatasetError, FileError } from "../errors.ts";
import { openBytes } from "./_data_files.ts";
import { Audio, ClassLabel, type Feature, isObject, Sequence, shown } from "./features.ts";
import { samplesFile } from "./_stored_samples.ts";
import type { OpenFile, Table } from "./_table.ts";

/** A recording of a row. */
export interface AudioValue {
  /** The file's path, as far as one is known. */
  path: string | null;
  /** The mean of the channels. Shape: `[samples]`. */
  array: Float32Array;
  /** Samples a second. */
  samplingRate: number;
}

/** A place in a table. */
export interface Cell {
  table: Table;
  place: number;
}

/** A stored value as the user gets it. */
export async function decodedValue(stored: unknown, feature: Feature, at: Cell): Promise<unknown> {
  if (stored === null || stored === undefined) return null;
  if (feature instanceof ClassLabel) return classNumber(stored, feature, at);
  if (feature instanceof Audio) {
    return feature.decode ? await decodedAudio(stored, feature, at) : storedAudio(stored, at);
  }
  if (!(feature instanceof Sequence) || !isList(stored)) return stored;
  const { feature: item } = feature;
  if (!(item instanceof ClassLabel || item instanceof Audio)) return stored;
  return await Promise.all(Array.from(stored, (value) => decodedValue(value, item, at)));
}

/** -1 is how `datasets` marks a row without a label. */
function classNumber(stored: unknown, { names }: ClassLabel, { table, place }: Cell): number {
  const number = typeof stored === "string" ? names.indexOf(stored) : Number(stored);
  const isKnown = Number.isInteger(number) && number < names.length &&
    (number >= 0 || number === -1 && typeof stored !== "string");
  if (isKnown) return number;
  const expected = typeof stored === "string"
    ? `one of the ${names.length} class names`
    : `a class from 0 to ${names.length - 1}`;
  throw new DatasetError(
    `Cannot use label of ${table.nameOf(place)}: expected ${expected}, found ${shown(stored)}`,
  );
}

/** What is stored of a recording. */
export interface StoredAudio {
  /** The file's path, as far as one is known. */
  path: string | null;
  /** The file, where it is in the row. */
  bytes: Uint8Array | null;
}

/** The parts of a stored recording, which may be a path alone. */
export function storedAudio(stored: unknown, { table, place }: Cell): StoredAudio {
  if (typeof stored === "string") return { path: stored, bytes: null };
  if (stored instanceof Uint8Array) return { path: null, bytes: stored };
  if (isObject(stored)) {
    const samples = samplesFile(stored);
    if (samples) return samples;
    const { path = null, bytes = null } = stored;
    const isPath = path === null || typeof path === "string";
    if (isPath && bytes instanceof Uint8Array) return { path, bytes };
    if (typeof path === "string" && bytes === null) return { path, bytes };
  }
  throw new AudioFormatError(
    `Cannot read audio of ${table.nameOf(place)}: expected its bytes or its path, found ` +
      (isObject(stored) ? `{${Object.keys(stored).join(", ")}}` : typeof stored),
  );
}

/** The file of a stored recording, open. */
export async function openAudio(stored: unknown, at: Cell): Promise<OpenFile> {
  const { path, bytes } = storedAudio(stored, at);
  if (bytes === null) {
    return await at.table.open(path!, at.place).catch((error) => {
      const row = at.table.nameOf(at.place);
      throw row.endsWith(path!) ? error : namingRow(error, row);
    });
  }
  return openBytes(audioName(path, at), bytes);
}

/** The same error with the row that names the file. */
export function namingRow(error: unknown, row: string): unknown {
  if (!(error instanceof FileError)) return error;
  const { message, file, code, hint } = error;
  return new FileError(`${message} (${row})`, { cause: error, file, code, hint });
}

function audioName(path: string | null, { table, place }: Cell): string {
  const row = table.nameOf(place);
  return path === null || row.endsWith(path) ? row : `${row} (${path})`;
}

async function decodedAudio(stored: unknown, feature: Audio, at: Cell): Promise<AudioValue> {
  const { samplingRate } = feature;
  if (isObject(stored) && stored.array instanceof Float32Array) {
    const value = stored as unknown as AudioValue;
    if (samplingRate === undefined || samplingRate === value.samplingRate) return value;
    const recording = { samples: value.array, sampleRateHz: value.samplingRate };
    const rules = { samplingRate, minSamples: 0 };
    return audioValue(value.path, await recordingSamples(recording, rules));
  }
  const source = await openAudio(stored, at);
  try {
    const { path } = storedAudio(stored, at);
    const rules = { file: path === null ? source.name : audioName(path, at), samplingRate };
    return audioValue(path, await recordingSamples(await recordingBytes(source, rules), rules));
  } finally {
    source[Symbol.dispose]();
  }
}

function audioValue(path: string | null, { samples, sampleRateHz }: Recording): AudioValue {
  return { path, array: samples, samplingRate: sampleRateHz };
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}
