/**
 * What arguments do to a run before its first step: the extractor, what of the model is trained, the callbacks, and what a
 * pass costs.
 *
 * @module
 */
import { engine, tidy, type Variable } from "@tensorflow/tfjs-core";
import { DeviceError } from "../../errors.ts";
import type { FeatureExtractor } from "../../features/mod.ts";
import { countFlops } from "../../flops.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import { type Batch, firstClip, upload } from "../batches/batches.ts";
import type { TrainerCallback } from "../callbacks/callbacks.ts";
import { EarlyStoppingCallback } from "../callbacks/early_stopping.ts";
import { ProgressCallback } from "../callbacks/progress_callback.ts";
import { TensorBoardCallback } from "../callbacks/tensorboard.ts";
import { Adafactor, adafactorSettings } from "../step/adafactor.ts";
import { AdamW, type Optimizer } from "../step/optimizer.ts";
import { Sgd, sgdSettings } from "../step/sgd.ts";
import { isBaseFrozen } from "../features/frozen_features.ts";
import type { TrainerOptions } from "./_trainer_options.ts";

/** @throws {TypeError} where there is none. */
export function extractorOf(
  { featureExtractor, processingClass }: TrainerOptions,
): FeatureExtractor {
  const extractor = featureExtractor ?? processingClass;
  if (extractor) return extractor;
  throw new TypeError("Cannot train: expected a featureExtractor or processingClass, found none");
}

/** Keeps what the arguments say as it is, and adds low-rank changes where they ask for them. */
export function freeze(model: AudioClassificationModel, args: TrainingArguments): void {
  if (args.freezeFeatureEncoder) model.freezeFeatureEncoder();
  if (args.freezeBaseModel) model.freezeBaseModel();
  model.freezeLayers(args.freezeLayers);
  if (args.loraRank > 0) addLora(model, args);
  expectFrozenBase(model, args);
}

/** @throws {RangeError} for arguments about a base model that stays as it is, where it does not. */
function expectFrozenBase(model: AudioClassificationModel, args: TrainingArguments): void {
  const asked = args.frozenBaseEval
    ? "frozenBaseEval"
    : args.featureViews > 0
    ? "featureViews"
    : undefined;
  if (asked === undefined || isBaseFrozen(model)) return;
  throw new RangeError(
    `Cannot use training argument "${asked}": expected \`freezeBaseModel\` and no \`loraRank\`, ` +
      "found a base model that is trained",
  );
}

function addLora(model: AudioClassificationModel, args: TrainingArguments): void {
  model.addLora({
    rank: args.loraRank,
    alpha: args.loraAlpha,
    dropout: args.loraDropout,
    target: args.loraTarget,
    seed: args.seed,
  });
}

/**
 * Refuses a training that cannot fit before it starts: beside the weights, AdamW holds a gradient and two moments
 * of each one that is trained. What a batch takes comes on top and is not counted.
 *
 * @throws {DeviceError} with the size, the limit, and what trains less of the model.
 */
export function expectRoomToTrain(
  model: Pick<AudioClassificationModel, "parameterCount" | "trainable">,
  limitBytes: number | undefined,
): void {
  const { parameterCount } = model;
  const trainable = model.trainable().values().reduce((sum, { size }) => sum + size, 0);
  const bytes = 4 * (parameterCount + 3 * trainable);
  if (limitBytes === undefined || bytes <= limitBytes) return;
  const million = (count: number) => `${Math.round(count / 1e6)} M`;
  throw new DeviceError(
    `Cannot train ${million(trainable)} of ${
      million(parameterCount)
    } parameters: expected weights, ` +
      `gradients and moments within the ${Math.round(limitBytes / 2 ** 30)} GB of WASM memory, ` +
      `found ${(bytes / 2 ** 30).toFixed(1)} GB`,
    {
      reason: "memory",
      hint:
        "Use WebGPU, or train less of the model: `loraRank: 8`, `freezeLayers` or `freezeBaseModel`",
    },
  );
}

/** What updates the parameters. */
export function optimizerOf(
  parameters: ReadonlyMap<string, Variable>,
  args: TrainingArguments,
): Optimizer {
  switch (args.optim) {
    case "sgd":
      return new Sgd(parameters, sgdSettings(args.optimArgs));
    case "adafactor":
      return new Adafactor(parameters, adafactorSettings(args.optimArgs));
    default:
      return new AdamW(parameters);
  }
}

/**
 * Refuses a device that the arguments exclude.
 *
 * @throws {DeviceError} naming the argument.
 */
export function expectDevice({ useCpu, fullDeterminism }: TrainingArguments): void {
  const asked = useCpu ? "useCpu" : fullDeterminism ? "fullDeterminism" : undefined;
  const { backendName } = engine();
  if (asked === undefined || backendName !== "webgpu") return;
  throw new DeviceError(
    `Cannot train with \`${asked}\`: expected the device "wasm", found "${backendName}"`,
    { reason: "refused", hint: 'Load the model with `backend: "wasm"`' },
  );
}

/** Where notices go: nowhere where only errors are asked for. */
export function noticeOf({ args, onNotice }: TrainerOptions): (message: string) => void {
  if (args.logLevel === "error" || args.logLevel === "critical") return () => {};
  return onNotice ?? console.warn;
}

/** The callbacks that arguments ask for, those that were given, and one that shows progress if none of them does. */
export function callbacksOf(options: TrainerOptions): TrainerCallback[] {
  const { args, callbacks = [] } = options;
  const { earlyStoppingPatience, earlyStoppingThreshold, reportTo } = args;
  const all: TrainerCallback[] = [];
  if (earlyStoppingPatience > 0) {
    all.push(new EarlyStoppingCallback({ earlyStoppingPatience, earlyStoppingThreshold }));
  }
  if (reportTo !== "none") all.push(new TensorBoardCallback());
  all.push(...callbacks);
  if (!all.some(({ showsProgress }) => showsProgress)) all.push(new ProgressCallback());
  return all;
}

/** Operations of a forward pass over one clip, for each number of its input. */
export function flopsPerInput(model: AudioClassificationModel, batch: Batch): number {
  const clip = firstClip(batch);
  const sent = upload(clip);
  const flops = countFlops(() => tidy(() => void sent.output(model)));
  sent.dispose();
  return flops / clip.inputs.length;
}
