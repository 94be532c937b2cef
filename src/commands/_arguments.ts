/**
 * Command-line arguments: taken apart by `node:util`, held against a table, and errors that help.
 *
 * @module
 */
import { parseArgs } from "node:util";
import {
  type NumberOption,
  type OptionSpec,
  type OptionSpecs,
  type OptionValue,
  type OptionValues,
  valueName,
} from "./_option_table.ts";
import { typedCommand } from "./_typed_command.ts";

export type { OptionSpec, OptionSpecs, OptionValue, OptionValues } from "./_option_table.ts";

/** A wrong use of the command line; the process ends with 2. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";
  /** What the user can do about it. */
  readonly hint?: string;
  /** @param message what was wrong. */
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** What was given: values by name, and the rest. */
export interface ParsedArguments<Specs extends OptionSpecs = OptionSpecs> {
  /** Of the command's table, defaults filled in. */
  options: OptionValues<Specs>;
  /** Those that the command hands on without a look at them, where they were given. */
  others: Readonly<Record<string, OptionValue>>;
  files: string[];
  /** The arguments as they were given. */
  args: readonly string[];
}

/** The tables that arguments are held against. */
export interface ArgumentTables<Specs extends OptionSpecs = OptionSpecs> {
  options: Specs;
  others?: OptionSpecs;
  /** Why there is none of an option's name that users may know from elsewhere. */
  refused?: (name: string) => { reason: string; hint: string } | undefined;
}

/** One `--name value` as `parseArgs` gives it. */
interface OptionToken {
  name: string;
  rawName: string;
  value?: string;
  inlineValue?: boolean;
}

/**
 * Parses arguments by a table of options; `--no-flag` turns a flag off, and the spelling of
 * transformers' scripts is understood too: `--learning_rate`, `--model_name_or_path`.
 *
 * What is required and missing is for {@linkcode expectRequired} to find, so that `--help` can be given alone.
 *
 * @throws {UsageError} naming an unknown option, and the one that may have been meant.
 */
export function parseArguments<const Specs extends OptionSpecs>(
  args: readonly string[],
  { options, others = {}, refused }: ArgumentTables<Specs>,
): ParsedArguments<Specs> {
  const specs = { ...others, ...options };
  const table = Object.entries(specs).map(([name, { kind }]) => {
    const type = kind === "flag" ? "boolean" as const : "string" as const;
    return [name, name === "help" ? { type, short: "h" } : { type }] as const;
  });
  const { tokens } = parseArgs({
    args: withOwnNames(args, specs),
    options: Object.fromEntries(table),
    strict: false,
    tokens: true,
  });
  const given: Record<string, OptionValue> = {};
  const files: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") files.push(token.value);
    if (token.kind === "option") addTo(given, optionOf(token, specs, refused));
  }
  const isOwn = ([name]: [string, OptionValue]) => Object.hasOwn(options, name);
  const own = Object.entries(given).filter(isOwn);
  const values = { ...defaultsOf(options), ...Object.fromEntries(own) };
  return {
    // The one place where a table and its values meet: each value was checked against its row.
    options: values as OptionValues<Specs>,
    others: Object.fromEntries(Object.entries(given).filter((entry) => !isOwn(entry))),
    files,
    args,
  };
}

