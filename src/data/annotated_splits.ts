/**
 * Long recordings with annotations as clips to train on: cut around labels, and where nothing is labelled.
 *
 * No recording is in two splits. Recordings that no table names are left out, since nobody has listened to them.
 *
 * @module
 */

import { join } from "node:path";
import { annotatedRecordings, type SoundEvent } from "../detect/mod.ts";
import { DatasetError } from "../errors.ts";
import { type AnnotationFilesOptions, readAnnotations } from "./annotation_files.ts";
import type { AudioClip, AudioDataset } from "./audio_dataset.ts";
import { cutClips, type RecordingCut, type RecordingStretch } from "./background.ts";
import type { CutFile } from "./cut_file.ts";
import { drawnCuts, eventCuts, freeStretches } from "./_cut_plan.ts";
import { folderFiles } from "./_data_files.ts";
import { listed } from "./features.ts";
import { isAudio, type SplitName } from "./folder_layout.ts";
import { seededRandom } from "./random.ts";
import {
  haveSplitFolders,
  recordingSeconds,
  type RecordingShares,
  splitRecordings,
} from "./_recording_splits.ts";
import type { TrainingSplits } from "./training_splits.ts";

/** How clips are cut. */
export interface AnnotatedSplitsOptions extends AnnotationFilesOptions {
  /** A file of annotations, or a folder of them. */
  annotations: string;
  /** The length of a clip. */
  windowSeconds: number;
  /** A class for where nothing is labelled, and its clips to one of a class of mean size. @default none */
  background?: { label: string; ratio: number };
  /** Whether a clip has all the labels in it; else the one with most time. @default false */
  isMultiLabel?: boolean;
  /** Clips to train on are played slower or faster by up to this share. @default 0 */
  speed?: number;
  /** Recordings to test on, or their share. @default 0.2 */
  testSize?: number;
  /** The same for validation. @default 0.1 */
  validationSize?: number;
  /** A whole number from 0. */
  seed: number;
  /** Where the cuts are kept, at the model's rate. */
  cuts: CutFile;
}

/** Splits of clips, and where nothing is labelled in the recordings that are trained on. */
export interface AnnotatedSplits extends TrainingSplits {
  stretches: RecordingStretch[];
}

/** A recording with what is known of it. */
interface Annotated {
  /** Its path in the folder. */
  name: string;
  path: string;
  seconds: number;
  events: SoundEvent[];
}

/** A clip before it is cut. */
interface LabelledCut extends RecordingCut {
  /** Those that count in it; none for the background. */
  labels: readonly string[];
}

/** Sets these draws apart from others of the seed. */
const KEY = 0x616e;

/** At most so many clips of the background for each that fits beside the others. */
const MAX_CROWDING = 2;

/**
 * Cuts clips out of the recordings of a folder.
 *
 * @param directory the recordings.
 * @param options where the annotations are, and how to cut.
 * @throws {DatasetError} where the annotations cannot be read, name no recording that is there, or a label has no
 * recording to train on.
 * @throws {FileError | AudioFormatError} where a recording cannot be read through.
 */
export async function annotatedSplits(
  directory: string,
  options: AnnotatedSplitsOptions,
): Promise<AnnotatedSplits> {
  const notes: string[] = [];
  const recordings = await annotatedFiles(directory, options, notes);
  const own = new Set(recordings.flatMap(({ events }) => events.map(({ label }) => label)));
  const { background, isMultiLabel = false } = options;
  const classes = background && !isMultiLabel ? new Set([...own, background.label]) : own;
  expectLabels(directory, [...classes], isMultiLabel);
  const labels = [...classes].sort();
  const shares = { test: options.testSize ?? 0.2, validation: options.validationSize ?? 0.1 };
  const parts = withAllLabels(recordings, shares, options.seed);
  const planned = new Map<SplitName, LabelledCut[]>();
  for (const [at, name] of ORDER.entries()) {
    const part = parts.get(name);
    if (part) {
      planned.set(name, plannedCuts(part, { ...options, isTraining: name === "train", at }));
    }
  }
  const splits = await cutSplits(planned, { labels, ...options });
  const isDrawn = !haveSplitFolders(recordings.map(({ name }) => name));
  const tests = isDrawn ? parts.get("test") ?? [] : [];
  if (tests.length > 0) notes.push(`Kept for the test: ${listed(tests.map(({ name }) => name))}`);
  const stretches = parts.get("train")!.flatMap((recording) => stretchesOf(recording, options));
  if (!isMultiLabel) notes.push(...mixedNote([...planned.values()].flat()));
  return {
    source: directory,
    labels,
    splits,
    drawn: splits.test !== undefined && isDrawn,
    notes,
    stretches,
  };
}

