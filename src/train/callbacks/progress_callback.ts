/**
 * How far a run is: a bar on a terminal, and the log as lines.
 *
 * Source: the behaviour of `ProgressCallback` and, without a bar, `PrinterCallback` of transformers 5.18.
 *
 * @module
 */
import { type Pace, paceCounter, progressLine } from "../../progress_bar.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import type { LogEntry, TrainerState } from "../checkpoints/state.ts";
import type { TrainerCallback } from "./callbacks.ts";
import { system } from "../../system/mod.ts";

/** Where progress is shown. */
export interface ProgressOutput {
  /** Columns of the terminal that the bar is drawn on; undefined where there is none. */
  columns(): number | undefined;
  /** Draws over the line of the bar. */
  draw(text: string): void;
  /** Prints a line of the log. */
  print(line: string): void;
}

/** A bar is drawn as often as this, at most. */
const REDRAW_MS = 100;

/** Clears the line that the cursor is in. */
const CLEAR = "\r\x1b[2K";

/**
 * Shows how far a run is. The trainer has one of itself, unless another callback shows progress.
 *
 * Where standard error is a terminal, a bar is drawn there, unless `disableTqdm` is set; lines of the log go to standard
 * output in either case.
 *
 * @example
 * ```ts
 * import {
 *   AutoFeatureExtractor,
 *   AutoModelForAudioClassification,
 *   loadDataset,
 *   ProgressCallback,
 *   Trainer,
 *   TrainingArguments,
 * } from "@earshot/earshot";
 * import { match } from "node:assert/strict";
 *
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const processingClass = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * const { train } = await loadDataset("examples/voice_menu");
 *
 * const lines: string[] = [];
 * const progress = new ProgressCallback({
 *   columns: () => undefined,
 *   draw: () => {},
 *   print: (line) => lines.push(line),
 * });
 * const args = new TrainingArguments({
 *   outputDir: await Deno.makeTempDir(),
 *   maxSteps: 1,
 *   loggingSteps: 1,
 * });
 * const trainDataset = train!.select([0, 100]);
 * await new Trainer({ model, args, trainDataset, processingClass, callbacks: [progress] }).train();
 * match(lines[0]!, /"loss":/);
 * model.dispose();
 * ```
 */
export class ProgressCallback implements TrainerCallback {
  /** It is what shows progress. */
  readonly showsProgress = true;
  readonly #output: ProgressOutput;
  #isRunning = false;
  /** From the end of the first step on. */
  #pace: ((done: number) => Pace) | undefined;
  #drawnAt = -Infinity;

  /**
   * Shows progress.
   *
   * @param output where; standard error and standard output by default.
   */
  constructor(output: ProgressOutput = STANDARD) {
    this.#output = output;
  }

  /** Draws the bar. */
  onTrainBegin(args: TrainingArguments, state: TrainerState): void {
    this.#isRunning = true;
    this.#pace = undefined;
    this.#draw(args, state);
  }

  /** Moves the bar on. */
  onStepEnd(args: TrainingArguments, state: TrainerState): void {
    if (!this.#pace) {
      this.#pace = paceCounter();
      this.#pace(state.globalStep);
    }
    if (performance.now() - this.#drawnAt >= REDRAW_MS) this.#draw(args, state);
  }

  /** Prints a line of the training log. */
  onLog(
    args: TrainingArguments,
    state: TrainerState,
    _control: unknown,
    { logs }: { logs: LogEntry },
  ): void {
    this.#print(args, state, logs);
  }

  /** Prints the figures of an evaluation. */
  onEvaluate(
    args: TrainingArguments,
    state: TrainerState,
    _control: unknown,
    { metrics }: { metrics: LogEntry },
  ): void {
    this.#print(args, state, metrics);
  }

  /** Takes the bar away. */
  onTrainEnd(args: TrainingArguments): void {
    this.#clear(args);
    this.#isRunning = false;
  }

  #columns({ disableTqdm }: TrainingArguments): number | undefined {
    return disableTqdm ? undefined : this.#output.columns();
  }

  #clear(args: TrainingArguments): void {
    if (this.#columns(args) !== undefined) this.#output.draw(CLEAR);
  }

  #draw(args: TrainingArguments, { globalStep: done, maxSteps: total, epoch }: TrainerState): void {
    const columns = this.#columns(args);
    if (columns === undefined || !this.#isRunning) return;
    this.#drawnAt = performance.now();
    const { first, seconds } = this.#pace?.(done) ?? { first: done, seconds: 0 };
    const note = `epoch ${epoch.toFixed(1)}`;
    const progress = { label: "Training", done, total, first, seconds, note };
    this.#output.draw(CLEAR + progressLine(progress, columns));
  }

  #print(args: TrainingArguments, state: TrainerState, entry: LogEntry): void {
    this.#clear(args);
    this.#output.print(logLine(entry));
    this.#draw(args, state);
  }
}

/** Four significant digits, and neither the step, which the epoch tells, nor the count of operations. */
function logLine({ step: _step, total_flos: _flos, ...figures }: LogEntry): string {
  const rounded = Object.entries(figures).map(([name, value]) => [
    name,
    Number(value.toPrecision(4)),
  ]);
  return JSON.stringify(Object.fromEntries(rounded));
}

const STANDARD: ProgressOutput = {
  columns: () => system.stderr.isTerminal() ? system.consoleSize().columns : undefined,
  draw: (text) => void system.stderr.writeSync(new TextEncoder().encode(text)),
  print: (line) => console.log(line),
};
