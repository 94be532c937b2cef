/**
 * `train`: recordings in, a model directory out.
 *
 * Everything that can be checked cheaply is checked first; then the run reads as it goes: device, data, model,
 * training, test, what comes next.
 *
 * @module
 */
import { DatasetError } from "../errors.ts";
import { type AudioFolder, loadAudioFolder } from "../data/audio_folder.ts";
import type { ClipNotice } from "../data/loader.ts";
import { type BackendChoice, useDevice } from "../devices.ts";
import { type FeatureExtractor, featureExtractorFromConfig } from "../features/mod.ts";
import { type AudioClassificationModel, buildModel } from "../models/model.ts";
import { AutoFeatureExtractor, AutoModelForAudioClassification, jsonBytes } from "../pretrained.ts";
import { basename, dirname } from "node:path";
import { directoryFiles, writeFileAtomic } from "../files.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { TrainingArguments, type TrainingOptions } from "../train/arguments.ts";
import type { BatchSource } from "../train/batches.ts";
import { checkpointSteps } from "../train/checkpoint.ts";
import { clipBatches } from "../train/clip_batches.ts";
import { accuracy, perClass } from "../train/metrics.ts";
import { isPreset, PRESETS } from "../train/presets.ts";
import { Trainer, type TrainOutput } from "../train/trainer.ts";
import { camel, trainingOptionSpecs, UsageError, userPath } from "./_arguments.ts";
import { backendChoice, bundledPath, type Command, expectNoFiles } from "./_command.ts";
import { nextCommands, trainProgress } from "./_train_output.ts";
import { classTable } from "./_class_table.ts";
import { duration, type Output } from "./_output.ts";

/** `train` on the command line. */
export const command: Command = {
  summary: "train a classifier on a folder of recordings",
  usage: "train [--data DIR] [--model tiny|small|base|DIR] [--output DIR] [training arguments]",
  options: {
    data: {
      kind: "text",
      value: "DIR",
      help: "audio folder: split/label/file or label/file (the bundled one)",
    },
    model: {
      kind: "text",
      value: "NAME",
      help: "tiny, small or base from scratch, or a model directory (tiny)",
    },
    output: {
      kind: "text",
      value: "DIR",
      help: "where the model goes (a new directory under runs)",
    },
    backend: { kind: "text", value: "NAME", help: "auto, webgpu or wasm (auto)" },
    threads: { kind: "number", value: "N", help: "WASM threads; 0: all cores (0)" },
    "validation-size": {
      kind: "number",
      value: "N",
      help: "share of the training clips for validation, where there is no such split (0.1)",
    },
    config: { kind: "text", value: "FILE", help: "training arguments from a JSON file" },
    resume: { kind: "flag", help: "go on from the newest checkpoint in --output" },
    overwrite: { kind: "flag", help: "replace the model in --output" },
    ...trainingOptionSpecs(),
  },
  examples: [
    "train",
    "train --data path/to/recordings --output my-model",
    "train --data path/to/recordings --model small --num-train-epochs 30 --learning-rate 1e-3",
    "train --data path/to/recordings --output my-model --resume",
  ],
  run: async ({ options, files }, out, signal) => {
    expectNoFiles(files);
    const { data, model, output, backend, threads, resume, overwrite, config, ...rest } = options;
    const { "validation-size": validationSize, ...args } = rest;
    const given = Object.fromEntries(
      Object.entries(args).map(([name, value]) => [camel(name), value]),
    );
    const finished = await train({
      data: data === undefined ? bundledPath("examples/voice_menu") : userPath(data as string),
      model: modelPath(model as string | undefined ?? "tiny"),
      output: output === undefined ? undefined : userPath(output as string),
      backend: backendChoice(backend),
      threads: threads as number | undefined,
      resume: resume as boolean | undefined,
      overwrite: overwrite as boolean | undefined,
      validationSize: validationSize as number | undefined,
      args: { ...await configFile(config as string | undefined), ...given },
      signal,
    }, out);
    return finished ? 0 : 1;
  },
};

function modelPath(name: string): string {
  return isPreset(name) ? name : userPath(name);
}

/** Training arguments from a JSON file, under their names in code or on the command line. */
async function configFile(path: string | undefined): Promise<Partial<TrainingOptions>> {
  if (path === undefined) return {};
  const file = userPath(path);
  const json = await readJsonFile(directoryFiles(dirname(file)), basename(file));
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [camel(name), value]));
}

