/**
 * Fine-tuning: arguments, trainer, metrics and checkpoints.
 *
 * @module
 */
export {
  type IntervalStrategy,
  type SchedulerType,
  TrainingArguments,
  type TrainingOptions,
} from "./arguments.ts";
export type { Batch, BatchSource } from "./batches.ts";
export type { TrainerCallback } from "./callbacks.ts";
export { evaluateModel, type Evaluation } from "./evaluation.ts";
export {
  accuracy,
  argMax,
  type ClassMetrics,
  type ComputeMetrics,
  type EvalPrediction,
  perClass,
} from "./metrics.ts";
export type { LogEntry, TrainerState } from "./state.ts";
export { Trainer, type TrainerOptions, type TrainOutput } from "./trainer.ts";
