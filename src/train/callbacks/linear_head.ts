/**
 * A linear head in the place of training: the model hears each clip once, in evaluation mode, and its last layer
 * becomes the logistic regression over what that layer sees. No step is taken.
 *
 * Not here: architectures with a norm before the last layer.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { DatasetError, UnsupportedOpError } from "../../errors.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { type BatchSource, upload } from "../batches/batches.ts";
import { fitLinear } from "../../heads/linear_fit.ts";
import type { LabelledVectors } from "../../heads/logistic_regression.ts";
import type { CallbackEvent, TrainerCallback } from "./callbacks.ts";

/** How a linear head is fitted. */
export interface LinearHeadOptions {
  /** What a clip belongs with, such as its speaker. @default each clip is by itself */
  groupOf?: (clip: number) => string;
  /** Called with what was chosen. */
  onFitted?: (fit: LinearHeadFit) => void;
}

/** What was fitted, and how. */
export interface LinearHeadFit {
  clips: number;
  /** What held the weights down; 1 where there was nothing to choose by. */
  l2: number;
  /** Mean cross-entropy of clips that were left out, with that; undefined where there were no two groups. */
  heldOutLoss?: number;
}

const WEIGHT = "classifier.weight";
const BIAS = "classifier.bias";

/** Fits the last layer when a run begins, and ends the run. */
export class LinearHeadCallback implements TrainerCallback {
  readonly #options: LinearHeadOptions;

  /** `options`: groups, and who is told of the result. */
  constructor(options: LinearHeadOptions = {}) {
    this.#options = options;
  }

  /** Fits, and leaves no step to take. */
  async onTrainBegin(...event: CallbackEvent): Promise<void> {
    const [args, _state, control, { model, trainDataset }] = event;
    expectLastLayer(model);
    const batchSize = args.perDeviceEvalBatchSize;
    const { indices, ...data } = await vectorsOf(model, trainDataset, batchSize);
    const { groupOf = String, onFitted } = this.#options;
    const groups = indices.map(groupOf);
    const { weights, biases, l2, heldOutLoss } = fitLinear(data, { groups });
    assign(model, WEIGHT, weights);
    assign(model, BIAS, biases);
    onFitted?.({ clips: indices.length, l2, heldOutLoss });
    control.shouldTrainingStop = true;
  }
}

/** @throws {UnsupportedOpError} where the classes are not scored by one last layer alone, or not one of several. */
function expectLastLayer(model: AudioClassificationModel): void {
  if (model.problemType !== "single_label_classification") {
    throw new UnsupportedOpError(
      `Cannot fit a linear head: expected one label a clip, found ${model.problemType}`,
    );
  }
  if (model.parameters.has(WEIGHT) && model.parameters.has(BIAS)) return;
  throw new UnsupportedOpError(
    `Cannot fit a linear head of a model of type "${model.modelType}": expected "${WEIGHT}", found none`,
    { hint: "Train its head by steps, with the option `freezeBaseModel`" },
  );
}

type HeardClips = LabelledVectors & { indices: number[] };

/** What the last layer sees of each clip. **Shape** -> `vectors [n, P]` */
async function vectorsOf(
  model: AudioClassificationModel,
  data: BatchSource,
  batchSize: number,
): Promise<HeardClips> {
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  const indices: number[] = [];
  for await (const batch of data.batches(-1, { batchSize })) {
    const sent = upload(batch);
    const pooled = tidy(() => sent.output(model).pooled);
    sent.dispose();
    rows.push(await pooled.data() as Float32Array);
    pooled.dispose();
    for (const [i, label] of batch.labels.entries()) {
      indices.push(batch.indices?.[i] ?? labels.length);
      labels.push(label);
    }
  }
  if (labels.length === 0) {
    throw new DatasetError("Cannot fit a linear head: expected clips, found none");
  }
  const vectors = Float64Array.from(rows.flatMap((row) => [...row]));
  return { vectors, labels, classes: model.labels.length, indices };
}

function assign(model: AudioClassificationModel, name: string, values: Float64Array): void {
  const parameter = model.parameters.get(name)!;
  const next = tensor(Float32Array.from(values), parameter.shape, "float32");
  parameter.assign(next);
  next.dispose();
}
