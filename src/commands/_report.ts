/**
 * `report.html` of a model: what an evaluation found, with the log and the arguments that its training left beside it.
 *
 * @module
 */
import { MAX_LONG_SECONDS } from "../audio/recording.ts";
import { basename } from "node:path";
import earshot from "../../deno.json" with { type: "json" };
import { recordingBytes, recordingSamples } from "../audio/recording.ts";
import { type AudioClip, type AudioDataset, openClip } from "../data/audio_dataset.ts";
import { clipDurations } from "../data/durations.ts";
import { useDevice } from "../devices.ts";
import { directoryFiles, writeFileAtomic } from "../files.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import {
  type ClipAudio,
  type ClipPrediction,
  type ReportData,
  reportHtml,
  type ReportLogEntry,
  type SplitSummary,
} from "../report/mod.ts";
import {
  calibrated,
  excess,
  type ScoreSettings,
  scoreSettings,
  sigmoid,
  softmax,
} from "../scores/mod.ts";
import type { TrainingOrigin } from "../share/mod.ts";
import { TrainingArguments } from "../train/options/arguments.ts";
import type { Evaluation } from "../train/metrics/evaluation.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { isThere } from "./_command.ts";
import { duration } from "./_output.ts";

/** What there is to report on. */
export interface ReportedRun {
  model: InferenceModel;
  /** What the model is called. */
  name: string;
  /** Where the model lies, with the log of its training if there is one. */
  directory: string;
  /** The clips that were evaluated. */
  dataset: AudioDataset;
  evaluation: Evaluation;
  /** The same of clips of none of the classes, where there are such. */
  unknown?: Evaluation;
  /** All splits that are known. */
  splits: readonly AudioDataset[];
}

/** Settings that say most of a run, shown even where they are the defaults. */
const ALWAYS_SHOWN = new Set([
  "learningRate",
  "numTrainEpochs",
  "perDeviceTrainBatchSize",
  "maxLengthSeconds",
  "seed",
]);

/** Settings that say nothing of the model. */
const HIDDEN = new Set([
  "outputDir",
  "origin",
  "pushToHub",
  "hubModelId",
  "hubPrivateRepo",
  "hubRevision",
]);

/**
 * Writes the report.
 *
 * @throws {FileError} where it cannot be written.
 * @throws {CheckpointError} where the log beside the model is broken.
 */
export async function writeReport(file: string, run: ReportedRun): Promise<void> {
  const { dataset, evaluation } = run;
  const clips = await predictions(run);
  const recordings = new Map(
    clips.map((clip, row) => [clip, dataset.clips[evaluation.indices[row]!]!]),
  );
  const page = await reportHtml(await reportData(run, clips), {
    readClip: (clip) => readClip(recordings.get(clip)!),
  });
  await writeFileAtomic(file, [new TextEncoder().encode(page)]);
}

async function reportData(run: ReportedRun, clips: ClipPrediction[]): Promise<ReportData> {
  const { model, dataset, unknown } = run;
  const settings = scoreSettings(model.ownConfig.scores, model);
  return {
    ...await modelData(run),
    ...unknown && { unknown: rowsOf(unknown).map((row) => unlikenessOf(row, settings)) },
    ...settings && { thresholds: settings.thresholds },
    evaluation: { split: dataset.split, clips },
    splits: await Promise.all(run.splits.map((split) => splitSummary(split, model.labels.length))),
  };
}

/** What is known of a model, whatever it was measured on. */
export async function modelData(
  { model, name, directory }: Pick<ReportedRun, "model" | "name" | "directory">,
): Promise<ReportData> {
  const state = await jsonIn(directory, "trainer_state.json");
  const args = await jsonIn(directory, "training_args.json");
  const history = (state?.log_history ?? []) as ReportLogEntry[];
  return {
    title: basename(name),
    problemType: model.problemType,
    labels: model.labels,
    history,
    model: {
      Architecture: model.modelType,
      Parameters: model.parameterCount,
      ...trainingFacts(history),
    },
    settings: args && shownSettings(args),
    versions: {
      Earshot: earshot.version,
      Deno: Deno.version.deno,
      Device: (await useDevice()).description,
    },
    created: new Date().toISOString().slice(0, 10),
  };
}

/** An object that training leaves; nothing where the model was not trained here. */
async function jsonIn(
  directory: string,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  if (!await isThere(`${directory}/${name}`)) return undefined;
  return await readJsonFile(directoryFiles(directory), name);
}

