/**
 * Command-line arguments: taken apart by `node:util`, held against a table, and errors that help.
 *
 * @module
 */
import { parseArgs } from "node:util";

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

/** One option of a command. */
export interface OptionSpec {
  /** "flag" takes no value. */
  kind: "text" | "number" | "flag";
  /** What stands for the value in the help. */
  value?: string;
  help: string;
  /** Whether a flag is on unless `--no-<name>` is given. */
  on?: boolean;
}

/** Options by their kebab-case names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What was given: options by name, and the rest. */
export interface ParsedArguments {
  options: Record<string, string | number | boolean>;
  files: string[];
  /** The arguments as they were given. */
  args: readonly string[];
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
 * @throws {UsageError} naming an unknown option, and the one that may have been meant.
 */
export function parseArguments(args: readonly string[], specs: OptionSpecs): ParsedArguments {
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
  const parsed: ParsedArguments = { options: {}, files: [], args };
  for (const token of tokens) {
    if (token.kind === "positional") parsed.files.push(token.value);
    if (token.kind === "option") Object.assign(parsed.options, optionOf(token, specs));
  }
  return parsed;
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

function optionOf(token: OptionToken, specs: OptionSpecs): ParsedArguments["options"] {
  const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
  if (spec) return { [token.name]: valueOf(token, spec) };
  const off = token.name.replace(/^no-/, "");
  const isOff = off !== token.name && Object.hasOwn(specs, off) && specs[off]!.kind === "flag";
  if (isOff && token.value === undefined) return { [off]: false };
  if (/^(hub[-_])?token$/.test(token.name)) throw tokenInSight(token.rawName);
  const near = nearest(token.name, Object.keys(specs));
  throw new UsageError(`Cannot use argument "${token.rawName}": there is none of that name`, {
    hint: near ? `Did you mean --${near}?` : "--help lists all",
  });
}

/** The command line of a process can be read by others, and shells keep it. */
export function tokenInSight(place: string): UsageError {
  return new UsageError(
    `Cannot take a token from "${place}": expected it in HF_TOKEN or on standard input, ` +
      "found it where the shell's history keeps it",
    { hint: "Make another token in its place, and give that to: deno task login" },
  );
}

function valueOf(token: OptionToken, { kind }: OptionSpec): string | number | boolean {
  const { rawName, value = "", inlineValue } = token;
  if (kind === "flag") {
    if (token.value === undefined) return true;
    throw wrongValue(rawName, "no value", value);
  }
  const isNext = !inlineValue && /^-./.test(value) && Number.isNaN(Number(value));
  if (value.trim() === "" || isNext) throw wrongValue(rawName, "a value", value || "none");
  if (kind === "text") return value;
  if (Number.isNaN(Number(value))) throw wrongValue(rawName, "a number", value);
  return Number(value);
}

function wrongValue(argument: string, expected: string, found: string): UsageError {
  const shown = found === "none" ? found : JSON.stringify(found);
  return new UsageError(`Cannot use argument "${argument}": expected ${expected}, found ${shown}`);
}

/** The word of a list that differs from one in the fewest letters, if they are few. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const scored = words.map((candidate) => ({ candidate, edits: editDistance(word, candidate) }));
  const best = scored.sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= Math.max(2, word.length / 3) ? best.candidate : undefined;
}

/** Insertions, deletions and replacements from one word to another (Levenshtein 1966). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

/** Arguments as they are typed, with quotes around those that need them. */
export function shellWords(args: readonly string[]): string {
  const quoted = args.map((arg) =>
    /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`
  );
  return quoted.join(" ");
}
