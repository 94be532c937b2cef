/**
 * Where settings come from, and which of them goes first: a flag, the environment, a file of JSON, the default.
 *
 * @module
 */
import { readJsonFileIfThere } from "../src/weights/json_file.ts";
import type { Host } from "./host.ts";
import {
  flagOf,
  keyOf,
  type NumberSetting,
  type SecretSetting,
  type ServiceSettings,
  type Setting,
  SETTING_ROWS,
  SETTINGS_FILE,
  variableOf,
} from "./settings.ts";

/** The places in which settings may have been made. */
export interface SettingSources {
  /** What the command line gave, by the name of the flag. @default nothing */
  flags?: Readonly<Record<string, unknown>>;
  /** Gives a variable of the environment. @default none is set */
  variable?: (name: string) => string | undefined;
  /** An object of JSON, and what its file is called in a message. @default none */
  file?: { name: string; values: Readonly<Record<string, unknown>> };
  /** Reads the file of a secret. @default with Deno */
  readText?: (path: string) => Promise<string | undefined>;
}

/** A value that no setting takes; the line says where it came from. */
export class SettingError extends RangeError {
  override readonly name = "SettingError";
  /** What the user can do about it. */
  readonly hint?: string;
  /** @param message what was wrong. */
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/**
 * The settings that were made, without defaults.
 *
 * A variable that is set to nothing is not set.
 *
 * @throws {SettingError} for a value that a setting does not take, a key that there is not, or a secret's file that
 * cannot be read.
 */
export async function readSettings(sources: SettingSources): Promise<ServiceSettings> {
  expectKeys(sources.file);
  const settings: Record<string, unknown> = {};
  for (const [name, row] of SETTING_ROWS) {
    const given = placed(name, row, sources);
    if (given) settings[name] = await valueOf(row, given, sources);
  }
  return settings;
}

/**
 * The same as a file holds them: values that were checked, and secrets by the names of their files.
 *
 * @throws {SettingError} as `readSettings` does.
 */
export function settingsToWrite(
  sources: Pick<SettingSources, "flags" | "file">,
): Record<string, unknown> {
  expectKeys(sources.file);
  const settings: Record<string, unknown> = {};
  for (const [name, row] of SETTING_ROWS) {
    const given = placed(name, row, sources);
    if (!given) continue;
    const { value, place } = given;
    const kept = row.kind === "secret" ? { kind: "text", help: row.help } as const : row;
    settings[keyOf(name, row)] = checked(kept, value, place);
  }
  return settings;
}

/** A value, and the words for where it stood. */
interface Placed {
  value: unknown;
  place: string;
  /** Whether it names the file that has the value. */
  isFile: boolean;
}

/** The first place that has a value. */
function placed(name: string, row: Setting, sources: SettingSources): Placed | undefined {
  const { flags = {}, variable = () => undefined, file } = sources;
  const isFile = row.kind === "secret";
  const flag = flagOf(name, row);
  if (flags[flag] !== undefined) {
    return { value: flags[flag], place: `argument "--${flag}"`, isFile };
  }
  const names = [variableOf(name, row), ...isFile ? [`${variableOf(name, row)}_FILE`] : []];
  for (const [i, one] of names.entries()) {
    const value = variable(one)?.trim();
    if (value) return { value, place: `variable "${one}"`, isFile: i > 0 };
  }
  const key = keyOf(name, row);
  const value = file?.values[key];
  if (value === undefined || value === null) return undefined;
  return { value, place: `"${key}" of "${file!.name}"`, isFile };
}

async function valueOf(
  row: Setting,
  { value, place, isFile }: Placed,
  { readText = (path) => Deno.readTextFile(path) }: SettingSources,
): Promise<unknown> {
  if (row.kind !== "secret") return checked(row, value, place);
  if (!isFile) return secretOf(row, value as string, place);
  if (typeof value !== "string") throw wrong(place, "the path of a file", value);
  const noFile = (cause?: unknown): never => {
    const expected = `expected a file of text, found none that can be read at "${value}"`;
    throw new SettingError(`Cannot use ${place}: ${expected}`, { cause });
  };
  const text = await readText(value).catch(noFile) ?? noFile();
  return secretOf(row, text, place);
}

function secretOf(row: SecretSetting, text: string, place: string): string | string[] {
  if (!row.several) return verified(row, text.trim(), place);
  const texts = text.split(/[\s,]+/).filter((one) => one !== "");
  if (texts.length > 0) return texts.map((one) => verified(row, one, place));
  throw new SettingError(`Cannot use ${place}: expected at least one text, found none`);
}

const WORDS: Readonly<Record<string, boolean>> = {
  ...{ true: true, on: true, yes: true, "1": true },
  ...{ false: false, off: false, no: false, "0": false },
};

function checked(
  row: Exclude<Setting, { kind: "secret" }>,
  value: unknown,
  place: string,
): unknown {
  switch (row.kind) {
    case "number":
      return numberOf(row, value, place);
    case "flag": {
      const isOn = typeof value === "string" ? WORDS[value.toLowerCase()] : value;
      if (typeof isOn !== "boolean") throw wrong(place, "true or false", value);
      return isOn;
    }
    case "choice":
      if (row.choices.includes(value as string)) return value;
      throw wrong(place, `one of ${row.choices.join(", ")}`, value);
    case "list": {
      const words = typeof value === "string" ? wordsOf(value) : value;
      if (!Array.isArray(words) || !words.every((word) => typeof word === "string")) {
        throw wrong(place, "a list of texts", value);
      }
      if (words.length === 0) throw wrong(place, "words with commas between them", value);
      return verified(row, words, place);
    }
    case "text":
      if (typeof value === "string" && value.trim() !== "") return verified(row, value, place);
      throw wrong(place, "text", value);
  }
}

function numberOf(
  { whole, min, max }: NumberSetting,
  value: unknown,
  place: string,
): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  const isNumber = typeof number === "number" && number >= min && number <= max;
  if (isNumber && (!whole || Number.isSafeInteger(number))) return number;
  throw wrong(place, `${whole ? "a whole number" : "a number"} from ${min} to ${max}`, value);
}

