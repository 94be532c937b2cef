/**
 * Events as text, for the programs that people look at recordings with: one table of formats.
 *
 * A writer gives a heading and a line for each event, so that events are written while they are found. Labels lose
 * tabs and line ends where a format knows no quotes.
 *
 * @module
 */

import { quoted, unquoted } from "./_cells.ts";
import type { SoundEvent } from "./sound_event.ts";

/** An event with what a table says about it. */
export interface WrittenEvent extends SoundEvent {
  /** The recording's path. @default "" */
  file?: string;
  /** How sure a model was, in [0, 1]. */
  score?: number;
}

/** A table in the making. */
export interface AnnotationWriter {
  /** What a table begins with, with its line end; empty for formats without a heading. */
  readonly heading: string;
  /** The line of the next event, with its line end. */
  line(event: WrittenEvent): string;
}

/** How a format is written. */
export interface AnnotationFormat {
  /** What its programs call it. */
  readonly title: string;
  /** The ending of its files, with the dot. */
  readonly ending: string;
  /** Whether lines name the recording; where they do not, a table is of one recording. */
  readonly namesRecordings: boolean;
  /** Begins a table. */
  writer(): AnnotationWriter;
}

/** The names of the formats. */
export type AnnotationFormatName = "jsonl" | "csv" | "audacity" | "raven" | "kaleidoscope";

/**
 * The formats by name.
 *
 * @example
 * ```ts
 * import { ANNOTATION_FORMATS } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const { heading, line } = ANNOTATION_FORMATS.csv.writer();
 * equal(heading, "file,start,end,label,score\n");
 * equal(line({ file: "a.wav", start: 1, end: 2.5, label: "dog", score: 0.9 }), "a.wav,1,2.5,dog,0.9\n");
 * ```
 */
export const ANNOTATION_FORMATS: Readonly<Record<AnnotationFormatName, AnnotationFormat>> = {
  jsonl: {
    title: "JSON lines",
    ending: ".jsonl",
    namesRecordings: true,
    writer: () => ({ heading: "", line: jsonLine }),
  },
  csv: {
    title: "CSV",
    ending: ".csv",
    namesRecordings: true,
    writer: () => ({ heading: "file,start,end,label,score\n", line: csvLine }),
  },
  audacity: {
    title: "Audacity labels",
    ending: ".txt",
    namesRecordings: false,
    writer: () => ({ heading: "", line: audacityLine }),
  },
  raven: {
    title: "Raven selection table",
    ending: ".selections.txt",
    namesRecordings: true,
    writer: ravenWriter,
  },
  kaleidoscope: {
    title: "Kaleidoscope id.csv",
    ending: ".id.csv",
    namesRecordings: true,
    writer: () => ({ heading: KALEIDOSCOPE_HEADING, line: kaleidoscopeLine }),
  },
};

function jsonLine({ file = "", start, end, label, score }: WrittenEvent): string {
  return `${JSON.stringify({ file, start, end, label, score })}\n`;
}

function csvLine({ file = "", start, end, label, score }: WrittenEvent): string {
  return commaLine([file, start, end, label, score ?? ""]);
}

/** Audacity and Raven write seconds with six digits, and read no exponents. */
function fixed(seconds: number): string {
  return seconds.toFixed(6);
}

function audacityLine({ start, end, label }: WrittenEvent): string {
  return `${fixed(start)}\t${fixed(end)}\t${unquoted(label)}\n`;
}

const RAVEN_COLUMNS = [
  ...["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"],
  ...["Begin File", "Begin Path", "Annotation", "Score"],
];

function ravenWriter(): AnnotationWriter {
  let selection = 0;
  return {
    heading: `${RAVEN_COLUMNS.join("\t")}\n`,
    line: ({ file = "", start, end, label, score }) => {
      const times = [fixed(start), fixed(end)];
      const names = [nameOf(file), file, label].map(unquoted);
      const cells = [++selection, "Spectrogram 1", 1, ...times, ...names, score ?? ""];
      return `${cells.join("\t")}\n`;
    },
  };
}

const KALEIDOSCOPE_HEADING = "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,AUTO ID,MATCH RATIO," +
  "MANUAL ID\n";

/** `OFFSET` is where a sound begins. What a model found is `AUTO ID`; a person fills in `MANUAL ID`. */
function kaleidoscopeLine({ file = "", start, end, label, score }: WrittenEvent): string {
  const name = nameOf(file);
  const folder = file.slice(0, file.length - name.length).replace(/[\\/]$/, "");
  const times = [start, Number((end - start).toFixed(6))];
  return commaLine([folder, "", name, 0, ...times, label, score ?? "", ""]);
}

function commaLine(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => quoted(String(cell), ",")).join(",")}\n`;
}

function nameOf(file: string): string {
  return file.split(/[\\/]/).at(-1)!;
}