/** The last value counts; lists go on. */
function addTo(given: Record<string, OptionValue>, next: Record<string, OptionValue>): void {
  for (const [name, value] of Object.entries(next)) {
    const before = given[name];
    given[name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  }
}

function defaultsOf(specs: OptionSpecs): Record<string, OptionValue> {
  const values: Record<string, OptionValue> = {};
  for (const [name, spec] of Object.entries(specs)) {
    if (spec.kind === "flag") values[name] = spec.on === true;
    else if ("default" in spec && spec.default !== undefined) values[name] = spec.default;
  }
  return values;
}

/** @throws {UsageError} naming the first option that is required and was not given. */
export function expectRequired(
  name: string,
  { options }: ParsedArguments,
  specs: OptionSpecs,
): void {
  for (const [option, spec] of Object.entries(specs)) {
    if (!("required" in spec) || options[option] !== undefined) continue;
    throw new UsageError(
      `Cannot run command "${name}": expected argument "--${option} ${
        valueName(spec)
      }", found none`,
    );
  }
}

/** What transformers' example scripts call our options. */
const SCRIPT_NAMES: Readonly<Record<string, string>> = {
  "model-name-or-path": "model",
  "dataset-name": "data",
  "dataset-config-name": "data-name",
  "audio-column-name": "audio-column",
  "label-column-name": "label-column",
  "output-dir": "output",
  "overwrite-output-dir": "overwrite",
};

/** The arguments with the names of the table in its own spelling; others stay as they were typed. */
function withOwnNames(args: readonly string[], specs: OptionSpecs): string[] {
  const end = args.indexOf("--");
  return args.map((arg, i) => {
    const [typed = "", name = ""] = arg.match(/^--([a-z][\w-]*)/i) ?? [];
    const dashed = name.replaceAll("_", "-");
    const known = Object.hasOwn(SCRIPT_NAMES, dashed) ? SCRIPT_NAMES[dashed]! : dashed;
    const isOption = Object.hasOwn(specs, known) || Object.hasOwn(specs, known.replace(/^no-/, ""));
    return isOption && (end < 0 || i < end) ? `--${known}${arg.slice(typed.length)}` : arg;
  });
}

function optionOf(
  token: OptionToken,
  specs: OptionSpecs,
  refused: ArgumentTables<OptionSpecs>["refused"],
): Record<string, OptionValue> {
  const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
  if (spec) return { [token.name]: valueOf(token, spec) };
  const off = token.name.replace(/^no-/, "");
  const isOff = off !== token.name && Object.hasOwn(specs, off) && specs[off]!.kind === "flag";
  if (isOff && token.value === undefined) return { [off]: false };
  if (/^(hub[-_])?token$/.test(token.name)) throw visibleToken(token.rawName);
  const refusal = refused?.(token.name);
  if (refusal) {
    const { reason, hint } = refusal;
    throw new UsageError(`Cannot use argument "${token.rawName}": ${reason}`, { hint });
  }
  throw new UsageError(`Cannot use argument "${token.rawName}": there is none of that name`, {
    hint: hintFor(token.name, Object.keys(specs)),
  });
}

/** Mixed precision of training: `--f16` looks alike and means what inference does. */
const MIXED_PRECISION = /^(fp16|bf16)\b/;

function hintFor(name: string, names: readonly string[]): string {
  if (MIXED_PRECISION.test(name)) return "Leave it out: training computes in 32 bits";
  const near = nearest(name, names);
  return near ? `Did you mean --${near}?` : "--help lists all";
}

/** The command line of a process can be read by others, and shells keep it. */
export function visibleToken(place: string): UsageError {
  return new UsageError(
    `Cannot take a token from "${place}": expected it in HF_TOKEN or on standard input, ` +
      "found it where the shell's history keeps it",
    { hint: `Make another token in its place, and give that to: ${typedCommand("login")}` },
  );
}

function valueOf(token: OptionToken, spec: OptionSpec): OptionValue {
  const { rawName, value = "", inlineValue } = token;
  if (spec.kind === "flag") {
    if (token.value === undefined) return true;
    throw wrongValue(rawName, "no value", value);
  }
  const isNext = !inlineValue && /^-./.test(value) && Number.isNaN(Number(value));
  if (value.trim() === "" || isNext) throw wrongValue(rawName, "a value", value || "none");
  if (spec.kind === "number") return numberOf(rawName, value, spec);
  if (spec.kind === "list") return spec.isWhole ? [value] : listOf(rawName, value);
  if (spec.kind === "choice" && !spec.choices.includes(value)) {
    throw wrongValue(rawName, `one of ${spec.choices.join(", ")}`, value);
  }
  return value;
}

function numberOf(argument: string, text: string, spec: NumberOption): number {
  const { whole = false, min = -Infinity, max = Infinity } = spec;
  const value = Number(text);
  const isInside = value >= min && value <= max && (!whole || Number.isSafeInteger(value));
  if (isInside) return value;
  const kind = whole ? "a whole number" : "a number";
  const least = min === -Infinity
    ? ""
    : max === Infinity
    ? ` from ${min}`
    : ` from ${min} to ${max}`;
  throw wrongValue(argument, kind + least, text);
}

function listOf(argument: string, text: string): string[] {
  const words = text.split(",").map((word) => word.trim()).filter((word) => word !== "");
  if (words.length > 0) return words;
  throw wrongValue(argument, "words with commas between them", text);
}

function wrongValue(argument: string, expected: string, found: string): UsageError {
  const isBare = found === "none" || found.trim() !== "" && !Number.isNaN(Number(found));
  const shown = isBare ? found : JSON.stringify(found);
  return new UsageError(`Cannot use argument "${argument}": expected ${expected}, found ${shown}`);
}

/** The word of a list that differs from one in the fewest letters, if they are few. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const scored = words.map((candidate) => ({ candidate, edits: editDistance(word, candidate) }));
  const best = scored.sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= Math.max(1, word.length / 3) ? best.candidate : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours from one word to another (Damerau 1964). */
function editDistance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= from.length; i++) {
    const [last, row] = [rows[i - 1]!, [i]];
    for (let j = 1; j <= to.length; j++) {
      const replaced = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(replaced, last[j]! + 1, row[j - 1]! + 1, swapped));
    }
    rows.push(row);
  }
  return rows[from.length]![to.length]!;
}

/** Arguments as they are typed, with quotes around those that need them. */
export function shellWords(args: readonly string[]): string {
  const quoted = args.map((arg) =>
    /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`
  );
  return quoted.join(" ");
}
