/**
 * The trainer: what a run is made of, its start and its end, and what can be asked of it.
 *
 * The loop itself is in `_training_run.ts`, files are in `checkpoints/`.
 *
 * Source: the behaviour of transformers 5.18 `Trainer`, except that accumulated batches are averaged over all
 * their clips (the reference adds them up for these models, issue 47688).
 *
 * @module
 */
import type { Dataset, Row } from "../../data/dataset.ts";
import { memoryLimitBytes } from "../../devices.ts";
import { CheckpointError, DeviceError, FileError } from "../../errors.ts";
import type { FeatureExtractor } from "../../features/mod.ts";
import { makeDirectory, writeFileAtomic, writeFiles } from "../../files.ts";
import type { HubCommit } from "../../hub/mod.ts";
import { expectTrainable } from "../../pretrained.ts";
import type { BatchSource } from "../batches/batches.ts";
import { clipBatchesOptions } from "../batches/clip_batches.ts";
import { datasetBatches, isDataset } from "../batches/dataset_batches.ts";
import {
  notify,
  type PredictionOutput,
  type TrainerCallback,
  type TrainerControl,
} from "../callbacks/callbacks.ts";
import {
  newestSavedRun,
  openSavedRun,
  readSoundWeights,
  removeOldCheckpoints,
} from "../checkpoints/checkpoint.ts";
import { OutputDirectory } from "../checkpoints/output_directory.ts";
import { resultFiles, saveMetrics, STATE_FILE, stateBytes } from "../checkpoints/results.ts";
import { expectSameBatches, expectSameRun, type RunFacts } from "../checkpoints/run_facts.ts";
import type { TrainerState } from "../checkpoints/state.ts";
import { speedMetrics } from "../metrics/metric_names.ts";
import { type FrozenFeatures, frozenFeatures } from "../features/frozen_features.ts";
import { TrainingArguments } from "../options/arguments.ts";
import { classWeightsOf, expectFocusable, expectWeighable } from "../step/class_weights.ts";
import { learningRateAt } from "../step/schedule.ts";
import { withRecoveryHint } from "./_device_failure.ts";
import { CheckpointPushes } from "./_checkpoint_pushes.ts";
import { SAVE_HELP, saveSurely } from "./_final_save.ts";
import { measured } from "./_measure.ts";
import {
  callbacksOf,
  expectDevice,
  expectRoomToTrain,
  extractorOf,
  freeze,
  noticeOf,
} from "./_run_setup.ts";
import { expectAdapter, savedFiles, staleWeights } from "./_saved_files.ts";
import type { RunOutput, TrainerOptions, TrainOutput } from "./_trainer_options.ts";
import { TrainingRun } from "./_training_run.ts";
import { expectHub, pushRun, type TrainerPushOptions } from "./push.ts";
import { type Teacher, teachingOf } from "./_teacher.ts";
import { runPlan } from "./run_plan.ts";

