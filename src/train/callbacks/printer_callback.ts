/**
 * The log as lines of a table, as the reference shows it in notebooks.
 *
 * @module
 */
import type { TrainerCallback } from "./callbacks.ts";
import type { LogEntry } from "../checkpoints/state.ts";

/** Figures of an evaluation that say how fast it was, not how good. */
const SPEED = /^eval_(runtime|samples_per_second|steps_per_second|loss)$/;

/** Room for a million steps. */
const MIN_WIDTH = 6;

/**
 * Prints a line for each evaluation: epoch, step, losses and metrics; where nothing is evaluated, for each training
 * loss of the log.
 *
 * @example
 * ```ts
 * import { PrinterCallback } from "@earshot/earshot/train";
 * import { deepEqual } from "node:assert/strict";
 *
 * const lines: string[] = [];
 * const printer = new PrinterCallback((line) => lines.push(line));
 * // As the trainer calls it: arguments, state, control, and what there is to print.
 * printer.onLog(null, null, null, { logs: { step: 5, epoch: 1, loss: 0.7 } });
 * const metrics = { step: 5, epoch: 1, eval_loss: 0.5, eval_accuracy: 0.75 };
 * printer.onEvaluate(null, null, null, { metrics });
 * deepEqual(lines, [
 *   " Epoch    Step  Training Loss  Validation Loss  Accuracy",
 *   "     1       5         0.7000           0.5000    0.7500",
 * ]);
 * ```
 */
export class PrinterCallback implements TrainerCallback {
  /** The trainer shows nothing of its own beside these lines. */
  readonly showsProgress = true;
  readonly #print: (line: string) => void;
  #heads: readonly string[] = [];
  #loss: number | undefined;
  /** An entry of the log that an evaluation may follow. */
  #waiting: LogEntry | undefined;
  #evaluates = false;

  /**
   * A printer.
   *
   * @param print gets each line. @default console.log
   */
  constructor(print: (line: string) => void = (line) => console.log(line)) {
    this.#print = print;
  }

  /** Keeps the training loss for the next line. */
  onLog(_args: unknown, _state: unknown, _control: unknown, { logs }: { logs: LogEntry }): void {
    if (logs.loss === undefined) return;
    this.#flush();
    this.#waiting = logs;
    this.#loss = logs.loss;
  }

  /** Prints a line. */
  onEvaluate(
    _args: unknown,
    _state: unknown,
    _control: unknown,
    { metrics }: { metrics: LogEntry },
  ): void {
    this.#evaluates = true;
    this.#line(metrics);
  }

  /** Prints what no evaluation followed. */
  onTrainEnd(): void {
    this.#flush();
  }

  #flush(): void {
    if (this.#waiting && !this.#evaluates) this.#line(this.#waiting);
    this.#waiting = undefined;
  }

  #line(entry: LogEntry): void {
    const metrics = Object.entries(entry).filter(([name]) => {
      return name.startsWith("eval_") && !SPEED.test(name);
    });
    const cells = new Map<string, string>([
      ["Epoch", entry.epoch.toFixed(Number.isInteger(entry.epoch) ? 0 : 2)],
      ["Step", String(entry.step)],
      ["Training Loss", this.#loss?.toFixed(4) ?? "-"],
      ...entry.eval_loss === undefined
        ? []
        : [["Validation Loss", entry.eval_loss.toFixed(4)] as const],
      ...metrics.map(([name, value]) => [headOf(name), Number(value).toFixed(4)] as const),
    ]);
    const heads = [...cells.keys()];
    const line = (texts: readonly string[]) =>
      texts.map((text, i) => text.padStart(Math.max(heads[i]!.length, MIN_WIDTH))).join("  ");
    if (heads.join() !== this.#heads.join()) this.#print(line(heads));
    this.#heads = heads;
    this.#print(line([...cells.values()]));
  }
}

/** "eval_f1_macro" as "F1 Macro". */
function headOf(name: string): string {
  const words = name.slice("eval_".length).split("_");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
}
