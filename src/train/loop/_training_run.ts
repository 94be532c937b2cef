/**
 * One run: epochs, steps, what is due after them, and the place in it that a checkpoint keeps.
 *
 * Reads from top to bottom as a run goes. What it will do is planned in `run_plan.ts`, losses are kept in
 * `_loss_log.ts`; the arithmetic of a step is in `step/`, and what watches a run is in `callbacks/`. Start and end
 * are in `trainer.ts`.
 *
 * @module
 */
import { engine, type Variable } from "@tensorflow/tfjs-core";
import { DatasetError, FileError } from "../../errors.ts";
import type { FeatureExtractor } from "../../features/mod.ts";
import { isDiskFull } from "../../files.ts";
import { Noise } from "../../layers/noise.ts";
import { type Batch, type BatchSource, grouped, positionAfter } from "../batches/batches.ts";
import {
  type EventName,
  exportedStates,
  noControl,
  notify,
  restoreStates,
  type RunParts,
  type TrainerCallback,
  type TrainerControl,
} from "../callbacks/callbacks.ts";
import {
  checkpointName,
  type CheckpointParts,
  removeOldCheckpoints,
  restoreTensors,
  type SavedRun,
  writeCheckpoint,
} from "../checkpoints/checkpoint.ts";
import type { RunFacts } from "../checkpoints/run_facts.ts";
import {
  initialState,
  type LogEntry,
  type ResumeState,
  type TrainerState,
} from "../checkpoints/state.ts";
import { followsEvaluations } from "../options/arguments.ts";
import { withPrefix } from "../metrics/metric_names.ts";
import type { Optimizer } from "../step/optimizer.ts";
import { greedyRate } from "../step/greedy.ts";
import { plateauRate } from "../step/plateau.ts";
import { learningRateAt } from "../step/schedule.ts";
import { disposeGradients, lossAndGradients } from "../step/step.ts";
import type { Teaching } from "../step/teaching.ts";
import { WeightMean } from "../step/weight_mean.ts";
import { recordIfBest } from "./_best_model.ts";
import { LossLog } from "./_loss_log.ts";
import type { CheckpointPushes } from "./_checkpoint_pushes.ts";
import { flopsPerInput, optimizerOf } from "./_run_setup.ts";
import type { TrainerOptions } from "./_trainer_options.ts";
import { dueAfterEpoch, dueAfterStep, type RunPlan } from "./run_plan.ts";

const YIELD_MS = 50;

/** A gradient takes twice what the pass takes that it is of. */
const TRAINING_PASSES = 3;

/** What a run is made of. */
export interface RunSetup {
  readonly options: TrainerOptions;
  readonly extractor: FeatureExtractor;
  readonly trainData: BatchSource;
  readonly plan: RunPlan;
  /** All callbacks; the list may change while the run goes on. */
  readonly callbacks: readonly TrainerCallback[];
  /** Checkpoints on their way to the hub. */
  readonly pushes: CheckpointPushes;
  /** Called with what is unusual, where the run goes on all the same. */
  readonly onNotice: (message: string) => void;
  /** What the run is made of, for its checkpoints. */
  readonly facts: () => Promise<RunFacts>;
  /** Figures of the evaluation set; undefined where there is none. */
  readonly evaluate: () => Promise<Record<string, number> | undefined>;
}

