/**
 * Looks through the recordings of a data set for what spoils training: silent, clipped and broken
 * clips, clips that are there twice, and clips of the training split that are in another one too.
 *
 * Every clip is decoded once. What is kept of it is its length and a hash of its samples, so that
 * two files count as the same where they sound the same, whatever their format and name.
 *
 * @module
 */

import { recordingBytes, recordingSamples } from "../audio/recording.ts";
import { AudioFormatError, DatasetError, FileError } from "../errors.ts";
import { isSilent } from "./_silence.ts";
import { openAudio, storedAudio } from "./_values.ts";
import { audioColumnOf, type ClipColumns, labelTypeOf } from "./audio_clips.ts";
import type { Dataset } from "./dataset.ts";
import { ClassLabel, type Feature, listed, Sequence, shown, Value } from "./features.ts";
import { labelSuspicions } from "./_suspicions.ts";

/** Lengths of clips, in seconds. */
export interface Durations {
  total: number;
  shortest: number;
  median: number;
  longest: number;
}

/** One split, as it was found. */
export interface InspectedSplit {
  /** Its name. */
  split: string;
  /** Rows, broken ones included. */
  clips: number;
  /** Lengths of the clips that could be read. */
  durations: Durations;
  /** Clips by rate in hertz. */
  rates: Record<string, number>;
  /** Clips by label. */
  labels: Record<string, number>;
}

/** A clip that something is wrong with. */
export interface FoundClip {
  /** The split that it is in. */
  split: string;
  /** Its file, or what messages call its row. */
  file: string;
  /** What is wrong, where a name does not say it. */
  reason?: string;
}

/** What a look through a data set found. */
export interface Inspection {
  /** What may be meant otherwise, one sentence each. */
  suspicious: string[];
  /** The splits. */
  splits: InspectedSplit[];
  /** All but zero from beginning to end. */
  silent: FoundClip[];
  /** At full scale for several samples in a row, more than one sample in a thousand. */
  clipped: FoundClip[];
  /** No audio that can be read. */
  broken: FoundClip[];
  /** A label that is missing or outside the class list. */
  unlabelled: FoundClip[];
  /** The only clip of a label in the split that is trained on. */
  single: FoundClip[];
  /** Clips of one split with the same samples. */
  duplicates: FoundClip[][];
  /** Clips with the same samples in several splits. */
  leakage: FoundClip[][];
}

/** How a data set is looked through. */
export interface InspectOptions extends ClipColumns {
  /** Called with how many clips were read so far. */
  onClips?: (done: number) => void;
}

/** The highest value of 16 bits, which clipped samples have. */
const FULL_SCALE = 32_767 / 32_768;

/** Samples in a row at full scale that no wave reaches by itself. */
const CLIPPED_RUN = 3;

const CLIPPED_SHARE = 1e-3;

/** Stands for the label of a clip that has a number to learn. */
const MEASURE = "(a number)";

/**
 * Reads every recording of some splits.
 *
 * @param splits data sets by the names of their splits.
 * @param options which columns, and what is called with the progress.
 * @returns counts and findings; a clip may be found for several reasons.
 * @throws {DatasetError} where there is no column of recordings; the message lists those there are.
 *
 * @example
 * ```ts
 * import { encodeWav } from "@earshot/earshot/audio";
 * import { Dataset } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const audio = { path: "a.wav", bytes: encodeWav(new Float32Array(800), 8_000) };
 * const found = await inspectSplits({ train: Dataset.fromRows([{ audio, label: "quiet" }]) });
 * deepEqual(found.silent.map((clip) => clip.split), ["train"]);
 * ```
 */
