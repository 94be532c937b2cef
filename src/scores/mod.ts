/**
 * Scores that mean something: what a model's config says of them, and what that makes of a clip.
 *
 * @module
 */
export {
  calibrated,
  type ClipOutputs,
  excess,
  judge,
  type Judgement,
  needsFeatures,
  noiseOf,
  type ScoreKind,
  sigmoid,
  softmax,
  unlikenessOf,
} from "./judgement.ts";
export {
  noneLabel,
  type Rejection,
  type ScoredModel,
  type ScoreSettings,
  scoreSettings,
  type Unlikeness,
} from "./settings.ts";
export {
  auroc,
  calibrationError,
  CONFIDENCE_BINS,
  type ConfidenceBin,
  confidenceBins,
  quantile,
} from "./quality.ts";
