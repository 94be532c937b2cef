/**
 * `train`: recordings in, a model directory out.
 *
 * Everything that can be checked cheaply is checked first; then the run reads as it goes: device, data, model,
 * training, test, what comes next.
 *
 * @module
 */
import { DatasetError } from "../errors.ts";
import type { AudioDataset } from "../data/audio_dataset.ts";
import { groupOf } from "../data/clip_keys.ts";
import { clipDurations } from "../data/durations.ts";
import { type DeviceOptions, useDevice } from "../devices.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import type { ProblemType } from "../models/problem_type.ts";
import { refusalOf, TrainingArguments, type TrainingOptions } from "../train/options/arguments.ts";
import { checkpointSteps } from "../train/checkpoints/checkpoint.ts";
import type { OutputDirectory } from "../train/checkpoints/output_directory.ts";
import type { BatchSource } from "../train/batches/batches.ts";
import { clipBatches, clipBatchesOptions } from "../train/batches/clip_batches.ts";
import { FittedHeadCallback, HEAD_KINDS, type HeadKind } from "../train/callbacks/fitted_head.ts";
import { allMetrics, metricNames } from "../train/metrics/metric_sets.ts";
import { isPreset, PRESETS } from "../train/options/presets.ts";
import type { RecipeName } from "../train/options/recipes.ts";
import { type RunOutput, type Teacher, Trainer } from "../train/loop/trainer.ts";
import { type OptionSpecs, type ParsedArguments, UsageError } from "./_arguments.ts";
import {
  bundledPath,
  type Command,
  defineCommand,
  DEVICE_OPTIONS,
  deviceOptions,
  expectNoFiles,
  isThere,
  warnOfUnused,
} from "./_command.ts";
import {
  expectOwnSplits,
  SPLIT_OPTIONS,
  splitChoice,
  type SplitFolder,
  splitsInOrder,
  withLabels,
} from "./_data.ts";
import {
  DETECTOR_OPTIONS,
  detectorArguments,
  type DetectorChoice,
  detectorChoice,
  detectorConfig,
  type DetectorData,
  loadDetectorData,
} from "./_detector_data.ts";
import { soundSplits, withSkipHint } from "./_bad_files.ts";
import { finalTest } from "./_final_test.ts";
import { fitModelScores, printScores, writeScores } from "./_fit_scores.ts";
import { FEATURE_CACHE_OPTION, featureDirectory, featuresLine } from "./_feature_cache.ts";
import { inFlags } from "./_flags.ts";
import { interruptedCode, interruptSignal } from "./_interrupt.ts";
import { chosenStart } from "./_chosen_start.ts";
import { type ClipLimits, clipLimits, LIMIT_OPTIONS, limitedSplits } from "./_clip_limits.ts";
import { ClipNotices } from "./_notices.ts";
import { duration, type Output, parameterText } from "./_output.ts";
import { firstPassOf, forgetMined, withMined } from "./_mine_negatives.ts";
import { ADAPTER_OPTION, modelDirectory } from "./_model_directory.ts";
import { RECIPE_OPTION, recipeLine, withRecipe } from "./_recipe.ts";
import { splitRecord } from "./_split_record.ts";
import { openStartingModel, orderedLabels, type StartingModel } from "./_starting_model.ts";
import { isSeveral, type Protocol, PROTOCOL_OPTIONS, protocolOf, splitsOf } from "./_protocol.ts";
import { trainSeveral } from "./_several_runs.ts";
import { openTeacher } from "./_teacher.ts";
import { printedPush } from "./_push.ts";
import {
  abandonOutput,
  freshDirectory,
  type OutputPlan,
  startOutput,
  takeOutput,
} from "./_train_directory.ts";
import { nextCommands, pushCommand, resumeCommand, trainProgress } from "./_train_output.ts";
import {
  configFile,
  givenTrainingOptions,
  trainingArguments,
  trainingOptionSpecs,
} from "./_training_arguments.ts";

