/**
 * AdamW over named parameters, its state on the device.
 *
 * Weight decay leaves biases and norms alone, told by their names as the reference's Trainer does.
 *
 * Source: Loshchilov and Hutter 2019; `get_decay_parameter_names` of transformers 5.18.
 *
 * @module
 */
import { type Tensor, tensor, type Variable, zeros } from "@tensorflow/tfjs-core";
import { adamwStep, globalNorm } from "../kernels.ts";
import { type ParameterSource, type StoredTensor, storedTensor } from "../layers/parameters.ts";

/** What one step is told. */
export interface OptimizerSettings {
  learningRate: number;
  adamBeta1: number;
  adamBeta2: number;
  adamEpsilon: number;
  weightDecay: number;
  maxGradNorm: number;
}

interface Moments {
  m: Tensor;
  v: Tensor;
}

const NOT_DECAYED = /bias|layernorm|rmsnorm|(^|\.|_)norm(\.|$)/i;

/** Whether weight decay applies to a parameter of this name. */
export function decays(name: string): boolean {
  return !NOT_DECAYED.test(name);
}

/** AdamW (decoupled weight decay) with gradient clipping; {@linkcode AdamW.dispose} frees its state. */
export class AdamW {
  /** Steps taken so far. */
  steps = 0;
  readonly #parameters: ReadonlyMap<string, Variable>;
  readonly #moments = new Map<string, Moments>();

  /** @param parameters what the steps change, by name. */
  constructor(parameters: ReadonlyMap<string, Variable>) {
    this.#parameters = parameters;
  }

  /**
   * One step along the gradients; parameters without one stay as they are.
   *
   * @returns the norm of all gradients before clipping, a scalar that the caller disposes.
   */
  step(gradients: ReadonlyMap<string, Tensor>, settings: OptimizerSettings): Tensor {
    this.steps++;
    const norm = globalNorm([...gradients.values()]);
    for (const [name, grad] of gradients) this.#update(name, grad, norm, settings);
    return norm;
  }

  #update(name: string, grad: Tensor, norm: Tensor, settings: OptimizerSettings): void {
    const variable = this.#parameters.get(name)!;
    const old = this.#moments.get(name) ?? { m: zeros(grad.shape), v: zeros(grad.shape) };
    const [param, m, v] = adamwStep({ param: variable, grad, ...old, norm }, {
      learningRate: settings.learningRate,
      beta1: settings.adamBeta1,
      beta2: settings.adamBeta2,
      eps: settings.adamEpsilon,
      weightDecay: decays(name) ? settings.weightDecay : 0,
      step: this.steps,
      maxGradNorm: settings.maxGradNorm,
    });
    old.m.dispose();
    old.v.dispose();
    variable.assign(param);
    param.dispose();
    this.#moments.set(name, { m, v });
  }

  /** The state for saving: `m.<name>` and `v.<name>`. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, { m, v }] of this.#moments) {
      yield storedTensor(`m.${name}`, m);
      yield storedTensor(`v.${name}`, v);
    }
  }

  /** Takes back what {@linkcode AdamW.tensors} gave, after so many steps. */
  async restore(steps: number, saved: ParameterSource): Promise<void> {
    this.dispose();
    this.steps = steps;
    for (const [name, { shape }] of this.#parameters) {
      if (saved.shape(`m.${name}`) === undefined) continue;
      const [m, v] = [await saved.read(`m.${name}`), await saved.read(`v.${name}`)];
      this.#moments.set(name, { m: tensor(m, shape), v: tensor(v, shape) });
    }
  }

  /** Frees the state. */
  dispose(): void {
    for (const { m, v } of this.#moments.values()) {
      m.dispose();
      v.dispose();
    }
    this.#moments.clear();
  }
}