const ORDER = ["train", "validation", "test"] as const satisfies readonly SplitName[];

/** The recordings that the annotations name. */
async function annotatedFiles(
  directory: string,
  { annotations, ...options }: AnnotatedSplitsOptions,
  notes: string[],
): Promise<Annotated[]> {
  const { tables } = await readAnnotations(annotations, options);
  const { paths } = await folderFiles(directory);
  const found = annotatedRecordings(tables, paths.filter(isAudio));
  if (found.events.size === 0) {
    const named = found.missing.length > 0 ? `such as "${found.missing[0]}"` : "found no name";
    throw new DatasetError(
      `Cannot train on "${directory}": expected recordings that "${annotations}" names, ${named}, ` +
        "found none of them",
      { file: directory },
    );
  }
  notes.push(
    ...countNote(found.missing, (count) => {
      return `${count} that the annotations name ${
        count.startsWith("1 ") ? "is" : "are"
      } not there`;
    }),
    ...countNote(found.unlabelled, (count) => `Left out ${count} without annotations`),
  );
  const recordings: Annotated[] = [];
  const beyond: string[] = [];
  for (const [name, events] of found.events) {
    const path = join(directory, name);
    const seconds = await recordingSeconds(path);
    const within = events.filter(({ start }) => start < seconds);
    if (within.length < events.length) beyond.push(name);
    recordings.push({ name, path, seconds, events: within });
  }
  notes.push(...countNote(beyond, (count) => `Left out labels beyond the end of ${count}`));
  return recordings.sort((a, b) => a.name < b.name ? -1 : 1);
}

function countNote(names: readonly string[], note: (count: string) => string): string[] {
  if (names.length === 0) return [];
  const count = names.length === 1 ? "1 recording" : `${names.length} recordings`;
  return [`${note(count)}, such as "${names[0]}"`];
}

function expectLabels(directory: string, labels: readonly string[], isMultiLabel: boolean): void {
  if (labels.length > 1 || isMultiLabel && labels.length === 1) return;
  const found = labels.length === 0 ? "none" : `one, ${JSON.stringify(labels[0])}`;
  throw new DatasetError(
    `Cannot train on "${directory}": expected two labels or more, found ${found}`,
    { file: directory, hint: "With a background class one label of your own is enough" },
  );
}

/** Splits in which every label can be learnt. */
function withAllLabels(
  recordings: readonly Annotated[],
  shares: RecordingShares,
  seed: number,
): Map<SplitName, Annotated[]> {
  const byName = new Map(recordings.map((recording) => [recording.name, recording]));
  const drawn = splitRecordings([...byName.keys()], shares, seededRandom(seed, KEY));
  const parts = new Map(Array.from(drawn, ([split, names]) => {
    return [split, names.map((name) => byName.get(name)!)];
  }));
  const train = parts.get("train")!;
  const has = (part: readonly Annotated[], label: string) =>
    part.some(({ events }) => events.some((event) => event.label === label));
  for (const split of ["validation", "test"] as const) {
    const part = parts.get(split) ?? [];
    for (const recording of [...part]) {
      if (recording.events.every(({ label }) => has(train, label))) continue;
      const missing = recording.events.find(({ label }) => !has(train, label))!.label;
      if (haveSplitFolders([...byName.keys()])) throw untrained(recording, split, missing);
      // What is heard in few recordings is trained on first.
      part.splice(part.indexOf(recording), 1);
      train.push(recording);
    }
    if (part.length === 0) parts.delete(split);
  }
  return parts;
}