const OPTIONS = {
  ...RECIPE_OPTION,
  data: {
    kind: "string",
    help: "folder, Parquet, CSV or JSONL file, or id on the hub (the bundled folder)",
  },
  model: {
    kind: "string",
    help:
      "tiny, tiny-sound, wake-word, small or base from scratch; backbone, a directory, or org/name@revision on the hub (tiny, or of few clips backbone)",
  },
  "clip-seconds": {
    kind: "number",
    help: "tiny-sound and wake-word for clips of so many seconds (5 and 1, or --window-seconds)",
  },
  ...ADAPTER_OPTION,
  teacher: {
    kind: "string",
    value: "DIR|ID",
    help: "learn from what this model answers as well, so that a small one becomes like it",
  },
  head: {
    kind: "choice",
    choices: HEAD_KINDS,
    help: "fit the last layer alone, in one pass over the clips (trained by steps)",
  },
  output: {
    kind: "string",
    value: "DIR",
    help: "where the model goes (a new directory under runs)",
  },
  resume: { kind: "flag", help: "go on from the newest checkpoint in --output" },
  overwrite: { kind: "flag", help: "replace the model in --output" },
  config: { kind: "string", value: "FILE", help: "training arguments from a JSON file" },
  "fit-scores": {
    kind: "flag",
    help: "then fit a temperature and a rejection to validation clips, as the command scores does",
  },
  ...FEATURE_CACHE_OPTION,
  ...DEVICE_OPTIONS,
  ...SPLIT_OPTIONS,
  ...PROTOCOL_OPTIONS,
  ...DETECTOR_OPTIONS,
  ...LIMIT_OPTIONS,
} as const satisfies OptionSpecs;

/** `train` on the command line. */
export const command: Command = defineCommand({
  usage: "train [--recipe NAME] [--data DIR|FILE|ID] [--model PRESET|DIR|ID] [--output DIR] " +
    "[training arguments]",
  options: OPTIONS,
  others: trainingOptionSpecs(),
  refused: refusalOf,
  examples: [
    "train",
    "train --data path/to/recordings --output my-model",
    "train --data path/to/recordings --model small --num-train-epochs 30 --learning-rate 1e-3",
    "train --data path/to/recordings --output my-model --resume",
    "train --data path/to/recordings --model my-model --head linear --output my-head",
    "train --data path/to/recordings --folds 5 --group-by '/(\\w+)_\\d+\\.wav$/'",
    "train --recipe minds14",
  ],
  note: "presets bring arguments of their own in the place of some defaults, and so do\n" +
    "fine-tuning and recipes; training_args.json in the output directory has those of a run.",
  run: async (parsed, out) => {
    expectNoFiles(parsed.files);
    return await trainPasses(await planOf(parsed), out).catch((error) => {
      throw withSkipHint(error);
    });
  },
});

/** What a run is made of, checked as far as the command line goes. */
interface TrainPlan extends OutputPlan {
  recipe?: RecipeName;
  device: Pick<DeviceOptions, "backend" | "threads" | "f16">;
  limits: ClipLimits;
  /** Whether it is fitted in the end what scores mean. */
  fitsScores: boolean;
  /** How often, and on what. */
  protocol: Protocol;
  /** Low-rank changes that go onto the model first. */
  adapter?: string;
  /** A model to learn from, besides the labels. */
  teacher?: string;
  /** What clips a preset that sees spectrograms is made for, where not its own. */
  clipSeconds?: number;
  /** What is fitted in the place of training. */
  head?: HeadKind;
  /** Why this model, where none was named. */
  reason?: string;
  /** Where features are kept, as it was asked for. */
  featureCache?: string;
  /** Arguments that were asked for; all others are suggested. */
  given: Partial<TrainingOptions>;
  /** The command line, for what is printed to go on with. */
  typed: readonly string[];
  /** The directory of a first pass whose false alarms are trained on. */
  firstPass?: string;
}

