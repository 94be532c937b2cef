import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import type { ClipNotice } from "../../src/data/loader.ts";
import { ClipNotices } from "../../src/commands/_notices.ts";
import { megabytes, type Output, parameterText, table } from "../../src/commands/_output.ts";
import { nextCommands, resumeCommand, trainProgress } from "../../src/commands/_train_output.ts";
import { TrainingArguments } from "../../src/train/options/arguments.ts";
import {
  type CallbackEvent,
  noControl,
  type RunParts,
} from "../../src/train/callbacks/callbacks.ts";
import { runPlan } from "../../src/train/loop/run_plan.ts";
import { initialState, type TrainerState } from "../../src/train/checkpoints/state.ts";

/** A run of two epochs of two steps, before the first. */
function newState(): TrainerState {
  const args = new TrainingArguments({ outputDir: "unused", numTrainEpochs: 2 });
  const source = { size: 16, batchCount: () => 2, batches: () => unread() };
  return initialState(runPlan(args, source), args);
}

function unread(): never {
  throw new TypeError("Cannot read batches: there are none");
}

/** An output that keeps what is printed. */
function recorded(): Output & { lines: string[]; warnings: string[]; events: object[] } {
  const lines: string[] = [];
  const warnings: string[] = [];
  const events: object[] = [];
  return {
    json: true,
    lines,
    warnings,
    events,
    line: (text = "") => void lines.push(text),
    warn: (text) => void warnings.push(text),
    event: (object) => void events.push(object),
    strong: (text) => text,
    progress: () => () => {},
  };
}

Deno.test("table() aligns words to the left and numbers to the right", () => {
  equal(
    table(["Class", "Clips"], [["yes", 2], ["no", 10]]),
    ["Class  Clips", "─────  ─────", "yes        2", "no        10"].join("\n"),
  );
});

/** What a callback gets, as far as it is looked at. */
function event<Facts extends object>(facts: Facts): CallbackEvent<Facts> {
  const args = new TrainingArguments({ outputDir: "unused" });
  const context: Partial<RunParts> & Facts = facts;
  return [args, newState(), noControl(), context as RunParts & Facts];
}

Deno.test("trainProgress() prints a row an epoch under one heading", () => {
  const out = recorded();
  const progress = trainProgress(out, { notices: new ClipNotices(), validates: true });
  progress.onTrainBegin?.(...event({}));
  for (const epoch of [1, 2]) {
    progress.onLog?.(...event({ logs: { step: 2 * epoch, epoch, loss: 1 / epoch } }));
    const scores = { eval_loss: 0.25, eval_accuracy: epoch / 2 };
    progress.onEvaluate?.(...event({ metrics: { step: 2 * epoch, epoch, ...scores } }));
  }
  deepEqual(out.lines, [
    "Epoch  Training Loss  Validation Loss  Accuracy",
    "    1         1.0000           0.2500    0.5000",
    "    2         0.5000           0.2500    1.0000",
  ]);
  deepEqual(out.events.map((event) => (event as { event: string }).event), [
    "step",
    "eval",
    "step",
    "eval",
  ]);
});

Deno.test("trainProgress() prints the training loss where nothing is evaluated", () => {
  const out = recorded();
  const progress = trainProgress(out, { notices: new ClipNotices(), validates: false });
  progress.onLog?.(...event({ logs: { step: 1, epoch: 0.5, loss: 2 } }));
  equal(out.lines[1], " 0.50         2.0000                -         -");
});

Deno.test("ClipNotices counts each kind, names three, and prints each once", () => {
  const out = recorded();
  const notices = new ClipNotices();
  const silent = (i: number): ClipNotice => {
    return { kind: "silent", file: `${i}.wav`, message: `Clip "${i}.wav" is silent` };
  };
  for (let i = 0; i < 5; i++) notices.add(silent(i));
  notices.add({ kind: "skipped", file: "x.wav", message: 'Cannot decode audio "x.wav"' });
  notices.print(out);
  notices.print(out);
  deepEqual(out.warnings, [
    "Warning: 1 clip cannot be used and was left out:",
    '- Cannot decode audio "x.wav"',
    "Warning: 5 clips are silent, the first 3 of them:",
    ...[0, 1, 2].map((i) => `- Clip "${i}.wav" is silent`),
  ]);
});

Deno.test("nextCommands() quotes names with spaces", () => {
  const named = { model: "my model", clip: "a/b.wav" };
  const text = nextCommands({ ...named, bundledData: "examples/voice_menu" });
  match(text, /deno task predict --model 'my model' a\/b\.wav$/m);
  match(text, /deno task serve --model 'my model'$/m);
  match(text, /deno task train --data \S+voice_menu --model 'my model'$/m);
  doesNotMatch(nextCommands(named), /voice_menu/);
});

Deno.test("nextCommands() detects with a model for sound that goes on", () => {
  const text = nextCommands({ model: "m", clip: "a.wav", isDetector: true });
  match(text, /deno task detect --model m path\/to\/recording\.wav$/m);
  doesNotMatch(text, /predict/);
});

Deno.test("resumeCommand() repeats the command line and adds where to go on", () => {
  match(
    resumeCommand(["--data", "x", "--overwrite"], "runs/x-1"),
    /deno task train --data x --output runs\/x-1 --resume$/,
  );
  match(resumeCommand(["--output=y", "--resume"], "y"), /deno task train --output=y --resume$/);
});

Deno.test("megabytes() are a million bytes, whole ones from 100 on", () => {
  deepEqual([5_000, 2 ** 20, 1e8, 378_400_000].map(megabytes), [
    "0.01 MB",
    "1.05 MB",
    "100 MB",
    "378 MB",
  ]);
});

Deno.test("parameterText() counts few parameters one by one", () => {
  deepEqual([0, 1_290, 99_999, 100_000, 94_568_000].map(parameterText), [
    ...["0", "1,290", "99,999", "0.10 M", "94.57 M"],
  ]);
});
