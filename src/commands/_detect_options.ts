/**
 * How sound that goes on is heard, as options of the command line; what is not given is the model's, or the default.
 *
 * @module
 */
import type { AudioClassifier } from "../classify/pipeline.ts";
import {
  type DetectPlan,
  detectPlan,
  type DetectSettings,
  type HearingModel,
} from "../detect/mod.ts";
import { scoreSettings } from "../scores/mod.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";

/** The options. */
export const DETECT_OPTIONS = {
  "window-seconds": {
    kind: "number",
    min: 0.01,
    help: "length of a window (the model's, else 2)",
  },
  "hop-seconds": {
    kind: "number",
    min: 0.001,
    help: "from a window to the next (the model's, else 0.5)",
  },
  threshold: {
    kind: "list",
    value: "SCORE",
    help: "score from which a class is heard, or CLASS=SCORE, … (the model's, else 0.5)",
  },
  "off-threshold": {
    kind: "list",
    value: "SCORE",
    help: "score below which it no longer is (the threshold)",
  },
  "mean-windows": {
    kind: "number",
    whole: true,
    min: 1,
    help: "mean score of so many windows, an odd number (1)",
  },
  "median-windows": {
    kind: "number",
    whole: true,
    min: 1,
    help: "median filter over so many windows, an odd number (1)",
  },
  "min-event-seconds": {
    kind: "number",
    min: 0,
    help: "leave out events that are shorter (0)",
  },
  "min-gap-seconds": {
    kind: "number",
    min: 0,
    help: "join events of a class that are nearer (0)",
  },
  "min-apart-seconds": {
    kind: "number",
    min: 0,
    help: "of events of different classes that are nearer keep the best (0, all)",
  },
  "last-window": {
    kind: "choice",
    choices: ["back", "pad"],
    help: "at the end: moved back, or filled up with silence (back)",
  },
} as const satisfies OptionSpecs;

/**
 * The settings among the options.
 *
 * @throws {UsageError} for a threshold that is no score.
 */
export function detectSettings(options: OptionValues<typeof DETECT_OPTIONS>): DetectSettings {
  return {
    windowSeconds: options["window-seconds"],
    hopSeconds: options["hop-seconds"],
    threshold: scoresOf("threshold", options.threshold),
    offThreshold: scoresOf("off-threshold", options["off-threshold"]),
    meanWindows: options["mean-windows"],
    medianWindows: options["median-windows"],
    minEventSeconds: options["min-event-seconds"],
    minGapSeconds: options["min-gap-seconds"],
    minApartSeconds: options["min-apart-seconds"],
    lastWindow: options["last-window"],
  };
}

/** What a classifier's detection takes from its model; its thresholds too, where scores are not those of the model alone. */
export function hearingOf(
  { labels, extractor, model }: AudioClassifier,
  rawScores: boolean = false,
): HearingModel {
  const scored = rawScores ? undefined : scoreSettings(model.ownConfig.scores, model);
  return {
    labels,
    rateHz: extractor.samplingRate,
    config: model.ownConfig.detect,
    thresholds: scored?.thresholds,
  };
}

/**
 * Holds the settings against the model, before anything is heard.
 *
 * @throws {UsageError} for those that make no sense.
 */
export function expectSettings(settings: DetectSettings, model: HearingModel): DetectPlan {
  try {
    return detectPlan(settings, model);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** `0.7`, or `dog=0.7,cat=0.6`. */
function scoresOf(
  option: string,
  words: readonly string[] | undefined,
): number | Record<string, number> | undefined {
  if (words === undefined) return undefined;
  if (words.length === 1 && !words[0]!.includes("=")) return scoreOf(option, words[0]!, words);
  const pairs = words.map((word) => {
    const [, label, score = ""] = word.match(/^(.+)=([^=]*)$/) ?? [];
    return [label ?? refuse(option, words), scoreOf(option, score, words)] as const;
  });
  return Object.fromEntries(pairs);
}

function scoreOf(option: string, text: string, words: readonly string[]): number {
  const score = text.trim() === "" ? NaN : Number(text);
  return Number.isNaN(score) ? refuse(option, words) : score;
}

function refuse(option: string, words: readonly string[]): never {
  throw new UsageError(
    `Cannot use argument "--${option}": expected a score, or CLASS=SCORE, …, found "${words}"`,
  );
}
