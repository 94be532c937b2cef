/**
 * What `train` shows as it goes: a progress bar, a table by epoch, and the commands that come next.
 *
 * @module
 */
import { basename } from "node:path";
import type { TrainingArguments } from "../train/options/arguments.ts";
import type { TrainerCallback } from "../train/callbacks/callbacks.ts";
import type { LogEntry } from "../train/checkpoints/state.ts";
import { shellWords } from "./_arguments.ts";
import type { ClipNotices } from "./_notices.ts";
import type { Output } from "./_output.ts";
import { typedCommand } from "./_typed_command.ts";

const COLUMNS = ["Epoch", "Training Loss", "Validation Loss", "Accuracy"];

/** Prints a run; with `--json`, an event for each thing that happens. `clear` takes the bar away. */
export function trainProgress(
  out: Output,
  { notices, validates }: { notices: ClipNotices; validates: boolean },
): TrainerCallback & { clear(): void } {
  let tick: ReturnType<Output["progress"]> | undefined;
  let loss: number | undefined;
  let headed = false;
  const row = (cells: string[]) =>
    cells.map((cell, i) => cell.padStart(COLUMNS[i]!.length)).join("  ");
  const print = (entry: LogEntry) => {
    tick?.(undefined);
    notices.print(out);
    if (!headed) out.line(out.strong(row(COLUMNS)));
    headed = true;
    const { epoch, eval_loss, eval_accuracy } = entry;
    const cells = [
      epoch.toFixed(Number.isInteger(epoch) ? 0 : 2),
      loss?.toFixed(4) ?? "-",
      eval_loss?.toFixed(4) ?? "-",
      eval_accuracy?.toFixed(4) ?? "-",
    ];
    out.line(row(cells));
  };
  return {
    clear: () => tick?.(undefined),
    showsProgress: true,
    onTrainBegin: ({ disableTqdm }, state) => {
      if (!disableTqdm) tick = out.progress("Training", state.maxSteps);
    },
    onStepEnd: (_args, state) => {
      tick?.(state.globalStep, `epoch ${state.epoch.toFixed(1)}`);
    },
    onLog: (_args, _state, _control, { logs }) => {
      // The last line has the figures of the run, which `all_results.json` holds.
      if (logs.loss === undefined) return;
      loss = logs.loss;
      out.event({ event: "step", ...logs });
      if (!validates) print(logs);
    },
    onEvaluate: (_args, _state, _control, { metrics }) => {
      out.event({ event: "eval", ...metrics });
      print(metrics);
    },
    onSave: (_args, { globalStep: step, epoch }, _control, { directory }) =>
      out.event({ event: "save", directory, step, epoch }),
  };
}

/** Commands to paste, in the form that works on this machine. */
export function nextCommands(
  { model, clip, bundledData, isDetector = false }: {
    model: string;
    clip: string;
    bundledData?: string;
    /** Whether it was trained for sound that goes on. */
    isDetector?: boolean;
  },
): string {
  const named = shellWords([model]);
  const own = (data: string) => [
    "  # with your own recordings in the place of examples/voice_menu, a folder for each label:",
    `  ${typedCommand(`train --data ${shellWords([data])} --model ${named}`)}`,
  ];
  return [
    "Next:",
    isDetector
      ? `  ${typedCommand(`detect --model ${named} path/to/recording.wav`)}`
      : `  ${typedCommand(`predict --model ${named} ${shellWords([clip])}`)}`,
    `  ${typedCommand(`serve --model ${named}`)}`,
    ...bundledData === undefined ? [] : own(bundledData),
  ].join("\n");
}

/** The command that goes on with an interrupted run. */
export function resumeCommand(typed: readonly string[], output: string): string {
  const args = typed.filter((arg) => arg !== "--overwrite" && arg !== "--resume");
  const isNamed = args.some((arg) => /^--output(=|$)/.test(arg));
  const place = isNamed ? [] : ["--output", output];
  return typedCommand(`train ${shellWords([...args, ...place, "--resume"])}`);
}

/** The command that pushes a trained model after all. */
export function pushCommand({ outputDir, hubModelId, hubPrivateRepo }: TrainingArguments): string {
  const repo = hubModelId ?? basename(outputDir);
  const how = hubPrivateRepo ? ["--private"] : [];
  return typedCommand(`push ${shellWords(["--model", outputDir, "--repo", repo, ...how])}`);
}

/** Options of several runs, and what is another where one model comes of all clips. */
const OF_SEVERAL = /^--(folds|fold-by|repeat|shots|output|test-size|resume|overwrite)(=|$)/;

/** Those of them without a value. */
const FLAGS_OF_SEVERAL = /^--(resume|overwrite)$/;

/** The command that trains one model on all clips, after several that were tested on some. */
export function allClipsCommand(typed: readonly string[]): string {
  const spelt = typed.map((arg) => arg.replace(/^--[\w-]+/, (name) => name.replaceAll("_", "-")));
  const args = typed.filter((_, i) => {
    const [before = "", own = ""] = [spelt[i - 1], spelt[i]];
    const isValue = OF_SEVERAL.test(before) && !before.includes("=") &&
      !FLAGS_OF_SEVERAL.test(before);
    return !isValue && !OF_SEVERAL.test(own);
  });
  return typedCommand(`train ${shellWords([...args, "--test-size", "0"])}`);
}