export async function inspectSplits(
  splits: Readonly<Record<string, Dataset>>,
  options: InspectOptions = {},
): Promise<Inspection> {
  const found: Inspection = {
    suspicious: [],
    splits: [],
    silent: [],
    clipped: [],
    broken: [],
    unlabelled: [],
    single: [],
    duplicates: [],
    leakage: [],
  };
  const byHash: ClipsByHash = new Map();
  let done = 0;
  for (const [split, dataset] of Object.entries(splits)) {
    const rows = inspectRows(dataset, { split, ...columnsOf(dataset, options) }, found);
    const isTrained = split === "train" || !("train" in splits);
    const firstOf: FirstClips = new Map();
    found.splits.push(
      await summary(rows, { split, clips: dataset.numRows }, { byHash, firstOf }, () => {
        options.onClips?.(++done);
      }),
    );
    if (isTrained) found.single.push(...singleClips(found.splits.at(-1)!, firstOf));
  }
  found.suspicious.push(...suspicionsOf(splits, found.splits, options));
  for (const clips of byHash.values()) {
    if (clips.length === 1) continue;
    const isLeak = new Set(clips.map((clip) => clip.split)).size > 1;
    (isLeak ? found.leakage : found.duplicates).push(clips);
  }
  return found;
}

/** What is odd about labels as a whole. */
function suspicionsOf(
  splits: Readonly<Record<string, Dataset>>,
  inspected: readonly InspectedSplit[],
  options: ClipColumns,
): string[] {
  const [first] = Object.values(splits);
  if (first && columnsOf(first, options).label === undefined) {
    const columns = listed(first.columnNames);
    return [`There is no column "label", only ${columns}; name another one: \`labelColumn\``];
  }
  const isMeasured = inspected.some(({ labels }) => MEASURE in labels);
  const labels = [...new Set(inspected.flatMap((split) => Object.keys(split.labels)))].sort();
  return isMeasured ? [] : labelSuspicions(labels);
}

/** The clips that sound the same, by the hash of their samples. */
type ClipsByHash = Map<string, FoundClip[]>;

/** The file of the first clip of each label. */
type FirstClips = Map<string, string>;

/** The clips that are alone with their label: nothing can be learnt of it and tested, too. */
function singleClips({ split, labels }: InspectedSplit, firstOf: FirstClips): FoundClip[] {
  return Object.entries(labels).filter(([, count]) => count === 1).map(([label]) => {
    return { split, file: firstOf.get(label)!, reason: `label ${shown(label)}` };
  });
}

/** Counts what the clips of a split are like, and notes what they sound like. */
async function summary(
  rows: AsyncIterable<InspectedClip>,
  { split, clips }: Pick<InspectedSplit, "split" | "clips">,
  { byHash, firstOf }: { byHash: ClipsByHash; firstOf: FirstClips },
  onClip: () => void,
): Promise<InspectedSplit> {
  const seconds: number[] = [];
  const rates: Record<string, number> = {};
  const labels: Record<string, number> = {};
  for await (const clip of rows) {
    for (const label of clip.labels) {
      labels[label] = (labels[label] ?? 0) + 1;
      if (!firstOf.has(label)) firstOf.set(label, clip.file);
    }
    onClip();
    if (clip.hash === undefined) continue;
    seconds.push(clip.seconds);
    rates[clip.sampleRateHz] = (rates[clip.sampleRateHz] ?? 0) + 1;
    byHash.set(clip.hash, [...byHash.get(clip.hash) ?? [], { split, file: clip.file }]);
  }
  return { split, clips, durations: durationsOf(seconds), rates, labels };
}

interface InspectedColumns {
  audio: string;
  label?: string;
}

/** A data set may be looked through before it has labels. */
function columnsOf(dataset: Dataset, options: ClipColumns): InspectedColumns {
  const audio = audioColumnOf(dataset, options);
  try {
    return { audio, label: labelTypeOf(dataset, options).column };
  } catch (error) {
    if (!(error instanceof DatasetError) || options.labelColumn !== undefined) throw error;
    return { audio };
  }
}

interface InspectedClip {
  file: string;
  labels: string[];
  /** Undefined for a clip that cannot be read. */
  hash?: string;
  seconds: number;
  sampleRateHz: number;
}

