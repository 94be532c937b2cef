/**
 * What several runs come to: each run's figures, their mean, deviation and interval, and all held-out clips together.
 *
 * @module
 */
import { readSplitFile, SPLIT_FILE } from "../data/split_file.ts";
import { directoryFiles } from "../files.ts";
import { wilsonInterval } from "../report/mod.ts";
import { type RunsSummary, summaryOfRuns } from "../train/metrics/repeated_runs.ts";
import { readJsonFile } from "../weights/json_file.ts";
import type { SplitFolder } from "./_data.ts";
import { table } from "./_output.ts";
import type { PlannedRun, Protocol } from "./_protocol.ts";

/** What the figures are called beside the runs. */
export const SUMMARY_FILE = "summary.json";

/** A run that is done. */
export interface FinishedRun {
  /** Its directory in that of all. */
  name: string;
  seed: number;
  repeat: number;
  fold?: string;
  shots?: number;
  /** Clips it was trained on. */
  trained: number;
  /** Clips it was tested on. */
  samples: number;
  metrics: Record<string, number>;
}

/** Figures of the runs that differ in seed or fold alone. */
export interface RunsGroup {
  shots?: number;
  /** How many figures the mean is of. */
  runs: number;
  metrics: Record<string, RunsSummary>;
}

/** Everything, as it is written and given to programs. */
export interface RunsReport {
  data: string;
  model: string;
  folds?: number;
  foldBy?: string;
  groupBy?: string;
  repeat: number;
  /** How the interval is made. */
  interval: { level: number; method: string; testRatio: number };
  groups: RunsGroup[];
  /** Accuracy over all clips, each held out once. */
  heldOut?: { clips: number; accuracy: number; low: number; high: number };
  runs: FinishedRun[];
}

/** Figures of the computer, and what is not of one clip or another. */
const NOT_MEASURED = /^(runtime|samples|epoch|accuracy_low|accuracy_high)$|_per_second$/;

/** Reads what a run has written. */
export async function finishedRun(
  root: string,
  { name, repeat, fold, shots }: PlannedRun,
  seed: number,
): Promise<FinishedRun> {
  const directory = `${root}/${name}`;
  const rows = await readSplitFile(`${directory}/${SPLIT_FILE}`);
  const prefix = rows.some(({ split }) => split === "test") ? "test" : "eval";
  const found = await readJsonFile(directoryFiles(directory), `${prefix}_results.json`);
  const entries = Object.entries(found).flatMap(([key, value]) => {
    const own = key.slice(prefix.length + 1);
    const isFigure = key.startsWith(`${prefix}_`) && typeof value === "number";
    return isFigure && !NOT_MEASURED.test(own) ? [[own, value] as const] : [];
  });
  return {
    name,
    seed,
    repeat,
    fold,
    shots,
    trained: rows.filter(({ split }) => split === "train").length,
    samples: Number(found[`${prefix}_samples`]),
    metrics: Object.fromEntries(entries),
  };
}

const LEVEL = 0.95;

/** All figures together. */
export function runsReport(
  { data, model, protocol, splits: { groupBy } }: {
    data: string;
    model: string;
    protocol: Protocol;
    splits: { groupBy?: string };
  },
  runs: readonly FinishedRun[],
  folder: SplitFolder,
): RunsReport {
  const { folds, foldBy, repeat } = protocol;
  const interval = intervalOf(protocol, runs, folder);
  const groups = [...Map.groupBy(runs, ({ shots }) => shots)].map(([shots, own]): RunsGroup => {
    const figures = figuresOf(own, foldBy !== undefined);
    const metrics = Object.entries(figures).map(([name, values]) => [
      name,
      withinRange(name, summaryOfRuns(values, { level: LEVEL, testRatio: interval.testRatio })),
    ]);
    const [values = []] = Object.values(figures);
    return { shots, runs: values.length, metrics: Object.fromEntries(metrics) };
  });
  const heldOut = groups.length === 1 && repeat === 1 ? heldOutOf(runs) : undefined;
  return {
    data,
    model,
    folds,
    foldBy,
    groupBy,
    repeat,
    interval,
    groups,
    heldOut,
    runs: [...runs],
  };
}

/** What can be above 1; all other figures are shares. */
const UNBOUNDED = /^(loss|mae|rmse)$/;

/** The part of an interval where the figure can lie. */
function withinRange(name: string, summary: RunsSummary): RunsSummary {
  const { low, high } = summary;
  if (low === undefined || high === undefined) return summary;
  const most = UNBOUNDED.test(name) ? Infinity : 1;
  return { ...summary, low: Math.max(0, low), high: Math.min(most, high) };
}

