/**
 * `detect`: recordings of any length in, which sound from when to when out.
 *
 * @module
 */
import denoJson from "../../deno.json" with { type: "json" };
import { type RawAudio, withWavHeader } from "../audio/mod.ts";
import { UnknownFormatError } from "../audio/unknown_format.ts";
import { type AudioClassifier, pipeline, type SoundSource } from "../classify/pipeline.ts";
import type { DetectSettings } from "../detect/mod.ts";
import { useDevice } from "../devices.ts";
import { AudioFormatError, FileError } from "../errors.ts";
import { attempt } from "../files.ts";
import { type OptionValues, UsageError } from "./_arguments.ts";
import {
  type Command,
  defineCommand,
  DEVICE_OPTIONS,
  deviceOptions,
  warnOfUnused,
} from "./_command.ts";
import { DETECT_OPTIONS, detectSettings, expectSettings, hearingOf } from "./_detect_options.ts";
import {
  ClosedOutput,
  type EventSink,
  type LineFormat,
  lineSink,
  partSink,
} from "./_event_sink.ts";
import { endingOf, EVENT_FORMATS, type EventFormat } from "./_event_table.ts";
import { inFlags } from "./_flags.ts";
import { interruptedCode, interruptSignal } from "./_interrupt.ts";
import { type ListedRecording, listedRecordings, STANDARD_INPUT } from "./_listed_recordings.ts";
import {
  ADAPTER_OPTION,
  HEAD_OPTION,
  MODEL_OPTION,
  modelDirectory,
  modelOrBundled,
  RAW_SCORES_OPTION,
} from "./_model_directory.ts";
import { duration, type Output } from "./_output.ts";
import { modelFingerprint, PartsDirectory } from "./_parts_directory.ts";
import { RAW_AUDIO_OPTIONS, rawAudio } from "./_raw_audio_options.ts";
import { SHARD_OPTIONS, shardOf } from "./_shard.ts";

/** What a shell calls a process whose output nobody reads any more: 128 and the number of SIGPIPE. */
const CLOSED_OUTPUT_CODE = 141;

/** A pipe of them is what nobody can tell by its first bytes. */
const BARE_HINT = "Of bare samples --rate has to be said, and --encoding where they are not s16";

const OPTIONS = {
  ...MODEL_OPTION,
  ...HEAD_OPTION,
  ...ADAPTER_OPTION,
  ...DETECT_OPTIONS,
  ...RAW_AUDIO_OPTIONS,
  format: {
    kind: "choice",
    choices: EVENT_FORMATS,
    help: "a table to print, or to write with --output",
  },
  output: { kind: "string", value: "DIR", help: "a directory that gets a part for each recording" },
  began: { kind: "flag", help: "tell of a sound as soon as it begins, too" },
  ...RAW_SCORES_OPTION,
  ...SHARD_OPTIONS,
  ...DEVICE_OPTIONS,
} as const;

/** `detect` on the command line. */
export const command: Command = defineCommand({
  usage: "detect [--model DIR|ID] FILE|DIR|LIST|- ...",
  options: OPTIONS,
  examples: [
    "detect --model my-model night.flac",
    "detect --model my-model --format audacity night.flac > night.txt",
    "detect --model my-model --format parquet --output events path/to/archive",
    "detect --model my-model --rate 16000 --encoding s16 -",
  ],
  note:
    "A LIST is a file of paths, a line each (.txt), or a table with a column of them. An interrupted " +
    "job with --output goes on where it was; Slurm, Kubernetes and AWS Batch say which share is whose.",
  run: async ({ options, files: named }, out) => {
    if (named.length === 0) {
      throw new UsageError("Cannot detect: expected files, folders, lists or -, found none");
    }
    const format = expectFormat(options, out);
    const settings = detectSettings(options);
    const raw = rawAudio(options);
    const recordings = await shareOf(named, options, out);
    const model = await modelOrBundled(options.model, out);
    const signal = interruptSignal();
    const device = await useDevice(deviceOptions(options));
    try {
      const classifier = await pipeline("audio-classification", model, {
        head: options.head,
        adapter: options.adapter,
        offline: true,
        rawScores: options["raw-scores"],
        onWarning: (message) => out.warn(`Warning: ${message}`),
      });
      expectSettings(settings, hearingOf(classifier, options["raw-scores"]));
      out.warn(`Device: ${device.description}`);
      warnOfUnused(classifier.model, model, out);
      const sink = options.output === undefined
        ? lineSink(lineFormat(format, out))
        : await partsOf(options.output, {
          ...{ model, format, settings, raw },
          rawScores: options["raw-scores"],
          head: options.head && await modelDirectory(options.head, out),
          adapter: options.adapter && await modelDirectory(options.adapter, out),
        });
      const job: Job = { classifier, settings, raw, sink, began: options.began, signal };
      return await detectAll(job, recordings, { out, showsBar: mayShowBar(options, out) });
    } finally {
      device.dispose();
    }
  },
});

