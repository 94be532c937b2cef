/**
 * What was fitted to a model's scores, as `info` and `eval` show it.
 *
 * @module
 */
import type { InferenceModel } from "../models/mod.ts";
import { scoreSettings } from "../scores/mod.ts";

/** What a config says of scores, without vectors. */
export interface ScoreFacts {
  /** One, or one for each class. */
  temperature: number | readonly number[];
  /** Whether each class has a bias too. */
  hasBias: boolean;
  /** By label, where an answer counts from a score on. */
  thresholds: Readonly<Record<string, number>>;
  /** How a clip is known that is none of the classes; `null` where none is rejected. */
  rejection: { method: "energy" | "distance"; threshold: number; noise: boolean } | null;
}

/**
 * What was fitted to a model's scores; `null` where nothing was.
 *
 * @throws {CheckpointError} naming the field of the config that makes no sense.
 */
export function scoreFacts(
  model: Pick<InferenceModel, "ownConfig" | "labels" | "featureSize">,
  file?: string,
): ScoreFacts | null {
  const { labels, featureSize } = model;
  const settings = scoreSettings(model.ownConfig.scores, { labels, featureSize, file });
  if (!settings) return null;
  const { temperature, bias, thresholds, rejection } = settings;
  return {
    temperature,
    hasBias: bias !== undefined,
    thresholds,
    rejection: rejection
      ? {
        method: rejection.unlikeness.method,
        threshold: rejection.unlikeness.threshold,
        noise: rejection.noise !== undefined,
      }
      : null,
  };
}

/** The same in a line. */
export function scoreFactsText(
  { temperature, hasBias, thresholds, rejection }: ScoreFacts,
): string {
  return [
    temperatureText(temperature) + (hasBias ? " and biases" : ""),
    thresholdText(Object.values(thresholds)),
    rejection
      ? `rejects by ${rejection.method}${rejection.noise ? " and noise" : ""}`
      : "rejects nothing",
  ].join(", ");
}

function temperatureText(temperature: ScoreFacts["temperature"]): string {
  if (typeof temperature === "number") return `temperature ${short(temperature)}`;
  return `temperatures ${range(temperature)}`;
}

function thresholdText(thresholds: readonly number[]): string {
  if (thresholds.length === 0) return "no thresholds";
  return `thresholds of ${thresholds.length} classes ${range(thresholds)}`;
}

function range(numbers: readonly number[]): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)].map(short);
  return least === most ? least! : `${least} to ${most}`;
}

function short(number: number): string {
  return String(Number(number.toPrecision(3)));
}
