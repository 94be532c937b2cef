/**
 * One table with kind, default, limits and help of each argument, so that the class, the command line and its help
 * cannot differ.
 *
 * @module
 */
import type {
  IntervalStrategy,
  SamplingStrategy,
  SaveStrategy,
  SchedulerKwargs,
  SchedulerType,
  TrainingOptions,
} from "./_training_options.ts";

/** One row of {@linkcode TRAINING_OPTIONS}; an undefined default depends on other arguments. */
export type OptionRow =
  | {
    kind: "number";
    default: number | undefined;
    min: number;
    max: number;
    integer?: boolean;
    help: string;
  }
  | { kind: "boolean"; default: boolean | undefined; help: string }
  | { kind: "word"; default: string | undefined; words: readonly string[]; help: string }
  | { kind: "text"; default: string | undefined; help: string }
  | ListRow
  | NumbersRow;

/** Several words or numbers, or one of a few words in their place. */
export interface ListRow {
  kind: "list";
  of: "number" | "text";
  default: string | readonly string[];
  words: readonly string[];
  help: string;
}

/** Numbers by name. */
export interface NumbersRow {
  kind: "numbers";
  names: readonly string[];
  default: Readonly<Record<string, number>>;
  help: string;
}

function real(byDefault: number | undefined, min: number, max: number, help: string): OptionRow {
  return { kind: "number", default: byDefault, min, max, help };
}

function count(byDefault: number | undefined, min: number, help: string): OptionRow {
  return { kind: "number", default: byDefault, min, max: 2 ** 31 - 1, integer: true, help };
}

/** A number of steps, or a share of all. */
function interval(byDefault: number | undefined, help: string): OptionRow {
  return real(byDefault, 1e-9, 2 ** 31 - 1, help);
}

function flag(byDefault: boolean | undefined, help: string): OptionRow {
  return { kind: "boolean", default: byDefault, help };
}

function word(byDefault: string | undefined, words: readonly string[], help: string): OptionRow {
  return { kind: "word", default: byDefault, words, help };
}

function text(byDefault: string | undefined, help: string): OptionRow {
  return { kind: "text", default: byDefault, help };
}

const INTERVALS: readonly IntervalStrategy[] = ["no", "epoch", "steps"];
const SAVES: readonly SaveStrategy[] = [...INTERVALS, "best"];
const SAMPLINGS: readonly SamplingStrategy[] = ["random", "sequential", "group_by_length"];
const SCHEDULERS: readonly SchedulerType[] = [
  "linear",
  "cosine",
  "cosine_with_restarts",
  "cosine_with_min_lr",
  "polynomial",
  "constant",
  "constant_with_warmup",
  "inverse_sqrt",
  "warmup_stable_decay",
];
const SCHEDULER_NUMBERS: readonly (keyof SchedulerKwargs)[] = [
  "numCycles",
  "power",
  "lrEnd",
  "minLr",
  "minLrRate",
  "numDecaySteps",
];

