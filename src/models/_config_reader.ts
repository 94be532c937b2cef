/**
 * Reads the fields of a `config.json`, each with its kind and limits, so that a wrong or hostile file ends in
 * one error that names the file and the field.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";

/** The content of a JSON object. */
export type JsonObject = Record<string, unknown>;

/** Fields of one config file. */
export class ConfigReader {
  /**
   * Reads from one file.
   *
   * @param json its content.
   * @param file its name, for messages.
   */
  constructor(readonly json: JsonObject, readonly file: string) {}

  /** An integer in `[min, max]`. */
  integer(key: string, limits: { or?: number; min: number; max: number }): number {
    const value = this.#value(key, limits.or);
    if (!Number.isInteger(value)) this.fail(key, "an integer", value);
    return this.#within(key, value as number, limits);
  }

  /** A number in `[min, max]`. */
  number(key: string, limits: { or?: number; min: number; max: number }): number {
    const value = this.#value(key, limits.or);
    if (typeof value !== "number") this.fail(key, "a number", value);
    return this.#within(key, value as number, limits);
  }

  /** A probability, in `[0, 1]`. */
  probability(key: string, or: number): number {
    return this.number(key, { or, min: 0, max: 1 });
  }

  /** True or false. */
  boolean(key: string, or: boolean): boolean {
    const value = this.#value(key, or);
    if (typeof value !== "boolean") this.fail(key, "true or false", value);
    return value as boolean;
  }

  /** One of a few words. */
  oneOf<T extends string>(key: string, words: readonly T[], or: T): T {
    const value = this.#value(key, or);
    if (!words.includes(value as T)) this.fail(key, `one of ${words.join(", ")}`, value);
    return value as T;
  }

  /** A list of integers in `[min, max]`, 1 to 64 of them. */
  integers(key: string, limits: { or?: number[]; min: number; max: number }): number[] {
    const value = this.#value(key, limits.or);
    const good = Array.isArray(value) && value.length > 0 && value.length <= 64 &&
      value.every((item) => Number.isInteger(item) && item >= limits.min && item <= limits.max);
    if (!good) {
      this.fail(key, `1 to 64 integers between ${limits.min} and ${limits.max}`, value);
    }
    return value as number[];
  }

  /** Whether the field is there and not null. */
  has(key: string): boolean {
    return this.json[key] !== undefined && this.json[key] !== null;
  }

  /**
   * Ends reading with an error about one field.
   *
   * @param found what is wrong, where that is a part of the field only.
   */
  fail(key: string, expected: string, found: unknown = this.json[key]): never {
    const shown = found === undefined ? "nothing" : JSON.stringify(found)?.slice(0, 80);
    throw new CheckpointError(
      `Cannot read field "${key}" of "${this.file}": expected ${expected}, found ${shown}`,
      { file: this.file, key },
    );
  }

  #value(key: string, or: unknown): unknown {
    const value = Object.hasOwn(this.json, key) ? this.json[key] : undefined;
    const found = value ?? or;
    if (found === undefined) this.fail(key, "a value", undefined);
    return found;
  }

  #within(key: string, value: number, { min, max }: { min: number; max: number }): number {
    if (!(value >= min && value <= max)) {
      this.fail(key, `a value between ${min} and ${max}`, value);
    }
    return value;
  }
}
