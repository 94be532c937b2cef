/**
 * Low-rank changes of a model's attention projections: which layers take one, how they start, and what the model's
 * weights are with them.
 *
 * The change of a weight is `alpha / rank * B A`. Layers apply it unmerged (`layers/linear.ts`); saving
 * merges them, so that a saved model is like any other. The names of A and B are those of peft.
 *
 * Source: Hu et al. 2021; initial values as in peft's `LoraLayer`.
 *
 * @module
 */
import { Tensor, tensor, util, variable, zeros } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../errors.ts";
import type { LinearParams, LoraParams } from "../layers/linear.ts";
import type { Noise } from "../layers/noise.ts";
import { type ParameterSource, type StoredTensor, storedTensor } from "../layers/parameters.ts";
import type { Variable } from "../layers/tensor.ts";
import { Random } from "../random.ts";
import type { Architecture } from "./architecture.ts";

/** How low-rank changes are added to a model. */
export interface LoraOptions {
  /** Rank of each change. */
  rank: number;
  /** The change is multiplied by `alpha / rank`. @default 2 * rank */
  alpha?: number;
  /** Dropout of what a change sees, in training. @default 0 */
  dropout?: number;
  /**
   * Which projections are changed: `q_proj`, `k_proj`, `v_proj` and `out_proj` in any architecture, or the names
   * that the architecture's checkpoints use. @default ["q_proj", "v_proj"]
   */
  target?: readonly string[];
  /** Seed of the first values of A. @default 42 */
  seed?: number;
}

/** The attention projections, as most architectures name them. */
export type AttentionProjection = "q_proj" | "k_proj" | "v_proj" | "out_proj";

/** One changed weight. */
interface Adapter {
  /** Hub name of the weight. */
  name: string;
  weight: Variable;
  a: Variable;
  b: Variable;
  lora: LoraParams;
  layer: LinearParams;
}

/** The low-rank changes of one model. */
export class Lora {
  /** A and B of every changed weight, under peft's names. */
  readonly parameters: ReadonlyMap<string, Variable>;
  /** Rank, factor and dropout of each change. */
  readonly settings: Required<Pick<LoraOptions, "rank" | "alpha" | "dropout">>;
  readonly #adapters: ReadonlyMap<string, Adapter>;

  /**
   * Puts changes into the layers of a model; B starts at zero, so that the model's scores stay the same.
   *
   * @param model its architecture, its parameters nested and by hub name.
   * @param options rank, factor and targets.
   * @throws {RangeError} where a target names no attention projection of the model.
   */
  constructor(
    model: {
      architecture: Architecture;
      params: unknown;
      parameters: ReadonlyMap<string, Variable>;
    },
    options: LoraOptions,
  ) {
    const { architecture, params, parameters } = model;
    const layers = linearLayers(params);
    const names = targetWeights(architecture, [...parameters.keys()], options.target);
    const random = new Random(options.seed ?? 42);
    const { rank, alpha = 2 * rank, dropout = 0 } = options;
    this.settings = { rank, alpha, dropout };
    const adapters = names.map((name) => {
      const weight = parameters.get(name)!;
      return newAdapter(name, { weight, layer: layers.get(weight)! }, this.settings, random);
    });
    this.#adapters = new Map(adapters.map((adapter) => [adapter.name, adapter]));
    this.parameters = new Map(
      adapters.flatMap(({ name, a, b }) => [
        [peftName(name, "lora_A"), a] as const,
        [peftName(name, "lora_B"), b] as const,
      ]),
    );
  }

