/**
 * The end of `train`: the model's figures on clips that it did not learn from, printed, written and reported.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { type TrainingArguments, viewsOf } from "../train/options/arguments.ts";
import type { BatchSource } from "../train/batches/batches.ts";
import { writeFileAtomic } from "../files.ts";
import { evaluateModel } from "../train/metrics/evaluation.ts";
import { prefixed, speedMetrics } from "../train/metrics/metric_names.ts";
import type { LogEntry } from "../train/checkpoints/state.ts";
import type { Trainer, TrainOutput } from "../train/loop/trainer.ts";
import { measuresLine, measuresOf, measuresTables } from "./_measures.ts";
import { predictedClips, predictionLines, PREDICTIONS_FILE } from "./_predictions.ts";
import type { Output } from "./_output.ts";
import { writeReport } from "./_report.ts";

/** A model that was trained, and what it is tested on. */
export interface FinalTest {
  model: AudioClassificationModel;
  args: TrainingArguments;
  trainer: Trainer;
  /** Test clips where there are any, else those for validation. */
  split?: { source: BatchSource; dataset: AudioDataset };
  /** The folder or file of the data set. */
  data: string;
  /** All splits, for the report. */
  splits: readonly AudioDataset[];
  /** Aborted at Ctrl-C. */
  signal: AbortSignal;
}

/**
 * Tests a model, and leaves `eval_results.json`, `test_results.json`, `all_results.json`, `predictions.jsonl` and
 * `report.html` beside it.
 *
 * @returns its metrics by name.
 */
export async function finalTest(
  { model, args, trainer, split, data, splits, signal }: FinalTest,
  result: TrainOutput,
  out: Output,
): Promise<Record<string, number>> {
  if (!split) return { train_loss: result.trainingLoss };
  const { source, dataset } = split;
  const isTest = dataset.split === "test";
  const title = isTest ? "Test" : "Validation";
  const tick = out.progress(title, source.size);
  const batchSize = args.perDeviceEvalBatchSize;
  const onClips = (done: number) => {
    signal.throwIfAborted();
    tick(done);
  };
  const started = performance.now();
  const evaluation = await evaluateModel(model, trainer.batchesOf(source), {
    batchSize,
    onClips,
    views: viewsOf(args),
  })
    .finally(() => tick(undefined));
  const seconds = (performance.now() - started) / 1000;
  const measures = measuresOf(evaluation, model);
  const { metrics, samples, accuracyInterval: interval } = measures;
  out.line(`\n${title}, ${samples} clips:`);
  const tables = measuresTables(measures);
  if (tables) out.line(`${tables}\n`);
  out.line(out.strong(measuresLine(measures, title)));
  const prefix = isTest ? "test" : "eval";
  const steps = Math.ceil(samples / batchSize);
  const speed = speedMetrics(prefix, seconds, { samples, steps });
  if (isTest) await saveValidation(trainer, args);
  const bounds = interval && { accuracy_low: interval.low, accuracy_high: interval.high };
  const figures = prefixed({ ...metrics, ...bounds, samples }, prefix);
  await trainer.saveMetrics(prefix, { ...figures, ...speed });
  if (model.problemType !== "regression") {
    const clips = predictedClips(evaluation, dataset, data);
    await writeFileAtomic(`${args.outputDir}/${PREDICTIONS_FILE}`, [predictionLines(clips)]);
  }
  const report = `${args.outputDir}/report.html`;
  const run = { model, name: args.outputDir, directory: args.outputDir, dataset, evaluation };
  await writeReport(report, { ...run, splits });
  out.line(`Report: ${report}`);
  return metrics;
}

/** The evaluation of the model that was kept: the best one, or the last if that was at the end. */
async function saveValidation(trainer: Trainer, args: TrainingArguments): Promise<void> {
  const { logHistory, bestGlobalStep, globalStep } = trainer.state;
  const kept = args.loadBestModelAtEnd ? bestGlobalStep : globalStep;
  const isOfModel = (entry: LogEntry) => entry.step === kept && entry.eval_loss !== undefined;
  const entry = logHistory.findLast(isOfModel);
  if (!entry) return;
  const { step: _, ...metrics } = entry;
  await trainer.saveMetrics("eval", metrics as Record<string, number>);
}
