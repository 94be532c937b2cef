/**
 * Fine-tuning: arguments, trainer, callbacks, metrics and checkpoints.
 *
 * @module
 */
import "../older_engines.ts";
export {
  type EffectlessOptions,
  type HubStrategy,
  type IntervalStrategy,
  type LogLevel,
  type OpenArgument,
  type OptimizerName,
  type SamplingStrategy,
  type SaveStrategy,
  type SchedulerKwargs,
  type SchedulerType,
  TrainingArguments,
  type TrainingOptions,
  type WayType,
} from "./options/arguments.ts";
export type {
  Batch,
  BatchesOptions,
  BatchSource,
  EvaluationViews,
  MixedClips,
} from "./batches/batches.ts";
export { bootstrapInterval, type BootstrapOptions, type Interval } from "./metrics/bootstrap.ts";
export type {
  CallbackEvent,
  CallbackState,
  PredictionOutput,
  RunOptimizer,
  RunParts,
  TrainerCallback,
  TrainerControl,
} from "./callbacks/callbacks.ts";
export { EarlyStoppingCallback, type EarlyStoppingOptions } from "./callbacks/early_stopping.ts";
export type { ClipColumns } from "../data/audio_clips.ts";
export type { ClipNotice } from "../data/loader.ts";
export { CLIP_ARGUMENTS, type ClipBatchesOptions } from "./batches/clip_batches.ts";
export {
  datasetBatches,
  type DatasetBatchesOptions,
  isDataset,
} from "./batches/dataset_batches.ts";
export { evaluateModel, type EvaluateOptions, type Evaluation } from "./metrics/evaluation.ts";
export { allMetrics } from "./metrics/metric_sets.ts";
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
} from "./metrics/metrics.ts";
export { PrinterCallback } from "./callbacks/printer_callback.ts";
export { ProgressCallback, type ProgressOutput } from "./callbacks/progress_callback.ts";
export { averagePrecision, rocAuc, topKAccuracy } from "./metrics/ranking_metrics.ts";
export {
  type Recipe,
  type RecipeData,
  type RecipeName,
  RECIPES,
  suggestedArguments,
} from "./options/recipes.ts";
export type { LogEntry, TrainerState } from "./checkpoints/state.ts";
export { TensorBoardCallback } from "./callbacks/tensorboard.ts";
export { type Teacher, Trainer, type TrainerOptions, type TrainOutput } from "./loop/trainer.ts";
export type { TrainerPushOptions } from "./loop/push.ts";