  /** Hub names of the changed weights. */
  get names(): string[] {
    return [...this.#adapters.keys()];
  }

  /** The random stream of the next pass; undefined in evaluation. */
  useNoise(noise: Noise | undefined): void {
    for (const { lora } of this.#adapters.values()) lora.noise = noise;
  }

  /** The values of a parameter with its change, `W + scale * B A` summed in double precision; undefined without one. */
  merged(name: string): (() => Promise<Float32Array>) | undefined {
    const adapter = this.#adapters.get(name);
    return adapter && (() => mergedWeight(adapter));
  }

  /** A and B, and the weights that they change as they were, for an exact continuation. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, values] of this.parameters) yield storedTensor(name, values);
    for (const [name, { weight }] of this.#adapters) yield storedTensor(name, weight);
  }

  /**
   * Takes back what {@linkcode Lora.tensors} gave.
   *
   * @throws {CheckpointError} when one is missing or has another shape.
   */
  async assign(source: ParameterSource): Promise<void> {
    const weights = [...this.#adapters].map(([name, { weight }]) => [name, weight] as const);
    for (const [name, parameter] of [...this.parameters, ...weights]) {
      const stored = source.shape(name);
      if (!stored || !util.arraysEqual([...stored], parameter.shape)) {
        const found = stored ? `[${stored}]` : "nothing";
        throw new CheckpointError(
          `Cannot load tensor "${name}" of "${source.file}": expected shape [${parameter.shape}], found ${found}`,
          { file: source.file, key: name, hint: "Train with the rank and targets it began with" },
        );
      }
      const values = tensor(await source.read(name), parameter.shape);
      parameter.assign(values);
      values.dispose();
    }
  }

  /** Takes the changes out of the layers, and gives their memory back. */
  dispose(): void {
    for (const { layer, a, b } of this.#adapters.values()) {
      layer.lora = undefined;
      a.dispose();
      b.dispose();
    }
  }
}

/** "wav2vec2.encoder.layers.0.attention.q_proj.weight" as peft names its A or B. */
function peftName(weightName: string, part: "lora_A" | "lora_B"): string {
  return `base_model.model.${weightName.replace(/weight$/, `${part}.weight`)}`;
}

/** Hub names of the weights that the targets stand for, in the model's order. */
function targetWeights(
  architecture: Architecture,
  names: readonly string[],
  target: readonly string[] = ["q_proj", "v_proj"],
): string[] {
  const projections = architecture.attentionProjections ?? PROJECTIONS;
  const wanted = target.map((word) => {
    if (Object.hasOwn(projections, word)) return projections[word as AttentionProjection];
    const own = Object.values(projections).find((path) => `.${path}`.endsWith(`.${word}`));
    if (own) return own;
    throw new RangeError(
      `Cannot adapt layers "${word}" of a model of type "${architecture.modelType}": expected ${
        Object.keys(projections).join(", ") || "a model with attention"
      }`,
    );
  });
  return names.filter((name) =>
    name.startsWith(architecture.layersPrefix) &&
    wanted.some((path) => name.endsWith(`.${path}.weight`))
  );
}

const PROJECTIONS: Readonly<Record<AttentionProjection, string>> = {
  q_proj: "q_proj",
  k_proj: "k_proj",
  v_proj: "v_proj",
  out_proj: "out_proj",
};

/** Uniform A within `1 / sqrt(I)`, B of zeros. */
function newAdapter(
  name: string,
  { weight, layer }: { weight: Variable; layer: LinearParams },
  { rank, alpha, dropout }: Lora["settings"],
  random: Random,
): Adapter {
  const [outputs, inputs] = weight.shape as [number, number];
  const bound = 1 / Math.sqrt(inputs);
  const drawn = Float32Array.from(
    { length: rank * inputs },
    () => bound * (2 * random.uniform() - 1),
  );
  const first = [tensor(drawn, [rank, inputs]), zeros([outputs, rank])];
  const [a, b] = first.map((values) => variable(values)) as [Variable, Variable];
  for (const values of first) values.dispose();
  const lora = { a, b, scale: alpha / rank, dropoutRate: dropout };
  layer.lora = lora;
  return { name, weight, a, b, lora, layer };
}

async function mergedWeight({ weight, a, b, lora }: Adapter): Promise<Float32Array> {
  const [base, narrow, wide] = await Promise.all(
    [weight, a, b].map((part) => part.data() as Promise<Float32Array>),
  ) as [Float32Array, Float32Array, Float32Array];
  return withChange(base, { a: narrow, b: wide, rank: a.shape[0]!, scale: lora.scale });
}

/**
 * A weight with its change, summed in double precision.
 *
 * **Shape** `base [O, I]`, `a [R, I]`, `b [O, R]` -> `[O, I]`
 */
export function withChange(
  base: Float32Array,
  { a, b, rank, scale }: { a: Float32Array; b: Float32Array; rank: number; scale: number },
): Float32Array {
  const inputs = a.length / rank;
  const merged = new Float32Array(base.length);
  for (let i = 0; i < merged.length; i++) {
    const [row, column] = [Math.floor(i / inputs), i % inputs];
    let change = 0;
    for (let r = 0; r < rank; r++) change += b[row * rank + r]! * a[r * inputs + column]!;
    merged[i] = base[i]! + scale * change;
  }
  return merged;
}

/** All linear layers in nested plain data, by their weight. */
function linearLayers(params: unknown): Map<Tensor, LinearParams> {
  const layers = new Map<Tensor, LinearParams>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null || node instanceof Tensor) return;
    const { weight } = node as Partial<LinearParams>;
    if (weight instanceof Tensor) layers.set(weight, node as LinearParams);
    for (const child of Object.values(node)) visit(child);
  };
  visit(params);
  return layers;
}
