/**
 * The types of a data set's columns, in the words of Hugging Face `datasets`.
 *
 * A data set states them as JSON in the schema of its Parquet files, and as YAML in its card; both
 * are read here. They say what a stored value means; reading and decoding it is `_values.ts`.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";

/** The type of a column. */
export type Feature = Value | ClassLabel | Audio | Sequence | Struct;

/** The columns of a data set by name, in their order. */
export type Features = Readonly<Record<string, Feature>>;

/**
 * Plain values: text, numbers, truth values.
 *
 * @example
 * ```ts
 * import { Value } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * equal(String(new Value("int64")), "Value('int64')");
 * ```
 */
export class Value {
  /** What Arrow calls the type, such as "string", "int64" or "float32". */
  readonly dtype: string;

  /**
   * A type of plain values.
   *
   * @param dtype Arrow's name of the type.
   */
  constructor(dtype: string) {
    this.dtype = dtype;
  }

  /** As `datasets` prints it. */
  toString(): string {
    return `Value('${this.dtype}')`;
  }
}

/**
 * Whole numbers that stand for names.
 *
 * @example
 * ```ts
 * import { ClassLabel } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const intent = new ClassLabel(["abroad", "address"]);
 * equal(intent.int2str(1), "address");
 * equal(intent.str2int("abroad"), 0);
 * ```
 */
export class ClassLabel {
  /** The names by number. */
  readonly names: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  /**
   * A class list.
   *
   * @param names the names by number, each once.
   */
  constructor(names: readonly string[]) {
    this.names = [...names];
    this.#numbers = new Map(names.map((name, number) => [name, number]));
    if (this.#numbers.size === names.length) return;
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    throw new DatasetError(
      `Cannot make a class list: expected each name once, found ${JSON.stringify(twice)} twice`,
    );
  }

  /** How many there are. */
  get numClasses(): number {
    return this.names.length;
  }

  /**
   * The name of a number.
   *
   * @throws {DatasetError} where there is no such number.
   */
  int2str(number: number): string {
    const name = this.names[number];
    if (name !== undefined) return name;
    const expected = `a whole number from 0 to ${this.names.length - 1}`;
    throw new DatasetError(`Cannot name class ${number}: expected ${expected}`);
  }

  /**
   * The number of a name.
   *
   * @throws {DatasetError} where there is no such name.
   */
  str2int(name: string): number {
    const number = this.#numbers.get(name);
    if (number !== undefined) return number;
    throw new DatasetError(
      `Cannot number class ${JSON.stringify(name)}: expected one of ${listed(this.names)}`,
    );
  }

  /** As `datasets` prints it. */
  toString(): string {
    return `ClassLabel(names=[${this.names.map((name) => `'${name}'`).join(", ")}])`;
  }
}

/** How an audio column is read. */
export interface AudioOptions {
  /** The rate that clips are brought to, in hertz. @default that of each file */
  samplingRate?: number;
  /** Whether clips are decoded; without, a row has their `path` and `bytes`. @default true */
  decode?: boolean;
}

/**
 * Recordings.
 *
 * @example
 * ```ts
 * import { Audio } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * equal(String(new Audio({ samplingRate: 16_000 })), "Audio(sampling_rate=16000, decode=true)");
 * ```
 */
export class Audio {
  /** The rate that clips are brought to, in hertz; that of each file where it is undefined. */
  readonly samplingRate: number | undefined;
  /** Whether clips are decoded. */
  readonly decode: boolean;

  /**
   * A type of recordings.
   *
   * @param options the rate, and whether to decode.
   */
  constructor({ samplingRate, decode = true }: AudioOptions = {}) {
    this.samplingRate = samplingRate;
    this.decode = decode;
  }

  /** As `datasets` prints it. */
  toString(): string {
    return `Audio(sampling_rate=${this.samplingRate ?? null}, decode=${this.decode})`;
  }
}

/**
 * Lists of one type of value.
 *
 * @example
 * ```ts
 * import { Sequence, Value } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * equal(String(new Sequence(new Value("float32"))), "List(Value('float32'))");
 * ```
 */
export class Sequence {
  /** The type of the items. */
  readonly feature: Feature;

  /**
   * A type of lists.
   *
   * @param feature the type of the items.
   */
  constructor(feature: Feature) {
    this.feature = feature;
  }

  /** As `datasets` prints it. */
  toString(): string {
    return `List(${this.feature})`;
  }
}

/**
 * Several named values in one.
 *
 * @example
 * ```ts
 * import { Struct, Value } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * equal(String(new Struct({ age: new Value("int8") })), "{'age': Value('int8')}");
 * ```
 */
export class Struct {
  /** The type of each field. */
  readonly fields: Features;

  /**
   * A type of objects.
   *
   * @param fields the type of each field.
   */
  constructor(fields: Features) {
    this.fields = fields;
  }

