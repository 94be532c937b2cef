/**
 * How a clip is known that is none of the classes, fitted to clips of the classes and to what is none of them.
 *
 * Two measures share the work. Unlikeness takes one limit from the clips of the classes alone, so that it also finds
 * what nobody thought of. Noise is a linear classifier of features, since to many models rain and hiss are one thing, and
 * silence lies between all classes.
 *
 * @module
 */
import {
  auroc,
  type ClipOutputs,
  noiseOf,
  quantile,
  type Rejection,
  type Unlikeness,
  unlikenessOf,
} from "../scores/mod.ts";
import { fitLinear } from "./linear_fit.ts";

/** A clip of a model's classes. */
export interface KnownClip extends Required<ClipOutputs> {
  /** `[N]`, above a half for the classes that it is of. */
  targets: ArrayLike<number>;
}

/** What a rejection is fitted to. */
export interface RejectionData {
  /** Clips that means are taken of; without them only the energy can be measured. */
  train: readonly KnownClip[];
  /** Clips that the model was not trained on, for limits. */
  validation: readonly KnownClip[];
  /** Sounds that are a recording of nothing: one half is fitted to, the other for the limit. */
  noise: readonly Required<ClipOutputs>[];
  /** Clips of none of the classes, by which the better measure is chosen. */
  unknown: readonly Required<ClipOutputs>[];
}

/** What was chosen, and how well it does on the clips that it was fitted with. */
export interface FittedRejection {
  rejection: Rejection;
  /** How well each measure told unknown clips apart, where there were any. */
  auroc: Partial<Record<Unlikeness["method"], number>>;
}

/** Of validation clips, this share is kept by the limit of a measure. */
const KEPT = 0.98;
/**
 * Below so many deviations above the mean lie 99.5 % of what is normally distributed: few clips say little of their
 * highest, and clips from elsewhere lie further out.
 */
const DEVIATIONS = 2.576;
/** Noise may cost no larger share of validation clips than this. */
const NOISE_COST = 0.05;
/** This share of a feature's variance is replaced by the mean over all, which few clips know better. */
const SHRINKAGE = 0.1;
const NOISE_L2 = 1;

/** Fits both measures. */
export function fitRejection(data: RejectionData): FittedRejection {
  const measures: Measure[] = [{ method: "energy" }];
  if (data.train.length > 0) measures.unshift(classMeans(data.train));
  const values = measures.map((measure) =>
    auroc(valuesOf(data.unknown, measure), valuesOf(data.validation, measure))
  );
  const chosen = data.unknown.length > 0 ? values.indexOf(Math.max(...values)) : 0;
  const measured = measures.map(({ method }, i) => [method, values[i]!] as const);
  return {
    rejection: {
      unlikeness: limited(measures[chosen]!, data.validation),
      noise: data.noise.length > 0 ? fitNoise(data) : undefined,
    },
    auroc: data.unknown.length > 0 ? Object.fromEntries(measured) : {},
  };
}

type Measure = Parameters<typeof unlikenessOf>[1];

function valuesOf(clips: readonly ClipOutputs[], measure: Measure): number[] {
  return clips.map((clip) => unlikenessOf(clip, measure));
}

/** The mean of the clips of each class, and how far a feature strays from it. */
function classMeans(clips: readonly KnownClip[]): Measure {
  const size = clips[0]!.features.length;
  const classes = clips[0]!.targets.length;
  const means = new Float32Array(classes * size);
  const variances = new Float64Array(size);
  let count = 0;
  for (let k = 0; k < classes; k++) {
    const own = clips.filter(({ targets }) => targets[k]! > 0.5);
    count += own.length;
    for (let d = 0; d < size; d++) {
      const mean = own.reduce((sum, { features }) => sum + features[d]!, 0) / own.length;
      // A class without clips is near none of them.
      means[k * size + d] = own.length > 0 ? mean : 1e6;
      for (const { features } of own) variances[d] = variances[d]! + (features[d]! - mean) ** 2;
    }
  }
  const common = variances.reduce((a, b) => a + b, 0) / size;
  const deviations = Float32Array.from(variances, (sum) => {
    return Math.sqrt(((1 - SHRINKAGE) * sum + SHRINKAGE * common) / count) || 1;
  });
  return { method: "distance", means, deviations };
}

/** A measure with the limit that the clips of the classes set. */
function limited(measure: Measure, validation: readonly KnownClip[]): Unlikeness {
  const values = valuesOf(validation, measure);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.max(1e-3, Math.sqrt(squares / values.length));
  const threshold = Math.max(mean + DEVIATIONS * deviation, quantile(values, KEPT));
  return { ...measure, threshold: rounded(threshold), scale: rounded(deviation / 2) };
}

/** Above 0 for what is more like noise than like the clips. */
function fitNoise({ train, validation, noise }: RejectionData): NonNullable<Rejection["noise"]> {
  const isFitted = (_: unknown, i: number) => Math.floor(i / NOISE_KINDS) % 2 === 0;
  const fitted = noise.filter(isFitted);
  const left = noise.filter((clip, i) => !isFitted(clip, i));
  const known = train.length > 0 ? train : validation;
  const rows = [...known, ...fitted];
  const { weights, biases } = fitLinear({
    vectors: Float64Array.from(rows.flatMap(({ features }) => Array.from(features))),
    labels: rows.map((_, i) => Number(i >= known.length)),
    classes: 2,
  }, { l2: NOISE_L2 });
  const size = weights.length / 2;
  const line = {
    weights: Float32Array.from({ length: size }, (_, d) => weights[size + d]! - weights[d]!),
    bias: biases[1]! - biases[0]!,
  };
  const [inside, outside] = [validation, left].map((clips) =>
    clips.map((clip) => noiseOf(clip, line))
  );
  return { ...line, bias: line.bias - noiseLimit(inside!, outside!) };
}

/** Clips of noise come in so many kinds by turns, all of which are on both sides. */
const NOISE_KINDS = 4;

/** Half way where both lie apart, else where the fewest are on the wrong side, within what noise may cost. */
function noiseLimit(known: readonly number[], noise: readonly number[]): number {
  const [highest, lowest] = [quantile(known, KEPT), quantile(noise, 1 - KEPT)];
  if (highest < lowest) return (highest + lowest) / 2;
  const least = quantile(known, 1 - NOISE_COST);
  const shareFrom = (values: readonly number[], limit: number) =>
    values.filter((value) => value >= limit).length / values.length;
  const costs = [...known, ...noise].filter((limit) => limit >= least).map((limit) => ({
    limit,
    cost: shareFrom(known, limit) + 1 - shareFrom(noise, limit),
  }));
  return costs.reduce((best, next) => next.cost < best.cost ? next : best).limit;
}

/** Six digits are more than can be known of it. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
