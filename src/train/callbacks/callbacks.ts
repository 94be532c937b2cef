/**
 * What a run tells those who watch it, and what they can tell it.
 *
 * Every function gets the state of the run and its control as the last two arguments. The
 * order of events is that of transformers' `TrainerCallback`. A function may be asynchronous: it is waited for.
 *
 * @module
 */
import type { TrainingArguments } from "../options/arguments.ts";
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

/** Called as a run goes on; each function may be left out. */
export interface TrainerCallback {
  /** Under which its state is saved; without one it is not. */
  readonly name?: string;
  /** When the trainer has been made. */
  onInitEnd?(args: TrainingArguments, state: TrainerState, control: TrainerControl): void;
  /** Before the first step; a resumed run has its state by then. */
  onTrainBegin?(state: TrainerState, control: TrainerControl): void;
  /** After the last step and the best weights are back; not where the run was interrupted. */
  onTrainEnd?(state: TrainerState, control: TrainerControl): void;
  /** Before the first batch of an epoch. */
  onEpochBegin?(state: TrainerState, control: TrainerControl): void;
  /** After the last step of an epoch. */
  onEpochEnd?(state: TrainerState, control: TrainerControl): void;
  /** Before each step. */
  onStepBegin?(state: TrainerState, control: TrainerControl): void;
  /** After each step. */
  onStepEnd?(state: TrainerState, control: TrainerControl): void;
  /** When training loss is logged, and at the end the figures of the run. */
  onLog?(entry: LogEntry, state: TrainerState, control: TrainerControl): void;
  /** After an evaluation, before it is known whether it was the best. */
  onEvaluate?(entry: LogEntry, state: TrainerState, control: TrainerControl): void;
  /** After `Trainer.predict()`. */
  onPredict?(output: PredictionOutput, state: TrainerState, control: TrainerControl): void;
  /** After a checkpoint was written. */
  onSave?(directory: string, state: TrainerState, control: TrainerControl): void;
  /** What a checkpoint keeps under its name. */
  exportState?(): CallbackState;
  /** Takes that back, before `onTrainBegin`. */
  restoreState?(saved: CallbackState): void;
}

/** Scores of a data set with their metrics. */
export interface PredictionOutput extends Evaluation {
  /** Under the prefix that was asked for. */
  metrics: Record<string, number>;
}

/** The functions that are told while a run goes on. */
type EventName = Exclude<
  keyof TrainerCallback,
  "name" | "onInitEnd" | "exportState" | "restoreState"
>;

/** Tells all callbacks of an event, one after the other. */
export async function tell<Name extends EventName>(
  callbacks: readonly TrainerCallback[],
  event: Name,
  ...facts: Parameters<NonNullable<TrainerCallback[Name]>>
): Promise<void> {
  for (const callback of callbacks) {
    const told = callback[event] as ((...facts: unknown[]) => unknown) | undefined;
    await told?.call(callback, ...facts);
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
    Object.entries(control).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
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