/** The figures of each run by name; those of one given fold are one, their mean. */
function figuresOf(runs: readonly FinishedRun[], byFold: boolean): Record<string, number[]> {
  const names = Object.keys(runs[0]!.metrics).filter((name) =>
    runs.every((run) => name in run.metrics)
  );
  const parts = byFold
    ? [...Map.groupBy(runs, ({ fold }) => fold).values()]
    : runs.map((run) => [run]);
  const figures = names.map((name) => {
    const values = parts.map((part) => {
      return part.reduce((sum, { metrics }) => sum + metrics[name]!, 0) / part.length;
    });
    return [name, values] as const;
  });
  return Object.fromEntries(figures);
}

function intervalOf(
  { folds, foldBy, shots }: Protocol,
  runs: readonly FinishedRun[],
  { drawn, splits: { train, validation, test } }: SplitFolder,
): RunsReport["interval"] {
  const corrected = "Student's t, corrected for training clips in common (Nadeau and Bengio 2003)";
  if (folds !== undefined || foldBy !== undefined) {
    const count = new Set(runs.map(({ fold }) => fold)).size;
    return { level: LEVEL, method: corrected, testRatio: 1 / (count - 1) };
  }
  if (shots.length > 0) {
    // A few clips of many are hardly ever the same ones.
    const method = "Student's t over the draws of clips, as few-shot papers give it";
    return { level: LEVEL, method, testRatio: 0 };
  }
  if (!drawn) {
    const method =
      "Student's t over runs on the same test clips: of other seeds, not of other clips";
    return { level: LEVEL, method, testRatio: 0 };
  }
  const trained = (train?.clips.length ?? 0) + (validation?.clips.length ?? 0);
  return { level: LEVEL, method: corrected, testRatio: (test?.clips.length ?? 0) / trained };
}

/** Every clip is held out in one run: together they are one test of all clips. */
function heldOutOf(runs: readonly FinishedRun[]): RunsReport["heldOut"] {
  const isAll = runs.every(({ fold, metrics }) => fold !== undefined && "accuracy" in metrics);
  if (!isAll) return undefined;
  const clips = runs.reduce((sum, { samples }) => sum + samples, 0);
  const accuracy = runs.reduce((sum, run) => sum + run.metrics.accuracy! * run.samples, 0) / clips;
  const [low, high] = wilsonInterval(accuracy, clips);
  return { clips, accuracy, low, high };
}

/** Figures that are shown; the file has all. */
const SHOWN: readonly [name: string, title: string][] = [
  ["accuracy", "Accuracy"],
  ["f1_macro", "Macro F1"],
  ["roc_auc", "ROC AUC"],
  ["mae", "Mean error"],
  ["loss", "Loss"],
];

/** So many runs are listed one by one. */
const MAX_LISTED_RUNS = 40;

/** The tables for people. */
export function runsTables({ runs, groups, heldOut, interval }: RunsReport): string {
  const shown = SHOWN.filter(([name]) => name in groups[0]!.metrics);
  const each = runs.map(({ name, trained, samples, metrics }) => [
    name,
    trained,
    samples,
    ...shown.map(([key]) => metrics[key]!.toFixed(4)),
  ]);
  const list = runs.length > MAX_LISTED_RUNS
    ? []
    : [table(["Run", "Trained on", "Tested on", ...shown.map(([, title]) => title)], each), ""];
  const rows = groups.flatMap(({ shots, runs: count, metrics }) =>
    shown.map(([key, title]) => [
      ...groups.length > 1 ? [shots!] : [],
      title,
      count,
      ...summaryCells(metrics[key]!),
    ])
  );
  const heading = ["Figure", "Runs", "Mean", "Deviation", "95 % interval"];
  const all = table(groups.length > 1 ? ["Clips a class", ...heading] : heading, rows);
  const pooled = heldOut
    ? [
      `All ${heldOut.clips} clips, each held out once: accuracy ${percent(heldOut.accuracy)} % ` +
      `(95 % interval ${percent(heldOut.low)} to ${percent(heldOut.high)} %, Wilson)`,
    ]
    : [];
  return [...list, all, "", `Interval: ${interval.method}`, ...pooled].join("\n");
}

function summaryCells({ mean, deviation, low, high }: RunsSummary): string[] {
  if (deviation === undefined) return [mean.toFixed(4), "-", "-"];
  const half = Math.min(mean - low!, high! - mean);
  // One that is cut off where the figure ends lies to one side.
  const isEven = Math.abs(high! - mean - half) < 1e-9 && Math.abs(mean - low! - half) < 1e-9;
  const reach = isEven ? `± ${half.toFixed(4)}, ` : "";
  return [
    mean.toFixed(4),
    deviation.toFixed(4),
    `${reach}${low!.toFixed(4)} to ${high!.toFixed(4)}`,
  ];
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}
