/**
 * What a model directory knows of its model, for the card.
 *
 * @module
 */
import type { CardDataset, CardEvaluation, ModelCardFacts } from "../card/mod.ts";
import { directoryFiles } from "../files.ts";
import { labelsInConfig } from "../models/labels.ts";
import { jsonBytes } from "../pretrained.ts";
import { readJsonFile } from "../weights/json_file.ts";
import type { FolderWeights } from "./_folder_files.ts";

type Json = Record<string, unknown>;

/** Name of the file that `train` writes its arguments into. */
export const ARGUMENTS_FILE = "training_args.json";

/** Arguments that name places on the machine that trained. */
const PLACES = new Set([
  "data",
  "model",
  "detector",
  "outputDir",
  "augmentNoiseDir",
  "runName",
  "pushToHub",
  "hubModelId",
  "hubPrivateRepo",
  "hubRevision",
]);

/** `training_args.json` as everyone may see it; undefined where there are no arguments. */
export function sharedArguments(
  { trainingArguments, finetunedFrom, isFromScratch, dataset }: Partial<ModelCardFacts>,
): Blob | undefined {
  if (!trainingArguments) return undefined;
  const origin: TrainingOrigin = { baseModel: finetunedFrom, isFromScratch, dataset };
  const args = Object.entries(trainingArguments).filter(([name]) => !PLACES.has(name));
  return new Blob([jsonBytes({ ...Object.fromEntries(args), origin }) as Uint8Array<ArrayBuffer>]);
}

/** What `train` writes into `training_args.json` beside the arguments. */
export interface TrainingOrigin {
  /** Id on the hub of the model that the run started from. */
  baseModel?: string;
  /** Whether it started from random weights. */
  isFromScratch?: boolean;
  /** What it learned from, where that is on the hub. */
  dataset?: CardDataset;
}

/** All that the files say; a file that is not there says nothing. */
export async function folderFacts(
  directory: string,
  { parameters, isExport }: FolderWeights,
): Promise<Omit<ModelCardFacts, "modelName">> {
  const json = async (name: string): Promise<Json> => {
    const files = directoryFiles(directory);
    const source = await files.open(name);
    source?.close?.();
    return source ? await readJsonFile(files, name) : {};
  };
  const config = await json("config.json");
  const { sampling_rate: samplingRate } = await json("preprocessor_config.json");
  const { origin, ...args } = await json(ARGUMENTS_FILE);
  const state = await json("trainer_state.json");
  const { baseModel, isFromScratch, dataset } = (origin ?? {}) as TrainingOrigin;
  const labels = labelsInConfig(config, `${directory}/config.json`);
  return {
    modelType: String(config.model_type),
    problemType: problemTypeOf(config, labels),
    labels,
    parameters,
    samplingRate: typeof samplingRate === "number" ? samplingRate : undefined,
    // transformers itself has neither.
    isForTransformers: !isExport && !["ced", "efficientat"].includes(String(config.model_type)),
    finetunedFrom: baseModel,
    isFromScratch,
    dataset,
    trainingArguments: Object.keys(args).length > 0 ? args : undefined,
    history: state.log_history as ModelCardFacts["history"],
    evaluation: evaluationOf(await json("all_results.json"), state, args),
  };
}

function problemTypeOf(
  { problem_type: type }: Json,
  labels: readonly string[],
): ModelCardFacts["problemType"] {
  if (type === "multi_label_classification" || type === "regression") return type;
  return type === undefined && labels.length === 1 ? "regression" : "single_label_classification";
}

/** Those of the test split; else of the validation split, of the evaluation whose weights were kept. */
function evaluationOf(results: Json, state: Json, args: Json): CardEvaluation | undefined {
  return measured(results, "test") ?? measured(results, "eval") ??
    measured(keptEvaluation(state, args), "eval");
}

function keptEvaluation({ log_history, best_global_step, global_step }: Json, args: Json): Json {
  const step = args.loadBestModelAtEnd === true ? best_global_step : global_step;
  const log = (log_history ?? []) as Json[];
  return log.findLast((entry) => entry.step === step && entry.eval_loss !== undefined) ?? {};
}

const SPLITS = { test: "test", eval: "validation" } as const;
const NOT_METRICS = /^(runtime|samples|samples_per_second|steps_per_second|accuracy_(low|high))$/;

function measured(results: Json, prefix: keyof typeof SPLITS): CardEvaluation | undefined {
  const found = Object.entries(results).flatMap(([key, value]): [string, number][] => {
    const name = key.startsWith(`${prefix}_`) ? key.slice(prefix.length + 1) : undefined;
    return name !== undefined && typeof value === "number" ? [[name, value]] : [];
  });
  const values = Object.fromEntries(found);
  if (values.loss === undefined && values.accuracy === undefined) return undefined;
  const { samples, accuracy_low: low, accuracy_high: high } = values;
  return {
    split: SPLITS[prefix],
    metrics: Object.fromEntries(found.filter(([name]) => !NOT_METRICS.test(name))),
    samples,
    accuracyInterval: low !== undefined && high !== undefined ? { low, high } : undefined,
  };
}
