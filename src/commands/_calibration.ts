/**
 * Which layers of a model can be stored in 8 bits: measured, on clips, against the model in 32.
 *
 * Each layer is tried alone, on a few clips. All of them together are then tried on every clip; while the scores of
 * any set are too far from what they were, the layer that did most harm alone keeps its 32 bits, and the rest is
 * tried again. A trial loads the model anew, so that none sees what another has rounded.
 *
 * @module
 */
import type { FeatureExtractor } from "../features/mod.ts";
import { heldWeight, type WeightPrecision } from "../kernels.ts";
import type { AudioClassificationModel } from "../models/mod.ts";
import { AutoModelForAudioClassification } from "../pretrained.ts";
import type { BatchSource } from "../train/batches.ts";
import { clipBatches } from "../train/clip_batches.ts";
import { evaluateModel, type Evaluation } from "../train/evaluation.ts";
import { accuracy } from "../train/metrics.ts";
import { type CalibrationSet, evenly } from "./_calibration_sets.ts";

/** How close scores have to stay: the cosine of all scores of a set with what they are in 32 bits. */
export const MIN_COSINE = 0.999;
/** Clips that each layer is tried on alone. */
const TRIAL_CLIPS = 16;
const BATCH_CLIPS = 8;

/** The precision of each weight by name. */
export type PrecisionPlan = (name: string) => WeightPrecision;

/** What storing a layer in 8 bits does to the scores, and what became of it. */
export interface LayerTrial {
  /** What the names of its weights begin with. */
  layer: string;
  /** Numbers in its weights. */
  parameters: number;
  /** Of the scores when this layer alone is stored in 8 bits. */
  cosine: number;
  /** What was chosen. */
  precision: WeightPrecision;
}

/** What all of it together does to a set. */
export interface SetComparison {
  set: string;
  clips: number;
  /** Of all scores together. */
  cosine: number;
  /** Of the clip whose scores changed most. */
  lowestCosine: number;
  /** `null` where the clips have no labels of the model. */
  accuracy: { f32: number; q8: number } | null;
}

/** What was measured and chosen. */
export interface Calibration {
  sets: SetComparison[];
  layers: LayerTrial[];
  plan: PrecisionPlan;
}

/** What is measured, and on what. */
export interface CalibrationTask {
  /** A model directory. */
  model: string;
  extractor: FeatureExtractor;
  sets: readonly CalibrationSet[];
  /** Told before each trial. @default none */
  onTrial?: (text: string) => void;
}

/** Batches by set; the decoded clips stay in memory from one trial to the next. */
type Sources = readonly BatchSource[];

/** Measures a model, and chooses the precision of its layers. */
export async function calibrate(task: CalibrationTask): Promise<Calibration> {
  const { model, sets, onTrial = () => {} } = task;
  onTrial("all layers in 32 bits");
  const whole = await withModel(model, async (loaded) => {
    const sources = sets.map(({ dataset }) => clipBatches(dataset, loaded, task.extractor));
    const few = [clipBatches(trialSet(sets), loaded, task.extractor)];
    return {
      sources,
      few,
      expected: await evaluateSets(loaded, sources),
      expectedOfFew: await evaluateSets(loaded, few),
    };
  });
  onTrial("all layers in 8 bits");
  const first = await tryPlan(model, whole.sources, () => "int8");
  const layers: LayerTrial[] = [];
  for (const [layer, weights] of layersOf(first.narrow)) {
    onTrial(layer);
    const { found } = await tryPlan(model, whole.few, only(new Set(weights.keys())));
    layers.push({
      layer,
      parameters: [...weights.values()].reduce((sum, size) => sum + size, 0),
      cosine: compare("", whole.expectedOfFew[0]!, found[0]!).cosine,
      precision: "int8",
    });
  }
  let plan: PrecisionPlan = () => "int8";
  let results = compareSets(sets, whole.expected, first.found);
  const worstFirst = layers.toSorted((a, b) => a.cosine - b.cosine);
  while (results.some(({ cosine }) => !(cosine >= MIN_COSINE)) && worstFirst.length > 0) {
    const kept = worstFirst.shift()!;
    kept.precision = "float32";
    onTrial(`${kept.layer} in 32 bits, with those that did more harm`);
    plan = planOf(layers);
    const { found } = await tryPlan(model, whole.sources, plan);
    results = compareSets(sets, whole.expected, found);
  }
  return { sets: results, layers, plan };
}

