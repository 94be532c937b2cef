/**
 * The training loop: epochs, steps, evaluation, checkpoints, early stopping and exact resuming.
 *
 * Reads from top to bottom as a run goes: plan, epochs, steps, what follows a step, the end. The arithmetic of a
 * step is in `step.ts` and `optimizer.ts`, files are in `checkpoint.ts`, and who watches is told through
 * `callbacks.ts`.
 *
 * Source: the behaviour of transformers 5.18 `Trainer`, except that accumulated batches are averaged over all
 * their clips (the reference adds them up for these models, issue 47688).
 *
 * @module
 */
import { engine, scalar, type Tensor, zeros } from "@tensorflow/tfjs-core";
import { DatasetError } from "../errors.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import { makeDirectory, writeFileAtomic, writeFiles } from "../files.ts";
import { Noise } from "../layers/noise.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { jsonBytes, modelFiles } from "../pretrained.ts";
import type { IntervalStrategy, TrainingArguments } from "./arguments.ts";
import type { Batch, BatchSource } from "./batches.ts";
import type { TrainerCallback } from "./callbacks.ts";
import {
  checkpointName,
  newestCheckpoint,
  readCheckpoint,
  readWeights,
  removeOldCheckpoints,
  writeCheckpoint,
} from "./checkpoint.ts";
import { evaluateModel, type Evaluation } from "./evaluation.ts";
import { accuracy, type ComputeMetrics } from "./metrics.ts";
import { AdamW } from "./optimizer.ts";
import { learningRateAt, type Schedule, warmupStepsOf } from "./schedule.ts";
import { initialState, type LogEntry, type ResumeState, type TrainerState } from "./state.ts";
import { addDisposing, disposeGradients, lossAndGradients } from "./step.ts";

/** What is trained on what. */
export interface TrainerOptions {
  /** Its parameters are changed in place. */
  model: AudioClassificationModel;
  /** How it is trained. */
  args: TrainingArguments;
  /** What it is trained on. */
  trainDataset: BatchSource;
  /** What it is judged by. @default none */
  evalDataset?: BatchSource;
  /** Saved beside the model. */
  featureExtractor: FeatureExtractor;
  /** Metrics of an evaluation. @default accuracy; none of a regression, whose loss is the mean squared error */
  computeMetrics?: ComputeMetrics;
  /** Told of steps, log lines, evaluations and checkpoints. */
  callbacks?: TrainerCallback[];
  /** When it fires, the run writes a checkpoint after the current step and ends. */
  signal?: AbortSignal;
}

/** What a run came to. */
export interface TrainOutput {
  /** Steps taken, those before a resumption included. */
  globalStep: number;
  /** Mean loss of all steps. */
  trainingLoss: number;
  /** Seconds of this run. */
  seconds: number;
  /** Whether the signal ended it early; `checkpoint-<step>` goes on from there. */
  interrupted: boolean;
}

const YIELD_MS = 50;

/** Trains a model on a data set. */
export class Trainer {
  /** The log and the best result so far. */
  state: TrainerState;
  readonly #options: TrainerOptions;
  readonly #optimizer: AdamW;
  readonly #schedule: Schedule;
  #noise: Noise;
  #resume: ResumeState;
  /** Where training ends: with the schedule, or before it by early stopping. */
  #lastStep: number;
  /** Sum of the losses since the last log line, on the device. */
  #lossSum: Tensor | undefined;
  #gradNorm: Tensor | undefined;
  #lastYield = 0;

