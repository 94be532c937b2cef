/**
 * Looks through annotations of long recordings for what spoils training: rows that are turned round, labels beyond a
 * recording's end, on top of each other or unknown, recordings that are missing or that nobody has listened to.
 *
 * Recordings are read no further than their headers, where these say how long they are.
 *
 * @module
 */

import { join } from "node:path";
import { annotatedRecordings, type AnnotationFault, type SoundEvent } from "../detect/mod.ts";
import { AudioFormatError, FileError } from "../errors.ts";
import { readAnnotations } from "./annotation_files.ts";
import { folderFiles } from "./_data_files.ts";
import { isAudio } from "./folder_layout.ts";
import { recordingSeconds } from "./_recording_splits.ts";

/** What is known of one label. */
export interface InspectedLabel {
  label: string;
  /** How often it is there. */
  events: number;
  /** Recordings that have it. */
  recordings: number;
  /** Seconds of all its events. */
  seconds: number;
  shortest: number;
  longest: number;
}

/** A row that something is wrong with. */
export interface FoundRow {
  /** The recording, or the table, where a row is none. */
  file: string;
  /** What is wrong. */
  reason: string;
}

/** What a look through annotations found. */
export interface AnnotationInspection {
  /** Recordings with annotations. */
  recordings: number;
  /** Their length. */
  seconds: number;
  /** Seconds in which something is labelled. */
  labelledSeconds: number;
  /** Sorted by name. */
  labels: InspectedLabel[];
  /** Rows that end before they begin. */
  reversed: FoundRow[];
  /** Rows without a label or without numbers. */
  faulty: FoundRow[];
  /** Events that begin before one before them has ended. */
  overlapping: FoundRow[];
  /** Events that go on beyond the end of their recording. */
  beyond: FoundRow[];
  /** Events of labels that are not among those that are known. */
  unknown: FoundRow[];
  /** Recordings that are no audio that can be read. */
  broken: FoundRow[];
  /** Names of recordings that are not there. */
  missing: string[];
  /** Recordings without annotations. */
  unlabelled: string[];
  /** Text files beside the annotations that are none. */
  others: string[];
}

/** How annotations are looked through. */
export interface InspectAnnotationsOptions {
  /** A file of annotations, or a folder of them. */
  annotations: string;
  /** The column of labels. @default the first of the usual names */
  labelColumn?: string;
  /** The labels that there may be. @default any */
  knownLabels?: readonly string[];
  /** Called with how many recordings were looked at. */
  onRecordings?: (done: number, total: number) => void;
}

/** Headers round lengths, and so do people. */
const TOLERANCE_SECONDS = 0.05;

/**
 * Looks through annotations and the recordings that they are about.
 *
 * @param directory the recordings.
 * @param options where the annotations are.
 * @returns counts and findings; an event may be found for several reasons.
 * @throws {DatasetError} where there are no annotations, or a name in them could mean several recordings.
 *
 * @example
 * ```ts
 * import { encodeWav } from "@earshot/earshot/audio";
 * import { deepEqual } from "node:assert/strict";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeFile(`${folder}/yard.wav`, encodeWav(new Float32Array(8_000), 1_000));
 * await Deno.writeTextFile(`${folder}/yard.txt`, "1\t2\tdog\n7\t9\tdog\n");
 * const { labels, beyond } = await inspectAnnotations(folder, { annotations: folder });
 * deepEqual(labels.map(({ label, events, seconds }) => [label, events, seconds]), [["dog", 2, 3]]);
 * deepEqual(beyond, [{ file: "yard.wav", reason: '"dog" at 7 to 9 s, and its end is at 8 s' }]);
 * ```
 */
