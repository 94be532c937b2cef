/**
 * How sound that goes on is heard: what a caller says, else what the model's config says, else the default.
 *
 * A model's own settings stand in its `config.json` under `"earshot": { "detect": { … } }`, in names with
 * underscores. transformers keeps that key and ignores it.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import type { ClassThresholds, EventOptions } from "./events.ts";
import type { WindowOptions } from "./windows.ts";

/** A number for all classes, or for some by label; the others then have the model's, or the default. */
export type PerLabel = number | Readonly<Record<string, number>>;

/** Windows and events. What is left out is the model's, in `earshot.detect` of its `config.json`, or the default. */
export interface DetectSettings {
  /** Length of a window, which is what the model hears at a time. @default 2 */
  windowSeconds?: number;
  /** From the start of a window to that of the next. @default 0.5 */
  hopSeconds?: number;
  /**
   * Score from which a class is heard, for all classes or by label. Of a model of one class a clip, any class that
   * reaches it counts. @default 0.5
   */
  threshold?: PerLabel;
  /** Score below which a class is no longer heard; at most its `threshold`. @default its `threshold` */
  offThreshold?: PerLabel;
  /**
   * Windows whose mean score counts, an odd number: a class that a few overlapping windows agree on is surer than one
   * that a single window shows. @default 1, for none
   */
  meanWindows?: number;
  /** Windows of a median filter over each class's scores, an odd number. @default 1, for none */
  medianWindows?: number;
  /** Events that are shorter are left out; they are told of as soon as they are long enough. @default 0 */
  minEventSeconds?: number;
  /** Events of a class that are nearer to each other become one; their end is told after as long. @default 0 */
  minGapSeconds?: number;
  /**
   * Of events of different classes that are nearer to each other, only the one that weighs most is kept, by its scores
   * over its time: for classes that exclude each other, such as words. Events are then told when it is known that they
   * stay, which is after as long. @default 0, for all
   */
  minApartSeconds?: number;
  /**
   * What becomes of the samples behind the last whole window: `"back"` hears them in a window that ends with the
   * recording, `"pad"` in the next window, filled up with zeros. A recording shorter than a window is heard as the
   * clip that it is, or filled up. @default "back"
   */
  lastWindow?: "back" | "pad";
  /** Classes that give no events. @default the config's `background_label`, else none */
  ignoredLabels?: readonly string[];
}

/** What holds where neither the caller nor the model says anything. */
export const DEFAULT_DETECT_SETTINGS = {
  windowSeconds: 2,
  hopSeconds: 0.5,
  threshold: 0.5,
  meanWindows: 1,
  medianWindows: 1,
  minEventSeconds: 0,
  minGapSeconds: 0,
  minApartSeconds: 0,
  lastWindow: "back",
  ignoredLabels: [],
} as const satisfies DetectSettings;

/** A model that is to hear. */
export interface HearingModel {
  /** Class names by number. */
  labels: readonly string[];
  /** Samples a second that it takes. */
  rateHz: number;
  /** What holds for models of its kind in the place of the defaults. */
  defaults?: DetectSettings;
  /** `earshot.detect` of its config. */
  config?: unknown;
  /** Those of its scores, by label, where the other has none. */
  thresholds?: Readonly<Record<string, number>>;
  /** What messages call the config. */
  file?: string;
}

/** All settings of a detection, in samples. */
export type DetectPlan = WindowOptions & EventOptions;

/**
 * Settles how a model hears.
 *
 * @param settings what the caller says.
 * @param model its labels, its rate and its config.
 * @throws {RangeError} for settings of the caller that make no sense.
 * @throws {CheckpointError} for those of the config.
 *
 * @example
 * ```ts
 * import { detectPlan } from "./settings.ts";
 * import { deepEqual, equal } from "node:assert/strict";
 *
 * const config = { window_seconds: 1, threshold: { dog: 0.7 }, background_label: "none" };
 * const plan = detectPlan({ hopSeconds: 0.25 }, { labels: ["dog", "none"], rateHz: 8_000, config });
 * equal(plan.windowSamples, 8_000);
 * equal(plan.hopSamples, 2_000);
 * deepEqual(plan.classes, [{ index: 0, on: 0.7, off: 0.7 }]);
 * ```
 */
export function detectPlan(settings: DetectSettings, model: HearingModel): DetectPlan {
  const own = ownSettings(model);
  const all = { ...DEFAULT_DETECT_SETTINGS, ...model.defaults, ...own, ...withoutGaps(settings) };
  expectSound(all, model.labels, refuseOption);
  const samplesOf = (seconds: number) => Math.round(seconds * model.rateHz);
  return {
    windowSamples: Math.max(1, samplesOf(all.windowSeconds)),
    hopSamples: Math.max(1, samplesOf(all.hopSeconds)),
    lastWindow: all.lastWindow,
    meanWindows: all.meanWindows,
    medianWindows: all.medianWindows,
    minEventSamples: samplesOf(all.minEventSeconds),
    minGapSamples: samplesOf(all.minGapSeconds),
    minApartSamples: samplesOf(all.minApartSeconds),
    classes: model.labels.flatMap((label, index) => {
      if (all.ignoredLabels.includes(label)) return [];
      return [{ index, ...thresholdsOf(label, settings, { ...own, scored: model.thresholds }) }];
    }),
  };
}

