/**
 * What `train` shows as it goes: a progress bar, a table by epoch, and the commands that come next.
 *
 * @module
 */
import type { TrainingArguments } from "../train/arguments.ts";
import type { TrainerCallback } from "../train/callbacks.ts";
import type { LogEntry } from "../train/state.ts";
import type { Output } from "./_output.ts";

const COLUMNS = ["Epoch", "Training Loss", "Validation Loss", "Accuracy"];

/** Prints a run; with `--json`, an event for each thing that happens. */
export function trainProgress(out: Output, args: TrainingArguments): TrainerCallback {
  let tick: ReturnType<Output["progress"]> | undefined;
  let loss: number | undefined;
  let headed = false;
  const row = (cells: string[]) =>
    cells.map((cell, i) => cell.padStart(COLUMNS[i]!.length)).join("  ");
  const print = (entry: LogEntry) => {
    tick?.(undefined);
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
    onTrainBegin: (state) => tick = out.progress("Training", state.max_steps),
    onStepEnd: (state) => {
      tick?.(state.global_step, `epoch ${state.epoch.toFixed(1)}`);
    },
    onLog: (entry) => {
      loss = entry.loss;
      out.event({ event: "step", ...entry });
      if (args.evalStrategy === "no") print(entry);
    },
    onEvaluate: (entry) => {
      out.event({ event: "eval", ...entry });
      print(entry);
    },
    onSave: (directory, state) =>
      out.event({ event: "save", directory, step: state.global_step, epoch: state.epoch }),
  };
}

/** Commands to paste, in the form that works on this machine. */
export async function nextCommands(model: string, data: string): Promise<string> {
  const deno = await startsWithDeno() ? "deno" : "npx --yes deno";
  const clip = await firstClip(data) ?? "recording.wav";
  return [
    "Next:",
    `  ${deno} task predict --model ${model} ${clip}`,
    `  ${deno} task serve --model ${model}`,
    "  # on your own recordings, in a folder per label, like examples/voice_menu:",
    `  ${deno} task train --data examples/voice_menu --model ${model} --num-train-epochs 1`,
  ].join("\n");
}

/** Whether `deno` is a command here: npx puts one into a cache of its own. */
function startsWithDeno(): Promise<boolean> {
  const fromPackage = /[/\\](_npx|node_modules)[/\\]/.test(Deno.execPath());
  return Promise.resolve(!fromPackage);
}

/** A clip of the test split, or of any. */
async function firstClip(directory: string, depth = 3): Promise<string | undefined> {
  const entries = [];
  for await (const entry of Deno.readDir(directory)) entries.push(entry);
  entries.sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
  for (const { name, isDirectory } of entries) {
    if (!isDirectory && name.endsWith(".wav")) return `${directory}/${name}`;
    if (!isDirectory || depth === 0) continue;
    const found = await firstClip(`${directory}/${name}`, depth - 1);
    if (found) return found;
  }
}

function rank(name: string): number {
  return name === "test" ? 0 : 1;
}
