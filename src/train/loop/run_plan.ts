/**
 * What a run will do, from its arguments and the number of its batches: steps, schedule, and what is due when.
 *
 * @module
 */
import { type IntervalStrategy, stepsOf, type TrainingArguments } from "../options/arguments.ts";
import type { BatchSource } from "../batches/batches.ts";
import type { TrainerControl } from "../callbacks/callbacks.ts";
import { type Schedule, warmupStepsOf } from "../step/schedule.ts";

/** The steps of a run. */
export interface RunPlan {
  stepsPerEpoch: number;
  totalSteps: number;
  /** Rounded up. */
  epochs: number;
  schedule: Schedule;
  loggingSteps: number;
  evalSteps: number;
  saveSteps: number;
}

/** Plans a run on data. */
export function runPlan(args: TrainingArguments, data: BatchSource): RunPlan {
  const batches = data.batchCount(args.perDeviceTrainBatchSize);
  const stepsPerEpoch = Math.max(1, Math.ceil(batches / args.gradientAccumulationSteps));
  const totalSteps = args.maxSteps > 0
    ? args.maxSteps
    : Math.ceil(args.numTrainEpochs * stepsPerEpoch);
  return {
    stepsPerEpoch,
    totalSteps,
    epochs: Math.ceil(totalSteps / stepsPerEpoch),
    schedule: {
      type: args.lrSchedulerType,
      peak: args.learningRate,
      warmupSteps: warmupStepsOf(args, totalSteps),
      totalSteps,
      kwargs: args.lrSchedulerKwargs,
    },
    loggingSteps: stepsOf(args.loggingSteps, totalSteps),
    evalSteps: stepsOf(args.evalSteps, totalSteps),
    saveSteps: stepsOf(args.saveSteps, totalSteps),
  };
}

type Due = Pick<TrainerControl, "shouldLog" | "shouldEvaluate" | "shouldSave">;

/** What the arguments ask for after a step, counted from 1; strategies by steps take the last one in as well. */
export function dueAfterStep(
  args: TrainingArguments,
  plan: RunPlan,
  { step, isLast }: { step: number; isLast: boolean },
): Due {
  const isDue = (strategy: string, steps: number) => strategy === "steps" && step % steps === 0;
  return {
    shouldLog: isDue(args.loggingStrategy, plan.loggingSteps) ||
      args.loggingFirstStep && step === 1,
    shouldEvaluate: step >= args.evalDelay &&
      (isDue(args.evalStrategy, plan.evalSteps) || isLast && args.evalStrategy === "steps"),
    shouldSave: isDue(args.saveStrategy, plan.saveSteps) || isLast && args.saveStrategy === "steps",
  };
}

/** What they ask for after an epoch. */
export function dueAfterEpoch(args: TrainingArguments, epoch: number): Due {
  const byEpoch = (strategy: IntervalStrategy | "best") => strategy === "epoch";
  return {
    shouldLog: byEpoch(args.loggingStrategy),
    shouldEvaluate: byEpoch(args.evalStrategy) && epoch >= args.evalDelay,
    shouldSave: byEpoch(args.saveStrategy),
  };
}
