/**
 * A class for what is none of the others, for models that hear sound that goes on: random cuts of recordings, and words
 * that are cut off, as a window at the edge of a word has them.
 *
 * @module
 */

import { join } from "node:path";
import { DatasetError } from "../errors.ts";
import type { Random } from "../random.ts";
import { readClip } from "./_clip_reader.ts";
import type { CutFile } from "./cut_file.ts";
import { folderFiles, openBytes } from "./_data_files.ts";
import { recordingSeconds, splitRecordings } from "./_recording_splits.ts";
import { samplesFile } from "./_stored_samples.ts";
import { alignLabels, type AudioClip, type AudioDataset } from "./audio_dataset.ts";
import { drawnCuts, type Stretch } from "./_cut_plan.ts";
import { isAudio, type SplitName } from "./folder_layout.ts";
import { seededRandom } from "./random.ts";
import type { TrainingSplits } from "./training_splits.ts";

/** What a background class is drawn from. */
export interface BackgroundOptions {
  /** Folder of recordings of any length with none of the classes in them. */
  directory: string;
  /** The name of the class. */
  label: string;
  /** The length of its clips. */
  windowSeconds: number;
  /** Its clips to one of a class of mean size. */
  ratio: number;
  /** Which share of its clips are cut-off beginnings and ends of training clips, 0 to 1. */
  edges: number;
  /** The model's rate, in hertz. */
  samplingRate: number;
  /** A whole number from 0. */
  seed: number;
  /** Where the cuts are kept. */
  cuts: CutFile;
}

/** At most so much of a clip is heard where it is cut off. */
const MAX_EDGE_SHARE = 1 / 3;
/** And at least so much. */
const MIN_EDGE_SHARE = 0.1;

/** A stretch of a recording in a folder. */
export interface RecordingStretch extends Stretch {
  path: string;
}

/** What of the background is trained on. */
export interface Background {
  /** Where clips of it may lie. */
  stretches: RecordingStretch[];
  /** Paths of the recordings, however short. */
  trained: string[];
}

/**
 * The splits with a background class, from recordings of each split's own.
 *
 * @throws {DatasetError} where the folder has no recording as long as a clip, or the clips have not one label each.
 * @throws {FileError | AudioFormatError} where a recording cannot be read.
 */
export async function withBackground(
  data: TrainingSplits,
  options: BackgroundOptions,
): Promise<TrainingSplits & Background> {
  const { directory, label, seed } = options;
  const names = Object.keys(data.splits) as SplitName[];
  const { paths } = await folderFiles(directory);
  const shares = {
    test: names.includes("test") ? 0.2 : 0,
    validation: names.includes("validation") ? 0.1 : 0,
  };
  const recordings = splitRecordings(paths.filter(isAudio), shares, seededRandom(seed, KEY));
  const labels = data.labels.includes(label) ? data.labels : [...data.labels, label].sort();
  const splits: Partial<Record<SplitName, AudioDataset>> = {};
  const notes: string[] = [];
  const training: RecordingStretch[] = [];
  for (const [at, name] of names.entries()) {
    const dataset = alignLabels(data.splits[name]!, labels);
    expectSingle(dataset);
    const stretches = await stretchesOf(directory, recordings.get(name) ?? [], options);
    if (name === "train") training.push(...stretches);
    if (stretches.length === 0 && name === "train") throw noRecordings(directory, options);
    if (stretches.length === 0) {
      notes.push(
        `Split "${name}" has no clips of label "${label}": too few recordings in "${directory}"`,
      );
    }
    const random = seededRandom(seed, KEY, 1 + at);
    const isLonger = name === "train";
    const clips = await backgroundClips(dataset, stretches, { ...options, random, isLonger });
    const number = labels.indexOf(label);
    splits[name] = {
      ...dataset,
      clips: [...dataset.clips, ...clips.map((clip) => ({ ...clip, label: number }))],
    };
  }
  const trained = (recordings.get("train") ?? []).map((name) => join(directory, name));
  return {
    ...data,
    labels,
    splits,
    notes: [...data.notes, ...notes],
    stretches: training,
    trained,
  };
}

