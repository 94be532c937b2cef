/**
 * What a command is to `cli.ts`, its help, and what several commands share.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendChoice } from "../devices.ts";
import { type OptionSpecs, type ParsedArguments, UsageError, userPath } from "./_arguments.ts";
import type { Output } from "./_output.ts";

/** A command of the command line. */
export interface Command {
  summary: string;
  usage: string;
  options: OptionSpecs;
  examples: string[];
  /** Runs the command; 0 where all went well, 1 where it failed. */
  run(parsed: ParsedArguments, out: Output, signal: AbortSignal): Promise<number>;
}

/** The options that every command has. */
export const COMMON_OPTIONS: OptionSpecs = {
  json: { kind: "flag", help: "JSON lines on standard output, everything else on standard error" },
  verbose: { kind: "flag", help: "show where an error came from" },
  help: { kind: "flag", help: "show this" },
};

/** The help of a command. */
export function helpOf({ summary, usage, options, examples }: Command): string {
  const rows = Object.entries({ ...options, ...COMMON_OPTIONS }).map(([name, { value, help }]) => {
    return [`  --${name}${value ? ` ${value}` : ""}`, help] as const;
  });
  const width = Math.max(...rows.map(([option]) => option.length));
  return [
    `earshot ${usage}`,
    "",
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    "",
    ...rows.map(([option, help]) => `${option.padEnd(width)}  ${help}`),
    "",
    "Examples:",
    ...examples.map((example) => `  deno task ${example}`),
  ].join("\n");
}

/** A path inside this package. */
export function bundledPath(path: string): string {
  const url = new URL(`../../${path}`, import.meta.url);
  if (url.protocol === "file:") return relativeToHere(fileURLToPath(url));
  throw new UsageError(
    `Cannot find the bundled "${path}": it is not part of the published package`,
    {
      hint: "Name a directory of your own",
    },
  );
}

/** The path as a user would type it, where it lies below the current directory. */
function relativeToHere(path: string): string {
  const short = relative(Deno.cwd(), path);
  return short.startsWith("..") ? path : short;
}

/** The model directory that was named, or the one that comes with the package. */
export function modelOrBundled(model: unknown): string {
  return typeof model === "string" ? userPath(model) : bundledPath("models/voice_menu");
}

/** @throws {UsageError} where files were named for a command that takes none. */
export function expectNoFiles(files: string[]): void {
  if (files.length === 0) return;
  throw new UsageError(`Cannot use argument "${files[0]}": this command takes options only`);
}

/** @throws {UsageError} where the backend is not one of the three words. */
export function backendChoice(word: unknown): BackendChoice {
  const choices = ["auto", "webgpu", "wasm"] as const;
  const choice = choices.find((name) => name === (word ?? "auto"));
  if (choice) return choice;
  throw new UsageError(
    `Cannot use argument "--backend": expected one of ${choices.join(", ")}, found "${word}"`,
  );
}
