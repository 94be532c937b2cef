/**
 * Which evaluation was the best so far.
 *
 * @module
 */
import type { TrainingArguments } from "../options/arguments.ts";
import { withPrefix } from "../metrics/metric_names.ts";
import type { LogEntry, TrainerState } from "../checkpoints/state.ts";

/**
 * Whether an evaluation is better than all before it; the state then keeps its metric and step.
 *
 * @throws {RangeError} naming the metrics there are, where the one to judge by is not among them.
 */
export function recordIfBest(
  state: TrainerState,
  entry: LogEntry,
  { metricForBestModel: metric, greaterIsBetter }: TrainingArguments,
): boolean {
  const value = entry[withPrefix(metric, "eval")];
  if (value === undefined) {
    throw new RangeError(
      `Cannot judge the model by metric "${metric}": expected one of ${
        Object.keys(entry).filter((key) => key.startsWith("eval_")).join(", ")
      }`,
    );
  }
  const best = state.bestMetric;
  const isBetter = best === null
    ? !Number.isNaN(value)
    : (greaterIsBetter ? value > best : value < best);
  if (!isBetter) return false;
  state.bestMetric = value;
  state.bestGlobalStep = entry.step;
  return true;
}
