/**
 * One table of the arguments: default, limits, help and check of each. The class, the command line with its help and the
 * model card read it; the compiler holds its values to `_training_options.ts`, and a test the defaults there.
 *
 * @module
 */
import {
  count,
  derived,
  flag,
  free,
  interval,
  namedSettings,
  names,
  numbersOr,
  type OptionRow,
  own,
  real,
  text,
  word,
} from "./_option_rows.ts";
import { REFUSED_VALUES } from "./_refused_options.ts";
import type { EffectlessOptions } from "./_effectless_options.ts";
import type {
  HubStrategy,
  IntervalStrategy,
  LogLevel,
  OptimizerName,
  SamplingStrategy,
  SaveStrategy,
  SchedulerKwargs,
  SchedulerType,
  TrainingOptions,
  WayType,
} from "./_training_options.ts";

/** The arguments but those without an effect, and the output directory, which has no default. */
export type OptionName = Exclude<keyof TrainingOptions, "outputDir" | keyof EffectlessOptions>;

/** A row for each argument. */
export type OptionTable = { readonly [Name in OptionName]: OptionRow<TrainingOptions[Name]> };

const INTERVALS: readonly IntervalStrategy[] = ["no", "epoch", "steps"];
const SAVES: readonly SaveStrategy[] = [...INTERVALS, "best"];
const SAMPLINGS: readonly SamplingStrategy[] = ["random", "sequential", "group_by_length"];
const SCHEDULERS: readonly SchedulerType[] = [
  "linear",
  "cosine",
  "cosine_with_restarts",
  "cosine_with_min_lr",
  "cosine_warmup_with_min_lr",
  "polynomial",
  "constant",
  "constant_with_warmup",
  "inverse_sqrt",
  "reduce_lr_on_plateau",
  "greedy",
  "warmup_stable_decay",
];
const LOG_LEVELS: readonly LogLevel[] = [
  "debug",
  "info",
  "warning",
  "error",
  "critical",
  "passive",
];
const OPTIMIZERS: readonly OptimizerName[] = [
  "adamw_torch",
  "adamw_torch_fused",
  "adamw_torch_xla",
  "adamw_torch_npu_fused",
  "adamw_hf",
  "adafactor",
  "sgd",
];
const HUB_STRATEGIES: readonly HubStrategy[] = [
  "end",
  "every_save",
  "checkpoint",
  "all_checkpoints",
];
const WAYS: readonly WayType[] = ["linear", "cosine", "1-sqrt"];
/** What each setting of a schedule takes: a number, true or false, or one of a few words. */
const SCHEDULER_SETTINGS: Readonly<
  Record<keyof SchedulerKwargs, "number" | "flag" | readonly string[]>
> = {
  numCycles: "number",
  power: "number",
  lrEnd: "number",
  minLr: "number",
  minLrRate: "number",
  warmupLrRate: "number",
  timescale: "number",
  numDecaySteps: "number",
  numStableSteps: "number",
  minLrRatio: "number",
  warmupType: WAYS,
  decayType: WAYS,
  factor: "number",
  patience: "number",
  threshold: "number",
  thresholdMode: ["rel", "abs"],
  cooldown: "number",
  eps: "number",
  mode: ["min", "max"],
  warmup: "number",
  maxLr: "number",
  smooth: "flag",
  windowSize: "number",
  resetStart: "number",
  verbose: "flag",
};