async function planOf(
  { options: typed, others, args: line }: ParsedArguments<typeof OPTIONS>,
): Promise<TrainPlan> {
  const options = withRecipe(typed);
  const { recipe, resume, overwrite } = options;
  const data = options.data ?? await bundledData();
  const detector = detectorChoice(options);
  expectOwnSplits(options);
  const given: Partial<TrainingOptions> = {
    ...await detectorArguments(detector),
    ...options.config === undefined ? {} : await configFile(options.config),
    ...givenTrainingOptions(others),
  };
  const protocol = protocolOf(options, { ...options, "push-to-hub": given.pushToHub });
  const isInParts = detector.minesNegatives || isSeveral(protocol);
  if (options.teacher !== undefined && options.head) {
    throw new UsageError('Cannot use argument "--teacher" with "--head": no step is taken there');
  }
  const named = options.output ?? given.outputDir;
  if (resume && named === undefined) {
    throw new UsageError('Cannot resume: expected argument "--output DIR", found none');
  }
  const splits = { ...splitChoice(options), foldBy: protocol.foldBy, shots: protocol.shots[0] };
  const { isDetector } = detector;
  const asHead = HEAD_KINDS.find((kind) => kind === options.head);
  const { model, head, reason } = await chosenStart({
    ...{ model: options.model, head: asHead, resume, isDetector, data, splits },
    ...{ given: Object.keys(given), seed: given.seed ?? 42, shots: protocol.shots },
  });
  const frozen = head && { freezeBaseModel: true, frozenBaseEval: true };
  // Arguments are checked before a directory is made.
  const clipSeconds = options["clip-seconds"] ?? windowOfPreset(model, detector);
  const asked = trainingArguments({ model, recipe, clipSeconds }, {
    ...given,
    ...frozen,
    outputDir: named ?? "runs",
  });
  const args = named
    ? asked
    : new TrainingArguments({ ...asked, outputDir: await freshDirectory(data) });
  return {
    data,
    model,
    recipe,
    args,
    device: deviceOptions(options),
    splits: {
      ...splitsOf(protocol, splits, head !== undefined),
      skipBadFiles: args.skipBadFiles,
    },
    protocol,
    limits: clipLimits(options),
    fitsScores: options["fit-scores"],
    detector,
    adapter: options.adapter,
    teacher: options.teacher,
    clipSeconds,
    head,
    reason,
    featureCache: options["feature-cache"],
    given: { ...given, ...frozen },
    resume,
    overwrite,
    typed: isInParts && !named ? [...line, "--output", args.outputDir] : line,
  };
}

/** A model that takes clips of one length, and is to hear windows, takes clips of a window. */
function windowOfPreset(
  model: string,
  { isDetector, windowSeconds }: DetectorChoice,
): number | undefined {
  const isFixed = isPreset(model) && PRESETS[model].config.max_length !== undefined;
  return isDetector && isFixed ? windowSeconds : undefined;
}

const BUNDLED_DATA = "examples/voice_menu";

/** @throws {UsageError} when the package has no data set of its own with it. */
async function bundledData(): Promise<string> {
  const path = await bundledPath(BUNDLED_DATA);
  if (path !== undefined) return path;
  throw new UsageError('Cannot train: expected argument "--data FOLDER", found none', {
    hint: "The example data set lies in clones of the repository alone",
  });
}

/** A run that is ready to start. */
interface Run {
  extractor: FeatureExtractor;
  plan: TrainPlan;
  data: SplitFolder;
  model: AudioClassificationModel;
  trainer: Trainer;
  progress: ReturnType<typeof trainProgress>;
  sources: Sources;
  notices: ClipNotices;
  /** Aborted at Ctrl-C. */
  signal: AbortSignal;
}

type Sources = { train: BatchSource; validation?: BatchSource; test?: BatchSource };

/** Trains once, or twice where the false alarms of a first pass are trained on; gives the exit code. */
async function trainPasses(plan: TrainPlan, out: Output): Promise<number> {
  const { args, resume } = plan;
  const { outputDir, maxSteps, numTrainEpochs } = args;
  if (isSeveral(plan.protocol)) {
    return await trainSeveral(plan, (run, runOut) => trainInto({ ...plan, ...run }, runOut), out);
  }
  if (!plan.detector.minesNegatives) return await trainInto(plan, out);
  const firstPass = firstPassOf(outputDir);
  const isFirstDone = resume && await isThere(`${firstPass}/config.json`);
  if (!isFirstDone) {
    // Before hours go into the first pass.
    if (!resume) await abandonOutput(await takeOutput(plan));
    const first = new TrainingArguments({
      ...args,
      outputDir: firstPass,
      pushToHub: false,
      // The second pass starts from a whole model.
      saveAdapter: false,
    });
    const code = await trainInto({ ...plan, args: first }, out);
    if (code !== 0) return code;
    await forgetMined(firstPass);
  }
  const hasBegun = isFirstDone && await isThere(outputDir) &&
    (await checkpointSteps(outputDir)).length > 0;
  const half = { maxSteps: Math.ceil(maxSteps / 2), numTrainEpochs: numTrainEpochs / 2 };
  const second = new TrainingArguments({ ...args, ...maxSteps > 0 ? half : { ...half, maxSteps } });
  return await trainInto(
    { ...plan, args: second, model: firstPass, firstPass, resume: hasBegun },
    out,
  );
}

