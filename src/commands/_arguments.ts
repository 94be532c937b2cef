/**
 * Command-line arguments: parsed with `node:util`, checked against a table, and errors that help.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type OptionRow, TRAINING_OPTIONS } from "../train/arguments.ts";

/** A wrong use of the command line; the process ends with 2. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";
  /** What the user can do about it. */
  readonly hint?: string;
  /** @param message what was wrong. */
  constructor(message: string, options: { hint?: string } = {}) {
    super(message);
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
}

/** Options by their kebab-case names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What was given: options by name, and the rest. */
export interface ParsedArguments {
  options: Record<string, string | number | boolean>;
  files: string[];
}

/**
 * Parses arguments by a table of options; `--no-flag` turns a flag off.
 *
 * @throws {UsageError} naming an unknown option, and the one that may have been meant.
 */
export function parseArguments(args: string[], specs: OptionSpecs): ParsedArguments {
  const table: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const [name, { kind }] of Object.entries(specs)) {
    table[name] = { type: kind === "flag" ? "boolean" : "string" };
  }
  for (const arg of args) expectKnown(arg, specs, args);
  try {
    const parsed = parseArgs({
      args,
      options: table,
      allowPositionals: true,
      allowNegative: true,
    });
    const options: ParsedArguments["options"] = {};
    for (const [name, value] of Object.entries(parsed.values)) {
      options[name] = typedValue(name, value as string | boolean, specs[name]!);
    }
    return { options, files: parsed.positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError((error as Error).message.split(". ")[0]!);
  }
}

function expectKnown(arg: string, specs: OptionSpecs, args: string[]): void {
  const end = args.indexOf("--");
  if (end >= 0 && args.indexOf(arg) > end) return;
  const name = arg.match(/^--(?:no-)?([^=]+)/)?.[1];
  const whole = arg.match(/^--([^=]+)/)?.[1];
  if (!name || !whole || Object.hasOwn(specs, name) || Object.hasOwn(specs, whole)) return;
  const near = nearest(name, Object.keys(specs));
  throw new UsageError(`Cannot use argument "--${whole}": there is none of that name`, {
    hint: near ? `Did you mean --${near}?` : "--help lists all",
  });
}

function typedValue(
  name: string,
  value: string | boolean,
  { kind }: OptionSpec,
): string | number | boolean {
  if (kind !== "number") return value;
  const number = Number(value);
  if (value !== "" && !Number.isNaN(number)) return number;
  throw new UsageError(`Cannot use argument "--${name}": expected a number, found "${value}"`);
}

/** The word of a list that differs from one in the fewest letters, if they are few. */
export function nearest(word: string, words: string[]): string | undefined {
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

/** "learningRate" as "learning-rate". */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** "learning-rate" as "learningRate". */
export function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The training arguments as options of the command line. */
export function trainingOptionSpecs(): OptionSpecs {
  const rows = Object.entries(TRAINING_OPTIONS).map((
    [name, row],
  ) => [kebab(name), optionSpec(row)]);
  return Object.fromEntries(rows);
}

function optionSpec(row: OptionRow): OptionSpec {
  const byDefault = row.default === undefined || row.default === false ? "" : ` (${row.default})`;
  switch (row.kind) {
    case "number":
      return { kind: "number", value: "N", help: row.help + byDefault };
    case "boolean":
      return { kind: "flag", help: row.help + byDefault };
    case "word":
      return { kind: "text", value: row.words.join("|"), help: row.help + byDefault };
    case "text":
      return { kind: "text", value: "NAME", help: row.help + byDefault };
  }
}

/**
 * A path as the user meant it: relative to where the command was typed, which for a task is not the
 * directory that it runs in.
 */
export function userPath(path: string): string {
  const typedIn = Deno.env.get("INIT_CWD");
  const absolute = /^([/\\]|[a-z]:)/i.test(path);
  if (absolute || !typedIn || typedIn === Deno.cwd()) return path;
  return `${typedIn}/${path}`;
}
