/**
 * `eval`: how well a model does on a split of recordings.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { pathInSource } from "../data/clip_keys.ts";
import { type Device, useDevice } from "../devices.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import { DatasetError } from "../errors.ts";
import { expectWritable } from "../files.ts";
import { AutoFeatureExtractor, filesOf, loadInferenceModel } from "../pretrained.ts";
import { TrainingArguments, viewsOf } from "../train/options/arguments.ts";
import { clipBatches } from "../train/batches/clip_batches.ts";
import { evaluateModel, type Evaluation } from "../train/metrics/evaluation.ts";
import {
  type OptionSpecs,
  type OptionValues,
  type ParsedArguments,
  UsageError,
} from "./_arguments.ts";
import {
  type Command,
  defineCommand,
  DEVICE_OPTIONS,
  deviceOptions,
  expectNoFiles,
  warnOfUnused,
} from "./_command.ts";
import { writeDetectionReport } from "./_detection_report.ts";
import { DETECT_OPTIONS, detectSettings } from "./_detect_options.ts";
import { type DetectionPlan, evaluateDetection } from "./_eval_detection.ts";
import { type ClipLimits, clipLimits, LIMIT_OPTIONS, limited } from "./_clip_limits.ts";
import { ADAPTER_OPTION, HEAD_OPTION, MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import {
  loadSplits,
  SPLIT_OPTIONS,
  type SplitChoice,
  splitChoice,
  splitsInOrder,
} from "./_data.ts";
import {
  expectSameKind,
  type Measures,
  measuresLine,
  measuresOf,
  measuresTables,
} from "./_measures.ts";
import { soundSplits, withSkipHint } from "./_bad_files.ts";
import { ClipNotices } from "./_notices.ts";
import type { Output } from "./_output.ts";
import { writeReport } from "./_report.ts";
import { unknownClips } from "./_unknown_clips.ts";
import { type ScoreFacts, scoreFacts, scoreFactsText } from "./_score_facts.ts";
import { warnOfTrained } from "./_split_record.ts";
import { givenTrainingOptions, trainingOptionSpecs } from "./_training_arguments.ts";

/** The training arguments that mean something here. */
const TRAINING_NAMES = [
  "per-device-eval-batch-size",
  "eval-views",
  "eval-view-shift-seconds",
  "skip-bad-files",
  "seed",
] as const;

/** The options of the commands that measure a model. */
export const EVAL_OPTIONS = {
  ...MODEL_OPTION,
  ...HEAD_OPTION,
  ...ADAPTER_OPTION,
  data: {
    kind: "string",
    value: "DIR|FILE|ID",
    required: true,
    help: "folder, Parquet, CSV or JSONL file, or hub id",
  },
  split: { kind: "string", default: "test", help: "train, validation, test or all" },
  "max-eval-samples": LIMIT_OPTIONS["max-eval-samples"],
  annotations: {
    kind: "string",
    value: "FILE|DIR",
    help: "what is where in recordings of any length: detect in them, and measure that",
  },
  "wake-word": {
    kind: "string",
    value: "LABEL",
    help: "with annotations: false accepts of this class against its misses",
  },
  ...DETECT_OPTIONS,
  ...DEVICE_OPTIONS,
  ...SPLIT_OPTIONS,
} as const satisfies OptionSpecs;

/** Those of them that are training arguments. */
export const EVAL_OTHERS: OptionSpecs = Object.fromEntries(
  TRAINING_NAMES.map((name) => [name, trainingOptionSpecs()[name]!]),
);

/** `eval` on the command line. */
export const command: Command = defineCommand({
  usage: "eval [--model DIR|ID] --data DIR|FILE|ID [--split test]",
  options: EVAL_OPTIONS,
  others: EVAL_OTHERS,
  examples: [
    "eval --data examples/voice_menu",
    "eval --model my-model --data path/to/recordings --split validation --json",
    "eval --model my-model --data path/to/streams --annotations path/to/streams/annotations.csv",
  ],
  run: (parsed, out) => measure(parsed, out),
});

