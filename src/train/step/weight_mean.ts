/**
 * A moving average of the weights over the steps, which is often the better model than the weights of any one step.
 *
 * After step t it keeps the share `d = min(decay, t / (t + 9))` of itself, so that the weights of the beginning are
 * forgotten soon: `mean' = d mean + (1 - d) weights`.
 *
 * Source: Polyak and Juditsky 1992; the rising share is that of TensorFlow's `ExponentialMovingAverage`.
 *
 * @module
 */
import { type Tensor, tensor, tidy, type Variable } from "@tensorflow/tfjs-core";
import { scale } from "../../kernels.ts";
import { type ParameterSource, type StoredTensor, storedTensor } from "../../layers/parameters.ts";
import type { MoreState } from "../checkpoints/checkpoint.ts";
import { readAs } from "./optimizer.ts";

const EARLY_STEPS = 9;

/** The average of the weights that training changes; {@linkcode WeightMean.dispose} frees it. */
export class WeightMean implements MoreState {
  /** Where a checkpoint keeps the weights themselves; its model is the mean. */
  readonly file = "last_weights.safetensors";
  readonly #weights: ReadonlyMap<string, Variable>;
  readonly #decay: number;
  readonly #mean = new Map<string, Tensor>();

  /** @param weights what it is the mean of, by name. */
  constructor(weights: ReadonlyMap<string, Variable>, decay: number) {
    this.#weights = weights;
    this.#decay = decay;
    for (const [name, weight] of weights) this.#mean.set(name, weight.clone());
  }

  /** Takes in the weights after a step, counted from 1. */
  add(step: number): void {
    const kept = Math.min(this.#decay, step / (step + EARLY_STEPS));
    for (const [name, weight] of this.#weights) {
      const next = tidy(() => scale(weight, 1 - kept, scale(this.#mean.get(name)!, kept)));
      this.#replace(name, next);
    }
  }

  /** Puts the mean into the model, and the weights aside; done again, it takes that back. */
  exchange(): void {
    for (const [name, weight] of this.#weights) {
      const own = weight.clone();
      weight.assign(this.#mean.get(name)!);
      this.#replace(name, own);
    }
  }

  /** Does something with the mean in the model. */
  async inModel<T>(body: () => Promise<T>): Promise<T> {
    this.exchange();
    try {
      return await body();
    } finally {
      this.exchange();
    }
  }

  /** What is not in the model, for saving. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, mean] of this.#mean) yield storedTensor(name, mean);
  }

  /**
   * Goes on from a model that holds the mean: takes it from there, and the weights from what was put aside.
   *
   * @throws {CheckpointError} when a tensor is missing or has another shape than its weight.
   */
  async restore(aside: ParameterSource): Promise<void> {
    for (const [name, weight] of this.#weights) {
      this.#replace(name, weight.clone());
      const own = tensor(await readAs(aside, name, weight.shape), weight.shape);
      weight.assign(own);
      own.dispose();
    }
  }

  #replace(name: string, next: Tensor): void {
    this.#mean.get(name)!.dispose();
    this.#mean.set(name, next);
  }

  /** Frees it. */
  dispose(): void {
    for (const mean of this.#mean.values()) mean.dispose();
    this.#mean.clear();
  }
}
