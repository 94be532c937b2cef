/**
 * Training several times: once for each fold, with other seeds, or on more and more clips; then all figures together.
 *
 * Each run is one of `train` in a directory of its own, so that what one run writes, keeps and resumes holds for all. No model
 * is trained on all clips at the end: nothing could be said of it, and one more command makes it.
 *
 * @module
 */
import { SPLIT_FILE, splitCsv, splitRowsOf } from "../data/split_file.ts";
import { DatasetError } from "../errors.ts";
import { directoryFiles, writeFileAtomic } from "../files.ts";
import { checkpointSteps } from "../train/checkpoints/checkpoint.ts";
import { OutputDirectory } from "../train/checkpoints/output_directory.ts";
import { TrainingArguments } from "../train/options/arguments.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { UsageError } from "./_arguments.ts";
import { isThere } from "./_command.ts";
import { foldsOfFolder, loadSplits, type SplitFolder } from "./_data.ts";
import type { Output } from "./_output.ts";
import { predictionLines, PREDICTIONS_FILE, readPredictions } from "./_predictions.ts";
import { type PlannedRun, plannedRuns, type Protocol, splitsOfRun } from "./_protocol.ts";
import {
  type FinishedRun,
  finishedRun,
  type RunsReport,
  runsReport,
  runsTables,
  SUMMARY_FILE,
} from "./_runs_report.ts";
import { abandonOutput, type OutputPlan } from "./_train_directory.ts";
import { allClipsCommand } from "./_train_output.ts";

/** What all runs have in common. */
export interface SeveralPlan extends OutputPlan {
  protocol: Protocol;
  /** The command line. */
  typed: readonly string[];
}

/** What is different in one run. */
export type OneRun = Pick<OutputPlan, "args" | "splits" | "resume" | "overwrite">;

/** Trains once; gives the exit code. */
export type TrainOnce = (run: OneRun, out: Output) => Promise<number>;

/** Trains all runs, and prints and writes what they come to; gives the exit code. */
export async function trainSeveral(
  plan: SeveralPlan,
  once: TrainOnce,
  out: Output,
): Promise<number> {
  const { args: { outputDir: root } } = plan;
  const { runs, folder } = await checkedRuns(plan);
  await expectFreeRoot(plan);
  const directory = await OutputDirectory.take(root);
  try {
    if (plan.overwrite) await forgetSummary(root, runs);
    out.line(headLine(plan, runs));
    const finished: FinishedRun[] = [];
    const warned = new Set<string>();
    for (const [i, run] of runs.entries()) {
      const title = `Run ${i + 1} of ${runs.length} (${run.name})`;
      const code = await trainRun(plan, run, once, runOutput(out, run, { title, warned }));
      if (code !== 0) return code;
      const result = await finishedRun(root, run, seedOf(plan, run));
      finished.push(result);
      out.line(`${title}: ${resultText(result)}`);
    }
    const report = runsReport(plan, finished, folder);
    await writeSummary(plan, { report, runs, folder });
    out.line(`\n${runsTables(report)}`);
    out.line(`\nSummary: ${root}/${SUMMARY_FILE}`);
    out.line("No model of all clips was trained; this does it:");
    out.line(`  ${allClipsCommand(plan.typed)}`);
    out.event({ event: "summary", ...report });
    return 0;
  } finally {
    await abandonOutput(directory);
  }
}

/** The runs, whose data are loaded once each, so that no run fails after hours for want of clips. */
async function checkedRuns(
  { data, splits, args: { seed }, protocol }: SeveralPlan,
): Promise<{ runs: PlannedRun[]; folder: SplitFolder }> {
  const { folds, foldBy } = protocol;
  const isFolded = folds !== undefined || foldBy !== undefined;
  const whole = isFolded ? { testSize: 0, validationSize: 0 } : {};
  const folder = await loadSplits(data, { ...splits, ...whole, seed, online: true });
  const { test, validation } = folder.splits;
  if (!isFolded && !test && !validation) {
    throw new DatasetError(
      `Cannot train several times on "${data}": expected clips to test on, found none`,
      { hint: "Hold some back with `testSize`" },
    );
  }
  const dealt = isFolded
    ? foldsOfFolder(folder, { folds, seed, stratify: splits.stratify })
    : undefined;
  const runs = plannedRuns(protocol, dealt?.folds.names);
  for (const run of runs) {
    if (run.repeat > 0) continue;
    await loadSplits(data, { ...splitsOfRun(splits, run), seed, online: true });
  }
  return { runs, folder };
}

function headLine({ data, model, protocol }: SeveralPlan, runs: readonly PlannedRun[]): string {
  const { folds, foldBy, repeat, shots } = protocol;
  const parts = [
    folds !== undefined && `${folds} folds`,
    foldBy !== undefined && `folds by ${foldBy}`,
    shots.length > 0 && `${shots.join(", ")} clips a class`,
    repeat > 1 && `${repeat} times`,
  ].filter((part) => part);
  return `Data: ${data}; model: ${model}; ${runs.length} runs: ${parts.join(", ")}`;
}

/** Warnings, each once, and progress; figures come when all runs are done. */
function runOutput(
  out: Output,
  { name }: PlannedRun,
  { title, warned }: { title: string; warned: Set<string> },
): Output {
  return {
    ...out,
    line: () => {},
    warn: (text) => {
      if (!warned.has(text)) out.warn(text);
      warned.add(text);
    },
    event: (object) => out.event({ run: name, ...object }),
    progress: (label, total) => out.progress(`${title}: ${label}`, total),
  };
}