  /** As `datasets` prints it. */
  toString(): string {
    const fields = Object.entries(this.fields).map(([name, field]) => `'${name}': ${field}`);
    return `{${fields.join(", ")}}`;
  }
}

/**
 * The features that `datasets` writes as JSON, into Parquet files and `dataset_infos.json`.
 *
 * @param json the object under `features`.
 * @param name the file, for messages.
 * @returns the columns in their order.
 * @throws {DatasetError} where it is no such object.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const features = featuresFromJson({ label: { _type: "ClassLabel", names: ["no"] } }, "a.parquet");
 * equal(String(features.label), "ClassLabel(names=['no'])");
 * ```
 */
export function featuresFromJson(json: unknown, name: string): Features {
  return structFromJson(json, name, 0);
}

/** Lists and structures inside each other; further ones would only fill the stack. */
const MAX_DEPTH = 64;

function structFromJson(json: unknown, name: string, depth: number): Features {
  if (!isObject(json)) throw badFeatures(name, "an object", json);
  return Object.fromEntries(
    Object.entries(json).map(([column, feature]) => [column, fromJson(feature, name, depth + 1)]),
  );
}

function fromJson(json: unknown, name: string, depth: number): Feature {
  if (depth > MAX_DEPTH) throw badFeatures(name, `at most ${MAX_DEPTH} levels`, "more");
  if (Array.isArray(json) && json.length === 1) {
    return new Sequence(fromJson(json[0], name, depth + 1));
  }
  if (!isObject(json)) throw badFeatures(name, "a feature", json);
  const { _type: type, names, dtype, feature } = json;
  if (type === "ClassLabel") return new ClassLabel(labelNames(names, name));
  if (type === "Audio") return audioFrom(json);
  if (type === "Sequence" || type === "List" || type === "LargeList") {
    return new Sequence(fromJson(feature, name, depth + 1));
  }
  if (type === undefined) return new Struct(structFromJson(json, name, depth));
  const known = typeof dtype === "string" ? dtype : type === "Value" ? undefined : type;
  if (typeof known === "string") return new Value(known);
  throw badFeatures(name, "a dtype", json);
}

function audioFrom({ sampling_rate, decode }: Record<string, unknown>): Audio {
  return new Audio({
    samplingRate: typeof sampling_rate === "number" ? sampling_rate : undefined,
    decode: decode !== false,
  });
}

/** Names as a list, or as the card has them: an object with numbers for keys. */
function labelNames(names: unknown, name: string): string[] {
  const list = isObject(names)
    ? Object.entries(names).sort(([a], [b]) => Number(a) - Number(b)).map(([, label]) => label)
    : names;
  const isName = (each: unknown) => ["string", "number", "boolean"].includes(typeof each);
  if (Array.isArray(list) && list.every(isName)) return list.map(String);
  throw badFeatures(name, "the names of a class list", names);
}

/**
 * The features that a data set's card lists as YAML under `dataset_info`.
 *
 * @param list items such as `{ name: label, dtype: { class_label: { names } } }`.
 * @param name the card, for messages.
 * @returns the columns in their order.
 * @throws {DatasetError} where it is no such list.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const features = featuresFromCard([{ name: "text", dtype: "string" }], "README.md");
 * equal(String(features.text), "Value('string')");
 * ```
 */
export function featuresFromCard(list: unknown, name: string): Features {
  return structFromCard(list, name, 0);
}

function structFromCard(list: unknown, name: string, depth: number): Features {
  if (!Array.isArray(list)) throw badFeatures(name, "a list", list);
  return Object.fromEntries(list.map((item: unknown) => {
    if (!isObject(item) || typeof item.name !== "string") throw badFeatures(name, "a name", item);
    return [item.name, fromCard(item, name, depth + 1)];
  }));
}

function fromCard(item: Record<string, unknown>, name: string, depth: number): Feature {
  if (depth > MAX_DEPTH) throw badFeatures(name, `at most ${MAX_DEPTH} levels`, "more");
  const { dtype } = item;
  const inner = item.sequence ?? item.list;
  if (inner !== undefined) return new Sequence(innerFromCard(inner, name, depth));
  if (item.struct !== undefined) return new Struct(structFromCard(item.struct, name, depth));
  if (typeof dtype === "string") return dtype === "audio" ? new Audio() : new Value(dtype);
  if (!isObject(dtype)) throw badFeatures(name, "a dtype", item);
  if (isObject(dtype.class_label)) {
    return new ClassLabel(labelNames(dtype.class_label.names, name));
  }
  if (isObject(dtype.audio)) return audioFrom(dtype.audio);
  return new Value(Object.keys(dtype)[0] ?? "null");
}

function innerFromCard(inner: unknown, name: string, depth: number): Feature {
  if (typeof inner === "string") return fromCard({ dtype: inner }, name, depth);
  if (Array.isArray(inner)) return new Struct(structFromCard(inner, name, depth));
  if (!isObject(inner)) throw badFeatures(name, "the type of a list", inner);
  const isWhole = "dtype" in inner || "sequence" in inner;
  return fromCard(isWhole ? inner : { dtype: inner }, name, depth + 1);
}

/** Whether an object with these fields is a recording: its file as `datasets` stores it, or its samples. */
export function isRecording(fields: readonly string[]): boolean {
  const has = (name: string) => fields.includes(name);
  const isFile = has("bytes") && fields.every((name) => FILE_FIELDS.includes(name));
  return isFile || has("array") && (has("sampling_rate") || has("samplingRate"));
}

const FILE_FIELDS: readonly string[] = ["bytes", "path", "sampling_rate"];

/** Whether a value is an object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badFeatures(name: string, expected: string, found: unknown): DatasetError {
  const message = `Cannot read features of "${name}": expected ${expected}, found ${shown(found)}`;
  return new DatasetError(message, { file: name });
}

const MAX_SHOWN = 80;
const MAX_LISTED = 20;

/** A stored value for a message, the beginning of it; numbers may be of 64 bits. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}` : part) ??
    "nothing";
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Names for a message, the first twenty of them. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, MAX_LISTED).map((name) => JSON.stringify(name)).join(", ");
  return names.length > MAX_LISTED ? `${shown} and ${names.length - MAX_LISTED} more` : shown;
}
