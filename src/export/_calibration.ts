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
import { isPacked, type WeightPrecision } from "../kernels.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import { loadInferenceModel } from "../pretrained.ts";
import type { BatchSource } from "../train/batches/batches.ts";
import { clipBatches } from "../train/batches/clip_batches.ts";
import { evaluateModel, type Evaluation } from "../train/metrics/evaluation.ts";
import type { FileReader } from "../weights/byte_source.ts";
import { type CalibrationSet, evenly } from "./_calibration_sets.ts";
import {
  compareScores,
  layerOf,
  type LayerTrial,
  type SetComparison,
  widen,
} from "./_precision.ts";

/** Clips that each layer is tried on alone. */
const TRIAL_CLIPS = 16;
const BATCH_CLIPS = 8;

/** The precision of each weight by name. */
export type PrecisionPlan = (name: string) => WeightPrecision;

/** What was measured and chosen. */
export interface Calibration {
  sets: SetComparison[];
  layers: LayerTrial[];
  plan: PrecisionPlan;
}

/** What is measured, and on what. */
export interface CalibrationTask {
  /** The files of a model directory. */
  model: FileReader;
  extractor: FeatureExtractor;
  sets: readonly CalibrationSet[];
  /** Called before each trial. @default none */
  onTrial?: (text: string) => void;
}

/** Clips, and their scores in 32 bits; the decoded clips stay in memory from one trial to the next. */
interface Measured {
  sources: readonly BatchSource[];
  expected: readonly Evaluation[];
}

/** Measures a model, and chooses the precision of its layers. */
export async function calibrate(task: CalibrationTask): Promise<Calibration> {
  const { model, sets, onTrial = () => {} } = task;
  onTrial("all layers in 32 bits");
  const all = await inFloat32(task, sets.map(({ dataset }) => dataset));
  const few = await inFloat32(task, [trialSet(sets)]);
  onTrial("all layers in 8 bits");
  const narrow = await tryPlan(model, all.sources, () => "int8");
  const layers: LayerTrial[] = [];
  for (const [layer, parameters] of sizesOf(narrow.weights)) {
    onTrial(`${layer} alone in 8 bits`);
    const alone: PrecisionPlan = (name) => layerOf(name) === layer ? "int8" : "float32";
    const { scores } = await tryPlan(model, few.sources, alone);
    const { cosine } = compareScores(layer, few.expected[0]!, scores[0]!);
    layers.push({ layer, parameters, cosine, precision: "int8" });
  }
  const found = await widen(layers, compareSets(task, all, narrow.scores), async (changed) => {
    onTrial(`${changed.layer} in 32 bits too`);
    return compareSets(task, all, (await tryPlan(model, all.sources, planOf(layers))).scores);
  });
  return { sets: found, layers, plan: planOf(layers) };
}

async function inFloat32(
  { model: files, extractor }: CalibrationTask,
  datasets: readonly CalibrationSet["dataset"][],
): Promise<Measured> {
  return await withModel(files, () => "float32", async (model) => {
    const sources = datasets.map((dataset) => clipBatches(dataset, model, extractor));
    return { sources, expected: await evaluateAll(model, sources) };
  });
}

/** A few clips from all sets. */
function trialSet(sets: readonly CalibrationSet[]): CalibrationSet["dataset"] {
  const clips = evenly(sets.flatMap(({ dataset }) => dataset.clips), TRIAL_CLIPS);
  return { ...sets[0]!.dataset, clips };
}

function planOf(layers: readonly LayerTrial[]): PrecisionPlan {
  const precisions = new Map(layers.map(({ layer, precision }) => [layer, precision]));
  return (name) => precisions.get(layerOf(name)) ?? "float32";
}

/** Scores with weights of these precisions, and the sizes of those weights that the device took in 8 bits. */
async function tryPlan(
  files: FileReader,
  sources: readonly BatchSource[],
  plan: PrecisionPlan,
): Promise<{ scores: Evaluation[]; weights: ReadonlyMap<string, number> }> {
  return await withModel(files, plan, async (model) => {
    const scores = await evaluateAll(model, sources);
    const weights = new Map<string, number>();
    for (const [name, weight] of model.weights) {
      if (!isPacked(weight) || weight.layout.form !== "int8-panels") continue;
      weights.set(name, weight.layout.shape.reduce((size, length) => size * length, 1));
    }
    return { scores, weights };
  });
}

async function withModel<Result>(
  files: FileReader,
  plan: PrecisionPlan,
  use: (model: InferenceModel) => Promise<Result>,
): Promise<Result> {
  const model = await loadInferenceModel(files, {}, plan);
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}

async function evaluateAll(
  model: InferenceModel,
  sources: readonly BatchSource[],
): Promise<Evaluation[]> {
  const results: Evaluation[] = [];
  for (const source of sources) {
    results.push(await evaluateModel(model, source, { batchSize: BATCH_CLIPS }));
  }
  return results;
}

/** Numbers by layer. */
function sizesOf(weights: ReadonlyMap<string, number>): Map<string, number> {
  const layers = new Map<string, number>();
  for (const [name, size] of weights) {
    const layer = layerOf(name);
    layers.set(layer, (layers.get(layer) ?? 0) + size);
  }
  return layers;
}

function compareSets(
  { sets }: CalibrationTask,
  { expected }: Measured,
  found: readonly Evaluation[],
): SetComparison[] {
  return sets.map(({ dataset, isLabelled }, i) => {
    const compared = compareScores(dataset.split, expected[i]!, found[i]!);
    return isLabelled ? compared : { ...compared, accuracy: null };
  });
}
