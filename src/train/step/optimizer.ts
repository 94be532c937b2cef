/**
 * AdamW over named parameters, its state on the device.
 *
 * Weight decay leaves biases and norms alone, chosen by their names as the reference's Trainer does. Each parameter
 * counts its own steps for the bias correction, as in PyTorch, since layer drop leaves some out of a step.
 *
 * Source: Loshchilov and Hutter 2019; `get_decay_parameter_names` of transformers 5.18.
 *
 * @module
 */
import { type Tensor, tensor, util, type Variable, zeros } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../errors.ts";
import { type AdamwAttrs, adamwSteps, globalNorm } from "../../kernels.ts";
import { type ParameterSource, type StoredTensor, storedTensor } from "../../layers/parameters.ts";

/** Settings of one step. */
export interface OptimizerSettings {
  learningRate: number;
  adamBeta1: number;
  adamBeta2: number;
  adamEpsilon: number;
  weightDecay: number;
  maxGradNorm: number;
}

/** What changes the parameters of a run. */
export interface Optimizer {
  /** Learning rate of the last step; 0 before the first. */
  readonly learningRate: number;
  /** The rate of a step, from 1, of an optimiser that makes its own; absent where the schedule's is taken. */
  readonly rateAt?: (step: number) => number;
  /** One step along the gradients; returns their norm, which the caller disposes. */
  step(gradients: ReadonlyMap<string, Tensor>, settings: OptimizerSettings): Tensor;
  /** The state for saving. */
  tensors(): Iterable<StoredTensor>;
  /** Takes that back. */
  restore(saved: ParameterSource): Promise<void>;
  /** Frees the state. */
  dispose(): void;
}

/** What AdamW knows of one parameter. */
interface Moments {
  m: Tensor;
  v: Tensor;
  /** Steps that changed it: those in which its layer was dropped do not count. */
  steps: number;
}

/** CED's norms are known by their place: before its classifier, and by number before the halves of a layer. */
const NOT_DECAYED = /bias|layernorm|rmsnorm|(^|\.|_)norm[12]?(\.|$)|^outputlayer\.0\./i;

/** Whether weight decay applies to a parameter of this name. */
export function decays(name: string): boolean {
  return !NOT_DECAYED.test(name);
}

/** AdamW (decoupled weight decay) with gradient clipping; {@linkcode AdamW.dispose} frees its state. */
export class AdamW implements Optimizer {
  readonly #parameters: ReadonlyMap<string, Variable>;
  readonly #moments = new Map<string, Moments>();
  #learningRate = 0;

  /** @param parameters what the steps change, by name. */
  constructor(parameters: ReadonlyMap<string, Variable>) {
    this.#parameters = parameters;
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
    this.#learningRate = settings.learningRate;
    const norm = globalNorm([...gradients.values()]);
    const names = [...gradients.keys()];
    const old = names.map((name) => this.#momentsOf(name));
    const states = names.map((name, i) => {
      const { m, v } = old[i]!;
      return { param: this.#parameters.get(name)!, grad: gradients.get(name)!, m, v };
    });
    const steps = names.map((name, i) => attrsOf(name, old[i]!.steps + 1, settings));
    let i = 0;
    for (const [param, m, v] of adamwSteps(states, norm, steps)) {
      old[i]!.m.dispose();
      old[i]!.v.dispose();
      states[i]!.param.assign(param);
      param.dispose();
      this.#moments.set(names[i]!, { m, v, steps: steps[i]!.step });
      i++;
    }
    return norm;
  }

  #momentsOf(name: string): Moments {
    const { shape } = this.#parameters.get(name)!;
    return this.#moments.get(name) ?? { m: zeros(shape), v: zeros(shape), steps: 0 };
  }

  /** The state for saving: `m.<name>`, `v.<name>` and the scalar `step.<name>`. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, { m, v, steps }] of this.#moments) {
      yield storedTensor(`m.${name}`, m);
      yield storedTensor(`v.${name}`, v);
      const values = () => Promise.resolve(Float32Array.of(steps));
      yield { name: `step.${name}`, dtype: "F32", shape: [], values };
    }
  }

  /**
   * Takes back what {@linkcode AdamW.tensors} gave.
   *
   * @throws {CheckpointError} when a tensor is missing or has another shape than its parameter.
   */
  async restore(saved: ParameterSource): Promise<void> {
    this.dispose();
    for (const [name, { shape }] of this.#parameters) {
      if (saved.shape(`m.${name}`) === undefined) continue;
      const m = await readAs(saved, `m.${name}`, shape);
      const v = await readAs(saved, `v.${name}`, shape);
      const [steps] = await readAs(saved, `step.${name}`, []);
      this.#moments.set(name, { m: tensor(m, shape), v: tensor(v, shape), steps: steps! });
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

function attrsOf(name: string, step: number, settings: OptimizerSettings): AdamwAttrs {
  return {
    learningRate: settings.learningRate,
    beta1: settings.adamBeta1,
    beta2: settings.adamBeta2,
    eps: settings.adamEpsilon,
    weightDecay: decays(name) ? settings.weightDecay : 0,
    step,
    maxGradNorm: settings.maxGradNorm,
  };
}

/**
 * A saved tensor of a parameter.
 *
 * @throws {CheckpointError} when it is missing or has another shape.
 */
export async function readAs(
  saved: ParameterSource,
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const stored = saved.shape(name);
  if (stored && util.arraysEqual([...stored], [...shape])) return await saved.read(name);
  const found = stored ? `[${stored}]` : "nothing";
  throw new CheckpointError(
    `Cannot resume from "${saved.file}": expected shape [${shape}] of "${name}", found ${found}`,
    { file: saved.file, key: name },
  );
}