type Options = OptionValues<typeof OPTIONS>;

/** What is done to each recording. */
interface Job {
  classifier: AudioClassifier;
  settings: DetectSettings;
  raw?: RawAudio;
  sink: EventSink;
  /** Whether sounds are told of when they begin. */
  began: boolean;
  signal: AbortSignal;
}

/** What was asked for as the form of the results; what is given for programs has one form. */
function expectFormat(
  { format, output, began }: Options,
  { json }: Output,
): EventFormat | undefined {
  const refuse = (expected: string, found: string) => {
    throw new UsageError(`Cannot detect: expected ${expected}, found ${found}`);
  };
  if (output === undefined && format === "parquet") {
    refuse("--output with --format parquet", "none");
  }
  if (output === undefined && format !== undefined && json) {
    refuse("--json or --format", `both, --json and --format ${format}`);
  }
  if (began && (output !== undefined || format !== undefined)) {
    refuse("--began with lines for people or --json", output ? "--output" : `--format ${format}`);
  }
  return format;
}

function lineFormat(format: EventFormat | undefined, { json }: Output): LineFormat {
  if (format === undefined || format === "parquet") return json ? "json" : "text";
  return format;
}

/** A bar would stand among the lines of a table. */
function mayShowBar({ output }: Options, { json }: Output): boolean {
  return json || output !== undefined;
}

async function shareOf(
  named: readonly string[],
  options: Options,
  out: Output,
): Promise<ListedRecording[]> {
  const shard = shardOf(options, (name) => Deno.env.get(name));
  const all = await listedRecordings(named);
  if (options.output !== undefined) expectOwnParts(all);
  if (shard === undefined) return all;
  const { index, count, from } = shard;
  const share = all.filter((_, i) => i % count === index);
  out.warn(`Share ${index}/${count}, by ${from}: ${share.length} of ${all.length} recordings`);
  return share;
}

/** @throws {UsageError} where two recordings would have one part. */
function expectOwnParts(recordings: readonly ListedRecording[]): void {
  const files = new Map<string, string>();
  for (const { file, name } of recordings) {
    const other = files.get(name);
    if (other !== undefined) {
      throw new UsageError(
        `Cannot write parts: expected recordings of different names, found "${other}" and "${file}"`,
        { hint: "Name a folder above both, or give each an --output of its own" },
      );
    }
    files.set(name, file);
  }
}

async function partsOf(
  output: string,
  { model, head, adapter, format = "jsonl", settings, raw, rawScores }: {
    /** Directories. */
    model: string;
    head?: string;
    adapter?: string;
    format?: EventFormat;
    settings: DetectSettings;
    raw?: RawAudio;
    rawScores: boolean;
  },
): Promise<EventSink> {
  const made = {
    earshot: denoJson.version,
    model: await modelFingerprint(model),
    ...head !== undefined && { head: await modelFingerprint(head) },
    ...adapter !== undefined && { adapter: await modelFingerprint(adapter) },
    format,
  };
  const facts = { ...made, settings, raw, ...rawScores && { rawScores } };
  const parts = await PartsDirectory.open(output, endingOf(format), facts);
  return partSink(parts, format);
}

