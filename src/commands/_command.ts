/**
 * What a command is to `cli.ts`, its help, and what several commands share.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendChoice, DeviceOptions } from "../devices.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { type OptionSpecs, type ParsedArguments, UsageError } from "./_arguments.ts";
import type { Output } from "./_output.ts";

/** A command of the command line. */
export interface Command {
  usage: string;
  options: OptionSpecs;
  examples: readonly string[];
  /** A sentence that the help ends with. */
  note?: string;
  /** Runs the command; 0 where all went well, 1 where it failed. */
  run(parsed: ParsedArguments, out: Output): Promise<number>;
}

/** The options that every command has. */
export const COMMON_OPTIONS: OptionSpecs = {
  json: { kind: "flag", help: "JSON lines on standard output, everything else on standard error" },
  verbose: { kind: "flag", help: "show where an error came from" },
  help: { kind: "flag", help: "show this" },
};

/** The options of the commands that compute. */
export const DEVICE_OPTIONS: OptionSpecs = {
  backend: { kind: "text", value: "auto|webgpu|wasm", help: "what computes (auto)" },
  threads: { kind: "number", value: "N", help: "WASM threads; 0: all cores" },
  f16: { kind: "flag", help: "WebGPU multiplies, and holds weights, in 16 bits where it can" },
};

/** What is longer has its help on a line of its own. */
const MAX_OPTION_WIDTH = 40;

/** The help of a command. */
export function helpOf(summary: string, { usage, options, examples, note }: Command): string {
  const rows = Object.entries({ ...options, ...COMMON_OPTIONS }).map(
    ([name, { value, help, on }]) => [
      `  --${on ? "[no-]" : ""}${name}${value ? ` ${value}` : ""}`,
      help,
    ],
  );
  const widths = rows.map(([option]) => option!.length);
  const width = Math.max(...widths.filter((width) => width <= MAX_OPTION_WIDTH));
  return [
    `deno task ${usage}`,
    "",
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    "",
    ...rows.map(([option, help]) => {
      const isLong = option!.length > width;
      return `${isLong ? `${option}\n${" ".repeat(width)}` : option!.padEnd(width)}  ${help}`;
    }),
    "",
    "Examples:",
    ...examples.map((example) => `  deno task ${example}`),
    ...note ? ["", note] : [],
  ].join("\n");
}

/** A task starts beside `deno.json`, in `root`; paths are meant from where it was typed. */
export function goWhereTyped(root: string | undefined): void {
  const mayAsk = isGranted({ name: "env", variable: "INIT_CWD" }) && isGranted({ name: "read" });
  const typedIn = mayAsk ? Deno.env.get("INIT_CWD") : undefined;
  if (typedIn && Deno.cwd() === root) Deno.chdir(typedIn);
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/**
 * A path inside this package, as a user would type it.
 *
 * @throws {UsageError} when the package was not installed as files.
 */
export function bundledPath(path: string): string {
  const url = new URL(`../../${path}`, import.meta.url);
  if (url.protocol !== "file:") {
    throw new UsageError(
      `Cannot use the bundled "${path}": it does not come with the published package`,
      { hint: "Name a directory of your own" },
    );
  }
  const file = fileURLToPath(url);
  const short = relative(Deno.cwd(), file);
  return short.startsWith("..") ? file : short;
}

/** Warns of what a checkpoint holds beyond the model: it may be another model's. */
export function warnOfUnused(
  { loading }: AudioClassificationModel,
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

/** Whether a file or folder exists. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    const { NotFound, NotADirectory } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) return false;
    throw error;
  }
}

/** @throws {UsageError} where files were named for a command that takes none. */
export function expectNoFiles(files: string[]): void {
  if (files.length === 0) return;
  throw new UsageError(`Cannot use argument "${files[0]}": this command takes options only`);
}

/**
 * An option that must be a whole number.
 *
 * @throws {UsageError} when it is another number.
 */
export function wholeNumber(
  options: ParsedArguments["options"],
  name: string,
  range: { min: number; max?: number },
): number | undefined {
  const value = options[name] as number | undefined;
  const { min, max = 2 ** 31 - 1 } = range;
  if (value === undefined || Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(
    `Cannot use argument "--${name}": expected a whole number from ${min}${
      range.max === undefined ? "" : ` to ${max}`
    }, found ${value}`,
  );
}

/**
 * The device that was asked for.
 *
 * @throws {UsageError} for an unknown backend or an odd number of threads.
 */
export function deviceOptions(
  options: ParsedArguments["options"],
  defaults: { threads?: number } = {},
): Pick<DeviceOptions, "backend" | "threads" | "f16"> {
  const backends: readonly BackendChoice[] = ["auto", "webgpu", "wasm"];
  const word = options.backend ?? "auto";
  const backend = backends.find((name) => name === word);
  const threads = wholeNumber(options, "threads", { min: 0, max: 48 }) ?? defaults.threads;
  if (backend) return { backend, threads, ...(options.f16 === true && { f16: true }) };
  throw new UsageError(
    `Cannot use argument "--backend": expected one of ${backends.join(", ")}, found "${word}"`,
  );
}
