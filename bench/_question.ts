/**
 * What a bench is to its runner: a question with options, that is answered row by row.
 *
 * Each bench lists its options; `run.ts` parses what was typed.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { BenchRow } from "./_records.ts";

/** A bench. */
export interface Question {
  /** The question in a line. */
  asks: string;
  options: OptionSpecs;
  /** Measures; rows are printed as they come. */
  answer(options: Options, notes: Notes): AsyncIterable<BenchRow>;
}

/** What a bench says beside its rows. */
export interface Notes {
  /** A line between the rows. */
  line(text: string): void;
  /** What is being measured now, shown until the next row; an empty text clears it. */
  progress(text: string): void;
}

/** An option that a bench takes; a flag has no `default`. */
export interface OptionSpec {
  help: string;
  default?: string;
}

/** Options by name. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** An option that cannot be used; the runner ends with 2. */
export class OptionError extends RangeError {
  override readonly name = "OptionError";

  constructor(expected: string, found: unknown) {
    super(`Cannot run the bench: expected ${expected}, found ${found}`);
  }
}

/** What was typed. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws {OptionError} for an option or word that is not in the list. */
  constructor(args: readonly string[], specs: OptionSpecs) {
    const options = Object.fromEntries(
      Object.entries(specs).map(([name, spec]) => [
        name,
        spec.default === undefined
          ? { type: "boolean" as const, default: false }
          : { type: "string" as const, default: spec.default },
      ]),
    );
    try {
      this.#values = parseArgs({ args: [...args], options }).values;
    } catch (error) {
      throw new OptionError(
        Object.keys(specs).map((name) => `--${name}`).join(", "),
        String(error),
      );
    }
  }

  /** Whether a flag is there. */
  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  /** The value as it was typed, or its default. */
  text(name: string): string {
    return String(this.#values[name] ?? "");
  }

  /** A number above 0. @throws {OptionError} */
  positive(name: string): number {
    return positive(name, this.text(name));
  }

  /** A whole number above 0. @throws {OptionError} */
  count(name: string): number {
    return whole(name, this.positive(name));
  }

  /** Whole numbers above 0, separated by commas. @throws {OptionError} */
  counts(name: string): number[] {
    return this.positives(name).map((value) => whole(name, value));
  }

  /** Numbers above 0, separated by commas. @throws {OptionError} */
  positives(name: string): number[] {
    return this.text(name).split(",").map((part) => positive(name, part));
  }

  /** One of some words. @throws {OptionError} */
  oneOf<Word extends string>(name: string, words: readonly Word[]): Word {
    return chosen(name, this.text(name), words);
  }

  /** Some of some words, separated by commas. @throws {OptionError} */
  someOf<const Word extends string>(name: string, words: readonly Word[]): Word[] {
    return this.text(name).split(",").map((part) => chosen(name, part, words));
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new OptionError(`--${name} above 0`, text);
}

function whole(name: string, value: number): number {
  if (Number.isInteger(value)) return value;
  throw new OptionError(`--${name} above 0, whole`, value);
}

function chosen<Word extends string>(name: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new OptionError(`--${name} ${words.join(" or ")}`, text);
}
