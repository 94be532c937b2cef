/**
 * `compare`: whether one of two models is better, or it can be chance.
 *
 * @module
 */
import { pathInSource } from "../data/clip_keys.ts";
import { type Device, useDevice } from "../devices.ts";
import { directoryFiles } from "../files.ts";
import { pairedRuns } from "../train/metrics/repeated_runs.ts";
import { TrainingArguments } from "../train/options/arguments.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";
import { type ClipLimits, clipLimits, LIMIT_OPTIONS } from "./_clip_limits.ts";
import { defineCommand, DEVICE_OPTIONS, deviceOptions, isThere } from "./_command.ts";
import type { Command } from "./_command.ts";
import { type Comparison, comparisonOf, comparisonText, pairedClips } from "./_comparison.ts";
import {
  pairedSets,
  type SetComparison,
  setComparisonOf,
  setComparisonText,
} from "./_set_comparison.ts";
import {
  loadSplits,
  SPLIT_OPTIONS,
  type SplitChoice,
  splitChoice,
  splitsInOrder,
} from "./_data.ts";
import { withSkipHint } from "./_bad_files.ts";
import { modelDirectory } from "./_model_directory.ts";
import type { Output } from "./_output.ts";
import {
  labelsOfClip,
  type PredictedClip,
  predictedClips,
  PREDICTIONS_FILE,
  readPredictions,
} from "./_predictions.ts";
import { type RunsReport, SUMMARY_FILE } from "./_runs_report.ts";
import { givenTrainingOptions } from "./_training_arguments.ts";
import { EVAL_OTHERS, withEvaluation } from "./eval.ts";

const OPTIONS = {
  data: {
    kind: "string",
    value: "DIR|FILE|ID",
    help: "clips to measure models on (what train has kept of its test clips)",
  },
  split: { kind: "string", default: "test", help: "train, validation, test or all" },
  "max-eval-samples": LIMIT_OPTIONS["max-eval-samples"],
  ...DEVICE_OPTIONS,
  ...SPLIT_OPTIONS,
} as const satisfies OptionSpecs;

/** `compare` on the command line. */
export const command: Command = defineCommand({
  usage: "compare A B [--data DIR|FILE|ID] [--split test]",
  options: OPTIONS,
  others: EVAL_OTHERS,
  examples: [
    "compare model-a model-b --data path/to/recordings",
    "compare model-a model-b --data path/to/recordings --split-file model-a/split.csv --json",
    "compare folds-a folds-b",
  ],
  note:
    "A and B are models, directories of train --folds, or files of predict --json. Without --data\n" +
    "what train wrote beside both (predictions.jsonl) is compared.",
  run: async ({ options, others, files }, out) => {
    if (files.length !== 2) {
      throw new UsageError(
        `Cannot compare: expected two models or files of predictions, found ${files.length}`,
      );
    }
    const args = new TrainingArguments({ outputDir: ".", ...givenTrainingOptions(others) });
    const plan: ComparePlan = {
      data: options.data,
      split: options.split,
      splits: { ...splitChoice(options), skipBadFiles: args.skipBadFiles },
      limits: clipLimits(options),
      args,
    };
    await compare([files[0]!, files[1]!], { plan, options }, out).catch((error) => {
      throw withSkipHint(error);
    });
    return 0;
  },
});

interface ComparePlan {
  data?: string;
  split: string;
  splits: SplitChoice;
  limits: ClipLimits;
  args: TrainingArguments;
}

async function compare(
  names: readonly [string, string],
  { plan, options }: { plan: ComparePlan; options: OptionValues<typeof DEVICE_OPTIONS> },
  out: Output,
): Promise<void> {
  let device: Device | undefined;
  const used = async () => device ??= await useDevice(deviceOptions(options, { threads: 0 }));
  try {
    const first = await clipsOf(names[0], plan, used, out);
    const second = await clipsOf(names[1], plan, used, out);
    const labels = await labelsOf([first, second], plan);
    const { comparison, text } = comparedBy([first, second], { names, labels }, out);
    out.line(text);
    const folds = await foldsDifference(names);
    if (folds) out.line(foldsText(folds));
    out.event({ ...comparison, ...folds && { folds } });
  } finally {
    device?.dispose();
  }
}

/** The figures of both: of one label a clip, or of any number where either side or the data says so. */
function comparedBy(
  sides: readonly [PredictedClip[], PredictedClip[]],
  { names, labels }: { names: readonly [string, string]; labels: KnownLabels },
  out: Output,
): { comparison: Comparison | SetComparison; text: string } {
  const isSeveral = labels.several.size > 0 ||
    sides.some((clips) => clips.some(({ labels }) => labels !== undefined));
  const single = sides.flat().find(({ label }) => label !== undefined);
  if (isSeveral && single) {
    throw new UsageError(
      `Cannot compare "${names[0]}" and "${
        names[1]
      }": expected clips of one label or of several, found both`,
    );
  }
  const warn = (unpaired: number) => {
    if (unpaired > 0) out.warn(`Warning: ${unpaired} clips are of one of both alone, and left out`);
  };
  if (isSeveral) {
    const { clips, unpaired } = pairedSets(sides, names, labels.several);
    warn(unpaired);
    const comparison = setComparisonOf(clips, names);
    return { comparison, text: setComparisonText(comparison) };
  }
  const { clips, unpaired } = pairedClips(sides, names, labels.single);
  warn(unpaired);
  const comparison = comparisonOf(clips, names);
  return { comparison, text: comparisonText(comparison) };
}

