/**
 * What a row of the table of arguments holds, and the kinds of rows there are.
 *
 * @module
 */
import { UnsupportedOpError } from "../../errors.ts";
import type { Refusal } from "./_refused_options.ts";
import type { TrainingOptions } from "./_training_options.ts";

/** A default that other arguments decide. */
export interface DerivedDefault<V> {
  /** What it comes to, in words; names of arguments stand in backquotes. */
  readonly text: string;
  /** The value that it comes to; without this it stays open. */
  readonly from?: (given: TrainingOptions) => V;
}

/** Everything that is known of an argument beside its name, which is its key. */
export interface OptionRow<V> {
  /** What is typed for it: nothing, a number, or text. */
  readonly kind: "flag" | "number" | "text";
  /** What stands for its value in a help. */
  readonly value?: string;
  /** Its value where it is not given. */
  readonly default: V | DerivedDefault<V>;
  /** What it does, in a few words; names of arguments stand in backquotes. */
  readonly help: string;
  /** Whether the reference has it, under the same name in snake_case. */
  readonly isReferences: boolean;
  /** Whether a run that goes on may have another value than it began with: one that changes no step. */
  readonly mayChange: boolean;
  /**
   * The value that was given, checked; text is taken apart where a list is meant.
   *
   * @throws {TypeError} for a value of another kind.
   * @throws {RangeError} for a value out of range.
   */
  check(name: string, value: unknown): V;
}

/** Whether a default is one that others decide. */
export function isDerived<V>(byDefault: OptionRow<V>["default"]): byDefault is DerivedDefault<V> {
  return typeof byDefault === "object" && byDefault !== null && "text" in byDefault;
}

/** A default that others decide: in words, and as a value. */
export function derived<V>(text: string, from?: DerivedDefault<V>["from"]): DerivedDefault<V> {
  return { text, from };
}

type Default<V> = V | DerivedDefault<V>;

const USUAL = { isReferences: true, mayChange: false } as const;

/** An argument that a run that goes on may have another value of. */
export function free<V>(row: OptionRow<V>): OptionRow<V> {
  return { ...row, mayChange: true };
}

/** An argument of ours, which the reference does not have. */
export function own<V>(row: OptionRow<V>): OptionRow<V> {
  return { ...row, isReferences: false };
}

/** A real number. */
export function real<V extends number | undefined>(
  byDefault: Default<V>,
  [min, max]: readonly [number, number],
  help: string,
): OptionRow<V> {
  const check = (name: string, value: unknown) => numberBetween(name, value, [min, max]) as V;
  return { kind: "number", value: "N", default: byDefault, help, ...USUAL, check };
}

/** A whole number of 31 bits. */
export function count<V extends number | undefined>(
  byDefault: Default<V>,
  min: number,
  help: string,
): OptionRow<V> {
  const check = (name: string, value: unknown) => {
    const number = numberBetween(name, value, [-Infinity, Infinity]);
    if (!Number.isInteger(number)) fail(RangeError, name, "an integer", value);
    return numberBetween(name, number, [min, 2 ** 31 - 1]) as V;
  };
  return { kind: "number", value: "N", default: byDefault, help, ...USUAL, check };
}

/** A number of steps, or below 1 a share of all. */
export function interval<V extends number | undefined>(
  byDefault: Default<V>,
  help: string,
): OptionRow<V> {
  const row = real(byDefault, [1e-9, 2 ** 31 - 1], help);
  const check = (name: string, value: unknown) => {
    const steps = row.check(name, value);
    if (steps! < 1 || Number.isInteger(steps)) return steps;
    return fail(RangeError, name, "an integer or a share below 1", value);
  };
  return { ...row, check };
}

/** True or false. */
export function flag<V extends boolean | undefined>(
  byDefault: Default<V>,
  help: string,
): OptionRow<V> {
  const check = (name: string, value: unknown) =>
    typeof value === "boolean" ? value as V : fail(TypeError, name, "true or false", value);
  return { kind: "flag", default: byDefault, help, ...USUAL, check };
}

/** One of a few words; some that are none of them are refused with a reason of their own. */
export function word<V extends string | undefined>(
  byDefault: Default<V>,
  words: readonly V[],
  help: string,
  refusals: readonly Refusal[] = [],
): OptionRow<V> {
  const check = (name: string, value: unknown) => {
    const refusal = refusals.find(({ names }) => names.some((refused) => refused === value));
    if (refusal) {
      const { reason, hint } = refusal;
      throw new UnsupportedOpError(
        `Cannot use training argument "${name}" as "${value}": ${reason}`,
        { hint },
      );
    }
    return words.find((known) => known === value) ??
      fail(RangeError, name, `one of ${words.join(", ")}`, value);
  };
  const value = words.join("|");
  return { kind: "text", value, default: byDefault, help, ...USUAL, check };
}