/** Kind, default, limits and help of every argument but the output directory. */
export const TRAINING_OPTIONS: Record<Exclude<keyof TrainingOptions, "outputDir">, OptionRow> = {
  evalStrategy: word("epoch", INTERVALS, "when to evaluate"),
  evalSteps: interval(undefined, "steps between evaluations, or their share (--logging-steps)"),
  evalDelay: real(0, 0, 1e9, "epochs or steps before the first evaluation"),
  evalOnStart: flag(false, "evaluate before the first step"),
  saveStrategy: word("epoch", SAVES, "when to write a checkpoint"),
  saveSteps: interval(500, "steps between checkpoints, or their share"),
  saveOnlyModel: flag(false, "write checkpoints that no run can go on from"),
  loggingStrategy: word("epoch", INTERVALS, "when to log the training loss"),
  loggingSteps: interval(500, "steps between log lines, or their share"),
  loggingFirstStep: flag(false, "log the first step as well"),
  reportTo: word("none", ["none", "tensorboard", "all"], "who else gets the log"),
  runName: text(undefined, "folder of that log under runs (the time of the start)"),
  learningRate: real(5e-5, 0, 10, "highest learning rate"),
  perDeviceTrainBatchSize: count(8, 1, "clips of a training batch"),
  perDeviceEvalBatchSize: count(8, 1, "clips of an evaluation batch"),
  gradientAccumulationSteps: count(1, 1, "batches to a step"),
  numTrainEpochs: real(3, 1e-6, 1e6, "passes over the training data"),
  maxSteps: count(0, 0, "steps in all, in place of the epochs; 0: by epochs"),
  warmupRatio: real(0, 0, 1, "share of the steps in which the learning rate rises"),
  warmupSteps: real(0, 0, 1e9, "steps of the rise, in place of the share"),
  lrSchedulerType: word("linear", SCHEDULERS, "learning rate after the rise"),
  lrSchedulerKwargs: {
    kind: "numbers",
    names: SCHEDULER_NUMBERS,
    default: {},
    help: `numbers of the schedule, such as '{"num_cycles": 3}'`,
  },
  optim: word("adamw_torch", ["adamw_torch", "adamw_torch_fused"], "both are AdamW"),
  weightDecay: real(0, 0, 10, "decay of weights, not of biases and norms"),
  adamBeta1: real(0.9, 0, 0.999999999, "decay of the mean gradient"),
  adamBeta2: real(0.999, 0, 0.999999999, "decay of the mean squared gradient"),
  adamEpsilon: real(1e-8, 0, 1, "added to the root of the mean squared gradient"),
  maxGradNorm: real(1, 0, 1e9, "gradients are scaled down to this norm; 0: never"),
  labelSmoothingFactor: real(0, 0, 0.999, "share of the target spread over all classes"),
  classWeights: {
    kind: "list",
    of: "number",
    default: "none",
    words: ["none", "balanced"],
    help: "what a clip of each class counts",
  },
  seed: count(42, 0, "seed of weights, order, dropout and masks"),
  dataSeed: count(undefined, 0, "seed of order, cuts and changes of the data (--seed)"),
  freezeFeatureEncoder: flag(false, "keep the convolutional feature encoder as it is"),
  freezeBaseModel: flag(false, "train the head only"),
  freezeLayers: count(0, 0, "keep the first so many layers, and all before them, as they are"),
  loraRank: count(0, 0, "train changes of this rank in attention, and the head; 0: all"),
  loraAlpha: real(undefined, 0, 1e6, "these changes count this over their rank (twice the rank)"),
  loraDropout: real(0, 0, 0.999, "dropout of what these changes see"),
  loraTarget: {
    kind: "list",
    of: "text",
    default: ["q_proj", "v_proj"],
    words: [],
    help: "which projections they change",
  },
  gradientCheckpointing: flag(false, "compute layers again for gradients: less memory, more time"),
  loadBestModelAtEnd: flag(false, "end with the best checkpoint, not the last"),
  metricForBestModel: text("loss", "what the best is judged by"),
  greaterIsBetter: flag(undefined, "more is better (default: for all but a loss)"),
  saveTotalLimit: count(0, 0, "checkpoints kept besides the best; 0: all"),
  earlyStoppingPatience: count(
    0,
    0,
    "stop after so many evaluations without a better one; 0: never",
  ),
  earlyStoppingThreshold: real(0, 0, 1e9, "what counts as better"),
  groupByLength: flag(true, "batches of clips of like length"),
  trainSamplingStrategy: word(undefined, SAMPLINGS, "order of training clips (by length)"),
  balancedSampling: flag(false, "draw as many clips of every class"),
  dataloaderDropLast: flag(false, "leave a last batch of fewer clips out"),
  dataloaderPrefetchFactor: count(2, 0, "batches decoded ahead"),
  maxLengthSeconds: real(20, 0.01, 3600, "longer clips are cut"),
  augmentSpeed: real(0, 0, 0.9, "play training clips faster or slower by up to this share"),
  augmentShiftSeconds: real(0, 0, 60, "move training clips by up to so many seconds"),
  augmentGainDb: real(0, 0, 60, "make training clips louder or softer by up to this"),
  augmentNoise: real(0, 0, 1, "share of training clips that get noise"),
  augmentNoiseMinSnrDb: real(10, -40, 100, "least decibels of a clip above its noise"),
  augmentNoiseMaxSnrDb: real(40, -40, 100, "most decibels of a clip above its noise"),
  augmentNoiseDir: text(undefined, "recordings to take noise from (white noise)"),
  skipBadFiles: flag(false, "leave unreadable files out and count them"),
  pushToHub: flag(false, "push the model to the hub when it is trained"),
  hubModelId: text(undefined, "where it goes: org/name (the name of the output directory)"),
  hubPrivateRepo: flag(undefined, "make a private repository"),
  hubRevision: text(undefined, "the branch that it goes to (main)"),
};