/** The predictions of a file, of what train has kept, or of a model on the data. */
async function clipsOf(
  name: string,
  plan: ComparePlan,
  useDevice: () => Promise<Device>,
  out: Output,
): Promise<PredictedClip[]> {
  const { data } = plan;
  const path = await predictionsPath(name, data);
  if (path !== undefined) {
    const clips = await readPredictions(path);
    return clips.map((clip) => ({ ...clip, file: pathInSource(clip.file, data ?? "") }));
  }
  if (data === undefined) {
    throw new UsageError(
      `Cannot compare "${name}": expected argument "--data DIR", or ${PREDICTIONS_FILE} in it, found none`,
    );
  }
  const model = await modelDirectory(name, out);
  const found: PredictedClip[] = [];
  await withEvaluation({ ...plan, data, model }, await useDevice(), out, (evaluated) => {
    const { evaluation, dataset, model: { problemType } } = evaluated;
    if (problemType === "regression") {
      throw new UsageError(
        `Cannot compare "${name}": expected labels, found a model of problem type "${problemType}"`,
      );
    }
    found.push(...predictedClips(evaluation, dataset, data));
    return Promise.resolve();
  });
  return found;
}

/** The file of predictions that a name stands for; undefined for a model that is to be run. */
async function predictionsPath(name: string, data?: string): Promise<string | undefined> {
  if (!await isThere(name)) return undefined;
  if ((await Deno.stat(name)).isFile) return name;
  const [isModel, kept] = [await isThere(`${name}/config.json`), `${name}/${PREDICTIONS_FILE}`];
  const isAsked = data === undefined || !isModel;
  return isAsked && await isThere(kept) ? kept : undefined;
}

/** Labels by file: of clips with one, or with any number of them. */
interface KnownLabels {
  single: Map<string, string>;
  several: Map<string, string[]>;
}

/** The labels of the data, where predictions do not state them. */
async function labelsOf(
  sides: readonly PredictedClip[][],
  { data, splits, args }: ComparePlan,
): Promise<KnownLabels> {
  const known: KnownLabels = { single: new Map(), several: new Map() };
  const isStated = sides.some((clips) =>
    clips.every(({ label, labels }) => label !== undefined || labels !== undefined)
  );
  if (isStated || data === undefined) return known;
  const folder = await loadSplits(data, { ...splits, seed: args.seed });
  for (const dataset of splitsInOrder(folder)) {
    const { clips, labels, kind } = dataset;
    clips.forEach(({ file, label }, i) => {
      const path = pathInSource(file, data);
      if (kind === "multi_label_classification") known.several.set(path, labelsOfClip(dataset, i));
      else known.single.set(path, labels[label]!);
    });
  }
  return known;
}

/** The difference over folds, where both were measured on the same ones. */
interface FoldsDifference {
  runs: number;
  mean: number;
  low: number;
  high: number;
  p?: number;
}

async function foldsDifference(
  names: readonly [string, string],
): Promise<FoldsDifference | undefined> {
  const reports: RunsReport[] = [];
  for (const name of names) {
    const isSummed = await isThere(`${name}/${SUMMARY_FILE}`) &&
      await isThere(`${name}/${PREDICTIONS_FILE}`);
    if (!isSummed) return undefined;
    reports.push(await readJsonFile(directoryFiles(name), SUMMARY_FILE) as unknown as RunsReport);
  }
  const [a, b] = reports as [RunsReport, RunsReport];
  const runsOf = ({ runs }: RunsReport) =>
    runs.map(({ name, samples }) => `${name} ${samples}`).join();
  if (runsOf(a) !== runsOf(b)) return undefined;
  const accuracies = ({ runs }: RunsReport) => runs.map(({ metrics }) => metrics.accuracy!);
  const { testRatio } = a.interval;
  const { mean, low, high, p } = pairedRuns(accuracies(a), accuracies(b), { testRatio });
  if (low === undefined || high === undefined) return undefined;
  return { runs: a.runs.length, mean, low, high, p };
}

function foldsText({ runs, mean, low, high, p }: FoldsDifference): string {
  const shown = [mean, low, high].map((value) => (100 * value).toFixed(2));
  const chance = p === undefined ? "" : `, p = ${p.toFixed(4)}`;
  return `Over ${runs} folds: accuracy B - A ${shown[0]} (95 % interval ${shown[1]} to ${
    shown[2]
  })` +
    `${chance}, t-test of pairs corrected after Nadeau and Bengio`;
}
