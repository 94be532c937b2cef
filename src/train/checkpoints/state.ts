/**
 * What a run knows of itself: the log with the best result so far, and what else an exact continuation needs.
 *
 * In code the names are in camelCase; `trainer_state.json` has the reference's, in snake_case. Source of the fields:
 * `transformers.TrainerState` 5.18.
 *
 * @module
 */
import type { RandomState } from "../../random.ts";
import type { CallbackState } from "../callbacks/callbacks.ts";
import type { RunPlan } from "../loop/run_plan.ts";
import type { TrainingArguments } from "../options/arguments.ts";

/** One line of the log: step, epoch, and metrics under their names; those of an evaluation start with `eval_`. */
export type LogEntry = { step: number; epoch: number } & Record<string, number>;

/** Where a run stands. */
export interface TrainerState {
  /** Step of the best evaluation so far. */
  bestGlobalStep: number | null;
  /** Its metric. */
  bestMetric: number | null;
  /** Name of its checkpoint. */
  bestModelCheckpoint: string | null;
  /** Epochs done, with the share of the current one. */
  epoch: number;
  /** Steps between evaluations, where they go by steps. */
  evalSteps: number;
  /** Steps done. */
  globalStep: number;
  /** All log lines, training and evaluation. */
  logHistory: LogEntry[];
  /** Steps between log lines, where they go by steps. */
  loggingSteps: number;
  /** Steps planned. */
  maxSteps: number;
  /** Epochs planned, rounded up. */
  numTrainEpochs: number;
  /** Steps between checkpoints, where they go by steps. */
  saveSteps: number;
  /** What callbacks keep, by name. */
  statefulCallbacks: Record<string, CallbackState>;
  /** Floating-point operations of all steps, as `flops.ts` counts them. */
  totalFlos: number;
  /** Clips of a training batch. */
  trainBatchSize: number;
}

/** What continues a run exactly, besides weights, optimiser state and {@linkcode TrainerState}. */
export interface ResumeState {
  /** Epoch that the next batch belongs to. */
  epoch: number;
  /** Batches of that epoch already used. */
  batches: number;
  /** Steps that callbacks have taken from the plan by ending an epoch. */
  skippedSteps: number;
  /** Operations of a forward pass for each number of its input. */
  flopsPerInput: number;
  /** Random stream of dropout, layer drop and masks. */
  noise: RandomState;
  /** Sum of the losses since the last log line, and of how many steps. */
  lossSum: number;
  lossSteps: number;
  /** Sum of the losses before the last log line. */
  totalLoss: number;
  /** Norm of the last step's gradients. */
  gradNorm: number;
}

/** A run before its first step. */
export function initialState(plan: RunPlan, args: TrainingArguments): TrainerState {
  return {
    bestGlobalStep: null,
    bestMetric: null,
    bestModelCheckpoint: null,
    epoch: 0,
    evalSteps: plan.evalSteps,
    globalStep: 0,
    logHistory: [],
    loggingSteps: plan.loggingSteps,
    maxSteps: plan.totalSteps,
    numTrainEpochs: plan.epochs,
    saveSteps: plan.saveSteps,
    statefulCallbacks: {},
    totalFlos: 0,
    trainBatchSize: args.perDeviceTrainBatchSize,
  };
}
