/**
 * One optimiser step: the mean loss and gradient over all clips of one or more batches, then AdamW.
 *
 * The mean is over clips, not over batches, so that accumulated batches of different sizes give what one
 * large batch would.
 *
 * @module
 */
import { type Scalar, type Tensor, tensor1d, tidy, variableGrads } from "@tensorflow/tfjs-core";
import "../../gradients.ts";
import { add, scale } from "../../kernels.ts";
import type { Noise } from "../../layers/noise.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { type Batch, upload } from "../batches/batches.ts";
import { batchLoss, type LossOptions, weightedLoss } from "./loss.ts";
import type { Teaching } from "./teaching.ts";
import { recomputed } from "./_recompute.ts";

/** What a gradient is taken of. */
export interface StepOptions {
  /** Random stream of training; without one the pass is as in evaluation. */
  noise?: Noise;
  /** Of a single label. @default 0 */
  labelSmoothing?: number;
  /** Exponent of the focal loss, of a single label. @default 0 */
  focus?: number;
  /** What a clip of each class counts. @default all the same */
  classWeights?: readonly number[];
  /** Whether layers are computed again for their gradient instead of being kept. @default false */
  gradientCheckpointing?: boolean;
  /** Another model to learn from. @default none */
  teaching?: Teaching;
}

/** Mean loss and its gradients by parameter name; the caller disposes them. */
export interface LossAndGradients {
  loss: Tensor;
  gradients: Map<string, Tensor>;
}

/**
 * Mean loss of the model's kind of problem over all clips of the batches, with its gradient for every trainable parameter
 * that takes part.
 */
export function lossAndGradients(
  model: AudioClassificationModel,
  batches: Batch[],
  options: StepOptions = {},
): LossAndGradients {
  model.startTraining();
  const clips = batches.reduce((sum, batch) => sum + weightOf(batch, options.classWeights), 0);
  const taught = batches.reduce((sum, { shape }) => sum + shape[0]!, 0);
  let sum: LossAndGradients | undefined;
  for (const batch of batches) {
    const part = batchGradients(model, batch, { ...options, clips, taught });
    sum = sum ? accumulate(sum, part) : part;
  }
  return sum!;
}

/** What the clips of a batch count together. */
function weightOf({ labels, mixed, shape }: Batch, classWeights?: readonly number[]): number {
  if (!classWeights) return shape[0]!;
  const weigh = (classes: ArrayLike<number>) => {
    const weight = Array.from(classes, (label) => classWeights[label]!);
    return weight.reduce((sum, own) => sum + own, 0);
  };
  if (!mixed?.labels) return weigh(labels);
  return mixed.share * weigh(labels) + (1 - mixed.share) * weigh(mixed.labels);
}

function batchGradients(
  model: AudioClassificationModel,
  batch: Batch,
  { noise, gradientCheckpointing, teaching, clips, taught, ...loss }: StepOptions & {
    clips: number;
    taught: number;
  },
): LossAndGradients {
  const trainable = new Map([...model.trainable(), ...teaching?.parameters ?? []]);
  const sent = upload(batch);
  const { labels } = sent;
  const { value, grads } = variableGrads(() => {
    const wrapLayer = gradientCheckpointing ? recomputed : undefined;
    const asked = { noise, wrapLayer, outputFeatures: teaching !== undefined };
    const output = sent.output(model, asked);
    const { problemType } = model;
    const known = { ...batch, sent: labels };
    const ofLabels = labelLoss(output.logits, known, { ...loss, problemType, clips });
    return teaching ? teaching.loss(ofLabels, output, { batch, clips: taught }) : ofLabels;
  }, [...trainable.values()]);
  sent.dispose();
  const gradients = new Map<string, Tensor>();
  for (const [name, variable] of trainable) {
    const gradient = grads[variable.name];
    if (gradient) gradients.set(name, gradient);
  }
  return { loss: value, gradients };
}

type LabelLossOptions = LossOptions & Pick<StepOptions, "classWeights">;

/** The loss of the clips' labels, and of those that are mixed in, each times its share. */
function labelLoss(
  logits: Tensor,
  { sent, labels, mixed }: Pick<Batch, "labels" | "mixed"> & { sent: Tensor },
  options: LabelLossOptions,
): Scalar {
  const own = unmixedLoss(logits, { sent, labels }, options);
  if (!mixed?.labels) return own;
  const others = { sent: tensor1d(mixed.labels, "int32"), labels: mixed.labels };
  const rest = unmixedLoss(logits, others, options);
  return add(scale(own, mixed.share), scale(rest, 1 - mixed.share)) as Scalar;
}

function unmixedLoss(
  logits: Tensor,
  { sent, labels }: Pick<Batch, "labels"> & { sent: Tensor },
  { classWeights, ...options }: LabelLossOptions,
): Scalar {
  if (!classWeights) return batchLoss(logits, sent, options);
  return weightedLoss(logits, labels, { ...options, classWeights });
}

function accumulate(sum: LossAndGradients, part: LossAndGradients): LossAndGradients {
  const gradients = new Map(sum.gradients);
  for (const [name, gradient] of part.gradients) {
    const before = gradients.get(name);
    gradients.set(name, before ? addDisposing(before, gradient) : gradient);
  }
  return { loss: addDisposing(sum.loss, part.loss), gradients };
}

/** The sum of two tensors, which it disposes. */
export function addDisposing(a: Tensor, b: Tensor): Tensor {
  const sum = tidy(() => add(a, b));
  a.dispose();
  b.dispose();
  return sum;
}

/** Disposes a loss and its gradients. */
export function disposeGradients({ loss, gradients }: LossAndGradients): void {
  loss.dispose();
  for (const gradient of gradients.values()) gradient.dispose();
}