/** Sets these draws apart from those of splits and orders. */
const KEY = 0x6261;

async function backgroundClips(
  dataset: AudioDataset,
  stretches: readonly RecordingStretch[],
  options: BackgroundOptions & { random: Random; isLonger: boolean },
): Promise<Omit<AudioClip, "label">[]> {
  const { label, ratio, edges, random } = options;
  const words = dataset.clips.filter((clip) => dataset.labels[clip.label] !== label);
  const classes = new Set(words.map((clip) => clip.label)).size;
  const count = Math.max(1, Math.round(ratio * words.length / Math.max(1, classes)));
  const cutOff = Math.round(edges * count);
  const drawn = drawnCuts(stretches, count - cutOff, options);
  const clips = await cutClips(
    drawn.map(({ stretch, start, seconds }) => ({ path: stretch.path, start, seconds })),
    options.cuts,
  );
  const edgeClips = Array.from({ length: words.length > 0 ? cutOff : 0 }, () => {
    return edgeClip(words[random.below(words.length)]!, {
      ...options,
      share: MIN_EDGE_SHARE + (MAX_EDGE_SHARE - MIN_EDGE_SHARE) * random.uniform(),
      isEnd: random.uniform() < 0.5,
    });
  });
  return [...clips, ...edgeClips];
}

/** A clip of a long recording, to be given a label. */
export interface RecordingCut {
  path: string;
  /** Seconds from the recording's first sample. */
  start: number;
  seconds: number;
}

/** Takes clips out of recordings, each of which is decoded once; those of one recording are a group. */
export async function cutClips(
  planned: readonly RecordingCut[],
  cuts: CutFile,
): Promise<Omit<AudioClip, "label">[]> {
  const clips: Omit<AudioClip, "label">[] = [];
  const places = Map.groupBy(planned.keys(), (at) => planned[at]!.path);
  for (const [path, at] of places) {
    const taken = await cuts.add(path, at.map((place) => planned[place]!));
    taken.forEach(({ open }, i) => {
      const { start } = planned[at[i]!]!;
      clips[at[i]!] = { file: `${path} at ${start.toFixed(3)} s`, open, group: path };
    });
  }
  return clips;
}

/** The beginning of a word at the end of a window, or its end at the beginning, and silence. */
function edgeClip(
  word: AudioClip,
  { share, isEnd, windowSeconds, samplingRate }: BackgroundOptions & {
    share: number;
    isEnd: boolean;
  },
): Omit<AudioClip, "label"> {
  const file = `${isEnd ? "end" : "beginning"} of ${word.file}`;
  const open = async () => {
    const { samples } = await readClip(word, { samplingRate });
    const window = new Float32Array(Math.round(windowSeconds * samplingRate));
    const kept = Math.min(window.length, Math.ceil(share * samples.length));
    if (isEnd) window.set(samples.subarray(samples.length - kept));
    else window.set(samples.subarray(0, kept), window.length - kept);
    return openBytes(file, samplesFile({ array: window, sampling_rate: samplingRate })!.bytes);
  };
  return { file, open };
}

async function stretchesOf(
  directory: string,
  names: readonly string[],
  { windowSeconds }: Pick<BackgroundOptions, "windowSeconds">,
): Promise<RecordingStretch[]> {
  const stretches: RecordingStretch[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const seconds = await recordingSeconds(path);
    if (seconds >= windowSeconds) stretches.push({ path, start: 0, end: seconds });
  }
  return stretches;
}

function expectSingle({ kind, split }: AudioDataset): void {
  if (kind === undefined || kind === "single_label_classification") return;
  throw new DatasetError(
    `Cannot give split "${split}" a background class: expected clips of a single label, found ${kind}`,
    { hint: "Where a clip may have several labels or none, background is a clip with none" },
  );
}

function noRecordings(directory: string, { windowSeconds }: BackgroundOptions): DatasetError {
  return new DatasetError(
    `Cannot take background from "${directory}": expected a recording of ${windowSeconds} s or more ` +
      "to train on, found none",
    { file: directory },
  );
}