/**
 * Measures a model on a split.
 *
 * @param page the page to write, if one is.
 */
export async function measure(
  { options, others, files }: ParsedArguments<typeof EVAL_OPTIONS>,
  out: Output,
  page?: ReportPage,
): Promise<number> {
  expectNoFiles(files);
  if (page !== undefined) await expectWritable(page.file);
  const args = new TrainingArguments({ outputDir: ".", ...givenTrainingOptions(others) });
  const detection = detectionPlan(options);
  const plan: EvalPlan = {
    data: options.data,
    split: options.split,
    splits: { ...splitChoice(options), skipBadFiles: args.skipBadFiles },
    args,
    model: await modelOrBundled(options.model, out),
    head: options.head,
    adapter: options.adapter,
    name: options.model ?? "voice_menu",
    limits: clipLimits(options),
    page,
  };
  const device = await useDevice(deviceOptions(options, { threads: 0 }));
  try {
    if (detection) {
      await evaluateDetection(plan, detection, out, async (found, model) => {
        if (page === undefined) return;
        const { name, model: directory } = plan;
        await writeDetectionReport(page.file, {
          ...found,
          model,
          name,
          directory,
          data: plan.data,
        });
        out.warn(`Report: ${page.file}`);
      });
      return 0;
    }
    await evaluate(plan, device, out).catch((error) => {
      throw withSkipHint(error);
    });
    return 0;
  } finally {
    device.dispose();
  }
}

/** What is to be detected, where annotations are given; the options of detection need them. */
function detectionPlan(
  options: OptionValues<typeof EVAL_OPTIONS>,
): DetectionPlan | undefined {
  const { data, annotations, "wake-word": wakeWord } = options;
  const settings = detectSettings(options);
  if (annotations !== undefined) return { data, annotations, settings, wakeWord };
  const own = ["wake-word", ...Object.keys(DETECT_OPTIONS)] as (keyof typeof options)[];
  const alone = own.find((name) => options[name] !== undefined);
  if (alone === undefined) return undefined;
  throw new UsageError(`Cannot use argument "--${alone}": expected "--annotations FILE" with it`);
}

interface EvalPlan {
  model: string;
  /** A head in the place of the model's own. */
  head?: string;
  /** Low-rank changes that go onto the model. */
  adapter?: string;
  data: string;
  split: string;
  splits: SplitChoice;
  args: TrainingArguments;
  /** What the user calls the model. */
  name: string;
  limits: ClipLimits;
  /** A page to look at. */
  page?: ReportPage;
}

/** Where a page goes, and what is on it beside the split. */
export interface ReportPage {
  file: string;
  /** A folder of clips of none of the classes. */
  unknown?: string;
}

async function evaluate(plan: EvalPlan, device: Device, out: Output): Promise<void> {
  await withEvaluation(plan, device, out, async (found) => {
    const { model, dataset } = found;
    const fittedScores = scoreFacts(model, `${plan.model}/config.json`);
    print({ ...measuresOf(found.evaluation, model), ...fittedScores && { fittedScores } }, out);
    if (plan.page === undefined) return;
    const { file } = plan.page;
    const unknown = await unknownEvaluation(plan.page, found, plan, out);
    const run = { ...found, unknown, name: plan.name, directory: plan.model, splits: [dataset] };
    await writeReport(file, run);
    out.warn(`Report: ${file}`);
  });
}

/** What the model says to clips of none of its classes, where there are such. */
async function unknownEvaluation(
  { unknown }: ReportPage,
  { model, extractor, dataset }: Evaluated,
  { args }: EvalPlan,
  out: Output,
): Promise<Evaluation | undefined> {
  if (unknown === undefined) return undefined;
  const clips = await unknownClips(unknown, model.labels, [dataset]);
  const source = clipBatches(clips, model, extractor, { skipBadFiles: args.skipBadFiles });
  const tick = out.progress("Unknown clips", source.size);
  const batchSize = args.perDeviceEvalBatchSize;
  return await evaluateModel(model, source, { batchSize, onClips: tick, outputFeatures: true })
    .finally(() => tick(undefined));
}