/** A few clips from all sets. */
function trialSet(sets: readonly CalibrationSet[]): CalibrationSet["dataset"] {
  const clips = evenly(sets.flatMap(({ dataset }) => dataset.clips), TRIAL_CLIPS);
  return { ...sets[0]!.dataset, clips };
}

function only(names: ReadonlySet<string>): PrecisionPlan {
  return (name) => names.has(name) ? "int8" : "float32";
}

function planOf(layers: readonly LayerTrial[]): PrecisionPlan {
  const wide = new Set(layers.filter((layer) => layer.precision === "float32").map((l) => l.layer));
  return (name) => wide.has(layerOf(name)) ? "float32" : "int8";
}

/** Runs every source with weights of these precisions; `narrow` are those that the device took in 8 bits. */
async function tryPlan(
  directory: string,
  sources: Sources,
  plan: PrecisionPlan,
): Promise<{ found: Evaluation[]; narrow: ReadonlyMap<string, number> }> {
  return await withModel(directory, async (model) => {
    model.prepareWeights(plan);
    const found = await evaluateSets(model, sources);
    const narrow = new Map<string, number>();
    for (const [name, parameter] of model.parameters) {
      if (parameter.dtype !== "float32") continue;
      if (heldWeight(parameter).form === "int8-panels") narrow.set(name, parameter.size);
    }
    return { found, narrow };
  });
}

async function withModel<Result>(
  directory: string,
  use: (model: AudioClassificationModel) => Promise<Result>,
): Promise<Result> {
  const model = await AutoModelForAudioClassification.fromPretrained(directory);
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}

async function evaluateSets(
  model: AudioClassificationModel,
  sources: Sources,
): Promise<Evaluation[]> {
  const results: Evaluation[] = [];
  for (const source of sources) {
    results.push(await evaluateModel(model, source, { batchSize: BATCH_CLIPS }));
  }
  return results;
}

/** Weights by layer: the name up to the first number and the part after it. */
function layersOf(weights: ReadonlyMap<string, number>): Map<string, Map<string, number>> {
  const layers = new Map<string, Map<string, number>>();
  for (const [name, size] of weights) {
    const layer = layerOf(name);
    const found = layers.get(layer) ?? new Map<string, number>();
    layers.set(layer, found.set(name, size));
  }
  return layers;
}

function layerOf(name: string): string {
  const parts = name.split(".").slice(0, -1);
  const number = parts.findIndex((part) => /^\d+$/.test(part));
  return (number === -1 ? parts : parts.slice(0, number + 2)).join(".");
}

function compareSets(
  sets: readonly CalibrationSet[],
  expected: readonly Evaluation[],
  found: readonly Evaluation[],
): SetComparison[] {
  return sets.map(({ dataset, isLabelled }, i) => {
    const compared = compare(dataset.split, expected[i]!, found[i]!);
    return isLabelled ? compared : { ...compared, accuracy: null };
  });
}

function compare(set: string, expected: Evaluation, found: Evaluation): SetComparison {
  const { logits, classes } = expected;
  const rows = Array.from({ length: logits.length / classes }, (_, clip) => {
    const row = (scores: Float32Array) => scores.subarray(clip * classes, (clip + 1) * classes);
    return cosine(row(logits), row(found.logits));
  });
  return {
    set,
    clips: rows.length,
    cosine: cosine(logits, found.logits),
    lowestCosine: Math.min(...rows),
    accuracy: { f32: accuracy(expected), q8: accuracy(found) },
  };
}

/** Of two lists of numbers; 1 where both are all zero. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [product, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    ofA += a[i]! ** 2;
    ofB += b[i]! ** 2;
  }
  return ofA === 0 && ofB === 0 ? 1 : product / Math.sqrt(ofA * ofB);
}