function untrained({ path }: Annotated, split: SplitName, label: string): DatasetError {
  return new DatasetError(
    `Cannot use split "${split}": expected labels that "train" has too, found ` +
      `${JSON.stringify(label)} ("${path}")`,
    { file: path, hint: "Give the training split recordings of it, or take it out" },
  );
}

/** The clips of a split: around events, and as many of the background as its ratio says and there is room for. */
function plannedCuts(
  recordings: readonly Annotated[],
  options: AnnotatedSplitsOptions & { isTraining: boolean; at: number },
): LabelledCut[] {
  const { windowSeconds, background, speed, isMultiLabel = false, isTraining, at } = options;
  const random = seededRandom(options.seed, KEY, 1 + at);
  const isLonger = isTraining && !isMultiLabel;
  const cuts = recordings.flatMap(({ path, seconds, events }): LabelledCut[] => {
    const plan = { windowSeconds, durationSeconds: seconds, random, isLonger, speed };
    return eventCuts(events, plan).map(({ labels, ...cut }) => {
      return { ...cut, path, labels: [...labels.keys()] };
    });
  });
  if (!background) return cuts;
  const classes = new Set(cuts.map(({ labels }) => labels[0])).size;
  const stretches = recordings.flatMap((recording) => stretchesOf(recording, options));
  const free = stretches.reduce((sum, { start, end }) => sum + end - start, 0);
  const wanted = Math.max(1, Math.round(background.ratio * cuts.length / Math.max(1, classes)));
  const count = Math.min(wanted, Math.floor(MAX_CROWDING * free / windowSeconds));
  const drawn = drawnCuts(stretches, count, { windowSeconds, random, isLonger });
  const calm = drawn.map(({ stretch, ...cut }) => ({ ...cut, path: stretch.path, labels: [] }));
  return [...cuts, ...calm];
}

function stretchesOf(
  { path, seconds, events }: Annotated,
  { windowSeconds }: AnnotatedSplitsOptions,
): RecordingStretch[] {
  const free = freeStretches(events, { durationSeconds: seconds, windowSeconds });
  return free.map((stretch) => ({ ...stretch, path }));
}

/** Takes the clips of all splits, each recording being decoded once. */
async function cutSplits(
  planned: ReadonlyMap<SplitName, LabelledCut[]>,
  { labels, cuts, background, isMultiLabel = false }: AnnotatedSplitsOptions & {
    labels: readonly string[];
  },
): Promise<TrainingSplits["splits"]> {
  const kind = isMultiLabel ? "multi_label_classification" : "single_label_classification";
  const splits: Partial<Record<SplitName, AudioDataset>> = {};
  for (const [split, wanted] of planned) {
    const taken = await cutClips(wanted, cuts);
    const clips = taken.map((clip, at): AudioClip => {
      const own = wanted[at]!.labels;
      if (isMultiLabel) {
        return { ...clip, label: 0, targets: labels.map((name) => own.includes(name) ? 1 : 0) };
      }
      return { ...clip, label: labels.indexOf(own[0] ?? background!.label) };
    });
    if (clips.length > 0) splits[split] = { split, labels, clips, kind };
  }
  return splits;
}

function mixedNote(cuts: readonly LabelledCut[]): string[] {
  const mixed = cuts.filter(({ labels }) => labels.length > 1).length;
  if (mixed === 0) return [];
  const count = mixed === 1 ? "1 clip holds" : `${mixed} clips hold`;
  return [`${count} several labels; the one with most time counts`];
}