/** What `train` is told besides the training arguments. */
export interface TrainCommandOptions {
  /** Audio folder. */
  data: string;
  /** Preset or model directory. */
  model: string;
  /** @default a new directory under `runs` */
  output?: string;
  backend?: BackendChoice;
  /** WASM threads; 0 takes all cores. @default 0 */
  threads?: number;
  resume?: boolean;
  overwrite?: boolean;
  /** Share of the training clips for validation, where there is no such split. @default 0.1 */
  validationSize?: number;
  /** Training arguments that were given, checked later. */
  args: Partial<TrainingOptions>;
  signal?: AbortSignal;
}

/** What a run ends with. */
interface Outcome {
  output: string;
  metrics: Record<string, number>;
  seconds: number;
}

/** Runs the command; false when it was interrupted. */
export async function train(options: TrainCommandOptions, out: Output): Promise<boolean> {
  const started = performance.now();
  const args = await trainingArguments(options);
  const data = await loadData(options, args.seed);
  await prepareOutput(args.outputDir, options);
  const device = await useDevice({
    backend: options.backend,
    threads: options.threads,
    purpose: "training",
  });
  out.line(`Device: ${device.description}`);
  const { model, extractor } = await loadModelAndExtractor(options, data, args.seed);
  describe(options, data, model, out);
  out.event({
    event: "start",
    output: args.outputDir,
    device: device.description,
    parameters: model.parameterCount,
    labels: model.labels,
    clips: clipCounts(data),
    args,
  });
  const notices: ClipNotice[] = [];
  const sources = batchSources(data, model, extractor, args, notices);
  const trainer = new Trainer({
    model,
    args,
    trainDataset: sources.train,
    evalDataset: sources.validation,
    featureExtractor: extractor,
    callbacks: [trainProgress(out, args)],
    signal: options.signal,
  });
  const result = await trainer.train({ resumeFromCheckpoint: options.resume });
  tellNotices(notices, out);
  if (result.interrupted) {
    out.warn(
      `Interrupted at step ${result.globalStep}, checkpoint written\n- Go on with --resume --output ${args.outputDir}`,
    );
  } else {
    const metrics = await finalMetrics(trainer, sources, model, result, out);
    const seconds = (performance.now() - started) / 1000;
    await finish({ output: args.outputDir, metrics, seconds }, options, out);
  }
  model.dispose();
  device.dispose();
  return !result.interrupted;
}

/** The preset's, and what was given. */
async function trainingArguments(options: TrainCommandOptions): Promise<TrainingArguments> {
  const preset = isPreset(options.model) ? PRESETS[options.model].args : {};
  const outputDir = options.output ?? await freshDirectory(options.data);
  return new TrainingArguments({ ...preset, ...options.args, outputDir });
}

/** `runs/<name>-<n>`, the first number that is free. */
async function freshDirectory(data: string): Promise<string> {
  const name = data.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1);
  for (let n = 1;; n++) {
    const directory = `runs/${name}-${n}`;
    const taken = await Deno.stat(directory).then(() => true, () => false);
    if (!taken) return directory;
  }
}

async function loadData(options: TrainCommandOptions, seed: number): Promise<AudioFolder> {
  const { data, validationSize = 0.1 } = options;
  const folder = await loadAudioFolder(data, { seed, stratify: true });
  if (folder.splits.validation || validationSize === 0) return folder;
  return await loadAudioFolder(data, { seed, stratify: true, validationSize });
}

/** Refuses a directory that holds a model, or clears the old one out of the way. */
async function prepareOutput(directory: string, options: TrainCommandOptions): Promise<void> {
  const checkpoints = await checkpointSteps(directory);
  const hasModel = await Deno.stat(`${directory}/config.json`).then(() => true, () => false);
  if (options.resume || (!hasModel && checkpoints.length === 0)) return;
  if (!options.overwrite) {
    throw new UsageError(
      `Cannot train into "${directory}": expected a new directory, found ${
        hasModel ? "a model" : "checkpoints"
      }`,
      { hint: "Give --resume to go on, --overwrite to replace it, or another --output" },
    );
  }
  for (const step of checkpoints) {
    await Deno.remove(`${directory}/checkpoint-${step}`, { recursive: true });
  }
  if (hasModel) await Deno.remove(`${directory}/config.json`);
}