/** Any text but the empty one. */
export function text<V extends string | undefined>(
  byDefault: Default<V>,
  help: string,
): OptionRow<V> {
  const check = (name: string, value: unknown) => expectText(name, value) as V;
  return { kind: "text", value: "NAME", default: byDefault, help, ...USUAL, check };
}

/** Names: a list, or text with commas between them. */
export function names(
  byDefault: readonly string[],
  help: string,
): OptionRow<readonly string[]> {
  const check = (name: string, value: unknown) =>
    listOf(value, nameOf) ?? fail(TypeError, name, "a list of names", value);
  return {
    kind: "text",
    value: "NAME,...",
    default: byDefault,
    help,
    ...USUAL,
    check,
  };
}

/** Numbers from 0 up, a list or text with commas between them; or a word in their place. */
export function numbersOr<Word extends string>(
  byDefault: Word,
  words: readonly Word[],
  help: string,
): OptionRow<Word | readonly number[]> {
  const check = (name: string, value: unknown) =>
    words.find((known) => known === value) ?? listOf(value, weightOf) ??
      fail(TypeError, name, [...words, "a list of numbers from 0 up"].join(", "), value);
  return {
    kind: "text",
    value: [...words, "N,N,..."].join("|"),
    default: byDefault,
    help,
    ...USUAL,
    check,
  };
}

/** What a named setting takes: a number, true or false, or one of a few words. */
type Setting = "number" | "flag" | readonly string[];

/** Settings by name, also as JSON; names may be in snake_case, as the reference has them. */
export function namedSettings<V extends object>(
  known: Readonly<Record<keyof V & string, Setting>>,
  help: string,
): OptionRow<Readonly<V>> {
  const check = (name: string, value: unknown) => {
    const given = typeof value === "string" ? parsed(value) : value;
    if (!isObject(given)) return fail(TypeError, name, namesOf(known), value);
    const settings = Object.entries(given).map(([key, setting]): [string, unknown] => {
      const own = camelCase(key);
      const takes: Setting | undefined = Object.entries<Setting>(known).find(([k]) => k === own)
        ?.[1];
      if (takes === undefined) return fail(TypeError, name, namesOf(known), value);
      if (fits(takes, setting)) return [own, setting];
      return fail(TypeError, name, `${expectedOf(takes)} as ${own}`, value);
    });
    return Object.fromEntries(settings) as V;
  };
  return { kind: "text", value: "JSON", default: {} as V, help, ...USUAL, check };
}

function namesOf(known: Readonly<Record<string, Setting>>): string {
  return `settings under the names ${Object.keys(known).join(", ")}`;
}

function expectedOf(takes: Setting): string {
  if (typeof takes !== "string") return `one of ${takes.join(", ")}`;
  return takes === "flag" ? "true or false" : "a number";
}

function fits(takes: Setting, setting: unknown): boolean {
  if (takes === "flag") return typeof setting === "boolean";
  if (takes === "number") return typeof setting === "number" && Number.isFinite(setting);
  return typeof setting === "string" && takes.includes(setting);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** "learning_rate" and "learning-rate" as "learningRate". */
export function camelCase(name: string): string {
  return name.replace(/[-_]+(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** "learningRate" as "learning_rate". */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @throws {TypeError} for anything but text, and for the empty one. */
export function expectText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  return fail(TypeError, name, "some text", value);
}

function numberBetween(
  name: string,
  value: unknown,
  [min, max]: readonly [number, number],
): number {
  if (typeof value !== "number" || Number.isNaN(value)) fail(TypeError, name, "a number", value);
  if (value >= min && value <= max) return value;
  return fail(RangeError, name, `a value between ${min} and ${max}`, value);
}

/** "a,b" and ["a", "b"] alike; undefined where one of them, or all, are missing. */
function listOf<T>(value: unknown, itemOf: (item: unknown) => T | undefined): T[] | undefined {
  const items: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(items) || items.length === 0) return undefined;
  const found = items.map(itemOf).filter((item) => item !== undefined);
  return found.length === items.length ? found : undefined;
}

function nameOf(item: unknown): string | undefined {
  return typeof item === "string" && item.trim() !== "" ? item.trim() : undefined;
}

function weightOf(item: unknown): number | undefined {
  const isGiven = typeof item === "number" || typeof item === "string" && item.trim() !== "";
  const number = isGiven ? Number(item) : NaN;
  return number >= 0 && number < Infinity ? number : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** @throws {TypeError | RangeError} naming the argument. */
export function fail(
  Kind: typeof TypeError | typeof RangeError,
  name: string,
  expected: string,
  found: unknown,
): never {
  throw new Kind(
    `Cannot use training argument "${name}": expected ${expected}, found ${JSON.stringify(found)}`,
  );
}
