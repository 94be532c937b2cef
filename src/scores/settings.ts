/**
 * What a model's config says of its scores: temperature, thresholds, and how a clip is known that is none of the
 * classes.
 *
 * It stands in `config.json` under `"earshot": { "scores": { … } }`, a key that transformers keeps and ignores; the
 * command `scores` writes it. Vectors are 32-bit numbers, little-endian, in base64.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";

/** How outputs become scores that mean something. */
export interface ScoreSettings {
  /** What outputs are divided by: one number, or one for each class. */
  temperature: number | readonly number[];
  /** What is added to each output after that. */
  bias?: readonly number[];
  /** The score from which an answer counts, by label; 0 where there is none. */
  thresholds: Readonly<Record<string, number>>;
  /** How a clip is known that is none of the classes. */
  rejection?: Rejection;
}

/** A clip is none of the classes where one of its measures is over its limit. */
export interface Rejection {
  /** How unlike the classes a clip is. */
  unlikeness: Unlikeness;
  /** How like sounds that are no recording of anything: silence, noise, hum. */
  noise?: { weights: Float32Array; bias: number };
}

/** Minus the logarithm of the sum of exponentials of the outputs, or the distance to the nearest class's mean. */
export type Unlikeness =
  & { threshold: number; scale: number }
  & (
    | { method: "energy" }
    /** `means [N, D]` and `deviations [D]` of features. */
    | { method: "distance"; means: Float32Array; deviations: Float32Array }
  );

/** What the settings are of. */
export interface ScoredModel {
  /** Class names by number. */
  labels: readonly string[];
  /** What messages call the config. @default "config.json" */
  file?: string;
  /** How many numbers a clip's features have. @default any */
  featureSize?: number;
}

/** What a clip is called that is none of the classes: "none", or what no class is called. */
export function noneLabel(labels: readonly string[]): string {
  let label = "none";
  while (labels.includes(label)) label += "_of_these";
  return label;
}

/**
 * Reads the settings; nothing where there are none.
 *
 * @param config `earshot.scores` of the config.
 * @throws {CheckpointError} naming the field that makes no sense.
 *
 * @example
 * ```ts
 * import { scoreSettings } from "./settings.ts";
 * import { equal, throws } from "node:assert/strict";
 *
 * equal(scoreSettings({ temperature: 2 }, { labels: ["dog", "cat"] })?.temperature, 2);
 * throws(() => scoreSettings({ temperature: 0 }, { labels: ["dog", "cat"] }));
 * ```
 */
export function scoreSettings(config: unknown, model: ScoredModel): ScoreSettings | undefined {
  if (config === undefined || config === null) return undefined;
  const { labels, file = "config.json" } = model;
  const fields = new Fields(config, "earshot.scores", file);
  const classes = labels.length;
  const { temperature = 1, bias, thresholds = {} } = fields.values;
  return {
    temperature: Array.isArray(temperature)
      ? fields.numbers("temperature", temperature, classes, isPositive)
      : fields.number("temperature", temperature, isPositive),
    bias: bias === undefined ? undefined : fields.numbers("bias", bias, classes),
    thresholds: thresholdsOf(thresholds, labels, fields),
    rejection: rejectionOf(fields.values.rejection, model),
  };
}

function thresholdsOf(
  value: unknown,
  labels: readonly string[],
  fields: Fields,
): Record<string, number> {
  const inside = new Fields(value, fields.pathOf("thresholds"), fields.file);
  return Object.fromEntries(
    Object.entries(inside.values).map(([label, score]) => {
      if (!labels.includes(label)) fields.fail("thresholds", "labels of the model", label);
      return [label, inside.number(label, score, (x) => x >= 0 && x <= 1)];
    }),
  );
}

function rejectionOf(
  value: unknown,
  { labels, file = "config.json", featureSize }: ScoredModel,
): Rejection | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = new Fields(value, "earshot.scores.rejection", file);
  const { method, threshold, scale, noise } = fields.values;
  const limits = {
    threshold: fields.number("threshold", threshold),
    scale: fields.number("scale", scale, isPositive),
  };
  const weights = noise === undefined ? undefined : noiseOf(noise, fields, featureSize);
  if (method === "energy") {
    return { unlikeness: { method, ...limits }, noise: weights };
  }
  if (method !== "distance") fields.fail("method", '"energy" or "distance"', method);
  const deviations = fields.vector("deviations", fields.values.deviations, featureSize);
  const size = deviations.length;
  const means = fields.vector("means", fields.values.means, labels.length * size);
  if (!deviations.every(isPositive)) fields.fail("deviations", "numbers above 0", "others");
  if (weights && weights.weights.length !== size) fields.fail("noise", `${size} weights`, "others");
  const unlikeness = { method: "distance" as const, ...limits, means, deviations };
  return { unlikeness, noise: weights };
}

function noiseOf(
  value: unknown,
  { path, file }: Fields,
  size: number | undefined,
): Rejection["noise"] {
  const fields = new Fields(value, `${path}.noise`, file);
  const { weights, bias } = fields.values;
  return { weights: fields.vector("weights", weights, size), bias: fields.number("bias", bias) };
}

function isPositive(x: number): boolean {
  return x > 0;
}

/** The fields of one object of the config. */
class Fields {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(value: unknown, readonly path: string, readonly file: string) {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject) this.fail("", "an object", value);
    this.values = value as Record<string, unknown>;
  }

  number(key: string, value: unknown, isGood: (x: number) => boolean = () => true): number {
    if (typeof value === "number" && Number.isFinite(value) && isGood(value)) return value;
    const expected = isGood === isPositive ? "a number above 0" : "a number in its range";
    return this.fail(key, expected, value);
  }

  numbers(
    key: string,
    value: unknown,
    count: number,
    isGood?: (x: number) => boolean,
  ): readonly number[] {
    if (!Array.isArray(value) || value.length !== count) {
      return this.fail(key, `${count} numbers, one for each class`, value);
    }
    return value.map((item) => this.number(key, item, isGood));
  }

  /** Numbers in base64; as many as are expected, else any. */
  vector(key: string, value: unknown, count?: number): Float32Array {
    const found = typeof value === "string" ? fromBase64(value) : undefined;
    const isWhole = found !== undefined && found.length > 0 && found.every(Number.isFinite);
    if (isWhole && (count === undefined || found.length === count)) return found;
    return this.fail(key, `${count ?? "finite"} numbers in base64`, value);
  }

  pathOf(key: string): string {
    return key === "" ? this.path : `${this.path}.${key}`;
  }

  fail(key: string, expected: string, found: unknown): never {
    const path = this.pathOf(key);
    const shown = (JSON.stringify(found) ?? String(found)).slice(0, 60);
    throw new CheckpointError(
      `Cannot use ${path} of "${this.file}": expected ${expected}, found ${shown}`,
      { file: this.file, key: path, hint: "Fit it again, or use the option `rawScores`" },
    );
  }
}

function fromBase64(text: string): Float32Array | undefined {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return bytes.length % 4 === 0 ? new Float32Array(bytes.buffer) : undefined;
  } catch {
    return undefined;
  }
}
