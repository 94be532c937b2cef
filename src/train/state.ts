/**
 * Where a run stands: the log and the best result, as transformers keeps them in `trainer_state.json`, and beside
 * them what an exact continuation needs.
 *
 * @module
 */
import type { RandomState } from "../random.ts";

/** One line of the log; evaluation results start with `eval_`. */
export type LogEntry = { step: number; epoch: number } & Record<string, number>;

/** The content of `trainer_state.json`. */
export interface TrainerState {
  /** Step of the best evaluation so far. */
  best_global_step: number | null;
  /** Its metric. */
  best_metric: number | null;
  /** Name of its checkpoint. */
  best_model_checkpoint: string | null;
  /** Epochs done, with the share of the current one. */
  epoch: number;
  /** Steps done. */
  global_step: number;
  /** All log lines, training and evaluation. */
  log_history: LogEntry[];
  /** Steps planned. */
  max_steps: number;
  /** Epochs planned, rounded up. */
  num_train_epochs: number;
  /** Clips of a training batch. */
  train_batch_size: number;
}

/** What continues a run exactly, besides weights, optimiser state and {@linkcode TrainerState}. */
export interface ResumeState {
  /** Epoch that the next batch belongs to. */
  epoch: number;
  /** Batches of that epoch already used. */
  batches: number;
  /** Random stream of dropout, layer drop and masks. */
  noise: RandomState;
  /** Sum of the losses since the last log line, and of how many steps. */
  lossSum: number;
  lossSteps: number;
  /** Sum of the losses before the last log line. */
  totalLoss: number;
  /** Norm of the last step's gradients. */
  gradNorm: number;
  /** Evaluations since the best one. */
  evaluationsWithoutBetter: number;
}

/** A run before its first step. */
export function initialState(plan: {
  maxSteps: number;
  epochs: number;
  batchSize: number;
}): TrainerState {
  return {
    best_global_step: null,
    best_metric: null,
    best_model_checkpoint: null,
    epoch: 0,
    global_step: 0,
    log_history: [],
    max_steps: plan.maxSteps,
    num_train_epochs: plan.epochs,
    train_batch_size: plan.batchSize,
  };
}