export type { RunOutput, Teacher, TrainerOptions, TrainOutput };

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
  #options: TrainerOptions;
  readonly #extractor: FeatureExtractor;
  readonly #features: FrozenFeatures | undefined;
  readonly #trainData: BatchSource;
  readonly #callbacks: TrainerCallback[];
  readonly #pushes: CheckpointPushes;
  #run: TrainingRun;
  #facts: Promise<RunFacts> | undefined;

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
    expectDevice(args);
    freeze(model, args);
    expectAdapter(options, noticeOf(options));
    expectRoomToTrain(model, memoryLimitBytes());
    expectWeighable(args.classWeights, model);
    expectFocusable(args.focalGamma, model);
    this.#features = frozenFeatures(model, args, {
      directory: options.featureDirectory,
      onNotice: noticeOf(options),
    });
    this.#trainData = this.batchesOf(options.trainDataset);
    this.#callbacks = callbacksOf(options);
    this.#pushes = new CheckpointPushes(noticeOf(options));
    this.#run = this.#newRun();
    const event = [args, this.state, this.control, this.#run.parts] as const;
    for (const callback of this.#callbacks) callback.onInitEnd?.(...event);
  }

  #newRun(): TrainingRun {
    const options = this.#options;
    const plan = runPlan(options.args, this.#trainData);
    // Tells early, and not at the step where a schedule lacks a number.
    learningRateAt(plan.schedule, plan.totalSteps);
    return new TrainingRun({
      options,
      extractor: this.#extractor,
      trainData: this.#trainData,
      plan,
      callbacks: this.#callbacks,
      pushes: this.#pushes,
      onNotice: noticeOf(options),
      facts: () => this.#facts ??= this.#lookAtFacts(),
      evaluate: async () => options.evalDataset && await this.evaluate(),
    });
  }

  /** The log and the best result so far. */
  get state(): TrainerState {
    return this.#run.state;
  }

  /** What happens next; callbacks may change it. */
  get control(): TrainerControl {
    return this.#run.control;
  }

  /** Tells one more callback of what happens from now on. */
  addCallback(callback: TrainerCallback): void {
    this.#callbacks.push(callback);
  }

  /**
   * Leaves the callbacks of a kind out from now on, such as the one that shows progress.
   *
   * @param Kind a class such as `ProgressCallback`.
   */
  // deno-lint-ignore no-explicit-any
  removeCallback(Kind: abstract new (...args: any[]) => TrainerCallback): void {
    const kept = this.#callbacks.filter((callback) => !(callback instanceof Kind));
    this.#callbacks.splice(0, this.#callbacks.length, ...kept);
  }

  /**
   * Trains to the end, and saves the result in the output directory.
   *
   * @param options `resumeFromCheckpoint`: a checkpoint's directory, or true for the newest of the output directory.
   * @throws {RangeError} when the loss is no longer a number; no checkpoint is written then.
   * @throws {DatasetError} when the training data gives no batch.
   * @throws {CheckpointError} when no checkpoint is sound, or it is of a run with other classes, data or arguments.
   * @throws {FileError} when the output directory cannot be written, or another run holds it.
   * @throws {HubError} when the arguments ask for a push, and the hub would not take it.
   * @throws {DeviceError} when the device is lost or out of memory, saying how to go on.
   */
  async train(options: { resumeFromCheckpoint?: string | boolean } = {}): Promise<TrainOutput> {
    const { args, output } = this.#options;
    // What cannot be written, or is in use, is found out before the first step.
    const directory = output?.directory ?? await OutputDirectory.take(args.outputDir);
    try {
      if (args.pushToHub) await expectHub(this.#options);
      const { model } = this.#options;
      const weights = [args.classWeights, this.#trainData, model.labels.length] as const;
      this.#run.classWeights = await classWeightsOf(...weights);
      await this.#learnFromTeacher();
      if (options.resumeFromCheckpoint) await this.#resume(options.resumeFromCheckpoint);
      return await this.#trainWithin(directory);
    } catch (error) {
      throw await withRecoveryHint(error, args);
    } finally {
      await this.#pushes.finish();
      this.#run.dispose();
      if (!output) await directory[Symbol.asyncDispose]();
    }
  }

  /** Asks the teacher, where there is one, about all training clips. */
  async #learnFromTeacher(): Promise<void> {
    const { teacher, model, args } = this.#options;
    if (!teacher) return;
    const { trainDataset: heard = this.#heardBy(teacher) } = teacher;
    const plan = { teacher: teacher.model, heard, model, trainData: this.#trainData, args };
    this.#run.learnFrom(await teachingOf(plan));
  }

  /** @throws {TypeError} where the training clips are batches, which no other model can take. */
  #heardBy({ model, featureExtractor }: Teacher): BatchSource {
    const { trainDataset, args } = this.#options;
    if (isDataset(trainDataset)) {
      return datasetBatches(trainDataset, model, featureExtractor, clipBatchesOptions(args));
    }
    throw new TypeError(
      "Cannot learn from a teacher: expected its own trainDataset beside batches, found none",
    );
  }

  /** Goes on from a checkpoint, if this run is made of what that one was. */
  async #resume(from: string | true): Promise<void> {
    const { outputDir } = this.#options.args;
    const notice = noticeOf(this.#options);
    const saved = from === true
      ? await newestSavedRun(outputDir, notice)
      : await openSavedRun(from);
    const facts = { ...await (this.#facts ??= this.#lookAtFacts()), outputDir };
    if ("config" in saved.run) {
      const changes = expectSameRun(saved.directory, saved.run, facts);
      if (changes.length > 0) notice(`Goes on with ${changes.join(", ")}`);
    } else {
      expectSameBatches(saved.directory, saved.run, facts);
      notice(
        `"${saved.directory}" is of an earlier version: whether data and arguments are the same is not known`,
      );
    }
    await this.#run.restore(saved);
  }

  async #lookAtFacts(): Promise<RunFacts> {
    const { model, args, evalDataset } = this.#options;
    return {
      classes: model.labels,
      config: model.toConfig(),
      clips: this.#trainData.size,
      data: await this.#trainData.fingerprint?.(),
      evaluationData: evalDataset && await this.batchesOf(evalDataset).fingerprint?.(),
      teacher: this.#run.teacherFingerprint,
      // Where it goes changes nothing, and is not for everyone who may see a checkpoint.
      args: { ...args, outputDir: undefined },
    };
  }

  /** Trains; where that takes too much memory and may be changed, again with half as many clips a batch. */
  async #trainWithin(directory: OutputDirectory): Promise<TrainOutput> {
    for (;;) {
      try {
        return await this.#train(directory);
      } catch (error) {
        const { autoFindBatchSize, perDeviceTrainBatchSize: clips } = this.#options.args;
        const isTooLarge = error instanceof DeviceError && error.reason === "memory";
        if (!isTooLarge || !autoFindBatchSize || clips === 1) throw error;
        await this.#startAgain(Math.floor(clips / 2));
      }
    }
  }

  /** A new run from the weights as they are, as in the reference. */
  async #startAgain(perDeviceTrainBatchSize: number): Promise<void> {
    const { args } = this.#options;
    noticeOf(this.#options)(
      `Out of memory: starts again with \`perDeviceTrainBatchSize: ${perDeviceTrainBatchSize}\``,
    );
    const { hubToken } = args;
    const smaller = new TrainingArguments({ ...args, hubToken, perDeviceTrainBatchSize });
    this.#options = { ...this.#options, args: smaller };
    const { classWeights } = this.#run;
    this.#run.dispose();
    this.#facts = undefined;
    this.#run = this.#newRun();
    this.#run.classWeights = classWeights;
    await this.#learnFromTeacher();
  }

  async #train(directory: OutputDirectory): Promise<TrainOutput> {
    const { evalOnStart } = this.#options.args;
    const { epoch, globalStep: step } = this.state;
    const startedAt = performance.now();
    this.#options.model.startTraining();
    await this.#run.notify("onTrainBegin");
    if (evalOnStart && step === 0) await this.#run.evaluate();
    const finished = await this.#run.epochs();
    const trainingLoss = await this.#run.meanLoss();
    const seconds = (performance.now() - startedAt) / 1000;
    const metrics = this.#trainMetrics(trainingLoss, seconds, { epoch, step });
    await this.#finishPushes();
    if (finished) await this.#finish(metrics, directory);
    const { globalStep } = this.state;
    return { globalStep, trainingLoss, seconds, metrics, interrupted: !finished };
  }

  /** Waits for them; a checkpoint that was on its way may have outlived its place among those that are kept. */
  async #finishPushes(): Promise<void> {
    const { args: { pushToHub, hubStrategy, outputDir, saveTotalLimit } } = this.#options;
    await this.#pushes.finish();
    if (!pushToHub || hubStrategy === "end") return;
    await removeOldCheckpoints(outputDir, saveTotalLimit, [this.state.bestModelCheckpoint]);
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
    return (await measured(this.batchesOf(data), { ...this.#options, prefix: metricKeyPrefix }))
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
    const output = await measured(this.batchesOf(data), {
      ...this.#options,
      prefix: metricKeyPrefix,
    });
    const context = { ...this.#run.parts, output };
    await notify(this.#callbacks, "onPredict", [
      this.#options.args,
      this.state,
      this.control,
      context,
    ]);
    return output;
  }

  /** Rows as batches, as the arguments say; with what a base model that stays as it is makes of them, where it is known. */
  batchesOf(data: BatchSource | Dataset<Row>): BatchSource {
    const { model, args } = this.#options;
    const batches = isDataset(data)
      ? datasetBatches(data, model, this.#extractor, clipBatchesOptions(args))
      : data;
    return this.#features?.of(batches) ?? batches;
  }

  /**
   * Writes the model into a directory beside what is there, `config.json` last, so that a directory that
   * looks like a model is one.
   */
  async saveModel(directory: string = this.#options.args.outputDir): Promise<void> {
    await makeDirectory(directory);
    await writeFiles(directory, savedFiles(this.#options, this.#extractor));
  }

  /** Writes `trainer_state.json` into the output directory. */
  async saveState(): Promise<void> {
    const { outputDir } = this.#options.args;
    await writeFileAtomic(`${outputDir}/${STATE_FILE}`, [stateBytes(this.state)]);
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
    await this.#pushes.finish();
    await this.saveModel();
    await this.saveState();
    return await pushRun(this.#options, this.state, options);
  }

  /** Figures of this run, its part before a resumption left out of what was done per second. */
  #trainMetrics(
    trainingLoss: number,
    seconds: number,
    start: { epoch: number; step: number },
  ): Record<string, number> {
    const { epoch, globalStep: step, totalFlos } = this.state;
    const samples = Math.round(this.#trainData.size * (epoch - start.epoch));
    return {
      ...speedMetrics("train", seconds, { samples, steps: step - start.step }),
      total_flos: totalFlos,
      train_loss: trainingLoss,
    };
  }

  /** Takes the best weights if asked to, and writes the result in one stroke. */
  async #finish(metrics: Record<string, number>, directory: OutputDirectory): Promise<void> {
    const { output, onDiskFull } = this.#options;
    const onNotice = noticeOf(this.#options);
    this.#run.takeMean();
    await this.#takeBest(onNotice);
    const { globalStep: step, epoch } = this.state;
    await this.#run.record({ step, epoch, ...metrics });
    this.state.statefulCallbacks = this.#run.exportedStates();
    const { files = [], stale = [] } = output ?? {};
    const save = async () => {
      const results = await resultFiles(directory.path, "train", { ...metrics, epoch }, stale);
      const state = { name: STATE_FILE, chunks: () => [stateBytes(this.state)] };
      const own = savedFiles(this.#options, this.#extractor);
      const old = staleWeights(own.map(({ name }) => name));
      await directory.replaceModel([...own, ...results, state, ...files], [...stale, ...old]);
    };
    const help = { ...SAVE_HELP, onNotice };
    await saveSurely(
      save,
      (folder) => this.saveModel(folder),
      onDiskFull ? { ...help, ask: onDiskFull } : help,
    );
    await this.#run.notify("onTrainEnd");
  }

  /** The best weights, where they were asked for and can still be read; else those of the last step stay. */
  async #takeBest(onNotice: (message: string) => void): Promise<void> {
    const { args: { loadBestModelAtEnd, outputDir }, model } = this.#options;
    const best = this.state.bestModelCheckpoint;
    if (!loadBestModelAtEnd || !best) return;
    try {
      await readSoundWeights(`${outputDir}/${best}`, model);
    } catch (error) {
      if (!(error instanceof CheckpointError || error instanceof FileError)) throw error;
      onNotice(`${error.message}; the model of the last step is kept in the place of the best`);
    }
  }
}
