/**
 * What a client asks of sound that goes on: windows, thresholds, how the sound is written, what it wants to read.
 *
 * The same fields come as a query's text or in a JSON message; numbers may be text in both.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import type { RawAudio } from "../src/audio/mod.ts";

/** Windows and events, as `detect` of a classifier takes them; what is not stated is the model's. */
export interface DetectionSettings {
  /** Which head answers. */
  head?: string;
  windowSeconds?: number;
  hopSeconds?: number;
  threshold?: number | Record<string, number>;
  offThreshold?: number | Record<string, number>;
  meanWindows?: number;
  medianWindows?: number;
  minEventSeconds?: number;
  minGapSeconds?: number;
  minApartSeconds?: number;
  rawScores?: boolean;
}

/** All that can be asked for. */
export interface DetectionRequest {
  settings: DetectionSettings;
  /** Bare samples; without it the sound's format is found out. */
  raw?: RawAudio;
  /** Whether the scores of each window are wanted. */
  scores: boolean;
  /** How many classes a window's scores have, the best first. */
  topK: number;
  /** Whether events are wanted as soon as they begin, too. */
  began: boolean;
  /** Whether the bytes that have been taken are reported. */
  progress: boolean;
}

/** A number's name here, and its range. */
type NumberRule = [name: keyof DetectionSettings, least: number, most: number];

export const DETECTION_NUMBERS: Readonly<Record<string, NumberRule>> = {
  window_seconds: ["windowSeconds", 0.001, 3_600],
  hop_seconds: ["hopSeconds", 0.01, 3_600],
  mean_windows: ["meanWindows", 1, 99],
  median_windows: ["medianWindows", 1, 99],
  min_event_seconds: ["minEventSeconds", 0, 3_600],
  min_gap_seconds: ["minGapSeconds", 0, 3_600],
  min_apart_seconds: ["minApartSeconds", 0, 3_600],
};

/** Numbers that may also differ from label to label. */
const THRESHOLDS: Readonly<Record<string, "threshold" | "offThreshold">> = {
  threshold: "threshold",
  off_threshold: "offThreshold",
};

const FLAGS = ["scores", "began", "progress", "raw_scores"] as const;
const RAW_FIELDS = ["rate", "encoding", "channels"];
const DEFAULT_TOP_K = 5;
const MAX_RATE_HZ = 768_000;
const MAX_CHANNELS = 64;

/** Every field that there is. */
export const DETECTION_FIELDS: readonly string[] = [
  ...Object.keys(DETECTION_NUMBERS),
  ...Object.keys(THRESHOLDS),
  ...FLAGS,
  ...RAW_FIELDS,
  "top_k",
  "head",
];

/**
 * Reads the fields, those that are not known ignored.
 *
 * @throws {HTTPException} with status 400 for one that makes no sense.
 */
export function detectionRequest(fields: Readonly<Record<string, unknown>>): DetectionRequest {
  const settings: Record<string, unknown> = {};
  for (const [field, [name, least, most]] of Object.entries(DETECTION_NUMBERS)) {
    if (isGiven(fields[field])) settings[name] = numberOf(field, fields[field], least, most);
  }
  for (const [field, name] of Object.entries(THRESHOLDS)) {
    if (isGiven(fields[field])) settings[name] = thresholdOf(field, fields[field]);
  }
  const topK = isGiven(fields.top_k) ? numberOf("top_k", fields.top_k, 1, 1e6) : DEFAULT_TOP_K;
  if (!Number.isInteger(topK)) refuse("top_k", "a whole number", topK);
  const [scores, began, progress, rawScores] = FLAGS.map((name) => flagOf(name, fields[name]));
  return {
    settings: {
      ...settings,
      ...rawScores && { rawScores },
      ...isGiven(fields.head) && { head: String(fields.head) },
    },
    raw: rawOf(fields),
    scores: scores!,
    topK,
    began: began!,
    progress: progress!,
  };
}

/** A flag as a query or JSON has it, off where it is not given; undefined for anything else. */
export function flagIn(value: unknown): boolean | undefined {
  if (value === true || value === "true" || value === "1" || value === "") return true;
  return !isGiven(value) || value === false || value === "false" || value === "0"
    ? false
    : undefined;
}

function rawOf(fields: Readonly<Record<string, unknown>>): RawAudio | undefined {
  if (!RAW_FIELDS.some((name) => isGiven(fields[name]))) return undefined;
  const rateHz = numberOf("rate", fields.rate, 100, MAX_RATE_HZ);
  if (!Number.isInteger(rateHz)) refuse("rate", "a whole number of hertz", rateHz);
  const encoding = fields.encoding ?? "s16";
  if (encoding !== "s16" && encoding !== "f32") refuse("encoding", "s16 or f32", encoding);
  const channels = isGiven(fields.channels)
    ? numberOf("channels", fields.channels, 1, MAX_CHANNELS)
    : 1;
  if (!Number.isInteger(channels)) refuse("channels", "a whole number", channels);
  return { rateHz, encoding, channels };
}

function thresholdOf(field: string, value: unknown): number | Record<string, number> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return numberOf(field, value, 0, 1);
  }
  const entries = Object.entries(value).map(([label, of]): [string, number] => {
    return [label, numberOf(field, of, 0, 1)];
  });
  return Object.fromEntries(entries);
}

function numberOf(field: string, value: unknown, least: number, most: number): number {
  const isText = typeof value === "string" && value.trim() !== "";
  const number = isText ? Number(value) : value;
  if (typeof number === "number" && number >= least && number <= most) return number;
  return refuse(field, `a number from ${least} to ${most}`, value);
}

function flagOf(field: string, value: unknown): boolean {
  return flagIn(value) ?? refuse(field, "true or false", value);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function refuse(field: string, expected: string, value: unknown): never {
  const found = value === undefined ? "nothing" : String(JSON.stringify(value)).slice(0, 40);
  const message = `Cannot use ${field}: expected ${expected}, found ${found}`;
  throw new HTTPException(400, { message });
}