/** Takes the output directory, trains, and lets go of it; gives the exit code. */
async function trainInto(plan: TrainPlan, out: Output): Promise<number> {
  const directory = await takeOutput(plan);
  let isKept = false;
  try {
    const code = await train(plan, directory, out);
    isKept = true;
    return code;
  } finally {
    await (isKept ? directory[Symbol.asyncDispose]() : abandonOutput(directory));
  }
}

async function train(asked: TrainPlan, directory: OutputDirectory, out: Output): Promise<number> {
  const started = performance.now();
  const start = await openStartingModel(
    await modelDirectory(asked.model, out, { online: true }),
    asked,
  );
  const { args: { seed, skipBadFiles, augmentSpeed: speed }, splits, detector } = asked;
  const { samplingRate } = start.extractor;
  const context = { splits, seed, samplingRate, skipBadFiles, speed };
  using loaded = await loadDetectorData(asked.data, detector, context);
  const found = loaded.folder;
  const ordered = withLabels(found, orderedLabels(found.labels, start.labels));
  const { limits } = asked;
  const limited = { ...ordered, splits: limitedSplits(ordered.splits, limits, seed) };
  const kind = limited.splits.train?.kind;
  const device = await useDevice({ ...asked.device, purpose: "training" });
  try {
    out.line(`Device: ${device.description}`);
    if (asked.recipe) out.line(recipeLine(asked.recipe));
    if (asked.reason) out.line(asked.reason);
    for (const note of limited.notes) out.warn(inFlags(note));
    const sound = { ...limited, splits: await soundSplits(limited.splits, asked.args, out) };
    out.line(await dataLine(asked.data, sound));
    const detect = detectorConfig(detector, sound.labels);
    const model = await start.build(sound.labels, seed, kind, detect && { detect });
    const data = await withHardNegatives(sound, { asked, loaded, model, start }, out);
    const plan = withFittingFreeze(withFittingMetric(asked, kind), model);
    const { args } = plan;
    expectMetric(args.metricForBestModel, model);
    out.line(modelLine(plan.model, model));
    warnOfUnused(model, plan.model, out);
    out.event({
      event: "start",
      output: args.outputDir,
      device: device.description,
      model: plan.model,
      parameters: model.parameterCount,
      labels: data.labels,
      clips: Object.fromEntries(
        splitsInOrder(data).map(({ split, clips }) => [split, clips.length]),
      ),
      args,
    });
    const begun = await startOutput(plan, directory);
    const drawn = detector.background === undefined ? undefined : detector.backgroundClass;
    const output = { ...begun, files: [...begun.files ?? [], splitRecord(sound, drawn)] };
    const features = await featureDirectory(plan.featureCache);
    const clips = data.splits.train;
    const teacher = plan.teacher !== undefined && clips
      ? await openTeacher(plan.teacher, { clips, skipBadFiles }, out)
      : undefined;
    const run = prepareRun({ plan, data, model, start, output, loaded, features, teacher }, out);
    const cut = await cutLine(data, args, start.extractor);
    if (cut !== undefined) out.line(cut);
    const trained = [...model.trainable().values()].reduce((sum, { size }) => sum + size, 0);
    if (trained < model.parameterCount) {
      out.line(`Trained: ${parameterText(trained)} parameters, all others stay as they are`);
    }
    const computed = featuresLine(model, args, await run.sources.train.varies?.() ?? false);
    if (computed !== undefined) out.line(computed);
    out.line();
    const finished = await runToEnd(run, started, out);
    teacher?.model.dispose();
    model.dispose();
    return finished ? 0 : interruptedCode(run.signal);
  } finally {
    device.dispose();
  }
}

/** In a second pass, the data with the false alarms of the first. */
async function withHardNegatives(
  data: SplitFolder,
  { asked: { firstPass, detector }, loaded: { stretches, cuts }, model, start }: {
    asked: TrainPlan;
    loaded: DetectorData;
    model: AudioClassificationModel;
    start: StartingModel;
  },
  out: Output,
): Promise<SplitFolder> {
  const { train } = data.splits;
  if (firstPass === undefined || !train || !cuts) return data;
  const { extractor } = start;
  const { windowSeconds, backgroundClass: background } = detector;
  const options = { model, extractor, stretches, cuts, windowSeconds, background, firstPass };
  return { ...data, splits: { ...data.splits, train: await withMined(train, options, out) } };
}

