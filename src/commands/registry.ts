/**
 * All commands by name; each is loaded when it is asked for.
 *
 * @module
 */
import type { Command } from "./_command.ts";

export { expectRequired, nearest, parseArguments, UsageError } from "./_arguments.ts";
export { type Command, COMMON_OPTIONS, goWhereTyped, helpOf } from "./_command.ts";
export { inFlags } from "./_flags.ts";
export { type Output, processOutput } from "./_output.ts";
export { typedCommand } from "./_typed_command.ts";

/** A command that is not loaded yet. */
export interface CommandEntry {
  /** What it does, in a few words. */
  summary: string;
  load(): Promise<{ command: Command }>;
}

/** The commands, in the order of their use. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  train: {
    summary: "train a classifier on a folder of recordings",
    load: () => import("./train.ts"),
  },
  eval: {
    summary: "measure a model on a folder of recordings",
    load: () => import("./eval.ts"),
  },
  data: {
    summary: "look through a data set for what spoils training",
    load: () => import("./data.ts"),
  },
  report: {
    summary: "measure a model and write a page to look at",
    load: () => import("./report.ts"),
  },
  predict: {
    summary: "classify recordings",
    load: () => import("./predict.ts"),
  },
  serve: {
    summary: "answer requests for predictions over HTTP",
    load: () => import("./serve.ts"),
  },
  export: {
    summary: "write a model in the form that starts fastest, in 8, 16 or 32 bits",
    load: () => import("./export.ts"),
  },
  bundle: {
    summary: "write a model and its service as one directory that deploys as it is",
    load: () => import("./bundle.ts"),
  },
  login: {
    summary: "keep a token of the Hugging Face hub for later, or remove it",
    load: () => import("./login.ts"),
  },
  push: {
    summary: "push a model to the Hugging Face hub, with its card",
    load: () => import("./push.ts"),
  },
  pull: {
    summary: "bring a model of the Hugging Face hub to this disk",
    load: () => import("./pull.ts"),
  },
  info: {
    summary: "show what a model is, what it costs, and where its weights came from",
    load: () => import("./info.ts"),
  },
  doctor: {
    summary: "show what this machine can compute with",
    load: () => import("./doctor.ts"),
  },
  parity: {
    summary: "compare this package with PyTorch on golden case directories",
    load: () => import("./parity.ts"),
  },
};