function wordsOf(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter((word) => word !== "");
}

/** The value as the check of its row gives it. */
function verified<Value>(
  { check }: { check?: (value: Value) => Value },
  value: Value,
  place: string,
): Value {
  try {
    return check ? check(value) : value;
  } catch (cause) {
    const { message } = cause as RangeError;
    throw new SettingError(`${message} (${place})`, { cause });
  }
}

/** A misspelt key would leave a service open that was meant to be closed. */
function expectKeys(file: SettingSources["file"]): void {
  if (!file) return;
  const known = SETTING_ROWS.map(([name, row]) => keyOf(name, row));
  const odd = Object.keys(file.values).find((key) => !known.includes(key));
  if (odd === undefined) return;
  const message = `Cannot use ${JSON.stringify(odd.slice(0, 40))} of "${file.name}"`;
  throw new SettingError(`${message}: there is no setting of that name`, {
    hint: `There are ${known.join(", ")}`,
  });
}

function wrong(place: string, expected: string, value: unknown): SettingError {
  const found = JSON.stringify(value)?.slice(0, 80);
  return new SettingError(`Cannot use ${place}: expected ${expected}, found ${found}`);
}

/**
 * Settings of the environment and of the file `settings.json` beside a bundle.
 *
 * @param host has the files and the variables; that of a secret lies beside the code, or anywhere by its whole path.
 * @throws {CheckpointError} where the file is no JSON object.
 * @throws {SettingError} as `readSettings` does.
 */
export async function settingsBeside(
  host: Pick<Host, "files" | "variable">,
): Promise<ServiceSettings> {
  const values = await readJsonFileIfThere(host.files("."), SETTINGS_FILE);
  const file = values && { name: SETTINGS_FILE, values };
  const readText = (path: string) => textBeside(host, path);
  return await readSettings({ variable: host.variable, file, readText });
}

/**
 * The text of a file beside the code, or anywhere by its whole path; undefined where there is none.
 *
 * @param host has the files.
 */
export async function textBeside(
  host: Pick<Host, "files">,
  path: string,
): Promise<string | undefined> {
  const [, folder = ".", name = ""] = /^(?:(.*)\/)?([^/]*)$/.exec(path)!;
  const source = await host.files(folder || "/").open(name);
  if (!source) return undefined;
  const bytes = await source.read(0, source.sizeBytes);
  source.close?.();
  return new TextDecoder().decode(bytes);
}
