/**
 * Reads the fields of a `preprocessor_config.json`, each checked, a missing one by its default.
 *
 * A field that is `null` counts as missing, as it does for the files that transformers writes.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";

/** The fields of one file; every complaint names the file and the field. */
export class ConfigFields {
  readonly #fields: Record<string, unknown>;
  readonly #file?: string;

  /** Takes the parsed content of a file. */
  constructor(config: unknown, file?: string) {
    this.#file = file;
    if (typeof config !== "object" || config === null || Array.isArray(config)) {
      throw this.error(`expected a JSON object, found ${shown(config)}`);
    }
    this.#fields = config as Record<string, unknown>;
  }

  /** Whether the file says anything of a field. */
  has(key: string): boolean {
    const value = Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
    return value !== undefined && value !== null;
  }

  boolean(key: string, byDefault: boolean): boolean {
    return this.#read(key, byDefault, "true or false", (value) => typeof value === "boolean");
  }

  number(key: string, byDefault: number): number {
    return this.#read(key, byDefault, "a number", (value) => Number.isFinite(value));
  }

  /** A whole number within bounds, both included. */
  integer(key: string, byDefault: number, least: number, most: number): number {
    const expected = least === most ? `${least}` : `a whole number from ${least} to ${most}`;
    const accepts = (value: unknown) =>
      Number.isInteger(value) && value as number >= least && value as number <= most;
    return this.#read(key, byDefault, expected, accepts);
  }

  oneOf<const T extends string>(key: string, byDefault: NoInfer<T>, choices: readonly T[]): T {
    const expected = choices.map((choice) => `"${choice}"`).join(" or ");
    return this.#read<T>(key, byDefault, expected, (value) => choices.includes(value as T));
  }

  text(key: string): string | undefined {
    const isText = (value: unknown) => typeof value === "string";
    return this.#read<string | undefined>(key, undefined, "a text", isText);
  }

  /** What the file says besides the keys named, to be written back as it came. */
  besides(keys: readonly string[]): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this.#fields).filter(([key]) => !keys.includes(key)));
  }

  /** What is wrong with the file, as an error. */
  error(problem: string, key?: string): CheckpointError {
    const name = this.#file === undefined ? "" : ` "${this.#file}"`;
    return new CheckpointError(`Cannot load feature extractor${name}: ${problem}`, {
      file: this.#file,
      key,
    });
  }

  #read<T>(key: string, byDefault: T, expected: string, accepts: (value: unknown) => boolean): T {
    const value = Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
    if (value === undefined || value === null) return byDefault;
    if (accepts(value)) return value as T;
    throw this.error(`expected ${key} ${expected}, found ${shown(value)}`, key);
  }
}

/** A value as it stands in the file, cut where it is long. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** The fields of a file in the order in which the reference writes them. */
export function sortedByKey(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(fields).sort().map((key) => [key, fields[key]]));
}
