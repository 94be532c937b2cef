/**
 * The training loop: epochs, steps, evaluation, checkpoints and exact resuming.
 *
 * Reads from top to bottom as a run goes: start, epochs, steps, what is due after them, the end. What a run will do is
 * planned in `run_plan.ts`, losses are kept in `_loss_log.ts`; the arithmetic of a step is in `step/`, files are in
 * `checkpoints/`, and who watches is told through `callbacks/`.
 *
 * Source: the behaviour of transformers 5.18 `Trainer`, except that accumulated batches are averaged over all
 * their clips (the reference adds them up for these models, issue 47688).
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import type { Dataset, Row } from "../../data/dataset.ts";
import { memoryLimitBytes } from "../../devices.ts";
import { DatasetError } from "../../errors.ts";
import type { FeatureExtractor } from "../../features/mod.ts";
import { makeDirectory, writeFileAtomic, writeFiles } from "../../files.ts";
import type { HubCommit } from "../../hub/mod.ts";
import { Noise } from "../../layers/noise.ts";
import { expectTrainable, modelFiles } from "../../pretrained.ts";
import { type Batch, type BatchSource, grouped, positionAfter } from "../batches/batches.ts";
import { noteIfBest } from "./_best_model.ts";
import {
  exportedStates,
  noControl,
  type PredictionOutput,
  restoreStates,
  tell,
  type TrainerCallback,
  type TrainerControl,
} from "../callbacks/callbacks.ts";
import {
  checkpointName,
  newestCheckpoint,
  readCheckpoint,
  readWeights,
  removeOldCheckpoints,
  writeCheckpoint,
} from "../checkpoints/checkpoint.ts";
import { classWeightsOf, expectWeighable } from "../step/class_weights.ts";
import { clipBatchesOptions } from "../batches/clip_batches.ts";
import { datasetBatches, isDataset } from "../batches/dataset_batches.ts";
import { withWayOn } from "./_device_failure.ts";
import { LossLog } from "./_loss_log.ts";
import { measured } from "./_measure.ts";
import { speedMetrics } from "../metrics/metric_names.ts";
import { AdamW } from "../step/optimizer.ts";
import { expectHub, pushRun, type TrainerPushOptions } from "./push.ts";
import { saveMetrics, stateBytes } from "../checkpoints/results.ts";
import { dueAfterEpoch, dueAfterStep, type RunPlan, runPlan } from "./run_plan.ts";
import {
  callbacksOf,
  expectRoomToTrain,
  extractorOf,
  flopsPerInput,
  freeze,
} from "./_run_setup.ts";
import { learningRateAt } from "../step/schedule.ts";
import {
  expectSameBatches,
  initialState,
  type LogEntry,
  type ResumeState,
  type TrainerState,
} from "../checkpoints/state.ts";
import { disposeGradients, lossAndGradients } from "../step/step.ts";
import type { TrainerOptions, TrainOutput } from "./_trainer_options.ts";

export type { TrainerOptions, TrainOutput };

const YIELD_MS = 50;

/** A gradient takes twice what the pass takes that it is of. */
const TRAINING_PASSES = 3;

/**
 * Trains a model on a data set.
 *
 * @example
 * ```ts
 * import {
 *   AutoFeatureExtractor,
 *   AutoModelForAudioClassification,
 *   loadDataset,
 *   Trainer,
 *   TrainingArguments,
 * } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const processingClass = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * const { train } = await loadDataset("examples/voice_menu");
 *
 * const outputDir = await Deno.makeTempDir();
 * const args = new TrainingArguments({ outputDir, learningRate: 3e-5, maxSteps: 2 });
 * const trainDataset = train!.shuffle({ seed: 42 }).select([0, 1, 2, 3]);
 * const trainer = new Trainer({ model, args, trainDataset, processingClass });
 * equal((await trainer.train()).globalStep, 2);
 * model.dispose();
 * ```
 */
