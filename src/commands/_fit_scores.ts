/**
 * Fits what gives a model's scores their meaning to clips of a data set, and says what that came to.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { DatasetError } from "../errors.ts";
import { directoryFiles, writeFileAtomic } from "../files.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import type { KnownClip } from "../heads/fit_rejection.ts";
import {
  fitScores,
  type FitScoresOptions,
  type FittedScores,
  scoreConfig,
} from "../heads/fit_scores.ts";
import type { ThresholdAim } from "../heads/fit_thresholds.ts";
import { syntheticNoise } from "../heads/synthetic_noise.ts";
import type { InferenceModel } from "../models/mod.ts";
import { jsonBytes } from "../pretrained.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { auroc, type ClipOutputs, excess } from "../scores/mod.ts";
import { clipBatches } from "../train/batches/clip_batches.ts";
import type { Evaluation } from "../train/metrics/evaluation.ts";
import { evaluateModel } from "../train/metrics/evaluation.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";
import { type Output, table } from "./_output.ts";

/** How scores are fitted, as options of the command line. */
export const FIT_OPTIONS = {
  "thresholds-by": {
    kind: "string",
    value: "f1|precision=P",
    help: "thresholds by class: those of the best F1, or the lowest that keep a precision",
  },
  "vector-scaling": { kind: "flag", help: "a temperature and a bias for each class" },
  rejection: { kind: "flag", on: true, help: "reject clips that are none of the classes" },
} as const satisfies OptionSpecs;

/** The choice among the options. */
export interface FitChoice {
  thresholdsBy?: ThresholdAim;
  isVector: boolean;
  rejects: boolean;
}

/**
 * The choice among the options.
 *
 * @throws {UsageError} for thresholds by anything else.
 */
export function fitChoice(options: OptionValues<typeof FIT_OPTIONS>): FitChoice {
  const { "thresholds-by": by, "vector-scaling": isVector, rejection: rejects } = options;
  if (by === undefined || by === "f1") return { thresholdsBy: by, isVector, rejects };
  const precision = Number(by.match(/^precision=([\d.]+)$/)?.[1]);
  if (precision > 0 && precision <= 1) return { thresholdsBy: { precision }, isVector, rejects };
  throw new UsageError(
    `Cannot use argument "--thresholds-by": expected f1, or precision= and a share up to 1, found "${by}"`,
  );
}

/** What is fitted to what. */
export interface ScoresTask extends FitChoice {
  model: InferenceModel;
  extractor: FeatureExtractor;
  splits: { train?: AudioDataset; validation?: AudioDataset };
  unknown?: AudioDataset;
  batchSize: number;
  skipBadFiles?: boolean;
  seed: number;
}

/** What was fitted. */
export interface ScoresResult extends FittedScores {
  /** For `earshot.scores` of the config. */
  config: Record<string, unknown>;
  /** Clips of each kind, and how many of them are rejected. */
  rejected: Record<string, { clips: number; rejected: number }>;
  /** How well the unknown clips are told from those for validation, where there are any. */
  unknownAuroc?: number;
}

/** More clips than these place no mean better. */
const MOST_TRAIN_CLIPS = 2_000;
const NOISE_CLIPS = 320;

/**
 * Fits the settings.
 *
 * @throws {TypeError} for a model of values.
 * @throws {DatasetError} where there are no validation clips, or too few.
 */
export async function fitModelScores(task: ScoresTask, out: Output): Promise<ScoresResult> {
  const { model, splits, rejects, thresholdsBy, isVector } = task;
  const kind = kindOf(model);
  if (!splits.validation) {
    throw new DatasetError("Cannot fit scores: expected validation clips, found none", {
      hint: "Keep some with `validationSize`",
    });
  }
  const clipsOf = async (name: string, dataset: AudioDataset | undefined) =>
    dataset ? knownClips(await outputsOf(task, name, dataset, out), model) : [];
  const validation = await clipsOf("Validation clips", splits.validation);
  const data = {
    validation,
    train: rejects ? await clipsOf("Training clips", splits.train && some(splits.train)) : [],
    unknown: rejects ? await clipsOf("Unknown clips", task.unknown) : [],
    noise: rejects ? await noiseOutputs(task, out) : [],
  };
  const options: FitScoresOptions = { labels: model.labels, kind, isVector, thresholdsBy, rejects };
  const fitted = fitScores(data, options);
  const { rejection } = fitted.settings;
  const over = (clips: readonly ClipOutputs[]) =>
    rejection ? clips.map((clip) => excess(clip, rejection)) : [];
  const groups = { validation, unknown: data.unknown, noise: data.noise };
  const counts = Object.entries(groups).filter(([, clips]) => rejection && clips.length > 0);
  return {
    ...fitted,
    config: scoreConfig(fitted.settings),
    rejected: Object.fromEntries(counts.map(([name, clips]) => {
      const rejected = over(clips).filter((value) => value >= 0).length;
      return [name, { clips: clips.length, rejected }];
    })),
    ...rejection && data.unknown.length > 0 && {
      unknownAuroc: auroc(over(data.unknown), over(validation)),
    },
  };
}

