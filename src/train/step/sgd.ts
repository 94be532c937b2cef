/**
 * Stochastic gradient descent with momentum, under PyTorch's settings.
 *
 * Clipping and decay are those of `adamwSteps`, whose step is the gradient itself where its epsilon drowns the second
 * moment; so there is no kernel of its own to keep.
 *
 * Source: `torch.optim.SGD` 2.13, with the settings that transformers 5.18 hands it from `optim_args`.
 *
 * @module
 */
import { type Tensor, tensor, tidy, type Variable, zeros } from "@tensorflow/tfjs-core";
import { adamwSteps, globalNorm, scale } from "../../kernels.ts";
import { type ParameterSource, type StoredTensor, storedTensor } from "../../layers/parameters.ts";
import { refuseSetting, settingsOf } from "./_optim_args.ts";
import { decays, type Optimizer, type OptimizerSettings, readAs } from "./optimizer.ts";

/** Settings of gradient descent, from `optimArgs`. */
export interface SgdSettings {
  /** What is kept of the last step. @default 0 */
  momentum?: number;
  /** What of a gradient does not join it. @default 0 */
  dampening?: number;
  /** Decay of the parameters, in place of `weightDecay`. */
  weightDecay?: number;
  /** Whether a step looks ahead along the momentum. @default false */
  nesterov?: boolean;
}

/** A power of two, so that multiplying and dividing by it rounds nothing, and far above any gradient. */
const DROWNING = 2 ** 40;

/** Gradient descent; {@linkcode Sgd.dispose} frees its momentum. */
export class Sgd implements Optimizer {
  readonly #parameters: ReadonlyMap<string, Variable>;
  readonly #own: SgdSettings;
  readonly #momentum = new Map<string, Tensor>();
  #learningRate = 0;

  /**
   * @param parameters what the steps change, by name.
   * @param own momentum and its kind.
   */
  constructor(parameters: ReadonlyMap<string, Variable>, own: SgdSettings = {}) {
    this.#parameters = parameters;
    this.#own = own;
  }

  /** Learning rate of the last step; 0 before the first. */
  get learningRate(): number {
    return this.#learningRate;
  }

  /**
   * One step along the gradients; parameters without one stay as they are.
   *
   * @returns the norm of all gradients before clipping, a scalar that the caller disposes.
   */
  step(gradients: ReadonlyMap<string, Tensor>, settings: OptimizerSettings): Tensor {
    const { learningRate } = settings;
    this.#learningRate = learningRate;
    const norm = globalNorm([...gradients.values()]);
    const directions = this.#withDecay(gradients, norm, settings);
    for (const [i, name] of [...gradients.keys()].entries()) {
      const direction = directions[i]!;
      const update = this.#update(name, direction);
      const parameter = this.#parameters.get(name)!;
      const next = tidy(() => scale(update, -learningRate, parameter));
      parameter.assign(next);
      for (const tensor of new Set([direction, update, next])) {
        if (tensor !== this.#momentum.get(name)) tensor.dispose();
      }
    }
    return norm;
  }

  /** Each gradient, clipped, and what decay adds to it. */
  #withDecay(
    gradients: ReadonlyMap<string, Tensor>,
    norm: Tensor,
    settings: OptimizerSettings,
  ): Tensor[] {
    const names = [...gradients.keys()];
    const states = names.map((name) => {
      const param = this.#parameters.get(name)!.clone();
      const { shape } = param;
      return { param, grad: gradients.get(name)!, m: zeros(shape), v: zeros(shape) };
    });
    const decay = this.#own.weightDecay ?? settings.weightDecay;
    const steps = names.map((name) => ({
      learningRate: -DROWNING,
      beta1: 0,
      beta2: 0,
      eps: DROWNING,
      weightDecay: ((decays(name) ? decay : 0) - 1) / DROWNING,
      step: 1,
      maxGradNorm: settings.maxGradNorm,
    }));
    return adamwSteps(states, norm, steps).map(([direction, m, v], i) => {
      const { param, m: oldM, v: oldV } = states[i]!;
      for (const tensor of [m, v, param, oldM, oldV]) tensor.dispose();
      return direction;
    });
  }

  /** Which way a parameter goes: the first time along its gradient, then along the momentum. */
  #update(name: string, direction: Tensor): Tensor {
    const { momentum = 0, dampening = 0, nesterov = false } = this.#own;
    if (momentum === 0) return direction;
    const before = this.#momentum.get(name);
    const now = tidy(() =>
      before ? scale(before, momentum, scale(direction, 1 - dampening)) : scale(direction, 1)
    );
    before?.dispose();
    this.#momentum.set(name, now);
    return nesterov ? tidy(() => scale(now, momentum, direction)) : now;
  }

  /** The state for saving: `momentum.<name>`. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, momentum] of this.#momentum) {
      yield storedTensor(`momentum.${name}`, momentum);
    }
  }

  /**
   * Takes back what {@linkcode Sgd.tensors} gave.
   *
   * @throws {CheckpointError} when a tensor has another shape than its parameter.
   */
  async restore(saved: ParameterSource): Promise<void> {
    this.dispose();
    for (const [name, { shape }] of this.#parameters) {
      const key = `momentum.${name}`;
      if (saved.shape(key) === undefined) continue;
      this.#momentum.set(name, tensor(await readAs(saved, key, shape), shape));
    }
  }

  /** Frees the momentum. */
  dispose(): void {
    for (const momentum of this.#momentum.values()) momentum.dispose();
    this.#momentum.clear();
  }
}

/** What the settings may be. */
const KINDS = {
  momentum: [0, 1],
  dampening: [0, 1],
  weight_decay: [0, 10],
  nesterov: "flag",
} as const;

/**
 * The settings in `optimArgs`: "momentum=0.9,nesterov=true", as the reference writes them.
 *
 * @throws {RangeError} for a setting that there is none of, and a value out of range.
 */
export function sgdSettings(optimArgs = ""): SgdSettings {
  const { weight_decay: weightDecay, ...settings } = settingsOf(optimArgs, KINDS);
  const { nesterov, momentum = 0, dampening = 0 } = settings;
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    refuseSetting("momentum and no dampening beside nesterov", optimArgs);
  }
  return weightDecay === undefined ? settings : { ...settings, weightDecay };
}
