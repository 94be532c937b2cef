/**
 * What a run tells those who watch it.
 *
 * @module
 */
import type { LogEntry, TrainerState } from "./state.ts";

/** Called as a run goes on; each function may be left out. */
export interface TrainerCallback {
  /** Before the first step. */
  onTrainBegin?(state: TrainerState): void;
  /** After each step. */
  onStepEnd?(state: TrainerState): void;
  /** When training loss is logged. */
  onLog?(entry: LogEntry, state: TrainerState): void;
  /** After an evaluation. */
  onEvaluate?(entry: LogEntry, state: TrainerState): void;
  /** After a checkpoint was written. */
  onSave?(directory: string, state: TrainerState): void;
}