async function loadModelAndExtractor(
  { model: name }: TrainCommandOptions,
  data: AudioFolder,
  seed: number,
): Promise<{ model: AudioClassificationModel; extractor: FeatureExtractor }> {
  const { labels } = data;
  if (isPreset(name)) {
    const { config, preprocessor } = PRESETS[name];
    return {
      model: await buildModel(config, { labels, seed }),
      extractor: featureExtractorFromConfig(preprocessor),
    };
  }
  return {
    extractor: await AutoFeatureExtractor.fromPretrained(name),
    model: await AutoModelForAudioClassification.fromPretrained(name, {
      labels,
      seed,
      ignoreMismatchedSizes: true,
    }),
  };
}

type Sources = { train: BatchSource; validation?: BatchSource; test?: BatchSource };

function batchSources(
  { splits }: AudioFolder,
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
  args: TrainingArguments,
  notices: ClipNotice[],
): Sources {
  const make = (split: typeof splits.train) =>
    split && clipBatches(split, model, extractor, {
      maxLengthSeconds: args.maxLengthSeconds,
      groupByLength: args.groupByLength,
      seed: args.seed,
      augmentSpeed: args.augmentSpeed,
      skipBadFiles: args.skipBadFiles,
      onNotice: (notice) => notices.push(notice),
    });
  const train = make(splits.train);
  if (!train) throw new DatasetError("Cannot train: expected a training split, found none");
  return { train, validation: make(splits.validation), test: make(splits.test) };
}

function clipCounts({ splits }: AudioFolder): Record<string, number> {
  return Object.fromEntries(
    Object.entries(splits).map(([name, split]) => [name, split!.clips.length]),
  );
}

function describe(
  { data: path, model: name }: TrainCommandOptions,
  data: AudioFolder,
  model: AudioClassificationModel,
  out: Output,
): void {
  const counts = Object.entries(clipCounts(data)).map(([split, clips]) => `${split} ${clips}`);
  out.line(`Data: ${path}: ${data.labels.length} classes; clips: ${counts.join(", ")}`);
  for (const note of data.notes) out.warn(note);
  const million = (model.parameterCount / 1e6).toFixed(2);
  const scratch = isPreset(name) ? ", from scratch" : "";
  out.line(`Model: ${name} (${model.modelType}), ${million} M parameters${scratch}`);
  const { missing, mismatched } = model.loading;
  const drawn = [...missing, ...mismatched];
  if (drawn.length > 0) out.line(`Newly initialised: ${drawn.join(", ")}`);
  out.line();
}

function tellNotices(notices: ClipNotice[], out: Output): void {
  for (const kind of ["skipped", "silent", "odd"] as const) {
    const told = notices.filter((notice) => notice.kind === kind);
    if (told.length === 0) continue;
    out.warn(`${told.length} ${kind} ${told.length === 1 ? "clip" : "clips"}:`);
    for (const { message } of told.slice(0, 3)) out.warn(`- ${message}`);
  }
}

/** Test metrics where there is a test split, else the last validation's. */
async function finalMetrics(
  trainer: Trainer,
  sources: Sources,
  model: AudioClassificationModel,
  result: TrainOutput,
  out: Output,
): Promise<Record<string, number>> {
  const data = sources.test ?? sources.validation;
  if (!data) return { train_loss: result.trainingLoss };
  const evaluation = await trainer.predict(data);
  const metrics = { accuracy: accuracy(evaluation), loss: evaluation.loss };
  const split = sources.test ? "Test" : "Validation";
  out.line(`\n${split}, ${evaluation.labels.length} clips:`);
  out.line(classTable(perClass(evaluation, model.labels)));
  out.line(out.strong(`\n${split} accuracy ${(100 * metrics.accuracy).toFixed(1)} %`));
  return metrics;
}

async function finish(outcome: Outcome, options: TrainCommandOptions, out: Output): Promise<void> {
  const { output, metrics, seconds } = outcome;
  await writeFileAtomic(`${output}/all_results.json`, [jsonBytes({ ...metrics, seconds })]);
  out.line(`Trained in ${duration(seconds)}; the model is in ${output}\n`);
  out.line(await nextCommands(output, options.data));
  out.event({ event: "done", output, metrics, seconds });
}