export class Trainer {
  /** The log and the best result so far. */
  state: TrainerState;
  /** What happens next; callbacks may change it. */
  readonly control: TrainerControl = noControl();
  readonly #options: TrainerOptions;
  readonly #extractor: FeatureExtractor;
  readonly #trainData: BatchSource;
  readonly #callbacks: readonly TrainerCallback[];
  readonly #optimizer: AdamW;
  readonly #plan: RunPlan;
  #noise: Noise;
  #losses: LossLog;
  #classWeights: readonly number[] | undefined;
  /** Place in the data, and what else a checkpoint keeps. */
  #place: Required<
    Pick<ResumeState, "epoch" | "batches" | "skippedSteps" | "flopsPerInput">
  > = { epoch: 0, batches: 0, skippedSteps: 0, flopsPerInput: 0 };
  #lastYield = 0;

  /**
   * Plans a run; nothing is computed yet.
   *
   * @param options model, arguments and data.
   * @throws {TypeError} where there is no feature extractor.
   * @throws {CheckpointError} where the weights are an export of 8 bits.
   * @throws {RangeError} where arguments do not fit the model or the data.
   * @throws {DeviceError} where weights, gradients and moments cannot fit the device.
   */
  constructor(options: TrainerOptions) {
    const { model, args } = options;
    this.#options = options;
    this.#extractor = extractorOf(options);
    expectTrainable(model);
    freeze(model, args);
    expectRoomToTrain(model, memoryLimitBytes());
    expectWeighable(args.classWeights, model);
    this.#trainData = this.#batchesOf(options.trainDataset);
    this.#optimizer = new AdamW(model.trainable());
    this.#plan = runPlan(args, this.#trainData);
    // Tells early, and not at the step where a schedule lacks a number.
    learningRateAt(this.#plan.schedule, this.#plan.totalSteps);
    this.#noise = new Noise(args.seed);
    this.#losses = new LossLog();
    this.state = initialState(this.#plan, args);
    this.#callbacks = [...callbacksOf(args), ...options.callbacks ?? []];
    for (const callback of this.#callbacks) callback.onInitEnd?.(args, this.state, this.control);
  }

  /**
   * Trains to the end, and saves the result in the output directory.
   *
   * @param options `resumeFromCheckpoint`: a checkpoint's directory, or true for the newest of the output directory.
   * @throws {RangeError} when the loss is no longer a number; no checkpoint is written then.
   * @throws {DatasetError} when the training data gives no batch.
   * @throws {CheckpointError} when the checkpoint is broken, or of a run with other batches.
   * @throws {FileError} when the output directory cannot be written.
   * @throws {HubError} when the arguments ask for a push, and the hub would not take it.
   * @throws {DeviceError} when the device is lost or out of memory, saying how to go on.
   */
  async train(options: { resumeFromCheckpoint?: string | boolean } = {}): Promise<TrainOutput> {
    const { args } = this.#options;
    const { resumeFromCheckpoint: from } = options;
    try {
      // What cannot be written is found out before the first step.
      await makeDirectory(args.outputDir);
      if (args.pushToHub) await expectHub(this.#options);
      const { model } = this.#options;
      const classes = model.labels.length;
      this.#classWeights = await classWeightsOf(args.classWeights, this.#trainData, classes);
      if (from) await this.#restore(from === true ? await newestCheckpoint(args.outputDir) : from);
      const start = {
        at: performance.now(),
        epoch: this.state.epoch,
        step: this.state.global_step,
      };
      await this.#tell("onTrainBegin");
      if (args.evalOnStart && start.step === 0) await this.#evaluate();
      const finished = await this.#epochs();
      const { global_step: globalStep } = this.state;
      const totalLoss = await this.#losses.total(globalStep);
      // Weights that a last step has broken are not to replace those of a checkpoint.
      await this.#losses.gradNorm(globalStep);
      const seconds = (performance.now() - start.at) / 1000;
      const metrics = this.#trainMetrics(totalLoss / Math.max(1, globalStep), seconds, start);
      if (finished) await this.#finish(metrics);
      const { train_loss: trainingLoss } = metrics;
      return { globalStep, trainingLoss: trainingLoss!, seconds, metrics, interrupted: !finished };
    } catch (error) {
      throw await withWayOn(error, args);
    } finally {
      this.#optimizer.dispose();
      this.#losses.dispose();
    }
  }

  /**
   * Metrics of a data set under a prefix; the evaluation set by default.
   *
   * @param options `metricKeyPrefix`: the prefix, `"eval"` by default.
   * @throws {TypeError} where there is no data set.
   */
  async evaluate(
    data: BatchSource | Dataset<Row> | undefined = this.#options.evalDataset,
    { metricKeyPrefix = "eval" }: { metricKeyPrefix?: string } = {},
  ): Promise<Record<string, number>> {
    if (!data) throw new TypeError("Cannot evaluate: expected an evalDataset, found none");
    return (await measured(this.#batchesOf(data), { ...this.#options, prefix: metricKeyPrefix }))
      .metrics;
  }

  /**
   * Scores of a data set, and its metrics under a prefix.
   *
   * @param options `metricKeyPrefix`: the prefix, `"test"` by default.
   */
  async predict(
    data: BatchSource | Dataset<Row>,
    { metricKeyPrefix = "test" }: { metricKeyPrefix?: string } = {},
  ): Promise<PredictionOutput> {
    const output = await measured(this.#batchesOf(data), {
      ...this.#options,
      prefix: metricKeyPrefix,
    });
    await tell(this.#callbacks, "onPredict", output, this.state, this.control);
    return output;
  }

  /** Rows become batches as the arguments say. */
  #batchesOf(data: BatchSource | Dataset<Row>): BatchSource {
    if (!isDataset(data)) return data;
    const { model, args } = this.#options;
    return datasetBatches(data, model, this.#extractor, clipBatchesOptions(args));
  }

  /**
   * Writes the model into a directory beside what is there, `config.json` last, so that a directory that
   * looks like a model is one.
   */
  async saveModel(directory: string = this.#options.args.outputDir): Promise<void> {
    await makeDirectory(directory);
    await writeFiles(directory, modelFiles(this.#options.model, this.#extractor));
  }

  /** Writes `trainer_state.json` into the output directory. */
  async saveState(): Promise<void> {
    const { outputDir } = this.#options.args;
    await writeFileAtomic(`${outputDir}/trainer_state.json`, [stateBytes(this.state)]);
  }

  /**
   * Writes `<split>_results.json` into the output directory, and adds the metrics to `all_results.json`.
   *
   * @param split "train", "eval", "test" or another word.
   * @param metrics what {@linkcode Trainer.train}, `evaluate` or `predict` gave.
   */
  async saveMetrics(split: string, metrics: Record<string, number>): Promise<void> {
    const { epoch } = this.state;
    await saveMetrics(this.#options.args.outputDir, split, { ...metrics, epoch });
  }

  /**
   * Saves the model, and pushes the output directory with a card: model, figures, report. `hubModelId` of the
   * arguments says where to, `hubRevision` which branch.
   *
   * @param options words for the card (`language`, `license`, `datasetTags`, ...), the message, how the hub is reached.
   * @throws {HubError} when the hub does not take it; nothing of it is in the repository then.
   *
   * @example
   * ```ts ignore
   * await trainer.train();
   * await trainer.pushToHub({ datasetTags: "PolyAI/minds14", datasetArgs: "en-US", language: "en" });
   * ```
   */
  async pushToHub(options: TrainerPushOptions = {}): Promise<HubCommit> {
    await this.saveModel();
    await this.saveState();
    return await pushRun(this.#options, this.state, options);
  }

  async #tell(
    event:
      | "onTrainBegin"
      | "onTrainEnd"
      | "onEpochBegin"
      | "onEpochEnd"
      | "onStepBegin"
      | "onStepEnd",
  ): Promise<void> {
    await tell(this.#callbacks, event, this.state, this.control);
  }

  /** Where training ends, unless a callback ends it. */
  get #lastStep(): number {
    return this.#plan.totalSteps - this.#place.skippedSteps;
  }

  get #isDone(): boolean {
    return this.control.shouldTrainingStop || this.state.global_step >= this.#lastStep;
  }

  /** Runs all epochs; false when the signal ended them. */
  async #epochs(): Promise<boolean> {
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
    const { args, signal } = this.#options;
    this.control.shouldEpochStop = false;
    await this.#tell("onEpochBegin");
    const order = { batchSize: args.perDeviceTrainBatchSize, skip: this.#place.batches };
    const batches = this.#trainData.batches(this.#place.epoch, order);
    for await (const group of grouped(batches, args.gradientAccumulationSteps)) {
      await this.#tell("onStepBegin");
      this.#place.flopsPerInput ||= flopsPerInput(this.#options.model, group[0]!);
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
    const { model, args } = this.#options;
    const result = lossAndGradients(model, batches, {
      noise: this.#noise,
      labelSmoothing: args.labelSmoothingFactor,
      classWeights: this.#classWeights,
      gradientCheckpointing: args.gradientCheckpointing,
    });
    const learningRate = learningRateAt(this.#plan.schedule, this.state.global_step);
    const norm = this.#optimizer.step(result.gradients, { ...args, learningRate });
    this.#losses.add(result.loss, norm);
    disposeGradients(result);
    this.#place.batches = positionAfter(batches, this.#place.batches);
    this.state.global_step++;
    const perEpoch = this.#trainData.batchCount(args.perDeviceTrainBatchSize);
    this.state.epoch = this.#place.epoch + this.#place.batches / perEpoch;
    const inputs = batches.reduce((sum, batch) => sum + batch.inputs.length, 0);
    this.state.total_flos += TRAINING_PASSES * this.#place.flopsPerInput * inputs;
  }

  /** The run gets shorter by the steps that a callback left out. */
  #skipRestOfEpoch(): void {
    const { gradientAccumulationSteps: size } = this.#options.args;
    const taken = Math.ceil(this.#place.batches / size);
    this.#place.skippedSteps += Math.max(0, this.#plan.stepsPerEpoch - taken);
  }

  async #afterStep(): Promise<void> {
    const { args } = this.#options;
    Object.assign(this.control, dueAfterStep(args, this.#plan, this.state.global_step));
    await this.#tell("onStepEnd");
    await this.#doWhatIsDue();
    await this.#yield();
  }

  async #afterEpoch(): Promise<void> {
    const { args } = this.#options;
    Object.assign(this.control, dueAfterEpoch(args, this.state.epoch));
    await this.#tell("onEpochEnd");
    await this.#doWhatIsDue({ epoch: this.#place.epoch + 1, batches: 0 });
  }

  /** Logs, evaluates and saves as the control says; `next` is where a saved run goes on. */
  async #doWhatIsDue(next?: { epoch: number; batches: number }): Promise<void> {
    const { args } = this.#options;
    if (this.control.shouldLog) await this.#log();
    const isBest = this.control.shouldEvaluate && await this.#evaluateAndJudge();
    const keepsBest = args.loadBestModelAtEnd || args.saveStrategy === "best";
    if (this.control.shouldSave || isBest && keepsBest) await this.#save(next);
  }

  async #log(): Promise<void> {
    if (this.#losses.steps === 0) return;
    const { global_step: step, epoch } = this.state;
    await this.#record({
      step,
      epoch,
      loss: await this.#losses.takeMean(step),
      grad_norm: await this.#losses.gradNorm(step),
      learning_rate: learningRateAt(this.#plan.schedule, step - 1),
    });
  }

  async #record(entry: LogEntry): Promise<void> {
    this.state.log_history.push(entry);
    await tell(this.#callbacks, "onLog", entry, this.state, this.control);
  }

  /** A line in the log about the evaluation set; undefined where there is none. */
  async #evaluate(): Promise<LogEntry | undefined> {
    if (!this.#options.evalDataset) return undefined;
    const { global_step: step, epoch } = this.state;
    const entry: LogEntry = { step, epoch, ...await this.evaluate() };
    this.state.log_history.push(entry);
    await tell(this.#callbacks, "onEvaluate", entry, this.state, this.control);
    return entry;
  }

  async #evaluateAndJudge(): Promise<boolean> {
    const entry = await this.#evaluate();
    return entry !== undefined && noteIfBest(this.state, entry, this.#options.args);
  }

  async #save(next?: { epoch: number; batches: number }): Promise<void> {
    const { model, args } = this.#options;
    const name = checkpointName(this.state.global_step);
    const resume: ResumeState = {
      ...this.#place,
      ...next,
      clips: this.#trainData.size,
      accumulation: args.gradientAccumulationSteps,
      noise: this.#noise.random.state,
      ...await this.#losses.saved(this.state.global_step),
    };
    const isBest = this.state.best_global_step === this.state.global_step;
    const state = {
      ...this.state,
      best_model_checkpoint: isBest ? name : this.state.best_model_checkpoint,
      stateful_callbacks: exportedStates(this.#callbacks, this.control),
    };
    const parts = { model, extractor: this.#extractor, optimizer: this.#optimizer, state, resume };
    await writeCheckpoint(args.outputDir, parts, { modelOnly: args.saveOnlyModel });
    this.state = state;
    const kept = [name, state.best_model_checkpoint];
    await removeOldCheckpoints(args.outputDir, args.saveTotalLimit, kept);
    const directory = `${args.outputDir}/${name}`;
    await tell(this.#callbacks, "onSave", directory, this.state, this.control);
  }

  async #restore(directory: string): Promise<void> {
    const { model, args } = this.#options;
    const saved = await readCheckpoint(directory, { model, optimizer: this.#optimizer });
    expectSameBatches(directory, saved, { args, clips: this.#trainData.size });
    const { state, resume } = saved;
    const { max_steps, num_train_epochs, eval_steps, save_steps, logging_steps } = this.state;
    const planned = { max_steps, num_train_epochs, eval_steps, save_steps, logging_steps };
    this.state = { ...this.state, ...state, ...planned };
    const { epoch, batches, skippedSteps = 0, flopsPerInput = 0 } = resume;
    this.#place = { epoch, batches, skippedSteps, flopsPerInput };
    this.#noise = new Noise(resume.noise);
    this.#losses.dispose();
    this.#losses = new LossLog(resume);
    restoreStates(this.#callbacks, state.stateful_callbacks);
  }

  /** Figures of this run, its part before a resumption left out of what was done per second. */
  #trainMetrics(
    trainingLoss: number,
    seconds: number,
    start: { epoch: number; step: number },
  ): Record<string, number> {
    const { epoch, global_step: step } = this.state;
    const samples = Math.round(this.#trainData.size * (epoch - start.epoch));
    return {
      ...speedMetrics("train", seconds, { samples, steps: step - start.step }),
      total_flos: this.state.total_flos,
      train_loss: trainingLoss,
    };
  }

  /** Takes the best weights if asked to, and writes the result. */
  async #finish(metrics: Record<string, number>): Promise<void> {
    const { args, model } = this.#options;
    const best = this.state.best_model_checkpoint;
    if (args.loadBestModelAtEnd && best) await readWeights(`${args.outputDir}/${best}`, model);
    const { global_step: step, epoch } = this.state;
    await this.#record({ step, epoch, ...metrics });
    this.state.stateful_callbacks = exportedStates(this.#callbacks, this.control);
    await this.saveModel();
    await this.saveMetrics("train", metrics);
    await this.saveState();
    await this.#tell("onTrainEnd");
  }

  /** Lets timers and signals in now and then. */
  async #yield(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastYield < YIELD_MS) return;
    this.#lastYield = now;
    if (engine().backendName === "webgpu") await this.#losses.settled();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function noBatches(): DatasetError {
  return new DatasetError("Cannot train: expected batches of clips, found none", {
    hint: "The data set is empty, or all its clips were skipped",
  });
}