export async function inspectAnnotations(
  directory: string,
  options: InspectAnnotationsOptions,
): Promise<AnnotationInspection> {
  const { annotations, labelColumn, knownLabels, onRecordings } = options;
  const faults: AnnotationFault[] = [];
  const onFault = (fault: AnnotationFault) => faults.push(fault);
  const { tables, others } = await readAnnotations(annotations, { labelColumn, onFault });
  const { paths } = await folderFiles(directory);
  const { events, missing, unlabelled } = annotatedRecordings(tables, paths.filter(isAudio));
  const found: AnnotationInspection = {
    recordings: events.size,
    seconds: 0,
    labelledSeconds: 0,
    labels: labelsOf(events),
    reversed: faultsOf(faults, "reversed"),
    faulty: faultsOf(faults, "row"),
    overlapping: [],
    beyond: [],
    unknown: [],
    broken: [],
    missing,
    unlabelled,
    others,
  };
  let done = 0;
  for (const [file, own] of events) {
    found.labelledSeconds += coveredSeconds(own);
    found.overlapping.push(...overlapsOf(file, own));
    if (knownLabels) found.unknown.push(...strangersOf(file, own, knownLabels));
    await inspectLength(directory, { file, events: own }, found);
    onRecordings?.(++done, events.size);
  }
  return found;
}

function labelsOf(events: ReadonlyMap<string, readonly SoundEvent[]>): InspectedLabel[] {
  const byLabel = new Map<string, ReturnType<typeof emptyLabel>>();
  for (const [file, own] of events) {
    for (const { label, start, end } of own) {
      const seconds = end - start;
      const known = byLabel.get(label) ?? emptyLabel(label);
      known.events++;
      known.files.add(file);
      known.seconds += seconds;
      known.shortest = Math.min(known.shortest, seconds);
      known.longest = Math.max(known.longest, seconds);
      byLabel.set(label, known);
    }
  }
  const labels = Array.from(byLabel.values(), ({ files, ...label }) => {
    return { ...label, recordings: files.size };
  });
  return labels.sort((a, b) => a.label < b.label ? -1 : 1);
}

function emptyLabel(label: string): InspectedLabel & { files: Set<string> } {
  const times = { seconds: 0, shortest: Infinity, longest: 0 };
  return { label, events: 0, recordings: 0, ...times, files: new Set() };
}

function faultsOf(
  faults: readonly AnnotationFault[],
  wanted: AnnotationFault["reason"],
): FoundRow[] {
  return faults.filter(({ reason }) => reason === wanted).map(({ error }) => {
    return { file: error.file ?? "", reason: error.message };
  });
}

/** The length of all events together, what several share counted once. */
function coveredSeconds(events: readonly SoundEvent[]): number {
  let [seconds, end] = [0, 0];
  for (const event of events) {
    seconds += Math.max(0, event.end - Math.max(event.start, end));
    end = Math.max(end, event.end);
  }
  return seconds;
}

function overlapsOf(file: string, events: readonly SoundEvent[]): FoundRow[] {
  const found: FoundRow[] = [];
  let latest: SoundEvent | undefined;
  for (const event of events) {
    if (latest && event.start < latest.end) {
      found.push({ file, reason: `${shown(event)} begins within ${shown(latest)}` });
    }
    if (!latest || event.end > latest.end) latest = event;
  }
  return found;
}

function strangersOf(
  file: string,
  events: readonly SoundEvent[],
  known: readonly string[],
): FoundRow[] {
  return events.filter(({ label }) => !known.includes(label))
    .map((event) => ({ file, reason: shown(event) }));
}

async function inspectLength(
  directory: string,
  { file, events }: { file: string; events: readonly SoundEvent[] },
  found: AnnotationInspection,
): Promise<void> {
  try {
    const seconds = await recordingSeconds(join(directory, file));
    found.seconds += seconds;
    for (const event of events) {
      if (event.end <= seconds + TOLERANCE_SECONDS) continue;
      found.beyond.push({
        file,
        reason: `${shown(event)}, and its end is at ${rounded(seconds)} s`,
      });
    }
  } catch (error) {
    if (!(error instanceof AudioFormatError || error instanceof FileError)) throw error;
    found.broken.push({ file, reason: error.message });
  }
}

function shown({ start, end, label }: SoundEvent): string {
  return `${JSON.stringify(label)} at ${rounded(start)} to ${rounded(end)} s`;
}

function rounded(seconds: number): number {
  return Number(seconds.toFixed(3));
}
