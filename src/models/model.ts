/**
 * A classification model of any architecture: config, labels, named parameters and the forward pass.
 *
 * Not here: samples (`features`), files (`pretrained.ts`), the optimiser (`train`).
 *
 * @module
 */
import { tensor, util } from "@tensorflow/tfjs-core";
import { CheckpointError, UnsupportedOpError } from "../errors.ts";
import {
  ParameterReader,
  type ParameterReaderOptions,
  type ParameterSource,
  type SavedDtype,
  type StoredTensor,
  storedTensor,
} from "../layers/parameters.ts";
import { disposeWeight, type WeightPrecision } from "../kernels.ts";
import { Random } from "../random.ts";
import { ConfigReader, type JsonObject } from "./_config_reader.ts";
import { labelFields, labelsOf } from "./labels.ts";
import type { ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";
import { InferenceModel, type InferenceParts, type ModelOrigin } from "./inference_model.ts";
import { Lora, type LoraOptions } from "./lora.ts";
import { isOfNeighbours, readNeighbours } from "./neighbours.ts";
import { type ProblemType, problemTypeOf } from "./problem_type.ts";
import { headedArchitectureOf } from "./registry.ts";
import { hasOwnScores, ownConfigOf, withoutOwnScores, withOwnScores } from "./_own_config.ts";
import { followsVersion4, followVersion5, VERSION_5 } from "./_weighted_sum.ts";
import type { Variable } from "../layers/tensor.ts";

export type { JsonObject };

/** How a model is made from a config and a checkpoint. */
export interface BuildModelOptions {
  /** Name of the config file, for messages. @default "config.json" */
  file?: string;
  /** The checkpoint; without one every parameter is drawn at random. */
  source?: ParameterReaderOptions["source"];
  /** Class names in place of the config's; another number of them means a new classifier. */
  labels?: readonly string[];
  /** What the outputs mean, in place of the config's `problem_type`. */
  problemType?: ProblemType;
  /** Seed of the parameters that are drawn. @default 42 */
  seed?: number;
  /** Whether a tensor of another shape is drawn anew instead of refused. @default false */
  ignoreMismatchedSizes?: boolean;
  /** Where the weights come from. @default unknown */
  origin?: ModelOrigin;
  /** Called where the model answers otherwise than in transformers of today. @default console.warn */
  onWarning?: (message: string) => void;
}

/** The precision in which weights are held: one for all, or chosen by hub name. */
export type ChosenPrecision = WeightPrecision | ((name: string) => WeightPrecision);

/** What {@linkcode buildModel} puts together. */
export interface ModelParts extends InferenceParts {
  /** The parameters that training may change, by hub name. */
  parameters: ReadonlyMap<string, Variable>;
}

/**
 * Makes a model that can be trained, reading or drawing each of its parameters on the device in use.
 *
 * @throws {CheckpointError} when the config or a tensor does not fit.
 * @throws {RangeError} when the list of labels is empty.
 *
 * @example
 * ```ts
 * import { buildModel } from "@earshot/earshot/models";
 * import { useDevice } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * await useDevice();
 * const sizes = { hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 1 };
 * const model = await buildModel({ model_type: "wav2vec2", ...sizes }, { labels: ["no", "yes"] });
 * equal(model.id2label[1], "yes");
 * model.dispose();
 * ```
 */
export async function buildModel(
  json: JsonObject,
  options: BuildModelOptions = {},
): Promise<AudioClassificationModel> {
  const { known, source } = await describeModel(json, options);
  return new AudioClassificationModel(await loadParameters(known, { ...options, source }));
}

/**
 * Makes a model that answers and cannot be trained: each weight is laid out as it comes, so that it is in memory once.
 *
 * @param precision see {@linkcode AudioClassificationModel.prepare}. @default "float32"
 * @throws {CheckpointError} when the config or a tensor does not fit.
 * @throws {RangeError} when the list of labels is empty.
 *
 * @example
 * ```ts
 * import { buildInferenceModel } from "@earshot/earshot/models";
 * import { useDevice } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * await useDevice();
 * const sizes = { hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 1 };
 * const config = { model_type: "wav2vec2", ...sizes };
 * const model = await buildInferenceModel(config, { labels: ["no", "yes"] }, "int8");
 * const second = { inputValues: new Float32Array(16_000), shape: [1, 16_000] };
 * equal((await model.logits(second))[0]!.length, 2);
 * model.dispose();
 * ```
 */
export async function buildInferenceModel(
  json: JsonObject,
  options: BuildModelOptions = {},
  precision: ChosenPrecision = "float32",
): Promise<InferenceModel> {
  const { known, source } = await describeModel(json, options);
  return new InferenceModel(await loadParameters(known, { ...options, source, precision }));
}

/** All that is known of a model before its weights. */
type ModelDescription = Omit<ModelParts, "params" | "parameters" | "weights" | "found" | "loading">;

async function describeModel(
  json: JsonObject,
  options: BuildModelOptions,
): Promise<{ known: ModelDescription; source: BuildModelOptions["source"] }> {
  const { file = "config.json", origin = {} } = options;
  const stored = await headedArchitectureOf(json, file);
  // Classes of one's own are those of clips, whatever the checkpoint was for.
  const isOwn = options.labels !== undefined && stored.plain !== undefined;
  const architecture = isOwn ? stored.plain! : stored;
  const source = isOwn && options.source ? stored.baseOf!(options.source) : options.source;
  const fields = new ConfigReader(json, file);
  const classes = source && architecture.storedClasses?.(source);
  const isSilent = !["id2label", "num_labels"].some((key) => fields.has(key));
  const named = classes !== undefined && isSilent
    ? new ConfigReader({ ...json, num_labels: classes }, file)
    : fields;
  const labels = options.labels ?? labelsOf(named);
  if (labels.length === 0) throw new RangeError("Cannot make a model: expected labels, found none");
  const config = architecture.parseConfig(fields, labels.length);
  const problemType = options.problemType ?? problemTypeOf(fields, labels.length, architecture);
  if (followsVersion4(json)) {
    (options.onWarning ?? console.warn)(
      `"${
        origin.file ?? file
      }" was written by transformers ${json.transformers_version}, and its weighted sum takes the ` +
        "last layer after the final norm, as version 4 does; version 5 takes it before, and scores otherwise. " +
        "Trained further, the model follows version 5",
    );
  }
  const isSame = labels === options.labels && hasOwnScores(json)
    ? isEqualList(labels, labelsOf(fields))
    : true;
  const kept = isSame ? json : withoutOwnScores(json);
  const known = { architecture, json: kept, config, labels, problemType, origin };
  return { known, source };
}

function isEqualList(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((item, i) => item === others[i]);
}

/** Reads or draws the parameters; where a precision is given, weights are laid out in it. */
async function loadParameters(
  known: ModelDescription,
  options: Pick<BuildModelOptions, "source" | "seed" | "ignoreMismatchedSizes" | "labels"> & {
    precision?: ChosenPrecision;
  },
): Promise<ModelParts> {
  const { architecture: { basePrefix, outerPrefix, load } } = known;
  const { source, seed = 42, ignoreMismatchedSizes, precision } = options;
  const random = new Random(seed);
  const prepare = typeof precision === "string" ? () => precision : precision;
  const mismatchHint = options.labels &&
    "With the option ignoreMismatchedSizes, a classifier of other classes is drawn anew";
  const reader = new ParameterReader({
    ...{ source, basePrefix, outerPrefix, random, ignoreMismatchedSizes, prepare, mismatchHint },
  });
  try {
    const params = await load(reader, known.config);
    const { parameters, weights, found } = reader;
    const report = reader.report();
    const unexpected = report.unexpected.filter((name) => !isOfNeighbours(name));
    const loading = { ...report, unexpected };
    const classes = known.labels.length;
    const neighbours = source &&
      await readNeighbours(source, { classes, isAsked: options.labels !== undefined });
    return { ...known, params, parameters, weights, found, loading, neighbours };
  } catch (error) {
    for (const weight of reader.weights.values()) disposeWeight(weight);
    throw error;
  }
}

/** An audio-classification model on the device in use that can be trained, saved, and prepared for answering. */
export class AudioClassificationModel extends InferenceModel {
  /** Parameters under their hub names, in the order of the architecture. */
  readonly parameters: ReadonlyMap<string, Variable>;
  readonly #parts: ModelParts;
  #json: JsonObject;
  #lora: Lora | undefined;

  /**
   * Wraps what {@linkcode buildModel} has put together.
   *
   * @param parts architecture, config and parameters.
   */
  constructor(parts: ModelParts) {
    super(parts);
    this.#parts = parts;
    this.#json = parts.json;
    this.parameters = parts.parameters;
  }

  /** See {@linkcode InferenceModel.forward}; in training with the noise of low-rank changes. */
  override forward(inputs: ModelInputs, options: ForwardOptions = {}): ModelOutput {
    this.#lora?.useNoise(options.noise);
    return super.forward(inputs, options);
  }

  /**
   * What answers as this model does now, with its weights laid out once as the device's kernels want them.
   *
   * This model stays as it is and can be trained further: what was prepared does not change with it. Nothing is lost
   * with `"float32"`. With `"int8"` the weights of linear layers and convolutions are rounded to 8 bits and multiplied
   * as such, where the device can and gains by it. Low-rank changes are merged.
   *
   * @param precision one for all weights, or chosen by hub name. @default "float32"
   * @returns a model of its own, which the caller disposes.
   *
   * @example
   * ```ts
   * import { AutoModelForAudioClassification } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
   * const prepared = await model.prepare("int8");
   * equal(prepared.labels, model.labels);
   * model.dispose();
   * prepared.dispose();
   * ```
   */
  async prepare(precision: ChosenPrecision = "float32"): Promise<InferenceModel> {
    const source = this.#asSource();
    const known = { ...this.#parts, json: this.#json, config: { ...this.#parts.config as object } };
    return new InferenceModel({
      ...await loadParameters(known, { source, precision }),
      loading: this.loading,
      neighbours: this.neighbours,
    });
  }

  /** The parameters as a checkpoint that lies on the device, with low-rank changes in them. */
  #asSource(): ParameterSource {
    const { parameters } = this;
    const merged = (name: string) => this.#lora?.merged(name);
    return {
      file: "the model in memory",
      names: () => parameters.keys(),
      shape: (name) => parameters.get(name)?.shape,
      tensor: (name) => merged(name) ? undefined : parameters.get(name),
      read: (name) => merged(name)!(),
    };
  }

  /** Number of transformer layers. */
  get layerCount(): number {
    const { layersPrefix } = this.#parts.architecture;
    const ofLayers = [...this.parameters.keys()].filter((name) => name.startsWith(layersPrefix));
    return new Set(ofLayers.map((name) => Number.parseInt(name.slice(layersPrefix.length)))).size;
  }

  /** Whether there are convolutions from samples to frames, which spectrograms do not need. */
  get hasFeatureEncoder(): boolean {
    return this.#parts.architecture.featureEncoderPrefix !== undefined;
  }

  /**
   * Keeps the convolutional feature encoder as it is in training.
   *
   * @throws {UnsupportedOpError} when the architecture has none, as those that take spectrograms.
   */
  freezeFeatureEncoder(): void {
    const { featureEncoderPrefix: prefix, modelType } = this.#parts.architecture;
    if (!prefix) {
      throw new UnsupportedOpError(
        `Cannot freeze the feature encoder of a model of type "${modelType}": expected convolutions from samples to frames, found none`,
        { hint: "Freeze the first layers and what stands before them, or the base model" },
      );
    }
    this.#freeze((name) => name.startsWith(prefix));
  }

  /** Keeps everything but the classification head as it is in training. */
  freezeBaseModel(): void {
    const prefix = `${this.#parts.architecture.basePrefix}.`;
    this.#freeze((name) => name.startsWith(prefix));
  }

  /**
   * Keeps the first transformer layers as they are in training, and all that stands before them; 0 freezes nothing.
   *
   * What all layers share (the distances of relative attention) stands before them.
   *
   * @throws {RangeError} when the model has fewer layers.
   */
  freezeLayers(count: number): void {
    const { architecture, config } = this.#parts;
    const { basePrefix, layersPrefix } = architecture;
    if (!Number.isInteger(count) || count < 0 || count > this.layerCount) {
      throw new RangeError(
        `Cannot freeze layers: expected a number of layers from 0 to ${this.layerCount}, found ${count}`,
      );
    }
    if (count === 0) return;
    const behind = architecture.behindLayers?.(config) ?? [];
    this.#freeze((name) => {
      if (!name.startsWith(`${basePrefix}.`)) return false;
      if (!name.startsWith(layersPrefix)) return !behind.some((prefix) => name.startsWith(prefix));
      return Number.parseInt(name.slice(layersPrefix.length)) < count;
    });
  }

  /**
   * Trains low-rank changes of attention projections and the head, and keeps everything else as it is; saved weights
   * are merged with the changes.
   *
   * @throws {RangeError} where a target names no attention projection of the model.
   */
  addLora(options: LoraOptions): void {
    this.#lora?.dispose();
    this.#lora = new Lora(this.#parts, options);
    this.freezeBaseModel();
  }

  /** The low-rank changes, where there are such. */
  get lora(): Lora | undefined {
    return this.#lora;
  }

  #freeze(isFrozen: (name: string) => boolean): void {
    for (const [name, parameter] of this.parameters) {
      if (isFrozen(name)) parameter.trainable = false;
    }
  }

  /**
   * Makes the forward pass that of transformers 5, which is what a trained model is saved for: a weighted sum of a
   * checkpoint of version 4 takes its last layer otherwise. What was fitted to the scores of the weights before is
   * forgotten. Called before each step; what was prepared stays.
   *
   * @throws {UnsupportedOpError} where the head is one that cannot be trained.
   */
  startTraining(): void {
    this.expectClipHead("train");
    this.setScores(undefined);
    this.neighbours = undefined;
    if (!followsVersion4(this.#json)) return;
    this.#json = { ...this.#json, transformers_version: VERSION_5 };
    followVersion5(this.#parts.config);
  }

  /**
   * Says what the scores of these weights mean, as `earshot.scores` of the config; training forgets it.
   *
   * @param config as `scores` of the command line writes it, or nothing.
   */
  setScores(config: Readonly<Record<string, unknown>> | undefined): void {
    if (hasOwnScores(this.#json)) this.#json = withoutOwnScores(this.#json);
    if (config) this.#json = withOwnScores(this.#json, config);
  }

  /** See {@linkcode InferenceModel.ownConfig}. */
  override get ownConfig(): Readonly<Record<string, unknown>> {
    return ownConfigOf(this.#json);
  }

  /**
   * What makes a pass of training differ from one of evaluation: rates above 0 in the config, with their values, and
   * `"batch norm"`.
   */
  get trainingNoise(): string[] {
    const config = this.#parts.config as Readonly<Record<string, unknown>>;
    const masks = config.apply_spec_augment !== false;
    const rates = Object.entries(config).filter(([name, rate]) =>
      (/dropout|layerdrop|drop_(path_)?rate/.test(name) || masks && /^mask_\w+_prob$/.test(name)) &&
      Number(rate) > 0
    );
    const hasBatchNorm = [...this.parameters.keys()].some((name) => name.endsWith(".running_mean"));
    return [
      ...rates.map(([name, rate]) => `${name} ${rate}`),
      ...hasBatchNorm ? ["batch norm"] : [],
    ];
  }

  /** The parameters that training changes. */
  trainable(): Map<string, Variable> {
    const own = [...this.parameters].filter(([, parameter]) => parameter.trainable);
    return new Map([...own, ...this.#lora?.parameters ?? []]);
  }

  /** The content of `config.json` for this model: the one it was made from, with its labels. */
  toConfig(dtype: SavedDtype = "float32"): JsonObject {
    const { architecture, problemType } = this.#parts;
    const json = this.#json;
    const fields: JsonObject = {
      ...json,
      ...labelFields(this.labels),
      ...architecture.outputFields?.(this.labels.length, problemType),
      architectures: [architecture.className],
      dtype,
    };
    if (json.problem_type || problemType !== "single_label_classification") {
      fields.problem_type = problemType;
    }
    delete fields.num_labels;
    delete fields.torch_dtype;
    return Object.fromEntries(Object.keys(fields).sort().map((key) => [key, fields[key]]));
  }

  /** The parameters for saving; each is read back from the device when its turn comes. */
  *tensors(dtype: SavedDtype = "float32"): Iterable<StoredTensor> {
    for (const [name, parameter] of this.parameters) {
      const stored = storedTensor(name, parameter, dtype);
      yield { ...stored, values: this.#lora?.merged(name) ?? stored.values };
    }
    yield* this.neighbours?.tensors() ?? [];
  }

  /**
   * Takes the values of all parameters from a checkpoint of this very model.
   *
   * @throws {CheckpointError} when one is missing or has another shape; the others may be changed then.
   */
  async assign(source: ParameterSource): Promise<void> {
    for (const [name, parameter] of this.parameters) {
      const stored = source.shape(name);
      if (!stored || !util.arraysEqual([...stored], parameter.shape)) {
        throw new CheckpointError(
          `Cannot load tensor "${name}" of "${source.file}": expected shape [${parameter.shape}], found ${
            stored ? `[${stored}]` : "nothing"
          }`,
          { file: source.file, key: name },
        );
      }
      const values = tensor(await source.read(name), parameter.shape, parameter.dtype);
      parameter.assign(values);
      values.dispose();
    }
  }

  /** Gives the parameters' memory back. */
  override dispose(): void {
    this.#lora?.dispose();
    super.dispose();
  }
}
