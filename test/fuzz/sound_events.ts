/**
 * Inputs for what says where sounds are, and how they are to be heard: tables of annotations, the settings of a model,
 * requests, and bare samples.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type DetectionRequest, detectionRequest } from "../../edge/_detect_request.ts";
import { openSound } from "../../edge/_sound.ts";
import {
  annotatedRecordings,
  ANNOTATION_FORMATS,
  type AnnotationFormatName,
  annotationKind,
  parseAnnotations,
} from "../../src/detect/mod.ts";
import { pathsOf } from "../../src/commands/_listed_recordings.ts";
import { detectPlan } from "../../src/detect/settings.ts";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { readJsonFile } from "../../src/weights/json_file.ts";
import type { Dice } from "./dice.ts";
import { broken, brokenJson } from "./json.ts";
import { type FuzzInput, type FuzzTarget, MAX_INPUT_BYTES } from "./target.ts";

const FORMATS = Object.keys(ANNOTATION_FORMATS) as AnnotationFormatName[];
const LABELS = ["dog", "a, b", 'say "hi"', "é\t", "#", "=1+1", "1", "-", "\\ 3"];
const HEADINGS = [
  "filename\tonset\toffset\tevent_label",
  "Selection\tView\tBegin Time (s)\tEnd Time (s)\tFile Offset (s)\tBegin File\tAnnotation",
  "INDIR,FOLDER,IN FILE,OFFSET,DURATION,MANUAL ID,AUTO ID",
  "file;start;duration;label",
  "start,end,__proto__",
];
const CELLS = [
  ...["", "0", "1.5", "2,5", "-1", "1e309", "0x10", "NaN", "dog", "é", '"a\n"', '"', "\\1\t2"],
  ...["a.wav", "../a.wav", "C:\\a.wav", "1:30", " 3 ", "\0"],
];

/** A table that we write ourselves, a table of other programs with any cells, or a damaged one. */
function annotations(dice: Dice): FuzzInput {
  const bytes = new TextEncoder().encode(dice.roll(2) === 0 ? written(dice) : foreign(dice));
  return { bytes: dice.roll(3) === 0 ? dice.damage(bytes, 3) : bytes };
}

function written(dice: Dice): string {
  const { heading, line } = ANNOTATION_FORMATS[dice.pick(FORMATS)].writer();
  const lines = Array.from({ length: dice.roll(8) }, () => {
    const start = dice.roll(100) / 7;
    const end = start + dice.pick([0.1, 1, 0, -1]);
    return line({ file: dice.pick(["a.wav", "b/a.wav"]), start, end, label: dice.pick(LABELS) });
  });
  return heading + lines.join("");
}

function foreign(dice: Dice): string {
  const heading = dice.pick([...HEADINGS, ""]);
  const separator = heading.includes("\t") || heading === "" ? "\t" : heading.match(/[;,]/)![0];
  const row = () => Array.from({ length: dice.roll(9) }, () => dice.pick(CELLS)).join(separator);
  const rows = Array.from({ length: dice.roll(12) }, row);
  return [heading, ...rows].join(dice.pick(["\n", "\r\n"]));
}

/** Events are sound however the rest of the table is; what is faulty is reported, and thrown where nobody listens. */
function parseTable(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  const lines = text.split("\n").length;
  let faults = 0;
  const onFault = ({ line, error }: { line: number; error: Error }) => {
    ok(line >= 1 && line <= lines, `line ${line} of ${lines}`);
    ok(/^Cannot [^]+: expected [^]+/.test(error.message) && error.message.length < 900);
    faults++;
  };
  const table = parseAnnotations(text, { file: "yard.txt", onFault });
  equal(annotationKind(text), table.kind);
  for (const events of table.recordings.values()) {
    for (const { start, end, label } of events) {
      ok(
        start >= 0 && end > start && Number.isFinite(end) && label.trim() !== "",
        `${start} ${end}`,
      );
    }
  }
  annotatedRecordings([table], ["a.wav", "b/a.wav", "yard.wav"]);
  if (faults > 0) parseAnnotations(text, { file: "yard.txt" });
  else deepEqual(parseAnnotations(text, { file: "yard.txt" }), table);
}

const SETTINGS = {
  window_seconds: 1,
  hop_seconds: 0.5,
  threshold: { yes: 0.7 },
  off_threshold: 0.3,
  mean_windows: 5,
  median_windows: 3,
  min_event_seconds: 0.1,
  min_gap_seconds: 0,
  min_apart_seconds: 0.3,
  background_label: "no",
};

