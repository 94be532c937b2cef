/**
 * Adafactor over named parameters: of a matrix it keeps mean squares of rows and columns, where AdamW keeps two numbers
 * for each element.
 *
 * Each parameter counts its own steps. The defaults are those with which the reference's Trainer makes it: the rate is
 * the schedule's, and not scaled by the parameter.
 *
 * Source: Shazeer and Stern 2018; `transformers.optimization.Adafactor` 5.18.
 *
 * @module
 */
import { type Tensor, tensor, type Variable, zeros } from "@tensorflow/tfjs-core";
import { type AdafactorAttrs, adafactorStep, globalNorm } from "../../kernels.ts";
import { type ParameterSource, type StoredTensor, storedTensor } from "../../layers/parameters.ts";
import { refuseSetting, settingsOf } from "./_optim_args.ts";
import { decays, type Optimizer, type OptimizerSettings, readAs } from "./optimizer.ts";

/** Settings of Adafactor, from `optimArgs`. */
export interface AdafactorSettings {
  /** Added to each square, and the least scale of a parameter. @default [1e-30, 1e-3] */
  eps?: readonly [number, number];
  /** Updates are scaled down to this root mean square. @default 1 */
  clipThreshold?: number;
  /** Exponent of the step, by which squares are forgotten: from -1 to 0. @default -0.8 */
  decayRate?: number;
  /** What is kept of the update before; without it none is. */
  beta1?: number;
  /** Decay of the parameters, in place of `weightDecay`. */
  weightDecay?: number;
  /** Whether the rate is multiplied by the root mean square of the parameter. @default false */
  scaleParameter?: boolean;
  /** Whether the rate follows from the number of the step, in the place of the schedule. @default false */
  relativeStep?: boolean;
  /** Whether that rate rises from one in a million. @default false */
  warmupInit?: boolean;
}

/** What is kept of one parameter. */
interface Kept {
  rows: Tensor;
  columns?: Tensor;
  mean?: Tensor;
  /** Steps that changed it. */
  steps: number;
}

/** Adafactor; {@linkcode Adafactor.dispose} frees its state. */
export class Adafactor implements Optimizer {
  readonly #parameters: ReadonlyMap<string, Variable>;
  readonly #own: AdafactorSettings;
  readonly #kept = new Map<string, Kept>();
  #learningRate = 0;
  /** The rate of a step, from 1, where it follows from that alone, before it is scaled by the parameter. */
  readonly rateAt?: (step: number) => number;

  /**
   * @param parameters what the steps change, by name.
   * @param own its settings.
   */
  constructor(parameters: ReadonlyMap<string, Variable>, own: AdafactorSettings = {}) {
    this.#parameters = parameters;
    this.#own = own;
    const { relativeStep = false, warmupInit = false } = own;
    if (relativeStep) {
      this.rateAt = (step) => Math.min(warmupInit ? 1e-6 * step : 1e-2, 1 / Math.sqrt(step));
    }
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
    const norm = globalNorm([...gradients.values()]);
    for (const [name, grad] of gradients) {
      const param = this.#parameters.get(name)!;
      const { steps, ...old } = this.#keptOf(name);
      const attrs = this.#attrsOf(name, steps + 1, settings);
      const { param: next, ...kept } = adafactorStep({ param, grad, ...old }, norm, attrs);
      this.#learningRate = attrs.learningRate;
      param.assign(next);
      for (const tensor of [next, ...Object.values(old)]) tensor?.dispose();
      this.#kept.set(name, { ...kept, steps: steps + 1 });
    }
    return norm;
  }