/** What became of the recordings. */
interface Tally {
  heard: number;
  skipped: number;
  events: number;
  seconds: number;
  failed: string[];
}

async function detectAll(
  job: Job,
  recordings: readonly ListedRecording[],
  { out, showsBar }: { out: Output; showsBar: boolean },
): Promise<number> {
  const tally: Tally = { heard: 0, skipped: 0, events: 0, seconds: 0, failed: [] };
  const startMs = performance.now();
  const isEndless = recordings.some(({ file }) => file === STANDARD_INPUT);
  const bar = showsBar && !isEndless ? out.progress("Listening", recordings.length) : () => {};
  try {
    for (const [i, recording] of recordings.entries()) {
      if (await job.sink.has(recording)) tally.skipped++;
      else await detectOne(job, recording, { tally, out });
      bar(i + 1, pace(tally, startMs));
    }
  } catch (error) {
    if (error instanceof ClosedOutput) return CLOSED_OUTPUT_CODE;
    if (!job.signal.aborted || error !== job.signal.reason) throw error;
    return interruptedCode(job.signal);
  } finally {
    bar(undefined);
    job.classifier.dispose();
    summarise(tally, startMs, out);
  }
  return tally.failed.length === 0 ? 0 : 1;
}

async function detectOne(
  { classifier, settings, raw, sink, began, signal }: Job,
  recording: ListedRecording,
  { tally, out }: { tally: Tally; out: Output },
): Promise<void> {
  const { file } = recording;
  const results = sink.open(recording);
  const before = tally.seconds;
  try {
    const events = classifier.detect(await sourceOf(file, raw), {
      ...settings,
      file,
      signal,
      onScores: ({ end }) => tally.seconds = before + end,
    });
    for await (const event of events) {
      const isOver = event.state === "ended";
      if (isOver) tally.events++;
      if (isOver || began) results.take(event);
    }
    await results.finish();
    tally.heard++;
  } catch (error) {
    const isFileFault = error instanceof AudioFormatError || error instanceof FileError;
    if (!isFileFault || (error instanceof FileError && error.file !== file)) throw error;
    tally.failed.push(error.message);
    out.warn(error.message);
    const isUnknown = error instanceof UnknownFormatError && file === STANDARD_INPUT;
    const hint = isUnknown ? BARE_HINT : error.hint;
    if (hint) out.warn(`- ${inFlags(hint)}`);
  }
}

async function sourceOf(file: string, raw: RawAudio | undefined): Promise<SoundSource> {
  if (file === STANDARD_INPUT) {
    return raw ? withWavHeader(Deno.stdin.readable, raw, { file }) : Deno.stdin.readable;
  }
  if (raw === undefined) return file;
  const { readable } = await attempt("open", file, () => Deno.open(file, { read: true }));
  return withWavHeader(readable, raw, { file });
}

/** Hours of sound in an hour. */
function pace({ seconds }: Tally, startMs: number): string {
  return `${(1000 * seconds / Math.max(1, performance.now() - startMs)).toFixed(0)} h/h`;
}

function summarise(tally: Tally, startMs: number, out: Output): void {
  const { heard, skipped, events, seconds, failed } = tally;
  const took = duration((performance.now() - startMs) / 1000);
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const there = skipped > 0 ? `, ${skipped} were there` : "";
  const bad = failed.length > 0 ? `, ${failed.length} could not be used` : "";
  out.warn(
    `${count(heard, "recording")} with ${count(events, "event")}${there}${bad}: ` +
      `${duration(seconds)} of sound in ${took}, ${pace(tally, startMs)}`,
  );
  if (failed.length < 2) return;
  out.warn(`${failed.length} recordings could not be used:`);
  for (const line of failed) out.warn(`- ${line}`);
}