  /**
   * Plans a run; nothing is computed yet.
   *
   * @param options model, arguments and data.
   */
  constructor(options: TrainerOptions) {
    const { model, args } = options;
    this.#options = options;
    if (args.freezeFeatureEncoder) model.freezeFeatureEncoder();
    if (args.freezeBaseModel) model.freezeBaseModel();
    model.freezeLayers(args.freezeLayers);
    this.#optimizer = new AdamW(model.trainable());
    const totalSteps = this.#totalSteps();
    const warmupSteps = warmupStepsOf(args, totalSteps);
    this.#lastStep = totalSteps;
    this.#schedule = {
      type: args.lrSchedulerType,
      peak: args.learningRate,
      warmupSteps,
      totalSteps,
    };
    this.#noise = new Noise(args.seed);
    this.#resume = {
      epoch: 0,
      batches: 0,
      noise: this.#noise.random.state,
      lossSum: 0,
      lossSteps: 0,
      totalLoss: 0,
      gradNorm: 0,
      evaluationsWithoutBetter: 0,
    };
    this.state = initialState({
      maxSteps: totalSteps,
      epochs: Math.ceil(totalSteps / this.#stepsPerEpoch()),
      batchSize: args.perDeviceTrainBatchSize,
    });
  }

  /**
   * Trains to the end, and saves the result in the output directory.
   *
   * @param options `resumeFromCheckpoint`: a checkpoint's directory, or true for the newest of the output directory.
   * @throws {RangeError} when the loss is no longer a number; no checkpoint is written then.
   * @throws {DatasetError} when the training data gives no batch.
   * @throws {FileError} when the output directory cannot be written.
   */
  async train(options: { resumeFromCheckpoint?: string | boolean } = {}): Promise<TrainOutput> {
    const { args, callbacks = [] } = this.#options;
    const { resumeFromCheckpoint: from } = options;
    try {
      // One that cannot be written is found out before the first step.
      await makeDirectory(args.outputDir);
      if (from) await this.#restore(from === true ? await newestCheckpoint(args.outputDir) : from);
      const started = performance.now();
      for (const callback of callbacks) callback.onTrainBegin?.(this.state);
      const finished = await this.#epochs();
      const seconds = (performance.now() - started) / 1000;
      const { global_step: globalStep } = this.state;
      const totalLoss = this.#resume.totalLoss + await this.#pendingLoss();
      const trainingLoss = totalLoss / Math.max(1, globalStep);
      // Weights that a last step has broken are not to replace those of a checkpoint.
      await this.#lastGradNorm();
      if (finished) await this.#finish(trainingLoss, seconds);
      return { globalStep, trainingLoss, seconds, interrupted: !finished };
    } finally {
      this.#free();
    }
  }

  /** Metrics of a data set under the prefix `eval_`; the evaluation set by default. */
  async evaluate(data?: BatchSource): Promise<Record<string, number>> {
    const source = data ?? this.#options.evalDataset;
    if (!source) throw new TypeError("Cannot evaluate: expected an evalDataset, found none");
    const started = performance.now();
    const evaluation = await this.predict(source);
    const seconds = (performance.now() - started) / 1000;
    const metrics = this.#metrics(evaluation);
    const named = Object.entries({ loss: evaluation.loss, ...metrics });
    return {
      ...Object.fromEntries(named.map(([name, value]) => [withPrefix(name), value])),
      eval_runtime: seconds,
      eval_samples_per_second: source.size / seconds,
    };
  }

  #metrics(evaluation: Evaluation): Record<string, number> {
    const { model, computeMetrics } = this.#options;
    if (computeMetrics) return computeMetrics(evaluation);
    return model.problemType === "regression" ? {} : { accuracy: accuracy(evaluation) };
  }

  /** Scores of a data set. */
  async predict(data: BatchSource): Promise<Evaluation> {
    const { model, args } = this.#options;
    return await evaluateModel(model, data, { batchSize: args.perDeviceEvalBatchSize });
  }

  /**
   * Writes the model into a directory beside what is there, `config.json` last, so that a directory that
   * looks like a model is one.
   */
  async saveModel(directory: string = this.#options.args.outputDir): Promise<void> {
    const { model, featureExtractor } = this.#options;
    await makeDirectory(directory);
    await writeFiles(directory, modelFiles(model, featureExtractor));
  }

  #stepsPerEpoch(): number {
    const { args, trainDataset } = this.#options;
    const batches = trainDataset.batchCount(args.perDeviceTrainBatchSize);
    return Math.max(1, Math.ceil(batches / args.gradientAccumulationSteps));
  }

  #totalSteps(): number {
    const { args } = this.#options;
    return args.maxSteps || Math.ceil(args.numTrainEpochs * this.#stepsPerEpoch());
  }

  /** Runs all epochs; false when the signal ended them. */
  async #epochs(): Promise<boolean> {
    // Batches at the last step are those of a run that was stopped before it could end its epoch.
    while (this.state.global_step < this.#lastStep || this.#resume.batches > 0) {
      const isUnderWay = this.state.global_step < this.#lastStep;
      if (isUnderWay && !await this.#epoch()) return false;
      if (this.#resume.batches === 0) throw noBatches();
      await this.#afterEpoch();
      this.#resume.epoch++;
      this.#resume.batches = 0;
    }
    return true;
  }

  async #epoch(): Promise<boolean> {
    const { args, trainDataset, signal } = this.#options;
    const order = { batchSize: args.perDeviceTrainBatchSize, skip: this.#resume.batches };
    const batches = trainDataset.batches(this.#resume.epoch, order);
    for await (const group of grouped(batches, args.gradientAccumulationSteps)) {
      this.#step(group);
      await this.#afterStep();
      if (signal?.aborted) {
        await this.#save();
        return false;
      }
      if (this.state.global_step >= this.#lastStep) break;
    }
    return true;
  }

  #step(batches: Batch[]): void {
    const { model, args } = this.#options;
    const result = lossAndGradients(model, batches, {
      noise: this.#noise,
      labelSmoothing: args.labelSmoothingFactor,
      gradientCheckpointing: args.gradientCheckpointing,
    });
    const learningRate = learningRateAt(this.#schedule, this.state.global_step);
    this.#gradNorm?.dispose();
    this.#gradNorm = this.#optimizer.step(result.gradients, { ...args, learningRate });
    this.#lossSum = addDisposing(this.#lossSum ?? zeros([]), result.loss.clone());
    disposeGradients(result);
    this.#resume.lossSteps++;
    this.#resume.batches = positionAfter(batches, this.#resume.batches);
    this.state.global_step++;
    const perEpoch = this.#options.trainDataset.batchCount(args.perDeviceTrainBatchSize);
    this.state.epoch = this.#resume.epoch + this.#resume.batches / perEpoch;
  }

  async #afterStep(): Promise<void> {
    const { args, callbacks = [] } = this.#options;
    for (const callback of callbacks) callback.onStepEnd?.(this.state);
    if (this.#isDue(args.loggingStrategy, args.loggingSteps)) await this.#log();
    if (this.#isDue(args.evalStrategy, args.evalSteps)) await this.#evaluate();
    const isBest = args.loadBestModelAtEnd &&
      this.state.best_global_step === this.state.global_step;
    if (isBest || this.#isDue(args.saveStrategy, args.saveSteps)) await this.#save();
    this.#stopIfNoBetter();
    await this.#yield();
  }

  /** What ends an epoch. */
  async #afterEpoch(): Promise<void> {
    const { args } = this.#options;
    if (args.loggingStrategy === "epoch") await this.#log();
    if (args.evalStrategy === "epoch") await this.#evaluate();
    const next = { epoch: this.#resume.epoch + 1, batches: 0 };
    if (args.saveStrategy === "epoch") await this.#save(next);
    this.#stopIfNoBetter();
  }

  #isDue(strategy: IntervalStrategy, steps: number): boolean {
    return strategy === "steps" && this.state.global_step % steps === 0;
  }

  /** Early stopping ends training at the current step. */
  #stopIfNoBetter(): void {
    const { earlyStoppingPatience: patience } = this.#options.args;
    if (patience === 0 || this.#resume.evaluationsWithoutBetter < patience) return;
    this.#lastStep = this.state.global_step;
  }

  async #log(): Promise<void> {
    if (this.#resume.lossSteps === 0) return;
    const sum = await this.#pendingLoss();
    const entry: LogEntry = {
      step: this.state.global_step,
      epoch: this.state.epoch,
      loss: sum / this.#resume.lossSteps,
      grad_norm: await this.#lastGradNorm(),
      learning_rate: learningRateAt(this.#schedule, this.state.global_step - 1),
    };
    this.#resume.totalLoss += sum;
    this.#resume.lossSteps = 0;
    this.#lossSum?.dispose();
    this.#lossSum = undefined;
    this.state.log_history.push(entry);
    for (const callback of this.#options.callbacks ?? []) callback.onLog?.(entry, this.state);
  }

  /** Sum of the losses since the last log line. */
  async #pendingLoss(): Promise<number> {
    if (!this.#lossSum) return 0;
    const [sum] = await this.#lossSum.data();
    return this.#expectFinite("loss", sum!);
  }

  /** Norm of the last step's gradients; a resumed run has it from its checkpoint. */
  async #lastGradNorm(): Promise<number> {
    const [norm] = await this.#gradNorm?.data() ?? [this.#resume.gradNorm];
    return this.#expectFinite("gradient norm", norm!);
  }

  #expectFinite(what: string, value: number): number {
    if (Number.isFinite(value)) return value;
    throw new RangeError(
      `Cannot go on training at step ${this.state.global_step}: expected a finite ${what}, found ${value}`,
    );
  }

  async #evaluate(): Promise<void> {
    const { evalDataset, callbacks = [] } = this.#options;
    if (!evalDataset) return;
    const metrics = await this.evaluate();
    const { global_step: step, epoch } = this.state;
    const entry: LogEntry = { step, epoch, ...metrics };
    this.state.log_history.push(entry);
    this.#judge(entry);
    for (const callback of callbacks) callback.onEvaluate?.(entry, this.state);
  }

  /** Keeps the best metric and counts evaluations since. */
  #judge(entry: LogEntry): void {
    const { metricForBestModel: metric, greaterIsBetter, earlyStoppingThreshold } =
      this.#options.args;
    const value = entry[withPrefix(metric)];
    if (value === undefined) {
      throw new RangeError(
        `Cannot judge the model by metric "${metric}": expected one of ${
          Object.keys(entry).filter((key) => key.startsWith("eval_")).join(", ")
        }`,
      );
    }
    const best = this.state.best_metric;
    const gain = Number.isNaN(value)
      ? -Infinity
      : best === null
      ? Infinity
      : (greaterIsBetter ? value - best : best - value);
    this.#resume.evaluationsWithoutBetter = gain > earlyStoppingThreshold
      ? 0
      : this.#resume.evaluationsWithoutBetter + 1;
    if (gain <= 0) return;
    this.state.best_metric = value;
    this.state.best_global_step = entry.step;
  }

  async #save(next?: { epoch: number; batches: number }): Promise<void> {
    const { model, featureExtractor: extractor, args, callbacks = [] } = this.#options;
    const resume = {
      ...this.#resume,
      ...next,
      noise: this.#noise.random.state,
      lossSum: await this.#pendingLoss(),
      gradNorm: await this.#lastGradNorm(),
    };
    const name = checkpointName(this.state.global_step);
    const isBest = this.state.best_global_step === this.state.global_step;
    const state = isBest ? { ...this.state, best_model_checkpoint: name } : this.state;
    await writeCheckpoint(args.outputDir, {
      model,
      extractor,
      optimizer: this.#optimizer,
      state,
      resume,
    });
    this.state = state;
    const kept = [name, state.best_model_checkpoint];
    await removeOldCheckpoints(args.outputDir, args.saveTotalLimit, kept);
    for (const callback of callbacks) callback.onSave?.(`${args.outputDir}/${name}`, this.state);
  }

  async #restore(directory: string): Promise<void> {
    const { model } = this.#options;
    const parts = { model, optimizer: this.#optimizer };
    const { state, resume } = await readCheckpoint(directory, parts);
    this.state = { ...state, max_steps: this.#schedule.totalSteps };
    this.#resume = resume;
    this.#noise = new Noise(resume.noise);
    if (resume.lossSteps > 0) this.#lossSum = scalar(resume.lossSum);
    this.#stopIfNoBetter();
  }

  /** Takes the best weights if asked to, and writes the result. */
  async #finish(trainingLoss: number, seconds: number): Promise<void> {
    const { args, model, trainDataset } = this.#options;
    const best = this.state.best_model_checkpoint;
    if (args.loadBestModelAtEnd && best) await readWeights(`${args.outputDir}/${best}`, model);
    const { global_step: step, epoch } = this.state;
    this.state.log_history.push({
      step,
      epoch,
      train_loss: trainingLoss,
      train_runtime: seconds,
      train_samples_per_second: trainDataset.size * epoch / seconds,
    });
    await this.saveModel();
    await writeFileAtomic(`${args.outputDir}/trainer_state.json`, [jsonBytes(this.state)]);
  }

  /** Lets timers and signals in now and then. */
  async #yield(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastYield < YIELD_MS) return;
    this.#lastYield = now;
    if (engine().backendName === "webgpu") await this.#lossSum?.data();
    await new Promise((resolve) => setTimeout(resolve));
  }

  #free(): void {
    this.#optimizer.dispose();
    this.#lossSum?.dispose();
    this.#lossSum = undefined;
    this.#gradNorm?.dispose();
    this.#gradNorm = undefined;
  }
}

function noBatches(): DatasetError {
  return new DatasetError("Cannot train: expected batches of clips, found none", {
    hint: "The data set is empty, or all its clips were skipped",
  });
}

function withPrefix(name: string): string {
  return name.startsWith("eval_") ? name : `eval_${name}`;
}

/** Place in the epoch of the batch after these. */
function positionAfter(batches: Batch[], before: number): number {
  const last = batches.at(-1)!.position;
  return last === undefined ? before + batches.length : last + 1;
}

/** Batches in groups of `size`; the last group of an epoch may be smaller. */
async function* grouped(batches: AsyncIterable<Batch>, size: number): AsyncIterable<Batch[]> {
  let group: Batch[] = [];
  for await (const batch of batches) {
    group.push(batch);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