  #attrsOf(name: string, step: number, settings: OptimizerSettings): AdafactorAttrs {
    const { eps: [eps, leastScale] = [1e-30, 1e-3], scaleParameter = false } = this.#own;
    const { clipThreshold = 1, decayRate = -0.8, beta1 = 0 } = this.#own;
    const decay = this.#own.weightDecay ?? settings.weightDecay;
    return {
      learningRate: this.rateAt?.(step) ?? settings.learningRate,
      ...scaleParameter && { leastScale },
      squaresDecay: 1 - step ** decayRate,
      eps,
      clipThreshold,
      beta1,
      weightDecay: decays(name) ? decay : 0,
      maxGradNorm: settings.maxGradNorm,
    };
  }

  #keptOf(name: string): Kept {
    const kept = this.#kept.get(name);
    if (kept) return kept;
    const made = Object.entries(this.#shapesOf(name)).map(([part, shape]) =>
      [part, shape && zeros(shape)] as const
    );
    return { ...Object.fromEntries(made) as Omit<Kept, "steps">, steps: 0 };
  }

  /** Shapes of what is kept of a parameter; undefined of what is not. */
  #shapesOf(name: string): { rows: number[]; columns?: number[]; mean?: number[] } {
    const { shape } = this.#parameters.get(name)!;
    const mean = this.#own.beta1 === undefined ? undefined : shape;
    if (shape.length < 2) return { rows: shape, mean };
    const columns = [...shape.slice(0, -2), ...shape.slice(-1)];
    return { rows: shape.slice(0, -1), columns, mean };
  }

  /** The state for saving: `rows.<name>`, `columns.<name>`, `mean.<name>` and the scalar `step.<name>`. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, { steps, ...parts }] of this.#kept) {
      for (const [part, kept] of Object.entries(parts)) {
        if (kept) yield storedTensor(`${part}.${name}`, kept);
      }
      const values = () => Promise.resolve(Float32Array.of(steps));
      yield { name: `step.${name}`, dtype: "F32", shape: [], values };
    }
  }

  /**
   * Takes back what {@linkcode Adafactor.tensors} gave.
   *
   * @throws {CheckpointError} when a tensor is missing or has another shape than its parameter asks for.
   */
  async restore(saved: ParameterSource): Promise<void> {
    this.dispose();
    for (const name of this.#parameters.keys()) {
      if (saved.shape(`rows.${name}`) === undefined) continue;
      const parts: Record<string, Tensor> = {};
      for (const [part, shape] of Object.entries(this.#shapesOf(name))) {
        if (!shape) continue;
        parts[part] = tensor(await readAs(saved, `${part}.${name}`, shape), shape);
      }
      const [steps] = await readAs(saved, `step.${name}`, []);
      this.#kept.set(name, { ...parts as Record<"rows", Tensor>, steps: steps! });
    }
  }

  /** Frees the state. */
  dispose(): void {
    for (const { rows, columns, mean } of this.#kept.values()) {
      for (const tensor of [rows, columns, mean]) tensor?.dispose();
    }
    this.#kept.clear();
  }
}

/** What the settings may be. */
const KINDS = {
  eps: "pair",
  clip_threshold: [1e-6, 1e6],
  decay_rate: [-1, 0],
  beta1: [0, 0.999999999],
  weight_decay: [0, 10],
  scale_parameter: "flag",
  relative_step: "flag",
  warmup_init: "flag",
} as const;

/**
 * The settings in `optimArgs`: "scale_parameter=true,eps=(1e-30,0.001)", under the names of the reference.
 *
 * @throws {RangeError} for a setting that there is none of, and a value out of range.
 */
export function adafactorSettings(optimArgs = ""): AdafactorSettings {
  const given = settingsOf(optimArgs, KINDS);
  if (given.warmup_init && !given.relative_step) {
    refuseSetting("relative_step=true beside warmup_init", optimArgs);
  }
  return {
    eps: given.eps,
    clipThreshold: given.clip_threshold,
    decayRate: given.decay_rate,
    beta1: given.beta1,
    weightDecay: given.weight_decay,
    scaleParameter: given.scale_parameter,
    relativeStep: given.relative_step,
    warmupInit: given.warmup_init,
  };
}