function resultText({ metrics, samples }: FinishedRun): string {
  const shown = ["accuracy", "f1_macro", "mae", "loss"].filter((name) => name in metrics);
  const figures = shown.map((name) => `${name} ${metrics[name]!.toFixed(4)}`);
  return [...figures, `${samples} clips`].join(", ");
}

function seedOf({ args }: Pick<SeveralPlan, "args">, { repeat }: PlannedRun): number {
  return args.seed + repeat;
}

async function trainRun(
  plan: SeveralPlan,
  run: PlannedRun,
  once: TrainOnce,
  out: Output,
): Promise<number> {
  const outputDir = `${plan.args.outputDir}/${run.name}`;
  const seed = seedOf(plan, run);
  const args = new TrainingArguments({ ...plan.args, outputDir, seed });
  const splits = splitsOfRun(plan.splits, run);
  if (!plan.resume) {
    return await once({ args, splits, resume: false, overwrite: plan.overwrite }, out);
  }
  if (await isDone(outputDir)) {
    await expectSame(outputDir, { ...plan, args });
    return 0;
  }
  const resume = (await checkpointStepsIfThere(outputDir)).length > 0;
  return await once({ args, splits, resume, overwrite: !resume }, out);
}

async function checkpointStepsIfThere(directory: string): Promise<number[]> {
  return await isThere(directory) ? await checkpointSteps(directory) : [];
}

/** Whether a run is trained and tested. Its predictions are the last that is written before the report. */
async function isDone(directory: string): Promise<boolean> {
  return await isThere(`${directory}/config.json`) && await isThere(`${directory}/report.html`);
}

/** @throws {UsageError} where a run that is done was another. */
async function expectSame(
  directory: string,
  { data, model, args }: Pick<SeveralPlan, "data" | "model" | "args">,
): Promise<void> {
  const found = await readJsonFile(directoryFiles(directory), "training_args.json");
  const { seed, numTrainEpochs, maxSteps, learningRate } = args;
  const wanted = { data, model, seed, numTrainEpochs, maxSteps, learningRate };
  for (const [name, value] of Object.entries(wanted)) {
    if (found[name] === value) continue;
    throw new UsageError(
      `Cannot go on in "${directory}": expected a run with ${name} ${value}, found ${found[name]}`,
      { hint: "Give the arguments of the runs that are done, or --overwrite to train all anew" },
    );
  }
}

/** @throws {UsageError} where there are runs, or a model, and nothing is said of them; or nothing to go on with. */
async function expectFreeRoot({ args, resume, overwrite }: SeveralPlan): Promise<void> {
  const { outputDir: root } = args;
  if (!await isThere(root)) {
    if (!resume) return;
    throw new UsageError(`Cannot resume in "${root}": expected runs, found no such directory`);
  }
  if (await isThere(`${root}/config.json`)) {
    throw new UsageError(`Cannot train several times into "${root}": found a model in it`, {
      hint: "Give another --output",
    });
  }
  if (resume || overwrite) return;
  for await (const { name, isDirectory } of Deno.readDir(root)) {
    if (!isDirectory && name !== SUMMARY_FILE || !RUN_NAME.test(name) && isDirectory) continue;
    throw new UsageError(
      `Cannot train into "${root}": expected a new directory, found "${name}" in it`,
      { hint: "Give --resume to go on, --overwrite to replace it, or another --output" },
    );
  }
}

/** The first part of a run's name. */
const RUN_NAME = /^(shots|repeat)-\d+$|^fold-[\w.-]+$/;

/** Takes away what an earlier command said of its runs, and those of its runs that will not be replaced. */
async function forgetSummary(root: string, runs: readonly PlannedRun[]): Promise<void> {
  const known = new Set(runs.map(({ name }) => name));
  const { runs: old = [] } = await readJsonFile(directoryFiles(root), SUMMARY_FILE)
    .catch(() => ({})) as { runs?: { name?: unknown }[] };
  for (const { name } of old) {
    const isRun = typeof name === "string" && name.split("/").every((part) => RUN_NAME.test(part));
    if (!isRun || known.has(name)) continue;
    await Deno.remove(`${root}/${name}`, { recursive: true }).catch(() => {});
  }
  for (const name of [SUMMARY_FILE, SPLIT_FILE, PREDICTIONS_FILE]) {
    await Deno.remove(`${root}/${name}`).catch(() => {});
  }
}

/** Writes the figures, and where each clip was held out once, the folds and what it was taken for. */
async function writeSummary(
  { args: { outputDir: root, seed }, protocol, splits }: SeveralPlan,
  { report, runs, folder }: {
    report: RunsReport;
    runs: readonly PlannedRun[];
    folder: SplitFolder;
  },
): Promise<void> {
  const write = (name: string, text: string) =>
    writeFileAtomic(`${root}/${name}`, [new TextEncoder().encode(text)]);
  const isOnce = runs[0]!.heldOut !== undefined && runs.every(({ name }) => /^fold-/.test(name));
  if (isOnce) {
    const { pool, folds } = foldsOfFolder(folder, { ...protocol, seed, stratify: splits.stratify });
    const clips = pool.clips.map((clip, i) => ({ ...clip, fold: folds.names[folds.ofClip[i]!]! }));
    const rows = splitRowsOf([{ ...pool, clips }], folder.source, { hasSplits: false });
    await write(SPLIT_FILE, splitCsv(rows));
    if (pool.kind !== "regression") {
      const all = await Promise.all(
        runs.map(({ name }) => readPredictions(`${root}/${name}/${PREDICTIONS_FILE}`)),
      );
      await writeFileAtomic(`${root}/${PREDICTIONS_FILE}`, [predictionLines(all.flat())]);
    }
  }
  await write(SUMMARY_FILE, `${JSON.stringify(report, null, 2)}\n`);
}
