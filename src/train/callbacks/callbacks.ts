/**
 * What callbacks are called with in a run, and what they can ask of it.
 *
 * Events, their order and what comes with them are those of transformers' `TrainerCallback`: arguments, state,
 * control, and by name what the reference passes as keywords. A function may be asynchronous: it is waited for.
 *
 * @module
 */
import type { FeatureExtractor } from "../../features/mod.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import type { BatchSource } from "../batches/batches.ts";
import { snakeCase, type TrainingArguments } from "../options/arguments.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { LogEntry, TrainerState } from "../checkpoints/state.ts";

/** What happens next; before `onStepEnd` and `onEpochEnd` it is set as the arguments say, and may be changed there. */
export interface TrainerControl {
  /** Ends training after what is due at this step. */
  shouldTrainingStop: boolean;
  /** Goes on with the next epoch; the run gets shorter by the steps left out. */
  shouldEpochStop: boolean;
  /** Writes a checkpoint. */
  shouldSave: boolean;
  /** Evaluates. */
  shouldEvaluate: boolean;
  /** Logs the training loss. */
  shouldLog: boolean;
}

/** What a callback keeps for a run that goes on from a checkpoint. */
export interface CallbackState {
  /** How it was made. */
  args: Record<string, unknown>;
  /** Where it stands. */
  attributes: Record<string, unknown>;
}

/** The optimiser, as callbacks see it. */
export interface RunOptimizer {
  /** Learning rate of the last step; 0 before the first. */
  readonly learningRate: number;
  /** What it keeps by name: AdamW the moments `m.<name>` and `v.<name>` and `step.<name>`, SGD `momentum.<name>`, others what they need. */
  tensors(): Iterable<{
    readonly name: string;
    readonly shape: readonly number[];
    /** Reads the numbers back from the device. */
    values(): Promise<ArrayLike<number>>;
  }>;
}

/** What a run works on. */
export interface RunParts {
  /** What is trained; its parameters are on the device. */
  readonly model: AudioClassificationModel;
  /** What changes it; it holds the moments of its parameters. */
  readonly optimizer: RunOptimizer;
  /** What makes its input. */
  readonly featureExtractor: FeatureExtractor;
  /** What it is trained on. */
  readonly trainDataset: BatchSource;
}

/** Called as a run goes on; each function may be left out. */
export interface TrainerCallback {
  /** Under which its state is saved; without one it is not. */
  readonly name?: string;
  /** Whether it shows how far a run is, so that the trainer does not. @default false */
  readonly showsProgress?: boolean;
  /** When the trainer has been made. */
  onInitEnd?(...event: CallbackEvent): void;
  /** Before the first step; a resumed run has its state by then. */
  onTrainBegin?(...event: CallbackEvent): void;
  /** After the last step and the best weights are back; not where the run was interrupted. */
  onTrainEnd?(...event: CallbackEvent): void;
  /** Before the first batch of an epoch. */
  onEpochBegin?(...event: CallbackEvent): void;
  /** After the last step of an epoch. */
  onEpochEnd?(...event: CallbackEvent): void;
  /** Before each step. */
  onStepBegin?(...event: CallbackEvent): void;
  /** After each step. */
  onStepEnd?(...event: CallbackEvent): void;
  /** When training loss is logged, and at the end the figures of the run. */
  onLog?(...event: CallbackEvent<{ logs: LogEntry }>): void;
  /** After an evaluation, before it is known whether it was the best. */
  onEvaluate?(...event: CallbackEvent<{ metrics: LogEntry }>): void;
  /** After `Trainer.predict()`. */
  onPredict?(...event: CallbackEvent<{ output: PredictionOutput }>): void;
  /** After a checkpoint was written. */
  onSave?(...event: CallbackEvent<{ directory: string }>): void;
  /** What a checkpoint keeps under its name. */
  exportState?(): CallbackState;
  /** Takes that back, before `onTrainBegin`. */
  restoreState?(saved: CallbackState): void;
}

/** What every function gets: arguments, state, control, and what the run works on with the facts of the event. */
export type CallbackEvent<Facts extends object = object> = [
  args: TrainingArguments,
  state: TrainerState,
  control: TrainerControl,
  context: RunParts & Facts,
];

/** Scores of a data set with their metrics. */
export interface PredictionOutput extends Evaluation {
  /** Under the prefix that was asked for. */
  metrics: Record<string, number>;
}

/** What each event has beside arguments, state, control and parts. */
interface EventFacts {
  onInitEnd: object;
  onTrainBegin: object;
  onTrainEnd: object;
  onEpochBegin: object;
  onEpochEnd: object;
  onStepBegin: object;
  onStepEnd: object;
  onLog: { logs: LogEntry };
  onEvaluate: { metrics: LogEntry };
  onPredict: { output: PredictionOutput };
  onSave: { directory: string };
}

/** The functions that are called while a run goes on. */
export type EventName = keyof EventFacts;

type Listeners = {
  readonly [Name in EventName]?: (...event: CallbackEvent<EventFacts[Name]>) => unknown;
};

/** Tells all callbacks of an event, one after the other. */
export async function notify<Name extends EventName>(
  callbacks: readonly TrainerCallback[],
  name: Name,
  event: CallbackEvent<EventFacts[Name]>,
): Promise<void> {
  for (const callback of [...callbacks]) {
    const listeners: Listeners = callback;
    await listeners[name]?.apply(callback, event);
  }
}

/** A control that asks for nothing. */
export function noControl(): TrainerControl {
  return {
    shouldTrainingStop: false,
    shouldEpochStop: false,
    shouldSave: false,
    shouldEvaluate: false,
    shouldLog: false,
  };
}

/** States of control and callbacks by name, in the words of `trainer_state.json`. */
export function exportedStates(
  callbacks: readonly TrainerCallback[],
  control: TrainerControl,
): Record<string, CallbackState> {
  const args = Object.fromEntries(
    Object.entries(control).map(([name, value]) => [snakeCase(name), value]),
  );
  const named = callbacks.filter(({ name, exportState }) => name && exportState);
  return {
    ...Object.fromEntries(named.map((callback) => [callback.name, callback.exportState!()])),
    TrainerControl: { args, attributes: {} },
  };
}

/** Gives each callback its state back, where there is one. */
export function restoreStates(
  callbacks: readonly TrainerCallback[],
  saved: Readonly<Record<string, CallbackState>> = {},
): void {
  for (const callback of callbacks) {
    const own = callback.name ? saved[callback.name] : undefined;
    if (own) callback.restoreState?.(own);
  }
}
