/**
 * What `Trainer.train()` shows of itself.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { TrainerCallback } from "../../../src/train/callbacks/callbacks.ts";
import {
  ProgressCallback,
  type ProgressOutput,
} from "../../../src/train/callbacks/progress_callback.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import { tinyExtractor, tinyModel } from "../../tiny_model.ts";
import { QUIET, runTest, tinyRun, tinySource } from "../_tiny_run.ts";

interface Recorded extends ProgressOutput {
  drawn: string[];
  printed: string[];
}

function recorded(columns: number | undefined): Recorded {
  const [drawn, printed]: string[][] = [[], []];
  return {
    drawn: drawn!,
    printed: printed!,
    columns: () => columns,
    draw: (text) => void drawn!.push(text),
    print: (line) => void printed!.push(line),
  };
}

const ARGS = { maxSteps: 2, evalStrategy: "steps", evalSteps: 2 } as const;

runTest(
  "ProgressCallback prints the log as the reference does, without a bar",
  async (outputDir) => {
    const output = recorded(undefined);
    await tinyRun({ outputDir, args: ARGS, callbacks: [new ProgressCallback(output)] });
    deepEqual(output.drawn, []);
    const [evaluation, training, last, ...others] = output.printed.map((line) => JSON.parse(line));
    deepEqual(others, []);
    deepEqual(Object.keys(training), ["epoch", "loss", "grad_norm", "learning_rate"]);
    deepEqual(Object.keys(evaluation).slice(0, 3), ["epoch", "eval_loss", "eval_accuracy"]);
    ok(last.train_loss > 0 && last.train_runtime > 0);
    equal(last.total_flos, undefined);
    match(output.printed[0]!, /"eval_loss":\d\.\d{1,4}[,}]/);
  },
);

runTest(
  "ProgressCallback draws a bar on a terminal, and clears it for lines",
  async (outputDir) => {
    const output = recorded(40);
    await tinyRun({ outputDir, args: ARGS, callbacks: [new ProgressCallback(output)] });
    const lines = output.drawn.map((text) => text.replace("\r\x1b[2K", ""));
    match(lines[0]!, /^Training ░+ 0\/2 {2}epoch 0\.0$/);
    ok(lines.some((line) => /^Training █+ 2\/2/.test(line)), lines.join("\n"));
    ok(lines.every((line) => line.length < 40));
    equal(lines.at(-1), "");
    equal(output.printed.length, 3);
  },
);

runTest("disableTqdm leaves the lines and takes the bar", async (outputDir) => {
  const output = recorded(80);
  const args = { ...ARGS, disableTqdm: true };
  await tinyRun({ outputDir, args, callbacks: [new ProgressCallback(output)] });
  deepEqual([output.drawn.length, output.printed.length], [0, 3]);
});

runTest("Trainer shows progress unless a callback does, or it is removed", async (outputDir) => {
  const original = console.log;
  const printed: unknown[] = [];
  console.log = (line) => void printed.push(line);
  const model = await tinyModel();
  const run = (callbacks: TrainerCallback[]) =>
    new Trainer({
      model,
      args: new TrainingArguments({ outputDir, maxSteps: 1, disableTqdm: true }),
      trainDataset: tinySource(4),
      featureExtractor: tinyExtractor(),
      callbacks,
    });
  try {
    await run([QUIET]).train();
    equal(printed.length, 0);
    const silenced = run([]);
    silenced.removeCallback(ProgressCallback);
    await silenced.train();
    equal(printed.length, 0);
    await run([{ onLog: () => {} }]).train();
    equal(printed.length, 2);
  } finally {
    console.log = original;
    model.dispose();
  }
});

runTest("callbacks get arguments, state, control and what the run works on", async (outputDir) => {
  const seen: unknown[] = [];
  await tinyRun({
    outputDir,
    args: { maxSteps: 1 },
    callbacks: [{
      onStepEnd: (args, state, control, { model, optimizer, featureExtractor, trainDataset }) => {
        seen.push(args.maxSteps, state.globalStep, control.shouldLog);
        const names = Array.from(optimizer.tensors(), ({ name }) => name);
        seen.push(model.labels.length, names.length > 0);
        seen.push(featureExtractor.samplingRate, trainDataset.size);
      },
    }],
  });
  deepEqual(seen, [1, 1, false, 5, true, 8000, 10]);
});