/** Fits what the scores of the trained model mean, into its config. */
async function fitScoresOf({ plan, model, extractor, data }: Run, out: Output): Promise<void> {
  const { outputDir, seed, skipBadFiles, perDeviceEvalBatchSize: batchSize } = plan.args;
  const settings = { isVector: false, rejects: true, batchSize, skipBadFiles, seed };
  const fitted = await fitModelScores({ ...settings, model, extractor, splits: data.splits }, out);
  model.setScores(fitted.config);
  await writeScores(outputDir, fitted.config);
  printScores(fitted, model.labels, out);
}

/** Trains, tests, and says what comes next; false when it was interrupted. */
async function runToEnd(run: Run, started: number, out: Output): Promise<boolean> {
  const { plan, trainer, progress, notices, data } = run;
  const { outputDir } = plan.args;
  const result = await trainer.train({ resumeFromCheckpoint: plan.resume })
    .finally(progress.clear);
  if (result.interrupted) {
    notices.print(out);
    out.warn(`Interrupted at step ${result.globalStep}; its checkpoint is in ${outputDir}`);
    out.warn(`- Go on with: ${resumeCommand(plan.typed, outputDir)}`);
    return false;
  }
  if (plan.fitsScores) await fitScoresOf(run, out);
  const { test, validation } = run.sources;
  const splits = splitsInOrder(data);
  const dataset = data.splits.test ?? data.splits.validation;
  const source = test ?? validation;
  const split = source && dataset && { source, dataset };
  const { model, signal } = run;
  const tested = { model, args: plan.args, trainer, split, data: data.source, splits, signal };
  const metrics = await finalTest(tested, result, out).catch((error) => {
    out.warn(`The trained model is in ${outputDir}, but was not tested`);
    if (!run.signal.aborted) throw error;
  });
  if (!metrics) return false;
  notices.print(out);
  if (plan.args.pushToHub) {
    await printedPush((watch) => trainer.pushToHub(watch), out).catch((error) => {
      out.warn(`The trained model is in ${outputDir}, but was not pushed`);
      out.warn(`- Push it with: ${pushCommand(plan.args)}`);
      throw error;
    });
  }
  const seconds = (performance.now() - started) / 1000;
  out.line(`Done in ${duration(seconds)}; the model is in ${outputDir}\n`);
  const clips = (data.splits.test ?? data.splits.validation ?? data.splits.train)!.clips;
  const clip = clips.find(({ open }) => open === undefined)?.file ?? "path/to/clip.wav";
  const bundled = await bundledPath(BUNDLED_DATA);
  const bundledData = plan.data === bundled ? bundled : undefined;
  const { isDetector } = plan.detector;
  out.line(nextCommands({ model: outputDir, clip, bundledData, isDetector }));
  out.event({ event: "done", output: outputDir, metrics, seconds });
  return true;
}

function prepareRun(
  { plan, data, model, start, output, loaded, features, teacher }:
    & Pick<Run, "plan" | "data" | "model">
    & {
      start: StartingModel;
      output: RunOutput;
      loaded: DetectorData;
      features?: string;
      teacher?: Teacher;
    },
  out: Output,
): Run {
  const { args } = plan;
  const notices = new ClipNotices();
  // Noise of a background comes from what is trained on, not from what is kept for a test.
  const isBackground = args.augmentNoiseDir === plan.detector.background;
  const noiseFiles = isBackground ? loaded.noiseFiles : undefined;
  const make = (split: SplitFolder["splits"]["train"]) =>
    split && clipBatches(split, model, start.extractor, {
      ...clipBatchesOptions(args),
      noiseFiles,
      onNotice: (notice) => notices.add(notice),
    });
  const { splits } = data;
  const trainDataset = make(splits.train);
  if (!trainDataset) {
    throw new DatasetError(`Cannot train on "${plan.data}": expected a training split, found none`);
  }
  const sources = {
    train: trainDataset,
    validation: make(splits.validation),
    test: make(splits.test),
  };
  const validates = sources.validation !== undefined && args.evalStrategy !== "no";
  const progress = trainProgress(out, { notices, validates });
  const signal = interruptSignal();
  const trainer = new Trainer({
    model,
    args,
    trainDataset,
    teacher,
    evalDataset: sources.validation,
    featureExtractor: start.extractor,
    computeMetrics: allMetrics(model.problemType),
    callbacks: plan.head ? [progress, headCallback(plan.head, splits.train!, out)] : [progress],
    onNotice: (message) => out.warn(message),
    featureDirectory: features,
    output,
    signal,
  });
  const { extractor } = start;
  return { extractor, plan, data, model, trainer, progress, sources, notices, signal };
}