/** A run from its first step, or from a checkpoint, to its last; `dispose` frees what is on the device. */
export class TrainingRun {
  /** The log and the best result so far. */
  state: TrainerState;
  /** What happens next; callbacks may change it. */
  readonly control: TrainerControl = noControl();
  /** What a clip of each class counts; undefined where all count the same. */
  classWeights: readonly number[] | undefined;
  readonly #setup: RunSetup;
  /** What the optimiser changes: of the model, and what is trained along. */
  readonly #parameters: Map<string, Variable>;
  #teaching: Teaching | undefined;
  readonly #optimizer: Optimizer;
  /** What is evaluated and saved in the place of the weights, where that is asked for. */
  readonly #mean: WeightMean | undefined;
  #noise: Noise;
  #losses: LossLog;
  /** Place in the data, and what else a checkpoint keeps. */
  #place: Pick<ResumeState, "epoch" | "batches" | "skippedSteps" | "flopsPerInput"> = {
    epoch: 0,
    batches: 0,
    skippedSteps: 0,
    flopsPerInput: 0,
  };
  #lastYield = 0;

  constructor(setup: RunSetup) {
    const { model, args } = setup.options;
    this.#setup = setup;
    this.#parameters = model.trainable();
    this.#optimizer = optimizerOf(this.#parameters, args);
    if (args.emaDecay > 0) this.#mean = new WeightMean(model.trainable(), args.emaDecay);
    this.#noise = new Noise(args.seed);
    this.#losses = new LossLog();
    this.state = initialState(setup.plan, args);
  }

  /** What callbacks see of the run. */
  get parts(): RunParts {
    const { options: { model }, extractor, trainData } = this.#setup;
    return {
      model,
      optimizer: this.#optimizer,
      featureExtractor: extractor,
      trainDataset: trainData,
    };
  }

  /** Tells the callbacks of an event that has no facts of its own. */
  async notify(
    event: Exclude<EventName, "onLog" | "onEvaluate" | "onPredict" | "onSave">,
  ): Promise<void> {
    const { options: { args }, callbacks } = this.#setup;
    await notify(callbacks, event, [args, this.state, this.control, this.parts]);
  }

  /** Where training ends, unless a callback ends it. */
  get #lastStep(): number {
    return this.#setup.plan.totalSteps - this.#place.skippedSteps;
  }

  get #isDone(): boolean {
    return this.control.shouldTrainingStop || this.state.globalStep >= this.#lastStep;
  }

  /** Runs all epochs; false when the signal ended them. */
  async epochs(): Promise<boolean> {
    // Batches at the last step are those of a run that was stopped before it could end its epoch.
    while (!this.#isDone || this.#place.batches > 0) {
      if (!this.#isDone && !await this.#epoch()) return false;
      if (this.#place.batches === 0) throw noBatches();
      await this.#afterEpoch();
      this.#place.epoch++;
      this.#place.batches = 0;
    }
    return true;
  }

  async #epoch(): Promise<boolean> {
    const { options: { model, args, signal }, trainData } = this.#setup;
    this.control.shouldEpochStop = false;
    await this.notify("onEpochBegin");
    const order = { batchSize: args.perDeviceTrainBatchSize, skip: this.#place.batches };
    const batches = trainData.batches(this.#place.epoch, order);
    for await (const group of grouped(batches, args.gradientAccumulationSteps)) {
      await this.notify("onStepBegin");
      this.#place.flopsPerInput ||= flopsPerInput(model, group[0]!);
      this.#step(group);
      await this.#afterStep();
      if (signal?.aborted) {
        await this.#save();
        return false;
      }
      if (this.#isDone) break;
      if (this.control.shouldEpochStop) {
        this.#skipRestOfEpoch();
        break;
      }
    }
    return true;
  }

  #step(batches: Batch[]): void {
    const { options: { model, args }, trainData } = this.#setup;
    const result = lossAndGradients(model, batches, {
      noise: args.frozenBaseEval ? undefined : this.#noise,
      labelSmoothing: args.labelSmoothingFactor,
      focus: args.focalGamma,
      classWeights: this.classWeights,
      gradientCheckpointing: args.gradientCheckpointing,
      teaching: this.#teaching,
    });
    const learningRate = this.#learningRateAt(this.state.globalStep);
    const norm = this.#optimizer.step(result.gradients, { ...args, learningRate });
    this.#losses.add(result.loss, norm);
    disposeGradients(result);
    this.#place.batches = positionAfter(batches, this.#place.batches);
    this.state.globalStep++;
    this.#mean?.add(this.state.globalStep);
    const perEpoch = trainData.batchCount(args.perDeviceTrainBatchSize);
    this.state.epoch = this.#place.epoch + this.#place.batches / perEpoch;
    const inputs = batches.reduce((sum, batch) => sum + batch.inputs.length, 0);
    this.state.totalFlos += TRAINING_PASSES * this.#place.flopsPerInput * inputs;
  }

  /** The learning rate of a step, from 0: as planned, as the evaluations before it say, or the optimiser's own. */
  #learningRateAt(step: number): number {
    const { options: { args }, plan: { schedule } } = this.#setup;
    const { rateAt } = this.#optimizer;
    if (rateAt) return rateAt(step + 1);
    if (!followsEvaluations(schedule.type)) return learningRateAt(schedule, step);
    const key = withPrefix(args.metricForBestModel, "eval");
    // An evaluation before the first step does not count in the reference either.
    const evaluations = this.state.logHistory.filter((entry) =>
      entry.step > 0 && entry.step <= step && key in entry
    );
    const metrics = evaluations.map((entry) => entry[key] ?? NaN);
    const rateAfter = schedule.type === "greedy" ? greedyRate : plateauRate;
    return rateAfter(schedule.peak, metrics, schedule.kwargs);
  }

  /** The run gets shorter by the steps that a callback left out. */
  #skipRestOfEpoch(): void {
    const { options: { args }, plan } = this.#setup;
    const taken = Math.ceil(this.#place.batches / args.gradientAccumulationSteps);
    this.#place.skippedSteps += Math.max(0, plan.stepsPerEpoch - taken);
  }

  async #afterStep(): Promise<void> {
    const { options: { args }, plan } = this.#setup;
    const { globalStep } = this.state;
    const isLast = globalStep >= this.#lastStep;
    Object.assign(this.control, dueAfterStep(args, plan, { step: globalStep, isLast }));
    await this.notify("onStepEnd");
    await this.#doWhatIsDue();
    await this.#yield();
  }

  async #afterEpoch(): Promise<void> {
    Object.assign(this.control, dueAfterEpoch(this.#setup.options.args, this.state.epoch));
    await this.notify("onEpochEnd");
    await this.#doWhatIsDue({ epoch: this.#place.epoch + 1, batches: 0 });
  }

  /** Logs, evaluates and saves as the control says; `next` is where a saved run goes on. */
  async #doWhatIsDue(next?: { epoch: number; batches: number }): Promise<void> {
    const { args } = this.#setup.options;
    if (this.control.shouldLog) await this.#log();
    const { bestMetric, bestGlobalStep } = this.state;
    const before = { bestMetric, bestGlobalStep };
    const isBest = this.control.shouldEvaluate && await this.#evaluateAndJudge();
    const keepsBest = args.loadBestModelAtEnd || args.saveStrategy === "best";
    if (this.control.shouldSave || isBest && keepsBest) await this.#saveIfRoom(before, next);
  }

  /** Saves; on a full disk the run goes on, and what is the best is what is saved. */
  async #saveIfRoom(
    before: Pick<TrainerState, "bestMetric" | "bestGlobalStep">,
    next?: { epoch: number; batches: number },
  ): Promise<void> {
    try {
      await this.#save(next);
    } catch (error) {
      if (!(error instanceof FileError && isDiskFull(error))) throw error;
      Object.assign(this.state, before);
      this.#setup.onNotice(
        `${error.message}; the run goes on, and tries again at the next checkpoint`,
      );
    }
  }

  async #log(): Promise<void> {
    if (this.#losses.steps === 0) return;
    const { globalStep: step, epoch } = this.state;
    await this.record({
      step,
      epoch,
      loss: await this.#losses.takeMean(step),
      grad_norm: await this.#losses.gradNorm(step),
      learning_rate: this.#learningRateAt(step - 1),
    });
  }

  /** Adds a line to the log. */
  async record(logs: LogEntry): Promise<void> {
    const { options: { args }, callbacks } = this.#setup;
    this.state.logHistory.push(logs);
    const context = { ...this.parts, logs };
    await notify(callbacks, "onLog", [args, this.state, this.control, context]);
  }

  /** A line in the log about the evaluation set; undefined where there is none. */
  async evaluate(): Promise<LogEntry | undefined> {
    const { options: { args }, callbacks } = this.#setup;
    const figures = await this.#withMean(() => this.#setup.evaluate());
    if (!figures) return undefined;
    const { globalStep: step, epoch } = this.state;
    const metrics: LogEntry = { step, epoch, ...figures };
    this.state.logHistory.push(metrics);
    const context = { ...this.parts, metrics };
    await notify(callbacks, "onEvaluate", [args, this.state, this.control, context]);
    return metrics;
  }

  async #evaluateAndJudge(): Promise<boolean> {
    const entry = await this.evaluate();
    return entry !== undefined && recordIfBest(this.state, entry, this.#setup.options.args);
  }

  async #save(next?: { epoch: number; batches: number }): Promise<void> {
    const { options, extractor, callbacks, pushes } = this.#setup;
    const { model, args } = options;
    const name = checkpointName(this.state.globalStep);
    const resume: ResumeState = {
      ...this.#place,
      ...next,
      noise: this.#noise.random.state,
      ...await this.#losses.saved(this.state.globalStep),
    };
    const isBest = this.state.bestGlobalStep === this.state.globalStep;
    const state: TrainerState = {
      ...this.state,
      bestModelCheckpoint: isBest ? name : this.state.bestModelCheckpoint,
      statefulCallbacks: this.exportedStates(),
    };
    const run = await this.#setup.facts();
    const parts = { model, extractor, ...this.#moving, state, resume, run };
    await this.#withMean(() =>
      writeCheckpoint(args.outputDir, parts, { modelOnly: args.saveOnlyModel })
    );
    this.state = state;
    const directory = `${args.outputDir}/${name}`;
    if (args.pushToHub && args.hubStrategy !== "end") pushes.start(options, state, directory);
    const kept = [name, state.bestModelCheckpoint, ...pushes.checkpoints];
    await removeOldCheckpoints(args.outputDir, args.saveTotalLimit, kept);
    const context = { ...this.parts, directory };
    await notify(callbacks, "onSave", [args, this.state, this.control, context]);
  }

  /** What steps change besides the model. */
  get #moving(): Pick<CheckpointParts, "optimizer" | "more"> {
    const more = [this.#mean, this.#teaching].filter((state) => state !== undefined);
    return { optimizer: this.#optimizer, more };
  }

  /** Which answers of a teacher it learns from; undefined without one. */
  get teacherFingerprint(): string | undefined {
    return this.#teaching?.fingerprint;
  }

  /** Learns from a teacher's answers from now on. */
  learnFrom(teaching: Teaching): void {
    this.#teaching = teaching;
    for (const [name, parameter] of teaching.parameters) this.#parameters.set(name, parameter);
  }

  /** Does something with the model as it is to be, and not as the last step left it. */
  async #withMean<T>(body: () => Promise<T>): Promise<T> {
    return await (this.#mean ? this.#mean.inModel(body) : body());
  }

  /** Puts the mean of the weights into the model for good, at the end of training. */
  takeMean(): void {
    this.#mean?.exchange();
  }

  /** What callbacks keep, by name. */
  exportedStates(): TrainerState["statefulCallbacks"] {
    return exportedStates(this.#setup.callbacks, this.control);
  }

  /** Takes everything back from a checkpoint but what the plan of this run says. */
  async restore(saved: SavedRun): Promise<void> {
    const { model, args } = this.#setup.options;
    await restoreTensors(saved.directory, { model, ...this.#moving });
    const { maxSteps, numTrainEpochs, evalSteps, saveSteps, loggingSteps } = this.state;
    const planned = { maxSteps, numTrainEpochs, evalSteps, saveSteps, loggingSteps };
    this.state = { ...saved.state, ...planned };
    const { epoch, batches, skippedSteps, flopsPerInput, noise } = saved.resume;
    this.#place = {
      epoch,
      batches: args.ignoreDataSkip ? 0 : batches,
      skippedSteps,
      flopsPerInput,
    };
    this.#noise = new Noise(noise);
    this.#losses.dispose();
    this.#losses = new LossLog(saved.resume);
    if (!args.restoreCallbackStatesFromCheckpoint) return;
    restoreStates(this.#setup.callbacks, saved.state.statefulCallbacks);
  }

  /**
   * Mean loss of all steps.
   *
   * @throws {RangeError} where the last step has broken the weights, which are not to replace those of a checkpoint.
   */
  async meanLoss(): Promise<number> {
    const { globalStep } = this.state;
    const total = await this.#losses.total(globalStep);
    await this.#losses.gradNorm(globalStep);
    return total / Math.max(1, globalStep);
  }

  /** Lets timers and signals in now and then. */
  async #yield(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastYield < YIELD_MS) return;
    this.#lastYield = now;
    if (engine().backendName === "webgpu") await this.#losses.settled();
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** Frees the state of the optimiser, what is trained along, the mean of the weights and the sums of losses. */
  dispose(): void {
    this.#optimizer.dispose();
    this.#mean?.dispose();
    this.#teaching?.dispose();
    this.#losses.dispose();
  }
}

function noBatches(): DatasetError {
  return new DatasetError("Cannot train: expected batches of clips, found none", {
    hint: "The data set is empty, or all its clips were skipped",
  });
}