/** Defaults that follow from others come after those; help and `@default` of the interface say what they come to. */
export const TRAINING_OPTIONS: OptionTable = {
  evalStrategy: free(word("epoch", INTERVALS, "when to evaluate")),
  evalSteps: free(interval(
    derived("`loggingSteps`", ({ loggingSteps }) => loggingSteps),
    "steps between evaluations, or their share",
  )),
  evalDelay: free(real(0, [0, 1e9], "epochs or steps before the first evaluation")),
  evalOnStart: free(flag(false, "evaluate before the first step")),
  evalViews: free(
    own(count(1, 1, "average an evaluation's scores over so many places of each clip")),
  ),
  evalViewShiftSeconds: free(
    own(real(0.1, [0, 60], "these go from so much earlier to so much later")),
  ),
  predictionLossOnly: free(flag(false, "evaluations measure the loss alone")),
  saveStrategy: free(word("epoch", SAVES, "when to write a checkpoint")),
  saveSteps: free(interval(
    derived("500, or the next that an evaluation falls on", fittingSaveSteps),
    "steps between checkpoints, or their share",
  )),
  saveOnlyModel: free(flag(false, "write checkpoints that no run can go on from")),
  loggingStrategy: free(word("epoch", INTERVALS, "when to log the training loss")),
  loggingSteps: free(interval(500, "steps between log lines, or their share")),
  loggingFirstStep: free(flag(false, "log the first step as well")),
  disableTqdm: free(flag(false, "show lines of the log alone, and no bar")),
  logLevel: free(word("passive", LOG_LEVELS, "from error on warnings are left out")),
  reportTo: free(word("none", ["none", "tensorboard", "all"], "who else gets the log")),
  runName: free(
    text(derived("the time of the start"), "folder of that log under `outputDir`/runs"),
  ),
  learningRate: real(5e-5, [0, 10], "highest learning rate"),
  perDeviceTrainBatchSize: count(8, 1, "clips of a training batch"),
  autoFindBatchSize: free(flag(false, "out of memory, start again with half as many clips")),
  perDeviceEvalBatchSize: free(count(8, 1, "clips of an evaluation batch")),
  gradientAccumulationSteps: count(1, 1, "batches to a step"),
  numTrainEpochs: free(real(3, [1e-6, 1e6], "passes over the training data")),
  maxSteps: free(count(0, -1, "steps in all, in place of the epochs; 0 or -1: by epochs")),
  warmupRatio: own(real(0, [0, 1], "share of the steps in which the learning rate rises")),
  warmupSteps: real(0, [0, 1e9], "steps of the rise, in place of the share"),
  lrSchedulerType: word("linear", SCHEDULERS, "learning rate after the rise"),
  lrSchedulerKwargs: namedSettings(
    SCHEDULER_SETTINGS,
    `settings of the schedule, such as '{"num_cycles": 3}'`,
  ),
  optim: word(
    "adamw_torch",
    OPTIMIZERS,
    "what updates the parameters; all adamw are the same",
    REFUSED_VALUES.optim,
  ),
  optimArgs: text(derived("none"), 'settings of sgd or adafactor, such as "momentum=0.9"'),
  weightDecay: real(0, [0, 10], "decay of weights, not of biases and norms"),
  adamBeta1: real(0.9, [0, 0.999999999], "decay of the mean gradient"),
  adamBeta2: real(0.999, [0, 0.999999999], "decay of the mean squared gradient"),
  adamEpsilon: real(1e-8, [0, 1], "added to the root of the mean squared gradient"),
  maxGradNorm: real(1, [0, 1e9], "gradients are scaled down to this norm; 0: never"),
  labelSmoothingFactor: real(0, [0, 0.999], "share of the target spread over all classes"),
  focalGamma: own(
    real(0, [0, 10], "what is known well counts (1 - its probability) to this power; 0: all"),
  ),
  emaDecay: own(real(0, [0, 0.999999], "train on, and keep the mean of the weights; 0: the last")),
  teacherWeight: own(real(0.5, [0, 1], "share of a teacher's scores in the loss")),
  teacherTemperature: own(real(2, [0.01, 100], "what its scores are divided by")),
  teacherFeatureWeight: own(real(1, [0, 1000], "how much counts that it sees other features")),
  classWeights: own(numbersOr("none", ["none", "balanced"], "what a clip of each class counts")),
  seed: count(42, 0, "seed of weights, order, dropout and masks"),
  dataSeed: count(
    derived("`seed`", ({ seed }) => seed),
    0,
    "seed of order, cuts and changes of the data",
  ),
  freezeFeatureEncoder: own(flag(false, "keep the convolutional feature encoder as it is")),
  freezeBaseModel: own(flag(false, "train the head only")),
  frozenBaseEval: own(
    flag(false, "run a base model that stays as it is without dropout and masks, once a clip"),
  ),
  featureViews: own(count(0, 0, "changed forms of a training clip; 0: new ones in each epoch")),
  freezeLayers: own(count(0, 0, "keep the first so many layers, and all before them, as they are")),
  loraRank: own(count(0, 0, "train changes of this rank in attention, and the head; 0: all")),
  loraAlpha: own(real(
    derived("2 * `loraRank`", ({ loraRank }) => 2 * loraRank),
    [0, 1e6],
    "these changes count this over their rank",
  )),
  loraDropout: own(real(0, [0, 0.999], "dropout of what these changes see")),
  loraTarget: own(names(["q_proj", "v_proj"], "which projections they change")),
  saveAdapter: own(free(
    flag(false, "save these changes and the head alone, in the format of peft"),
  )),
  ignoreDataSkip: free(flag(false, "go on at the start of the epoch, not where the run was")),
  restoreCallbackStatesFromCheckpoint: free(
    flag(true, "callbacks take their state back where a run goes on"),
  ),
  fullDeterminism: free(flag(false, "refuse a device whose bits may differ: WebGPU")),
  useCpu: free(flag(false, "refuse a device that is not the processor: WebGPU")),
  gradientCheckpointing: flag(false, "compute layers again for gradients: less memory, more time"),
  loadBestModelAtEnd: flag(false, "end with the best checkpoint, not the last"),
  metricForBestModel: text("loss", "what the best is judged by"),
  greaterIsBetter: flag(
    derived("for everything but a loss", ({ metricForBestModel }) => !isLoss(metricForBestModel)),
    "more is better",
  ),
  saveTotalLimit: free(count(0, 0, "checkpoints kept besides the best; 0: all")),
  earlyStoppingPatience: own(count(
    0,
    0,
    "stop after so many evaluations without a better one; 0: never",
  )),
  earlyStoppingThreshold: own(real(0, [0, 1e9], "what counts as better")),
  groupByLength: own(flag(true, "batches of clips of like length")),
  trainSamplingStrategy: word(
    derived(
      '"group_by_length" or, without `groupByLength`, "random"',
      ({ groupByLength }) => groupByLength ? "group_by_length" : "random",
    ),
    SAMPLINGS,
    "order of training clips",
  ),
  balancedSampling: own(flag(false, "draw as many clips of every class")),
  dataloaderDropLast: flag(false, "leave a last batch of fewer clips out"),
  dataloaderPrefetchFactor: free(count(2, 0, "batches decoded ahead")),
  maxLengthSeconds: own(real(20, [0.01, 3600], "longer training clips are cut")),
  augmentSpeed: own(real(0, [0, 0.9], "play training clips faster or slower by up to this share")),
  augmentShiftSeconds: own(real(0, [0, 60], "move training clips by up to so many seconds")),
  augmentGainDb: own(real(0, [0, 60], "make training clips louder or softer by up to this")),
  augmentWindowSeconds: own(
    real(0, [0, 3600], "put training clips at a random place in so many seconds; 0: as they are"),
  ),
  augmentNoise: own(real(0, [0, 1], "share of training clips that get noise")),
  augmentNoiseMinSnrDb: own(real(10, [-40, 100], "least decibels of a clip above its noise")),
  augmentNoiseMaxSnrDb: own(real(40, [-40, 100], "most decibels of a clip above its noise")),
  augmentNoiseDir: own(text(derived("white noise"), "recordings to take noise from")),
  augmentMixup: own(
    real(
      0,
      [0, 100],
      "mix pairs of training clips by shares drawn from Beta(this, this); 0: never",
    ),
  ),
  augmentTimeMask: own(real(0, [0, 1], "blot out two spans of up to this share of the frames")),
  augmentBandMask: own(real(0, [0, 1], "blot out two spans of up to this share of the bands")),
  skipBadFiles: own(flag(false, "leave unreadable files out and count them")),
  pushToHub: free(flag(false, "push the model to the hub when it is trained")),
  hubStrategy: free(word("end", HUB_STRATEGIES, "what is pushed while the run goes on")),
  hubAlwaysPush: free(flag(false, "push each checkpoint, also while the last is still on its way")),
  hubToken: free(text(derived("HF_TOKEN, or the one of a login"), "token to push with")),
  hubModelId: free(text(derived("the last part of `outputDir`"), "where it goes: org/name")),
  hubPrivateRepo: free(
    flag(derived("what its owner chose on the hub"), "make a private repository"),
  ),
  hubRevision: free(text(derived("main"), "the branch that it goes to")),
};

/** Whether less of a metric is better. */
function isLoss(metric: string): boolean {
  return /(^|_)loss$/.test(metric);
}

const SAVE_STEPS = 500;

/** Where the best model is kept, a checkpoint falls on an evaluation: the first that does from step 500 on. */
function fittingSaveSteps(given: TrainingOptions): number {
  const { evalSteps = SAVE_STEPS, evalStrategy, saveStrategy, loadBestModelAtEnd } = given;
  const areTied = loadBestModelAtEnd && saveStrategy === "steps" && evalStrategy === "steps";
  if (!areTied) return SAVE_STEPS;
  return evalSteps < 1 ? evalSteps : Math.ceil(SAVE_STEPS / evalSteps) * evalSteps;
}
