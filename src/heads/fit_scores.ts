/**
 * All that gives a model's scores their meaning, fitted to validation clips: temperature, thresholds, rejection.
 *
 * @module
 */
import { DatasetError } from "../errors.ts";
import {
  calibrated,
  calibrationError,
  confidenceBins,
  type Rejection,
  type ScoreKind,
  type ScoreSettings,
  sigmoid,
  softmax,
} from "../scores/mod.ts";
import { fitRejection, type KnownClip, type RejectionData, rounded } from "./fit_rejection.ts";
import {
  crossEntropy,
  fitTemperature,
  fitVectorScaling,
  type TargetedOutputs,
} from "./_fit_temperature.ts";
import { fitThresholds, type ThresholdAim } from "./fit_thresholds.ts";

/** How scores are fitted. */
export interface FitScoresOptions {
  /** Class names by number. */
  labels: readonly string[];
  kind: ScoreKind;
  /** Whether each class has a temperature and a bias of its own. @default false */
  isVector?: boolean;
  /** What thresholds are chosen by. @default there are none */
  thresholdsBy?: ThresholdAim;
  /** Whether it is fitted how a clip is known that is none of the classes. @default true */
  rejects?: boolean;
}

/** The settings, and what they do on the clips that they were fitted to. */
export interface FittedScores {
  settings: ScoreSettings;
  before: ScoreQuality;
  after: ScoreQuality;
  /** How well each measure told unknown clips apart, where there were any. */
  auroc: Record<string, number>;
}

/** How good scores are. */
export interface ScoreQuality {
  /** Mean cross-entropy. */
  loss: number;
  /** The expected calibration error; of models of one label a clip. */
  calibrationError?: number;
}

/**
 * Fits the settings.
 *
 * Targets are smoothed as if one clip more were of every class alike, so that a model which errs on none of a few clips
 * is not taken for one that never errs.
 *
 * @param data clips; of the parts only `validation` is needed.
 * @throws {DatasetError} where there are too few validation clips to say anything.
 */
export function fitScores(
  data: RejectionData,
  { labels, kind, isVector = false, thresholdsBy, rejects = true }: FitScoresOptions,
): FittedScores {
  expectValidation(data.validation);
  const outputs = targeted(data.validation, kind);
  const smooth = { ...outputs, targets: smoothed(outputs) };
  const scale = isVector ? vector(smooth) : { temperature: rounded(fitTemperature(smooth)) };
  const { rejection = undefined, auroc = {} } = rejects ? fitRejection(data) : {};
  const thresholds = thresholdsBy === undefined ? {} : thresholdsOf(outputs, scale, {
    labels,
    thresholdsBy,
  });
  return {
    settings: { ...scale, thresholds, rejection },
    before: quality(outputs, { temperature: 1 }),
    after: quality(outputs, scale),
    auroc,
  };
}

type Scale = Pick<ScoreSettings, "temperature" | "bias">;

/** Fewer clips say nothing. */
const FEWEST = 10;

function expectValidation(clips: readonly KnownClip[]): void {
  if (clips.length < FEWEST) {
    throw new DatasetError(
      `Cannot fit scores: expected at least ${FEWEST} validation clips, found ${clips.length}`,
    );
  }
  const classes = new Set(clips.map(({ targets }) => Array.from(targets).join()));
  if (classes.size > 1) return;
  throw new DatasetError("Cannot fit scores: expected validation clips of two classes, found one");
}

function targeted(clips: readonly KnownClip[], kind: ScoreKind): TargetedOutputs {
  return {
    logits: clips.map(({ logits }) => logits),
    targets: clips.map(({ targets }) => targets),
    kind,
  };
}

function smoothed({ targets, kind }: TargetedOutputs): number[][] {
  const share = 1 / (targets.length + 1);
  const alike = kind === "softmax" ? 1 / targets[0]!.length : 0.5;
  return targets.map((row) => Array.from(row, (target) => target + share * (alike - target)));
}

function vector(data: TargetedOutputs): Scale {
  const { temperature, bias } = fitVectorScaling(data);
  return { temperature: temperature.map(rounded), bias: bias.map(rounded) };
}

function scoresOf({ logits, kind }: TargetedOutputs, scale: Scale): number[][] {
  return logits.map((row) => (kind === "softmax" ? softmax : sigmoid)(calibrated(row, scale)));
}

function thresholdsOf(
  outputs: TargetedOutputs,
  scale: Scale,
  { labels, thresholdsBy }: { labels: readonly string[]; thresholdsBy: ThresholdAim },
): Record<string, number> {
  const scores = scoresOf(outputs, scale);
  const fitted = fitThresholds({ scores, targets: outputs.targets }, thresholdsBy);
  return Object.fromEntries(fitted.flatMap((found, k) => {
    return found ? [[labels[k]!, rounded(found.threshold)]] : [];
  }));
}

function quality(outputs: TargetedOutputs, scale: Scale): ScoreQuality {
  const { logits, targets, kind } = outputs;
  const losses = logits.map((row, i) => crossEntropy(calibrated(row, scale), targets[i]!, kind));
  const loss = losses.reduce((a, b) => a + b, 0) / losses.length;
  if (kind === "sigmoid") return { loss };
  const scores = scoresOf(outputs, scale);
  const best = scores.map((row) => Math.max(...row));
  const isRight = scores.map((row, i) => targets[i]![row.indexOf(best[i]!)]! > 0.5);
  return { loss, calibrationError: calibrationError(confidenceBins(best, isRight)) };
}

/** The settings as `earshot.scores` of a config. */
export function scoreConfig(
  { temperature, bias, thresholds, rejection }: ScoreSettings,
): Record<string, unknown> {
  return {
    temperature,
    ...bias && { bias },
    ...Object.keys(thresholds).length > 0 && { thresholds },
    ...rejection && { rejection: rejectionConfig(rejection) },
  };
}

function rejectionConfig({ unlikeness, noise }: Rejection): Record<string, unknown> {
  const { method, threshold, scale } = unlikeness;
  const vectors = method === "distance"
    ? { means: base64(unlikeness.means), deviations: base64(unlikeness.deviations) }
    : {};
  return {
    ...{ method, threshold, scale, ...vectors },
    ...noise && { noise: { weights: base64(noise.weights), bias: noise.bias } },
  };
}

function base64(values: Float32Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