/** A model, the clips that it was measured on, and its scores. */
export interface Evaluated {
  extractor: FeatureExtractor;
  model: InferenceModel;
  dataset: AudioDataset;
  evaluation: Evaluation;
}

/** Scores a split with a model, and calls `use` before the model goes. */
export async function withEvaluation(
  plan: Pick<
    EvalPlan,
    "model" | "head" | "adapter" | "data" | "split" | "splits" | "args" | "limits" | "page"
  >,
  device: Device,
  out: Output,
  use: (found: Evaluated) => Promise<void>,
): Promise<void> {
  const { model: directory, args } = plan;
  const files = await filesOf(directory, { head: plan.head, adapter: plan.adapter, offline: true });
  const extractor = await AutoFeatureExtractor.fromPretrained(files);
  const model = await loadInferenceModel(files);
  try {
    model.expectComplete(directory);
    warnOfUnused(model, directory, out);
    const found = await datasetOf(plan, model.labels, out);
    const asked = limited(found, plan.limits.test, args.seed);
    expectSameKind(asked, model);
    const { dataset } = await soundSplits({ dataset: asked }, args, out);
    out.warn(`Device: ${device.description}`);
    if (plan.split !== "train") {
      const clips = dataset.clips.map(({ file }) => ({ file: pathInSource(file, plan.data) }));
      await warnOfTrained({ directory, data: plan.data }, clips, out);
    }
    const notices = new ClipNotices();
    const source = clipBatches(dataset, model, extractor, {
      skipBadFiles: args.skipBadFiles,
      onNotice: (notice) => notices.add(notice),
    });
    const tick = out.progress("Evaluating", source.size);
    const batchSize = args.perDeviceEvalBatchSize;
    const evaluation = await evaluateModel(model, source, {
      ...{ batchSize, onClips: tick },
      outputFeatures: plan.page !== undefined,
      views: viewsOf(args),
    });
    tick(undefined);
    notices.print(out);
    await use({ extractor, model, dataset, evaluation });
  } finally {
    model.dispose();
  }
}

async function datasetOf(
  { data, split, splits, args }: Pick<EvalPlan, "data" | "split" | "splits" | "args">,
  labels: readonly string[],
  out: Output,
): Promise<AudioDataset> {
  const whole = split === "all" ? { testSize: 0, validationSize: 0 } : {};
  const validationSize = split === "test" ? 0 : splits.validationSize;
  const folder = await loadSplits(data, {
    ...splits,
    validationSize,
    ...whole,
    labels,
    seed: args.seed,
  });
  const found = splitsInOrder(folder);
  if (split === "all") {
    return { ...found[0]!, split, labels, clips: found.flatMap(({ clips }) => clips) };
  }
  if (folder.drawn) {
    out.warn(`"${data}" has no splits: "${split}" is what train draws with seed ${args.seed}`);
    out.warn("- Give --split all to measure on every clip");
  }
  const dataset = found.find((set) => set.split === split);
  if (dataset) return dataset;
  const names = found.map((set) => set.split).join(", ");
  throw new DatasetError(
    `Cannot evaluate on "${data}": expected split "${split}", found ${names}`,
    { file: data, hint: "Name another one with --split, or all of them with --split all" },
  );
}

/** One object with every figure, its metrics at the top. */
function print(measures: Measures & { fittedScores?: ScoreFacts }, out: Output): void {
  const { metrics, ...rest } = measures;
  const tables = measuresTables(measures);
  if (tables) out.line(`${tables}\n`);
  out.line(out.strong(measuresLine(measures)));
  const { fittedScores } = measures;
  if (fittedScores) {
    out.line(`Of the model's own scores, without what was fitted: ${scoreFactsText(fittedScores)}`);
  }
  out.event({ ...metrics, ...rest });
}