/** Clips of one group or recording are judged together. */
function headCallback(
  kind: HeadKind,
  { clips }: AudioDataset,
  out: Output,
): FittedHeadCallback {
  return new FittedHeadCallback({
    kind,
    groupOf: (clip) => groupOf(clips[clip]!),
    onFitted: (head) => {
      const { clips, l2, temperature, neighbours, heldOutLoss } = head;
      out.event({ event: "head", ...head });
      const chosen = {
        linear: `L2 ${l2}`,
        centroid: `temperature ${temperature}`,
        knn: neighbours === 1 ? "the nearest counts" : `the ${neighbours} nearest vote`,
      }[kind];
      const judged = heldOutLoss === undefined ? "" : `, loss ${heldOutLoss.toFixed(4)} left out`;
      out.line(`Head: ${kind}, of ${clips} clips in evaluation mode, ${chosen}${judged}`);
    },
  });
}

async function dataLine(path: string, data: SplitFolder): Promise<string> {
  const parts = await Promise.all(
    splitsInOrder(data).map(async ({ split, clips }) => {
      const seconds = (await clipDurations(clips)).reduce((sum, clip) => sum + clip, 0);
      return `${split} ${clips.length} clips (${duration(seconds)})`;
    }),
  );
  const isMeasured = data.splits.train?.kind === "regression";
  const learnt = isMeasured ? "numbers to learn" : `${data.labels.length} classes`;
  return `Data: ${path}, ${learnt}: ${parts.join(", ")}`;
}

/** How many training clips are longer than what is taken of them; nothing where none is. */
async function cutLine(
  { splits: { train } }: SplitFolder,
  { maxLengthSeconds }: TrainingArguments,
  { fixedSamples, samplingRate }: FeatureExtractor,
): Promise<string | undefined> {
  if (!train) return undefined;
  const most = Math.min(maxLengthSeconds, (fixedSamples ?? Infinity) / samplingRate);
  const longer = (await clipDurations(train.clips)).filter((seconds) => seconds > most).length;
  if (longer === 0) return undefined;
  const what = longer === 1 ? "1 training clip is" : `${longer} training clips are`;
  return `${what} longer than ${
    Number(most.toFixed(2))
  } s: each epoch takes another part of that length`;
}

function modelLine(name: string, model: AudioClassificationModel): string {
  const million = (model.parameterCount / 1e6).toFixed(2);
  const scratch = isPreset(name) ? ", from scratch" : "";
  const line = `Model: ${name} (${model.modelType}), ${million} M parameters${scratch}`;
  const { missing } = model.loading;
  return missing.length > 0 ? `${line}\nNewly initialised: ${missing.join(", ")}` : line;
}

/** A suggested accuracy gives way to the loss where there is none: in a regression. */
function withFittingMetric(plan: TrainPlan, kind: ProblemType | undefined): TrainPlan {
  const { args, given } = plan;
  const isSuggested = given.metricForBestModel === undefined;
  if (kind !== "regression" || !isSuggested || args.metricForBestModel === "loss") return plan;
  const changed = { ...args, metricForBestModel: "loss", greaterIsBetter: false };
  return { ...plan, args: new TrainingArguments(changed) };
}

/** A suggestion to freeze the feature encoder falls away where there is none. */
function withFittingFreeze(plan: TrainPlan, model: AudioClassificationModel): TrainPlan {
  const { args, given } = plan;
  const isSuggested = args.freezeFeatureEncoder && given.freezeFeatureEncoder === undefined;
  if (!isSuggested || model.hasFeatureEncoder) return plan;
  return { ...plan, args: new TrainingArguments({ ...args, freezeFeatureEncoder: false }) };
}

/** @throws {UsageError} where the model's kind of problem has no such metric. */
function expectMetric(
  metric: string,
  { problemType, labels }: Pick<AudioClassificationModel, "problemType" | "labels">,
): void {
  const names = ["loss", ...metricNames(problemType, labels.length)];
  if (names.includes(metric.replace(/^eval_/, ""))) return;
  throw new UsageError(
    `Cannot use argument "--metric-for-best-model": expected ${
      names.join(", ")
    }, found "${metric}"`,
  );
}
