/**
 * Ends a run whose evaluations get no better.
 *
 * Source: the behaviour of `EarlyStoppingCallback` of transformers 5.18.
 *
 * @module
 */
import { withPrefix } from "../metrics/metric_names.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import type { CallbackState, TrainerCallback, TrainerControl } from "./callbacks.ts";
import type { LogEntry, TrainerState } from "../checkpoints/state.ts";

/** When a run is ended. */
export interface EarlyStoppingOptions {
  /** Evaluations without a better one. @default 1 */
  earlyStoppingPatience?: number;
  /** What counts as better. @default 0 */
  earlyStoppingThreshold?: number;
}

/**
 * Stops training when the metric for the best model has not got better for some evaluations in a row.
 *
 * @example
 * ```ts
 * import { EarlyStoppingCallback } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const callback = new EarlyStoppingCallback({ earlyStoppingPatience: 3 });
 * assert.equal(callback.exportState().args.early_stopping_patience, 3);
 * ```
 */
export class EarlyStoppingCallback implements TrainerCallback {
  /** Under which its counter is saved. */
  readonly name = "EarlyStoppingCallback";
  readonly #patience: number;
  readonly #threshold: number;
  #counter = 0;

  /**
   * A counter at zero.
   *
   * @param options patience and threshold.
   */
  constructor(options: EarlyStoppingOptions = {}) {
    this.#patience = options.earlyStoppingPatience ?? 1;
    this.#threshold = options.earlyStoppingThreshold ?? 0;
  }

  /**
   * Looks whether there will be anything to judge by.
   *
   * @throws {RangeError} where the run does not evaluate.
   */
  onInitEnd(args: TrainingArguments): void {
    if (args.evalStrategy === "no") {
      throw new RangeError(
        'Cannot train: expected `evalStrategy` "epoch" or "steps" to stop early, found "no"',
      );
    }
  }

  /** A run that was to stop when its checkpoint was written stays stopped. */
  onTrainBegin(_args: TrainingArguments, _state: TrainerState, control: TrainerControl): void {
    if (this.#counter >= this.#patience) control.shouldTrainingStop = true;
  }

  /** Counts evaluations without a better one. */
  onEvaluate(
    { metricForBestModel, greaterIsBetter }: TrainingArguments,
    state: TrainerState,
    control: TrainerControl,
    { metrics }: { metrics: LogEntry },
  ): void {
    const value = metrics[withPrefix(metricForBestModel, "eval")];
    if (value === undefined) return;
    const best = state.bestMetric;
    const gain = greaterIsBetter ? value - (best ?? -Infinity) : (best ?? Infinity) - value;
    this.#counter = gain > this.#threshold ? 0 : this.#counter + 1;
    if (this.#counter >= this.#patience) control.shouldTrainingStop = true;
  }

  /** Settings and counter, in the reference's words. */
  exportState(): CallbackState {
    return {
      args: {
        early_stopping_patience: this.#patience,
        early_stopping_threshold: this.#threshold,
      },
      attributes: { early_stopping_patience_counter: this.#counter },
    };
  }

  /** Takes the counter back; patience and threshold may have changed. */
  restoreState({ attributes }: CallbackState): void {
    const { early_stopping_patience_counter: counter } = attributes;
    this.#counter = typeof counter === "number" ? counter : 0;
  }
}
