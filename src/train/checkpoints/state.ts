/**
 * Where a run stands: the log and the best result, as transformers keeps them in `trainer_state.json`, and beside
 * them what an exact continuation needs.
 *
 * @module
 */
import { CheckpointError } from "../../errors.ts";
import type { RandomState } from "../../random.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import type { CallbackState } from "../callbacks/callbacks.ts";
import type { RunPlan } from "../loop/run_plan.ts";

/** One line of the log; evaluation results start with `eval_`. */
export type LogEntry = { step: number; epoch: number } & Record<string, number>;

/** What the reference writes about processes, searches and texts, of which there are none here. */
const CONSTANT_FIELDS = {
  is_hyper_param_search: false,
  is_local_process_zero: true,
  is_world_process_zero: true,
  num_input_tokens_seen: 0,
  trial_name: null,
  trial_params: null,
} as const;

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
  /** Steps between evaluations, where they go by steps. */
  eval_steps: number;
  /** Steps done. */
  global_step: number;
  /** All log lines, training and evaluation. */
  log_history: LogEntry[];
  /** Always false. */
  is_hyper_param_search: boolean;
  /** Always true. */
  is_local_process_zero: boolean;
  /** Always true. */
  is_world_process_zero: boolean;
  /** Steps between log lines, where they go by steps. */
  logging_steps: number;
  /** Steps planned. */
  max_steps: number;
  /** Always 0: sound has no tokens. */
  num_input_tokens_seen: number;
  /** Epochs planned, rounded up. */
  num_train_epochs: number;
  /** Steps between checkpoints, where they go by steps. */
  save_steps: number;
  /** What callbacks keep, by name. */
  stateful_callbacks: Record<string, CallbackState>;
  /** Floating-point operations of all steps, as `flops.ts` counts them. */
  total_flos: number;
  /** Clips of a training batch. */
  train_batch_size: number;
  /** Always null. */
  trial_name: null;
  /** Always null. */
  trial_params: null;
}

/** What continues a run exactly, besides weights, optimiser state and {@linkcode TrainerState}. */
export interface ResumeState {
  /** Epoch that the next batch belongs to. */
  epoch: number;
  /** Batches of that epoch already used. */
  batches: number;
  /** Steps that callbacks have taken from the plan by ending an epoch. */
  skippedSteps?: number;
  /** Clips of an epoch. */
  clips?: number;
  /** Batches of a step. */
  accumulation?: number;
  /** Operations of a forward pass for each number of its input. */
  flopsPerInput?: number;
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
    ...CONSTANT_FIELDS,
    best_global_step: null,
    best_metric: null,
    best_model_checkpoint: null,
    epoch: 0,
    eval_steps: plan.evalSteps,
    global_step: 0,
    log_history: [],
    logging_steps: plan.loggingSteps,
    max_steps: plan.totalSteps,
    num_train_epochs: plan.epochs,
    save_steps: plan.saveSteps,
    stateful_callbacks: {},
    total_flos: 0,
    train_batch_size: args.perDeviceTrainBatchSize,
  };
}

/**
 * Checks that a checkpoint is of a run with the same batches, without which its place in the epoch means nothing.
 *
 * @throws {CheckpointError} naming both numbers.
 */
export function expectSameBatches(
  directory: string,
  saved: { state: TrainerState; resume: ResumeState },
  now: { args: TrainingArguments; clips: number },
): void {
  const { train_batch_size: batchSize } = saved.state;
  const { clips, accumulation } = saved.resume;
  const facts = [
    ["perDeviceTrainBatchSize", batchSize, now.args.perDeviceTrainBatchSize],
    ["gradientAccumulationSteps", accumulation, now.args.gradientAccumulationSteps],
    ["training clips:", clips, now.clips],
  ] as const;
  const other = facts.find(([, before, after]) => before !== undefined && before !== after);
  if (!other) return;
  const [what, before, after] = other;
  throw new CheckpointError(
    `Cannot resume from "${directory}": expected ${what} ${before} as it began, found ${after}`,
    { file: directory, hint: "Go on with the same data and batches, or start anew" },
  );
}