function thresholdsOf(
  label: string,
  settings: DetectSettings,
  own: DetectSettings & { scored?: PerLabel },
): Omit<ClassThresholds, "index"> {
  const { threshold } = DEFAULT_DETECT_SETTINGS;
  const on = valueFor(settings.threshold, label) ?? valueFor(own.threshold, label) ??
    valueFor(own.scored, label) ?? threshold;
  const off = valueFor(settings.offThreshold, label);
  if (off !== undefined && off > on) {
    refuseOption("offThreshold", `at most the threshold ${on} of "${label}"`, off);
  }
  // The model's may have been chosen for a higher threshold than the caller's.
  return { on, off: off ?? Math.min(on, valueFor(own.offThreshold, label) ?? on) };
}

function valueFor(value: PerLabel | undefined, label: string): number | undefined {
  if (typeof value !== "object") return value;
  return Object.hasOwn(value, label) ? value[label] : undefined;
}

/** The fields of a config, and what they are called here. */
const CONFIG_FIELDS = {
  window_seconds: "windowSeconds",
  hop_seconds: "hopSeconds",
  threshold: "threshold",
  off_threshold: "offThreshold",
  mean_windows: "meanWindows",
  median_windows: "medianWindows",
  min_event_seconds: "minEventSeconds",
  min_gap_seconds: "minGapSeconds",
  min_apart_seconds: "minApartSeconds",
  background_label: "ignoredLabels",
} as const satisfies Record<string, keyof DetectSettings>;

/** What the model's config says; fields that are not known are left to later versions. */
function ownSettings({ config, labels, file = "config.json" }: HearingModel): DetectSettings {
  if (config === undefined || config === null) return {};
  const refuse = (key: string, expected: string, found: unknown): never => {
    const field = `earshot.detect.${key}`;
    throw new CheckpointError(
      `Cannot use ${field} of "${file}": expected ${expected}, found ${shown(found)}`,
      { file, key: field },
    );
  };
  if (typeof config !== "object" || Array.isArray(config)) refuse("", "an object", config);
  const given = config as Record<string, unknown>;
  const settings: Record<string, unknown> = {};
  for (const [field, name] of Object.entries(CONFIG_FIELDS)) {
    if (given[field] === undefined || given[field] === null) continue;
    const isOneLabel = field === "background_label" && typeof given[field] === "string";
    settings[name] = isOneLabel ? [given[field]] : given[field];
  }
  const fieldOf = Object.fromEntries(Object.entries(CONFIG_FIELDS).map(([k, v]) => [v, k]));
  expectSound(settings, labels, (name, ...facts) => refuse(fieldOf[name] ?? name, ...facts));
  return settings;
}

type Refuse = (name: string, expected: string, found: unknown) => never;

function refuseOption(name: string, expected: string, found: unknown): never {
  throw new RangeError(`Cannot detect: expected \`${name}\` ${expected}, found ${shown(found)}`);
}

/** Checks what is there. */
function expectSound(settings: DetectSettings, labels: readonly string[], refuse: Refuse): void {
  const { windowSeconds, hopSeconds, minEventSeconds, minGapSeconds, minApartSeconds } = settings;
  for (const [name, value] of Object.entries({ windowSeconds, hopSeconds })) {
    if (value !== undefined && !(isNumber(value) && value > 0)) {
      refuse(name, "a number above 0", value);
    }
  }
  for (const [name, value] of Object.entries({ minEventSeconds, minGapSeconds, minApartSeconds })) {
    if (value !== undefined && !(isNumber(value) && value >= 0)) {
      refuse(name, "a number of 0 or more", value);
    }
  }
  const { meanWindows, medianWindows, lastWindow, ignoredLabels = [] } = settings;
  for (const [name, value] of Object.entries({ meanWindows, medianWindows })) {
    // -1 % 2 is -1.
    if (value !== undefined && !(Number.isInteger(value) && value % 2 === 1)) {
      refuse(name, "an odd number", value);
    }
  }
  if (lastWindow !== undefined && lastWindow !== "back" && lastWindow !== "pad") {
    refuse("lastWindow", '"back" or "pad"', lastWindow);
  }
  if (!Array.isArray(ignoredLabels)) refuse("ignoredLabels", "a list of labels", ignoredLabels);
  for (const label of ignoredLabels) expectLabel("ignoredLabels", label, labels, refuse);
  for (const name of ["threshold", "offThreshold"] as const) {
    const value = settings[name];
    if (value === undefined) continue;
    const values = typeof value === "object" && value !== null ? value : { [labels[0]!]: value };
    for (const [label, score] of Object.entries(values)) {
      expectLabel(name, label, labels, refuse);
      if (!isNumber(score)) refuse(name, "a number, or one by label", score);
    }
  }
}

function expectLabel(name: string, label: string, labels: readonly string[], refuse: Refuse): void {
  if (labels.includes(label)) return;
  const more = labels.length > 5 ? " …" : "";
  refuse(name, `labels of the model (${labels.slice(0, 5).join(", ")}${more})`, label);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function withoutGaps(settings: DetectSettings): DetectSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}
