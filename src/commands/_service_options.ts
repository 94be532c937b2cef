/**
 * The settings of the service as options of `serve` and `bundle`, and the file that may hold them.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import {
  readSettings,
  SettingError,
  type SettingSources,
  settingsToWrite,
} from "../../edge/read_settings.ts";
import {
  flagOf,
  readVariable,
  type ServiceSettings,
  type Setting,
  SETTING_ROWS,
  variableOf,
} from "../../edge/settings.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { type OptionSpec, type OptionSpecs, type OptionValue, UsageError } from "./_arguments.ts";
import { directoryFiles } from "../files.ts";

/** The option of the file, as a bundle has it as `settings.json`. */
export const SETTINGS_OPTION = {
  settings: {
    kind: "string",
    value: "FILE",
    help: "a file of settings in JSON; options go before",
  },
} as const satisfies OptionSpecs;

/** Options of the service itself, which are there where they were given. */
export function serviceOptions(command: "serve" | "bundle"): OptionSpecs {
  const rows = SETTING_ROWS.filter(([, { only = command }]) => only === command);
  return Object.fromEntries(rows.map(([name, row]) => [flagOf(name, row), specOf(name, row)]));
}

/** A row of the table as an option; its default is no option's, since other places go before it. */
function specOf(name: string, row: Setting): OptionSpec {
  const byDefault = "default" in row ? [String(row.default)] : [];
  const help = `${row.help} (${[...byDefault, variableOf(name, row)].join("; ")})`;
  const { value } = row;
  switch (row.kind) {
    case "number":
      return { kind: "number", help, value, whole: row.whole, min: row.min, max: row.max };
    case "flag":
      return { kind: "flag", help, on: row.default };
    case "choice":
      return { kind: "choice", help, value, choices: row.choices };
    case "list":
      return { kind: "list", help, value };
    case "text":
      return { kind: "string", help, value: value ?? "TEXT" };
    case "secret":
      return { kind: "string", help, value: value ?? "FILE" };
  }
}

/** What the command line gave. */
type Given = Readonly<Record<string, OptionValue>>;

/**
 * The settings of the command line, the environment and a file, in this order.
 *
 * @throws {UsageError} for one that makes no sense, naming where it stood.
 */
export async function serviceSettings(flags: Given, file?: string): Promise<ServiceSettings> {
  const sources = { flags, variable: readVariable, file: await opened(file) };
  return await readSettings(sources).catch(asUsage);
}

/**
 * The settings that a bundle is to keep, as JSON.
 *
 * @throws {UsageError} for one that makes no sense, naming where it stood.
 */
export async function settingsToKeep(
  flags: Given,
  file?: string,
): Promise<Readonly<Record<string, unknown>>> {
  const sources = { flags, file: await opened(file) };
  try {
    return settingsToWrite(sources);
  } catch (error) {
    return asUsage(error);
  }
}

async function opened(file: string | undefined): Promise<SettingSources["file"]> {
  if (file === undefined) return undefined;
  const files = directoryFiles(dirname(file));
  return { name: file, values: await readJsonFile(files, basename(file)) };
}

function asUsage(cause: unknown): never {
  if (!(cause instanceof SettingError)) throw cause;
  throw new UsageError(cause.message, { cause, hint: cause.hint });
}