async function predictions(
  { model, dataset, evaluation }: ReportedRun,
): Promise<ClipPrediction[]> {
  const { labels, indices } = evaluation;
  const settings = scoreSettings(model.ownConfig.scores, model);
  const rows = rowsOf(evaluation);
  const durations = await clipDurations(dataset.clips);
  const width = labels.length / indices.length;
  const isVector = model.problemType === "multi_label_classification";
  return Array.from(indices, (index, row) => ({
    file: dataset.clips[index]!.file,
    target: isVector ? Array.from(labels.subarray(row * width, (row + 1) * width)) : labels[row]!,
    logits: rows[row]!.logits,
    ...settings && fittedScores(rows[row]!, settings, isVector),
    durationSec: durations[index],
  }));
}

/** The outputs of each clip, with features where they were kept. */
function rowsOf({ logits, features, classes, indices }: Evaluation): ClipRow[] {
  const size = (features?.length ?? 0) / indices.length;
  return Array.from(indices, (_, row) => ({
    logits: logits.subarray(row * classes, (row + 1) * classes),
    ...features && { features: features.subarray(row * size, (row + 1) * size) },
  }));
}

type ClipRow = { logits: Float32Array; features?: Float32Array };

/** What the model's config makes of a clip's outputs. */
function fittedScores(
  row: ClipRow,
  settings: ScoreSettings,
  isVector: boolean,
): Pick<ClipPrediction, "scores" | "unlikeness"> {
  const moved = calibrated(row.logits, settings);
  return {
    scores: (isVector ? sigmoid : softmax)(moved),
    ...settings.rejection && row.features && { unlikeness: excess(row, settings.rejection) },
  };
}

/** How unlike the classes a clip is; without a rejection minus its best score. */
function unlikenessOf(row: ClipRow, settings: ScoreSettings | undefined): number {
  if (settings?.rejection) return excess(row, settings.rejection);
  return -Math.max(...softmax(Array.from(row.logits)));
}

async function splitSummary(
  { split, clips }: AudioDataset,
  classes: number,
): Promise<SplitSummary> {
  const clipsPerLabel = new Array<number>(classes).fill(0);
  for (const { label, targets } of clips) {
    if (targets === undefined) clipsPerLabel[label]!++;
    else targets.forEach((target, i) => clipsPerLabel[i]! += Number(target > 0.5));
  }
  return { split, clipsPerLabel, durationsSec: Array.from(await clipDurations(clips)) };
}

/** What the last line of the log says about the run. */
function trainingFacts(history: readonly ReportLogEntry[]): Record<string, string | number> {
  const last = history.at(-1);
  if (!last) return {};
  const seconds = history.findLast((entry) => entry.train_runtime !== undefined)?.train_runtime;
  return {
    Steps: last.step!,
    Epochs: Number(last.epoch!.toFixed(2)),
    ...seconds !== undefined && { "Training time": duration(seconds) },
  };
}

/** What differs from the defaults, and what matters most. */
function shownSettings(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const defaults: Readonly<Record<string, unknown>> = {
    ...new TrainingArguments({ outputDir: "." }),
  };
  return Object.fromEntries(
    Object.entries({ ...args, ...shownPlaces(args) }).filter(([name, value]) =>
      value !== null && value !== undefined && !HIDDEN.has(name) &&
      (ALWAYS_SHOWN.has(name) || JSON.stringify(value) !== JSON.stringify(defaults[name]))
    ),
  );
}

/** The page may be shown to others: of a path on this machine it has the last part alone. */
function shownPlaces(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { baseModel, dataset } = (args.origin ?? {}) as TrainingOrigin;
  const last = (path: unknown) => typeof path === "string" ? basename(path) : undefined;
  return {
    data: dataset?.id ?? last(args.data),
    model: baseModel ?? last(args.model),
    augmentNoiseDir: last(args.augmentNoiseDir),
  };
}

async function readClip(clip: AudioClip): Promise<ClipAudio> {
  using source = await openClip(clip);
  const rules = { file: clip.file, maxSeconds: MAX_LONG_SECONDS };
  return await recordingSamples(await recordingBytes(source, rules), rules);
}

/** Where the report of the model that was named goes: beside it, or here where it is not a directory. */
export async function reportPath(model: string | undefined): Promise<string> {
  const isDirectory = model !== undefined && await isThere(`${model}/config.json`);
  return isDirectory ? `${model}/report.html` : "report.html";
}
