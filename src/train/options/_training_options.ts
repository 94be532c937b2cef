/**
 * The arguments of training, their meaning and their defaults, under the names of transformers' `TrainingArguments`
 * in camelCase.
 *
 * What they may be and their defaults are in `_option_table.ts`, to which a test holds the `@default` here; which of the
 * reference's there are not, and why, is in `_refused_options.ts`.
 *
 * @module
 */

import type { EffectlessOptions } from "./_effectless_options.ts";

/** When something happens: never, at the end of each epoch, or every so many steps. */
export type IntervalStrategy = "no" | "epoch" | "steps";

/** When a checkpoint is written; "best" means whenever an evaluation was the best so far. */
export type SaveStrategy = IntervalStrategy | "best";

/** How the learning rate goes after its warm-up; "constant", "reduce_lr_on_plateau" and "greedy" have none. */
export type SchedulerType =
  | "linear"
  | "cosine"
  | "cosine_with_restarts"
  | "cosine_with_min_lr"
  | "cosine_warmup_with_min_lr"
  | "polynomial"
  | "constant"
  | "constant_with_warmup"
  | "inverse_sqrt"
  | "reduce_lr_on_plateau"
  | "greedy"
  | "warmup_stable_decay";

/** How "warmup_stable_decay" rises and falls. */
export type WayType = "linear" | "cosine" | "1-sqrt";

/** Settings of the schedules that have some, under the names of the reference and of PyTorch. */
export interface SchedulerKwargs {
  /** Waves of a cosine; of a cosine with restarts, its starts. */
  numCycles?: number;
  /** Exponent of a polynomial. @default 1 */
  power?: number;
  /** Where a polynomial ends. @default 1e-7 */
  lrEnd?: number;
  /** Lowest learning rate of a cosine, or on a plateau, as it is. */
  minLr?: number;
  /** Lowest learning rate of a cosine, as a share of the highest. */
  minLrRate?: number;
  /** Share of the highest that "cosine_warmup_with_min_lr" starts from. @default one step above 0 */
  warmupLrRate?: number;
  /** Steps after which an inverse square root begins to fall noticeably. @default the steps of the rise, or 10,000 */
  timescale?: number;
  /** Steps of the last fall of "warmup_stable_decay". */
  numDecaySteps?: number;
  /** Steps before that fall. @default all that rise and fall leave */
  numStableSteps?: number;
  /** Where "warmup_stable_decay" starts and ends, as a share of the highest. @default 0 */
  minLrRatio?: number;
  /** How it rises. @default "linear" */
  warmupType?: WayType;
  /** How it falls. @default "cosine" */
  decayType?: WayType;
  /** What the rate is multiplied by on a plateau; "greedy" divides by it too. @default 0.1; 0.95 of "greedy" */
  factor?: number;
  /** Evaluations, better or no better, that change nothing. @default 10 */
  patience?: number;
  /** What counts as better. @default 1e-4; 1e-6 of "greedy" */
  threshold?: number;
  /** Whether that is a share of the best, or a difference. @default "rel"; "abs" of "greedy" */
  thresholdMode?: "rel" | "abs";
  /** Evaluations after a fall in which none is counted. @default 0 */
  cooldown?: number;
  /** Smaller falls are left out. @default 1e-8 */
  eps?: number;
  /** Whether less or more of `metricForBestModel` is better. @default "min" */
  mode?: "min" | "max";
  /** Evaluations after "greedy" has raised the rate in which none is counted. @default 0 */
  warmup?: number;
  /** Highest learning rate of "greedy"; its lowest, `minLr`, is 1e-3 where it is not given. @default 1 */
  maxLr?: number;
  /** Whether "greedy" looks at means of evaluations. @default false */
  smooth?: boolean;
  /** Evaluations of such a mean. @default 50 */
  windowSize?: number;
  /** Falls at the lowest rate after which "greedy" starts anew. @default 500 */
  resetStart?: number;
  /** No effect: the log has each rate. @default false */
  verbose?: boolean;
}

