/**
 * All commands by name; each is loaded when it is asked for.
 *
 * @module
 */
import type { Command } from "./_command.ts";
import type { PermissionSetName } from "./_permission_sets.ts";

export { nearest, parseArguments, UsageError } from "./_arguments.ts";
export { type Command, COMMON_OPTIONS, helpOf } from "./_command.ts";
export { inFlags } from "./_flags.ts";
export { PERMISSION_SETS } from "./_permission_sets.ts";
export { type Output, processOutput } from "./_output.ts";
export { onOneLine } from "./_printable.ts";
export { runCommand } from "./_run_command.ts";
export { typedCommand } from "./_typed_command.ts";
export { UNWRITTEN_RESULTS_CODE, UnwrittenResults } from "./_unwritten_results.ts";
export { STEADY_PREFIX, STEADY_V8_FLAGS } from "./_v8_flags.ts";

/** A command that is not loaded yet. */
export interface CommandEntry {
  /** What it does, in a few words. */
  summary: string;
  /** What it may do on this machine. */
  permissions: PermissionSetName;
  /** Whether it may run for days, so that its memory must not grow. @default false */
  runsForDays?: true;
  load(): Promise<{ command: Command }>;
}

/** The commands, in the order of their use. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  train: {
    summary: "train a classifier on a folder of recordings",
    permissions: "hub",
    load: () => import("./train.ts"),
  },
  eval: {
    summary: "measure a model on a folder of recordings",
    permissions: "read",
    load: () => import("./eval.ts"),
  },
  compare: {
    summary: "tell whether one of two models is better, or it can be chance",
    permissions: "read",
    load: () => import("./compare.ts"),
  },
  scores: {
    summary: "fit what a model's scores mean: temperature, thresholds, and what is no class",
    permissions: "write",
    load: () => import("./scores.ts"),
  },
  data: {
    summary: "look through a data set for what spoils training",
    permissions: "read",
    load: () => import("./data.ts"),
  },
  report: {
    summary: "measure a model and write a page to look at",
    permissions: "write",
    load: () => import("./report.ts"),
  },
  predict: {
    summary: "classify recordings",
    permissions: "read",
    load: () => import("./predict.ts"),
  },
  detect: {
    summary: "find sounds in recordings of any length, or in a pipe",
    permissions: "write",
    runsForDays: true,
    load: () => import("./detect.ts"),
  },
  embed: {
    summary: "write what a model makes of recordings before its classes, to search and to sort",
    permissions: "write",
    load: () => import("./embed.ts"),
  },
  nearest: {
    summary: "find the recordings most like one, or those that a model is least sure of",
    permissions: "read",
    load: () => import("./nearest.ts"),
  },
  serve: {
    summary: "answer requests for predictions over HTTP",
    permissions: "serve",
    runsForDays: true,
    load: () => import("./serve.ts"),
  },
  export: {
    summary: "write a model in the form that starts fastest, in 8, 16 or 32 bits",
    permissions: "write",
    load: () => import("./export.ts"),
  },
  bundle: {
    summary: "write a model and its service as one directory that deploys as it is",
    permissions: "bundle",
    load: () => import("./bundle.ts"),
  },
  login: {
    summary: "keep a token of the Hugging Face hub for later, or remove it",
    permissions: "hub",
    load: () => import("./login.ts"),
  },
  push: {
    summary: "push a model to the Hugging Face hub, with its card",
    permissions: "hub",
    load: () => import("./push.ts"),
  },
  pull: {
    summary: "bring a model or a data set of the Hugging Face hub to this disk",
    permissions: "hub",
    load: () => import("./pull.ts"),
  },
  info: {
    summary: "show what a model is, what it costs, and where its weights came from",
    permissions: "read",
    load: () => import("./info.ts"),
  },
  doctor: {
    summary: "show what this machine can compute with",
    permissions: "read",
    load: () => import("./doctor.ts"),
  },
  parity: {
    summary: "compare this package with PyTorch on golden case directories",
    permissions: "read",
    load: () => import("./parity.ts"),
  },
};
