/**
 * Fine-tuning: arguments, trainer, callbacks, metrics and checkpoints.
 *
 * @module
 */
export {
  type IntervalStrategy,
  type SamplingStrategy,
  type SaveStrategy,
  type SchedulerKwargs,
  type SchedulerType,
  TrainingArguments,
  type TrainingOptions,
} from "./arguments.ts";
export type { Batch, BatchSource } from "./batches.ts";
export { bootstrapInterval, type BootstrapOptions, type Interval } from "./bootstrap.ts";
export type {
  CallbackState,
  PredictionOutput,
  TrainerCallback,
  TrainerControl,
} from "./callbacks.ts";
export { EarlyStoppingCallback, type EarlyStoppingOptions } from "./early_stopping.ts";
export type { ClipColumns } from "../data/audio_clips.ts";
export type { ClipNotice } from "../data/loader.ts";
export { CLIP_ARGUMENTS, type ClipBatchesOptions } from "./clip_batches.ts";
export { datasetBatches, type DatasetBatchesOptions, isDataset } from "./dataset_batches.ts";
export { evaluateModel, type Evaluation } from "./evaluation.ts";
export { allMetrics } from "./metric_sets.ts";
export {
  accuracy,
  argMax,
  type Average,
  type ClassMetrics,
  type ComputeMetrics,
  confusionMatrix,
  type EvalPrediction,
  perClass,
  precisionRecallF1,
} from "./metrics.ts";
export { PrinterCallback } from "./printer_callback.ts";
export { averagePrecision, rocAuc, topKAccuracy } from "./ranking_metrics.ts";
export {
  type Recipe,
  type RecipeData,
  type RecipeName,
  RECIPES,
  suggestedArguments,
} from "./recipes.ts";
export type { LogEntry, TrainerState } from "./state.ts";
export { TensorBoardCallback } from "./tensorboard.ts";
export { Trainer, type TrainerOptions, type TrainOutput } from "./trainer.ts";
export type { TrainerPushOptions } from "./push.ts";