/** The order of training clips: shuffled, as they come, or shuffled in batches of like length. */
export type SamplingStrategy = "random" | "sequential" | "group_by_length";

/** Which logs are shown: all, warnings, or none of them; "passive" is as "warning". */
export type LogLevel = "debug" | "info" | "warning" | "error" | "critical" | "passive";

/** What updates the parameters; all names of AdamW are the same here. */
export type OptimizerName =
  | "adamw_torch"
  | "adamw_torch_fused"
  | "adamw_torch_xla"
  | "adamw_torch_npu_fused"
  | "adamw_hf"
  | "adafactor"
  | "sgd";

/**
 * What is pushed while a run goes on: nothing; the model of each checkpoint; beside it the checkpoint itself, in the place
 * of the last one in the folder `last-checkpoint`; or each in a folder of its own.
 */
export type HubStrategy = "end" | "every_save" | "checkpoint" | "all_checkpoints";

/** All arguments; each has a default. */
export interface TrainingOptions extends EffectlessOptions {
  /** Where the model and its checkpoints go. */
  outputDir: string;
  /** When to evaluate. @default "epoch" */
  evalStrategy: IntervalStrategy;
  /** Steps between evaluations; below 1 a share of all steps. @default `loggingSteps` */
  evalSteps?: number;
  /** Epochs, or steps where evaluation goes by steps, before the first evaluation. @default 0 */
  evalDelay: number;
  /** Whether to evaluate before the first step. @default false */
  evalOnStart: boolean;
  /** Evaluations take the mean of the scores of each clip at so many places in time (test-time augmentation). @default 1 */
  evalViews: number;
  /** The first of them is so many seconds earlier, the last so many later, the others evenly between. @default 0.1 */
  evalViewShiftSeconds: number;
  /** Whether evaluation measures the loss alone. @default false */
  predictionLossOnly: boolean;
  /** When to write a checkpoint. @default "epoch" */
  saveStrategy: SaveStrategy;
  /** Steps between checkpoints; below 1 a share of all steps. @default 500, or the next that an evaluation falls on */
  saveSteps: number;
  /** Whether checkpoints are models alone, which no run can go on from. @default false */
  saveOnlyModel: boolean;
  /** When to log the training loss. @default "epoch" */
  loggingStrategy: IntervalStrategy;
  /** Steps between log lines; below 1 a share of all steps. @default 500 */
  loggingSteps: number;
  /** Whether to log the first step as well. @default false */
  loggingFirstStep: boolean;
  /** Whether progress is shown as lines of the log alone, without a bar. @default false */
  disableTqdm: boolean;
  /** Which notices of the run are shown; "error" and "critical" leave warnings out. @default "passive" */
  logLevel: LogLevel;
  /** Who else gets the log. @default "none" */
  reportTo: "none" | "tensorboard" | "all";
  /** Folder of the log under `outputDir/runs`. @default the time of the start */
  runName?: string;
  /** Highest learning rate. @default 5e-5 */
  learningRate: number;
  /** Clips of a batch. @default 8 */
  perDeviceTrainBatchSize: number;
  /** Whether a run that is out of memory starts again with half as many clips a batch. @default false */
  autoFindBatchSize: boolean;
  /** Clips of a batch in evaluation. @default 8 */
  perDeviceEvalBatchSize: number;
  /** Batches whose gradients are averaged, clip by clip, before a step. @default 1 */
  gradientAccumulationSteps: number;
  /** Passes over the training data. @default 3 */
  numTrainEpochs: number;
  /** Steps in all, in place of the epochs; 0 or -1 leaves it to them. @default 0 */
  maxSteps: number;
  /** Share of the steps in which the learning rate rises from 0. @default 0 */
  warmupRatio: number;
  /** Steps of the rise, in place of the share; below 1 it is one. @default 0 */
  warmupSteps: number;
  /** The learning rate after its rise. @default "linear" */
  lrSchedulerType: SchedulerType;
  /** Numbers of the schedule. @default {} */
  lrSchedulerKwargs: Readonly<SchedulerKwargs>;
  /** What updates the parameters. @default "adamw_torch" */
  optim: OptimizerName;
  /** Settings of "sgd", such as "momentum=0.9,nesterov=true", or of "adafactor". @default none */
  optimArgs?: string;
  /** Decay of all parameters but biases and norms. @default 0 */
  weightDecay: number;
  /** Decay of the mean gradient. @default 0.9 */
  adamBeta1: number;
  /** Decay of the mean squared gradient. @default 0.999 */
  adamBeta2: number;
  /** Added to the root of the mean squared gradient. @default 1e-8 */
  adamEpsilon: number;
  /** Gradients are scaled down to this norm; 0 leaves them alone. @default 1 */
  maxGradNorm: number;
  /** Share of the target spread over all classes. @default 0 */
  labelSmoothingFactor: number;
  /**
   * Focal loss: a clip counts 1 minus the probability of its class, to this power, so that what is known well counts
   * little. For one label a clip; 0 is the usual loss. @default 0
   */
  focalGamma: number;
  /**
   * The model that is evaluated and saved is a moving average of the weights over the steps, which keeps this much of
   * itself at each; the first steps count more. 0 takes the weights as they are. @default 0
   */
  emaDecay: number;
  /** Where there is a teacher, the share of its scores in the loss; the rest is that of the labels. @default 0.5 */
  teacherWeight: number;
  /** Scores of teacher and model are divided by this before they are compared; of one label a clip. @default 2 */
  teacherTemperature: number;
  /** How much counts that a linear map of the model's features has another direction than the teacher's. @default 1 */
  teacherFeatureWeight: number;
  /**
   * What a clip of each class counts in the loss: "balanced" gives every class the same sum, a list has a weight for
   * each label. @default "none"
   */
  classWeights: "none" | "balanced" | readonly number[];
  /** Seed of first weights, order of the data, dropout and masks. @default 42 */
  seed: number;
  /** Seed of the order, cuts and changes of the data. @default `seed` */
  dataSeed?: number;
  /** Whether the convolutional feature encoder stays as it is. @default false */
  freezeFeatureEncoder: boolean;
  /** Whether everything but the head stays as it is. @default false */
  freezeBaseModel: boolean;
  /**
   * Whether a base model that stays as it is runs as in evaluation: without dropout, masks and statistics of the batch.
   * What it makes of a clip is then computed once. @default false
   */
  frozenBaseEval: boolean;
  /**
   * With augmentation, how many changed forms of a clip there are, which epochs take in turn; 0 makes new ones for each
   * epoch. @default 0
   */
  featureViews: number;
  /** Transformer layers, from the first on, that stay as they are with all before them; 0 freezes none. @default 0 */
  freezeLayers: number;
  /** Rank of the changes of attention projections that are trained in the place of the model; 0 trains the model. @default 0 */
  loraRank: number;
  /** The changes are multiplied by this over their rank. @default 2 * `loraRank` */
  loraAlpha?: number;
  /** Dropout of what the changes see. @default 0 */
  loraDropout: number;
  /** Which projections are changed. @default ["q_proj", "v_proj"] */
  loraTarget: readonly string[];
  /**
   * Whether the changes and the head are saved alone, in the format of peft, in the place of the whole model: small, and of
   * use together with the model that was trained on. Checkpoints hold the whole model. @default false
   */
  saveAdapter: boolean;
  /** Whether a run that goes on begins its epoch again instead of where it was. @default false */
  ignoreDataSkip: boolean;
  /** Whether callbacks take their state back from a checkpoint. @default true */
  restoreCallbackStatesFromCheckpoint: boolean;
  /** Whether a device is refused that does not give the same bits each time, which WASM does. @default false */
  fullDeterminism: boolean;
  /** Whether a device is refused that is not the processor. @default false */
  useCpu: boolean;
  /** Whether layers are computed again for their gradient instead of being kept: less memory, more time. @default false */
  gradientCheckpointing: boolean;
  /** Whether the best checkpoint is the result, not the last. @default false */
  loadBestModelAtEnd: boolean;
  /** What "best" is judged by: "loss", "accuracy" or a metric of your own. @default "loss" */
  metricForBestModel: string;
  /** Whether more is better. @default for everything but a loss */
  greaterIsBetter?: boolean;
  /** Checkpoints kept besides the best; 0 keeps all. @default 0 */
  saveTotalLimit: number;
  /** Evaluations without a better one after which training stops; 0 never does. @default 0 */
  earlyStoppingPatience: number;
  /** What counts as better. @default 0 */
  earlyStoppingThreshold: number;
  /** Whether batches are made of clips of like length. @default true */
  groupByLength: boolean;
  /** The order of training clips. @default "group_by_length" or, without `groupByLength`, "random" */
  trainSamplingStrategy?: SamplingStrategy;
  /** Whether each epoch draws as many clips of every class. @default false */
  balancedSampling: boolean;
  /** Whether a last batch of fewer clips is left out. @default false */
  dataloaderDropLast: boolean;
  /** Batches that are read and decoded ahead. @default 2 */
  dataloaderPrefetchFactor: number;
  /** Longer training clips are cut, at a random place; in evaluation clips are whole. @default 20 */
  maxLengthSeconds: number;
  /** Training clips are played faster or slower by up to this share. @default 0 */
  augmentSpeed: number;
  /** Training clips are moved by up to so many seconds, either way. @default 0 */
  augmentShiftSeconds: number;
  /** Training clips are made louder or softer by up to so many decibels. @default 0 */
  augmentGainDb: number;
  /**
   * Training clips are brought to so many seconds: shorter ones lie at a random place in silence, which `augmentNoise`
   * fills, and of longer ones a random part is taken. 0 leaves them as they are. @default 0
   */
  augmentWindowSeconds: number;
  /** Share of the training clips that get noise. @default 0 */
  augmentNoise: number;
  /** Least decibels of a clip above its noise. @default 10 */
  augmentNoiseMinSnrDb: number;
  /** Most decibels of a clip above its noise. @default 40 */
  augmentNoiseMaxSnrDb: number;
  /** Folder of recordings to take the noise from. @default white noise */
  augmentNoiseDir?: string;
  /**
   * Training clips are mixed in pairs with their labels (mixup); how much of a clip is kept is drawn for each batch from
   * the beta distribution with this number twice. 0 mixes none. @default 0
   */
  augmentMixup: number;
  /**
   * Of spectrograms, two spans of up to this share of the frames are blotted out (SpecAugment); models of samples mask as
   * their config says. @default 0
   */
  augmentTimeMask: number;
  /** The same of bands. @default 0 */
  augmentBandMask: number;
  /** Whether unreadable files are left out and counted instead of ending the run. @default false */
  skipBadFiles: boolean;
  /** Whether the model is to go to the hub: what stands against that is said before the first step. @default false */
  pushToHub: boolean;
  /** What is pushed while the run goes on. @default "end" */
  hubStrategy: HubStrategy;
  /** Whether a checkpoint is pushed also where the one before is still on its way. @default false */
  hubAlwaysPush: boolean;
  /** The token to push with, which is kept out of files and cards. @default HF_TOKEN, or the one of a login */
  hubToken?: string;
  /** Where it goes: `org/name`, or a name under the token's owner. @default the last part of `outputDir` */
  hubModelId?: string;
  /** Whether a repository that has to be made is private. @default what its owner chose on the hub */
  hubPrivateRepo?: boolean;
  /** The branch that it goes to. @default main */
  hubRevision?: string;
}
