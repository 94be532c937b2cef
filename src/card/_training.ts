/**
 * How the model was trained: data, arguments, and the table of its epochs, as transformers' card has them.
 *
 * @module
 */
import { defaultOf, type OptionName, snakeCase } from "../train/options/arguments.ts";
import { code, joined, type Section, table } from "./_markdown.ts";
import { heading } from "./_metric_names.ts";
import { datasetText } from "./_usage.ts";
import type { ModelCardFacts } from "./card_facts.ts";

type Arguments = Readonly<Record<string, unknown>>;
type Entry = Readonly<Record<string, number>>;

/** What it learned from. */
export function dataSection({ dataset }: ModelCardFacts): Section | undefined {
  if (!dataset) return undefined;
  const { revision } = dataset;
  const at = revision === undefined ? "" : `, revision ${code(revision)}`;
  return { title: "Training data", content: `${datasetText(dataset)}${at}.` };
}

/** Arguments and results; nothing where neither is known. */
export function trainingSection(
  { trainingArguments, history }: ModelCardFacts,
): Section | undefined {
  const hyperparameters = trainingArguments && Object.entries(hyperparametersOf(trainingArguments));
  const results = resultsTable(history ?? []);
  if (!hyperparameters && results === "") return undefined;
  return {
    title: "Training procedure",
    content: joined([
      hyperparameters && "### Training hyperparameters",
      hyperparameters?.map(([name, value]) => `- ${name}: ${shown(value)}`).join("\n"),
      results && "### Training results",
      results,
    ]),
  };
}

function shown(value: unknown): string {
  return typeof value === "object" ? code(JSON.stringify(value)) : String(value);
}

/** What says something of a run where it is not the default. */
const NOTABLE: readonly OptionName[] = [
  "warmupRatio",
  "warmupSteps",
  "weightDecay",
  "maxGradNorm",
  "labelSmoothingFactor",
  "classWeights",
  "balancedSampling",
  "freezeFeatureEncoder",
  "freezeBaseModel",
  "freezeLayers",
  "loraRank",
  "augmentSpeed",
  "augmentShiftSeconds",
  "augmentGainDb",
  "augmentWindowSeconds",
  "augmentNoise",
  "loadBestModelAtEnd",
  "earlyStoppingPatience",
];

function optimizerOf(args: Arguments): string | undefined {
  if (args.optim === undefined) return undefined;
  if (args.optim === "sgd") return args.optimArgs ? `SGD with ${args.optimArgs}` : "SGD";
  return `AdamW with betas=(${args.adamBeta1},${args.adamBeta2}) and epsilon=${args.adamEpsilon}`;
}

/** The arguments under the reference's names, those that say nothing left out. */
function hyperparametersOf(args: Arguments): Record<string, unknown> {
  const { perDeviceTrainBatchSize: batch, gradientAccumulationSteps: accumulation = 1 } = args;
  const steps = accumulation as number;
  const fields: Record<string, unknown> = {
    learning_rate: args.learningRate,
    train_batch_size: batch,
    eval_batch_size: args.perDeviceEvalBatchSize,
    seed: args.seed,
    ...steps > 1 && {
      gradient_accumulation_steps: steps,
      total_train_batch_size: steps * (batch as number),
    },
    optimizer: optimizerOf(args),
    lr_scheduler_type: args.lrSchedulerType,
    ...args.maxSteps ? { training_steps: args.maxSteps } : { num_epochs: args.numTrainEpochs },
    max_length_seconds: args.maxLengthSeconds,
    ...Object.fromEntries(
      NOTABLE.filter((name) => args[name] !== defaultOf(name))
        .map((name) => [snakeCase(name), args[name]]),
    ),
  };
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

const NOT_METRICS = new Set([
  "epoch",
  "step",
  "total_flos",
  "eval_loss",
  "eval_runtime",
  "eval_samples_per_second",
  "eval_steps_per_second",
]);

/** One row for each evaluation before the end of the training, with the last loss that was logged before it. */
function resultsTable(history: readonly Entry[]): string {
  const end = history.findIndex((entry) => entry.train_runtime !== undefined);
  const log = end === -1 ? history : history.slice(0, end);
  const evaluations = log.filter((entry) => entry.eval_loss !== undefined);
  if (evaluations.length === 0) return "";
  // A log in memory and the same log in a file have their keys in different orders.
  const metrics = Object.keys(evaluations[0]!).filter((key) => !NOT_METRICS.has(key)).sort();
  let loss: number | undefined;
  const rows: string[][] = [];
  for (const entry of log) {
    loss = entry.loss ?? loss;
    if (entry.eval_loss === undefined) continue;
    const { epoch, step, eval_loss: validation } = entry;
    const values = [loss ?? "No log", epoch, step, validation, ...metrics.map((key) => entry[key])];
    rows.push(values.map(cell));
  }
  const names = metrics.map((key) => heading(key.replace(/^[^_]*_/, "")));
  return table([["Training Loss", "Epoch", "Step", "Validation Loss", ...names], ...rows]);
}

/** Four places at most. */
function cell(value: number | string | undefined): string {
  if (typeof value !== "number") return value ?? "";
  return /\.\d{5,}/.test(String(value)) ? value.toFixed(4) : String(value);
}