async function* inspectRows(
  dataset: Dataset,
  place: InspectedColumns & { split: string },
  found: Inspection,
): AsyncGenerator<InspectedClip> {
  for (let row = 0; row < dataset.numRows; row++) {
    yield await inspectClip(dataset, { ...place, row }, found);
  }
}

async function inspectClip(
  dataset: Dataset,
  { split, row, audio, label }: InspectedColumns & { split: string; row: number },
  found: Inspection,
): Promise<InspectedClip> {
  const { table } = dataset.view;
  const at = { table, place: dataset.placeOf(row) };
  const columns = label === undefined ? [audio] : [audio, label];
  let file = table.nameOf(at.place);
  const stored = await dataset.readStored([row], columns).catch((error) => {
    if (!(error instanceof FileError)) throw error;
    found.broken.push({ split, file, reason: error.message });
  });
  if (!stored) return { file, labels: [], seconds: 0, sampleRateHz: 0 };
  const labels = label === undefined ? [] : labelNames(stored[0]![label], dataset.features[label]!);
  if (labels === undefined) {
    found.unlabelled.push({ split, file, reason: `label ${shown(stored[0]![label!])}` });
  }
  try {
    const { path } = storedAudio(stored[0]![audio], at);
    if (path !== null && !file.endsWith(path)) file = `${file} (${path})`;
    const source = await openAudio(stored[0]![audio], at);
    try {
      const content = await recordingBytes(source, { file });
      const { samples, sampleRateHz } = await recordingSamples(content, { file });
      if (isSilent(samples)) found.silent.push({ split, file });
      if (isClipped(samples)) found.clipped.push({ split, file });
      const hash = await hashOf(samples);
      const seconds = samples.length / sampleRateHz;
      return { file, labels: labels ?? [], hash, seconds, sampleRateHz };
    } finally {
      source[Symbol.dispose]();
    }
  } catch (error) {
    if (!(error instanceof AudioFormatError || error instanceof FileError)) throw error;
    found.broken.push({ split, file, reason: error.message });
    return { file, labels: labels ?? [], seconds: 0, sampleRateHz: 0 };
  }
}

/** The names of a row's labels; undefined where there is none, or one outside the class list. */
function labelNames(value: unknown, feature: Feature): string[] | undefined {
  if (value === null || value === undefined) return undefined;
  if (feature instanceof Sequence && Array.isArray(value)) {
    const names = value.map((item) => labelNames(item, feature.feature)?.[0]);
    return names.includes(undefined) ? undefined : names as string[];
  }
  if (feature instanceof ClassLabel) {
    const name = typeof value === "string" ? value : feature.names[Number(value)];
    return name !== undefined && feature.names.includes(name) ? [name] : undefined;
  }
  const isMeasure = feature instanceof Value && feature.dtype.startsWith("float");
  return [isMeasure ? MEASURE : String(value)];
}

function isClipped(samples: Float32Array): boolean {
  let run = 0;
  let clipped = 0;
  for (const sample of samples) {
    run = Math.abs(sample) >= FULL_SCALE ? run + 1 : 0;
    if (run === CLIPPED_RUN) clipped += CLIPPED_RUN;
    else if (run > CLIPPED_RUN) clipped++;
  }
  return clipped > CLIPPED_SHARE * samples.length;
}

async function hashOf(samples: Float32Array): Promise<string> {
  const bytes = new Uint8Array(
    samples.buffer as ArrayBuffer,
    samples.byteOffset,
    samples.byteLength,
  );
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${samples.length} ${hash.subarray(0, 12).toHex()}`;
}

function durationsOf(seconds: readonly number[]): Durations {
  const sorted = seconds.toSorted((a, b) => a - b);
  return {
    total: seconds.reduce((sum, one) => sum + one, 0),
    shortest: sorted[0] ?? 0,
    median: sorted[sorted.length >> 1] ?? 0,
    longest: sorted.at(-1) ?? 0,
  };
}
