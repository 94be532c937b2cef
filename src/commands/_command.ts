/**
 * What a command is to `cli.ts`, its help, and what several commands share.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceOptions } from "../devices.ts";
import { entryIfThere } from "../files.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import {
  type ArgumentTables,
  type OptionSpecs,
  type OptionValues,
  type ParsedArguments,
  UsageError,
} from "./_arguments.ts";
import { helpText, valueName } from "./_option_table.ts";
import { typedCommand } from "./_typed_command.ts";
import type { Output } from "./_output.ts";

/** A command of the command line. */
export interface Command<Specs extends OptionSpecs = OptionSpecs> extends ArgumentTables<Specs> {
  usage: string;
  examples: readonly string[];
  /** A sentence that the help ends with. */
  note?: string;
  /** Runs the command; 0 where all went well, 1 where it failed. */
  run(parsed: ParsedArguments<Specs>, out: Output): Promise<number>;
}

/** A command whose `run` gets values of the types that its table says. */
export function defineCommand<const Specs extends OptionSpecs>(command: Command<Specs>): Command {
  return command;
}

/** The options that every command has. */
export const COMMON_OPTIONS = {
  json: { kind: "flag", help: "JSON lines on standard output, everything else on standard error" },
  verbose: { kind: "flag", help: "show where an error came from" },
  help: { kind: "flag", help: "show this" },
} as const satisfies OptionSpecs;

/** The options of the commands that compute. */
export const DEVICE_OPTIONS = {
  backend: {
    kind: "choice",
    choices: ["auto", "webgpu", "wasm"],
    default: "auto",
    help: "what computes",
  },
  threads: { kind: "number", whole: true, min: 0, max: 48, help: "WASM threads; 0: all cores" },
  f16: { kind: "flag", help: "WebGPU multiplies, and holds weights, in 16 bits where it can" },
} as const satisfies OptionSpecs;

/** What is longer has its help on a line of its own. */
const MAX_OPTION_WIDTH = 40;

/** The help of a command. */
export function helpOf(
  summary: string,
  { usage, options, others, examples, note }: Omit<Command, "run">,
): string {
  const all: OptionSpecs = { ...options, ...others, ...COMMON_OPTIONS };
  const shown = Object.entries(all).filter(([, spec]) => !spec.isHidden);
  const rows = shown.map(([name, spec]) => {
    const isOn = spec.kind === "flag" && spec.on;
    const value = valueName(spec);
    const option = `  --${isOn ? "[no-]" : ""}${name}${value ? ` ${value}` : ""}`;
    return { option, help: helpText(spec) };
  });
  const widths = rows.map(({ option }) => option.length);
  const width = Math.max(...widths.filter((width) => width <= MAX_OPTION_WIDTH));
  return [
    typedCommand(usage),
    "",
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    "",
    ...rows.map(({ option, help }) => {
      const isLong = option.length > width;
      return `${isLong ? `${option}\n${" ".repeat(width)}` : option.padEnd(width)}  ${help}`;
    }),
    "",
    "Examples:",
    ...examples.map((example) => `  ${typedCommand(example)}`),
    ...note ? ["", note] : [],
  ].join("\n");
}

/** A task starts beside `deno.json`, in `root`; paths are meant from where it was typed. */
export function enterTypedDirectory(root: string | undefined): void {
  const mayAsk = isGranted({ name: "env", variable: "INIT_CWD" }) && isGranted({ name: "read" });
  const typedIn = mayAsk ? Deno.env.get("INIT_CWD") : undefined;
  if (typedIn && Deno.cwd() === root) Deno.chdir(typedIn);
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** A path inside this package, as a user would type it; undefined where it is not a clone, and has no such folder. */
export async function bundledPath(path: string): Promise<string | undefined> {
  const url = new URL(`../../${path}`, import.meta.url);
  if (url.protocol !== "file:") return undefined;
  const file = fileURLToPath(url);
  if (!await isThere(file)) return undefined;
  const short = relative(Deno.cwd(), file);
  return short.startsWith("..") ? file : short;
}

/** Warns of what a checkpoint holds beyond the model: it may be another model's. */
export function warnOfUnused(
  { loading }: InferenceModel,
  name: string,
  out: Output,
): void {
  const { unexpected } = loading;
  if (unexpected.length === 0) return;
  const more = unexpected.length > SHOWN_NAMES
    ? ` and ${unexpected.length - SHOWN_NAMES} more`
    : "";
  const names = unexpected.slice(0, SHOWN_NAMES).join(", ");
  out.warn(`Warning: "${name}" holds tensors that the model does not use: ${names}${more}`);
}

const SHOWN_NAMES = 5;

/**
 * Whether a file or folder exists.
 *
 * @throws {FileError} where it cannot be looked at.
 */
export async function isThere(path: string): Promise<boolean> {
  return await entryIfThere(path) !== undefined;
}

/** @throws {UsageError} where files were named for a command that takes none. */
export function expectNoFiles(files: string[]): void {
  if (files.length === 0) return;
  throw new UsageError(`Cannot use argument "${files[0]}": this command takes options only`);
}

/** The device that was asked for. */
export function deviceOptions(
  { backend, threads, f16 }: OptionValues<typeof DEVICE_OPTIONS>,
  defaults: { threads?: number } = {},
): Pick<DeviceOptions, "backend" | "threads" | "f16"> {
  return { backend, threads: threads ?? defaults.threads, ...(f16 && { f16 }) };
}