function kindOf({ problemType }: InferenceModel): FitScoresOptions["kind"] {
  if (problemType === "single_label_classification") return "softmax";
  if (problemType === "multi_label_classification") return "sigmoid";
  throw new TypeError("Cannot fit scores: expected a model of classes, found one of values");
}

/** As many as are of use, from all over the split. */
function some(dataset: AudioDataset): AudioDataset {
  const { clips } = dataset;
  if (clips.length <= MOST_TRAIN_CLIPS) return dataset;
  const step = clips.length / MOST_TRAIN_CLIPS;
  const places = Array.from({ length: MOST_TRAIN_CLIPS }, (_, i) => Math.floor(i * step));
  return { ...dataset, clips: places.map((place) => clips[place]!) };
}

async function outputsOf(
  { model, extractor, batchSize, skipBadFiles }: ScoresTask,
  name: string,
  dataset: AudioDataset,
  out: Output,
): Promise<Evaluation> {
  const source = clipBatches(dataset, model, extractor, { skipBadFiles });
  const tick = out.progress(name, source.size);
  return await evaluateModel(model, source, { batchSize, onClips: tick, outputFeatures: true })
    .finally(() => tick(undefined));
}

/** The rows of an evaluation with features, as clips with a target for each class. */
export function knownClips(
  { logits, features, labels, classes, indices }: Evaluation,
  { problemType }: Pick<InferenceModel, "problemType">,
): KnownClip[] {
  const size = features!.length / indices.length;
  const isSingle = problemType === "single_label_classification";
  return Array.from(indices, (_, row) => ({
    logits: logits.subarray(row * classes, (row + 1) * classes),
    features: features!.subarray(row * size, (row + 1) * size),
    targets: isSingle
      ? Array.from({ length: classes }, (_, k) => Number(labels[row] === k))
      : labels.subarray(row * classes, (row + 1) * classes),
  }));
}

/** What the model gives for sounds that are a recording of nothing. */
async function noiseOutputs(
  { model, extractor, seed }: ScoresTask,
  out: Output,
): Promise<Required<ClipOutputs>[]> {
  const tick = out.progress("Noise", NOISE_CLIPS);
  const found: Required<ClipOutputs>[] = [];
  const minSamples = Math.max(model.minSamples, extractor.minSamples);
  const rateHz = extractor.samplingRate;
  for (const clip of syntheticNoise({ rateHz, count: NOISE_CLIPS, seed, minSamples })) {
    const batch = { ...extractor.extract([clip]), attentionMask: undefined };
    const [row] = await model.outputs(batch, { outputFeatures: true });
    found.push(row as Required<ClipOutputs>);
    tick(found.length);
  }
  tick(undefined);
  return found;
}

/** Prints what was fitted, for people. */
export function printScores(result: ScoresResult, labels: readonly string[], out: Output): void {
  const { settings, before, after, rejected, unknownAuroc } = result;
  const { temperature, thresholds, rejection } = settings;
  const shown = typeof temperature === "number" ? temperature.toFixed(3) : "of each class";
  const errors = before.calibrationError === undefined
    ? ""
    : `, calibration error ${before.calibrationError.toFixed(3)} -> ${
      after.calibrationError!.toFixed(3)
    }`;
  out.line(
    `Temperature ${shown}: loss ${before.loss.toFixed(4)} -> ${after.loss.toFixed(4)}${errors}`,
  );
  const named = labels.filter((label) => Object.hasOwn(thresholds, label));
  if (named.length > 0) {
    out.line(
      table(["class", "threshold"], named.map((label) => [label, thresholds[label]!.toFixed(4)])),
    );
  }
  if (!rejection) return;
  const parts = Object.entries(rejected).map(([name, { clips, rejected }]) => {
    return `${rejected} of ${clips} clips of ${name}`;
  });
  const told = unknownAuroc === undefined
    ? ""
    : `; AUROC of the unknown ${unknownAuroc.toFixed(3)}`;
  out.line(`Rejection by ${rejection.unlikeness.method}: ${parts.join(", ")} are rejected${told}`);
}

/** Puts the settings into the config, whole or not at all. */
export async function writeScores(
  directory: string,
  scores: Record<string, unknown>,
): Promise<void> {
  const json = await readJsonFile(directoryFiles(directory), "config.json");
  const earshot = { ...json.earshot as object | undefined, scores };
  const entries = Object.entries({ ...json, earshot }).sort(([a], [b]) => a < b ? -1 : 1);
  await writeFileAtomic(`${directory}/config.json`, [jsonBytes(Object.fromEntries(entries))]);
}