async function jsonOf(bytes: Uint8Array, name: string): Promise<Record<string, unknown>> {
  const open = (file: string) => Promise.resolve(bytesSource(file, bytes));
  return await readJsonFile({ open }, name);
}

/** A plan that is taken has windows of samples, and a class is no longer heard below where it is. */
async function parseSettings(bytes: Uint8Array): Promise<void> {
  const { detect } = await jsonOf(bytes, "config.json");
  const plan = detectPlan({}, { labels: ["no", "yes"], rateHz: 8_000, config: detect });
  for (const samples of [plan.windowSamples, plan.hopSamples]) {
    ok(Number.isInteger(samples) && samples >= 1, `${samples} samples`);
  }
  for (const { on, off } of plan.classes) ok(Number.isFinite(off) && off <= on, `${on} ${off}`);
}

const REQUEST = {
  ...SETTINGS,
  ...{ rate: 16_000, encoding: "f32", channels: 2, top_k: "3", scores: true, began: "1" },
};

/** A JSON message of options, and what a query says. */
async function parseDetection(bytes: Uint8Array): Promise<void> {
  const asked: DetectionRequest = detectionRequest(await jsonOf(bytes, "message"));
  ok(asked.topK >= 1 && Object.values(asked.settings).every((value) => value !== undefined));
}

/** The first bytes say what the others are. */
async function parseSamples(bytes: Uint8Array): Promise<void> {
  const [kind = 0, size = 1] = bytes;
  const samples = bytes.subarray(2);
  const encoding = kind % 2 === 0 ? "s16" : "f32";
  const channels = 1 + kind % 5;
  const pieces = async function* () {
    for (let at = 0; at < samples.length; at += 1 + size) {
      yield await Promise.resolve(samples.slice(at, at + 1 + size));
    }
  };
  const sound = await openSound(pieces(), { rateHz: 8_000, encoding, channels }, 0);
  let found = 0;
  for await (const block of sound.blocks()) {
    ok(block.every(Number.isFinite), "samples that are not finite");
    found += block.length;
  }
  equal(found, Math.floor(samples.length / (channels * (encoding === "s16" ? 2 : 4))));
}

const LISTED = ["a.wav", "b/ä.flac", '"c, d.wav"', "", '"', "{}", "../e.wav", "/f.wav"];

/** A list of recordings; the first byte says how it is written. */
function recordingList(dice: Dice): FuzzInput {
  const ending = dice.roll(4);
  const row = () => {
    const path = dice.pick(LISTED);
    if (ending === 3) return JSON.stringify({ [dice.pick(["file", "path", "x"])]: path });
    return ending === 0 ? path : [path, dice.pick(LISTED)].join(dice.pick([",", "\t", ";"]));
  };
  const heading = dice.pick(["file,label", "file_name\tx", "path;x", "x,y", "file,file"]);
  const lines = [...ending === 0 ? [] : [heading], ...Array.from({ length: dice.roll(9) }, row)];
  const text = new TextEncoder().encode(lines.join(dice.pick(["\n", "\r\n"])));
  const bytes = dice.roll(3) === 0 ? dice.damage(text, 3) : text;
  return { bytes: Uint8Array.of(ending, ...bytes) };
}

function parseList(bytes: Uint8Array): void {
  const ending = ["txt", "csv", "tsv", "jsonl"][bytes[0]! % 4]!;
  const paths = pathsOf(`list.${ending}`, new TextDecoder().decode(bytes.subarray(1)));
  ok(paths.every((path) => typeof path === "string" && path !== ""), JSON.stringify(paths));
}

/** What says where sounds are, by what it is. */
export const SOUND_EVENT_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  "annotations": { make: annotations, parse: parseTable, inputs: 6_000 },
  "detect-settings": {
    make: (dice) => ({ bytes: broken(brokenJson({ detect: SETTINGS }, dice), dice) }),
    parse: parseSettings,
    inputs: 6_000,
  },
  "detect-request": {
    make: (dice) => ({ bytes: broken(brokenJson(REQUEST, dice), dice) }),
    parse: parseDetection,
    inputs: 6_000,
  },
  "recording-list": { make: recordingList, parse: parseList, inputs: 4_500 },
  "bare-samples": {
    make: (dice) => ({ bytes: dice.bytes(dice.pick([0, 2, 3, 40, MAX_INPUT_BYTES >> 6])) }),
    parse: parseSamples,
    inputs: 3_000,
  },
};
