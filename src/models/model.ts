/**
 * A classification model of any architecture: config, labels, named parameters and the forward pass.
 *
 * Not here: samples (`features`), files (`pretrained.ts`), the optimiser (`train`).
 *
 * @module
 */
import { tensor, tidy, util } from "@tensorflow/tfjs-core";
import { CheckpointError, UnsupportedOpError } from "../errors.ts";
import {
  type LoadReport,
  ParameterReader,
  type ParameterReaderOptions,
  type ParameterSource,
  type SavedDtype,
  type StoredTensor,
  storedTensor,
} from "../layers/parameters.ts";
import { prepareWeight, type WeightPrecision } from "../kernels.ts";
import { Random } from "../random.ts";
import { ConfigReader, type JsonObject } from "./_config_reader.ts";
import { labelFields, labelsOf } from "./_labels.ts";
import type { Architecture, ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";
import { Lora, type LoraOptions } from "./lora.ts";
import { type ProblemType, problemTypeOf } from "./problem_type.ts";
import { architectureOf } from "./registry.ts";
import type { Variable } from "../layers/tensor.ts";

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
}

/** A batch of a feature extractor, in the memory of the program. */
export interface ModelBatch {
  /** The numbers, in the order of `shape`. */
  inputValues: Float32Array;
  /** `[B, S]` for waveforms, `[B, T, C]` for spectrograms. */
  shape: readonly number[];
  /** Present where a model of waveforms is to know about padding. */
  attentionMask?: Int32Array;
  /** Real samples or frames of each clip. */
  lengths?: Int32Array;
}

/** What {@linkcode buildModel} puts together. */
export interface ModelParts {
  /** What the config's `model_type` names. */
  architecture: Architecture;
  /** The content of `config.json`. */
  json: JsonObject;
  /** Its fields as the architecture reads them. */
  config: unknown;
  /** Class names by number. */
  labels: readonly string[];
  /** What the outputs mean. */
  problemType: ProblemType;
  /** The parameters as the architecture nests them. */
  params: unknown;
  /** The same parameters by hub name. */
  parameters: ReadonlyMap<string, Variable>;
  /** What loading found. */
  loading: LoadReport;
}

/**
 * Makes a model, reading or drawing each of its parameters on the device in use.
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
  const { file = "config.json", source, seed = 42 } = options;
  const architecture = architectureOf(json.model_type, file);
  const fields = new ConfigReader(json, file);
  const labels = options.labels ?? labelsOf(fields);
  if (labels.length === 0) throw new RangeError("Cannot make a model: expected labels, found none");
  const reader = new ParameterReader({
    source,
    basePrefix: architecture.basePrefix,
    outerPrefix: architecture.outerPrefix,
    random: new Random(seed),
    ignoreMismatchedSizes: options.ignoreMismatchedSizes,
  });
  try {
    const config = architecture.parseConfig(fields, labels.length);
    const problemType = options.problemType ?? problemTypeOf(fields, labels.length);
    const params = await architecture.load(reader, config);
    const { parameters } = reader;
    const loading = reader.report();
    return new AudioClassificationModel({
      architecture,
      json,
      config,
      labels,
      problemType,
      params,
      parameters,
      loading,
    });
  } catch (error) {
    for (const parameter of reader.parameters.values()) parameter.dispose();
    throw error;
  }
}

/** An audio-classification model on the device in use. */
export class AudioClassificationModel {
  /** Class names by number. */
  readonly labels: readonly string[];
  /** Parameters under their hub names, in the order of the architecture. */
  readonly parameters: ReadonlyMap<string, Variable>;
  /** What loading found missing, misshapen or left over. */
  readonly loading: LoadReport;
  readonly #parts: ModelParts;
  #lora: Lora | undefined;

  /**
   * Wraps what {@linkcode buildModel} has put together.
   *
   * @param parts architecture, config and parameters.
   */
  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.labels = parts.labels;
    this.parameters = parts.parameters;
    this.loading = parts.loading;
  }

  /** `model_type` of the config. */
  get modelType(): string {
    return this.#parts.architecture.modelType;
  }

  /** What the outputs mean: one class of several, any number of them, or values. */
  get problemType(): ProblemType {
    return this.#parts.problemType;
  }

  /** Class name to number. */
  get label2id(): Record<string, number> {
    return Object.fromEntries(this.labels.map((label, i) => [label, i]));
  }

  /** Class number to name. */
  get id2label(): Record<number, string> {
    return Object.fromEntries(this.labels.entries());
  }

  /** Number of all parameters' elements. */
  get parameterCount(): number {
    return [...this.parameters.values()].reduce((sum, parameter) => sum + parameter.size, 0);
  }

  /** The fewest samples that can be classified. */
  get minSamples(): number {
    return this.#parts.architecture.minSamples(this.#parts.config);
  }

  /** Whether a clip's scores stay the same when it is padded and masked. */
  get paddingInvariant(): boolean {
    return this.#parts.architecture.paddingInvariant(this.#parts.config);
  }

  /** Whether clips need no padding to the one length that the extractor fixes. */
  get takesAnyLength(): boolean {
    return this.#parts.architecture.takesAnyLength?.(this.#parts.config) ?? false;
  }

  /** Encoder frames for a number of samples. */
  frames(samples: number): number {
    return this.#parts.architecture.frames(this.#parts.config, samples);
  }

  /**
   * Class scores of a batch; the caller disposes them.
   *
   * **Shape** `inputs [B, S]` -> `logits [B, N]`
   */
  forward(inputs: ModelInputs, options: ForwardOptions = {}): ModelOutput {
    this.#lora?.useNoise(options.noise);
    return this.#parts.architecture.forward(this.#parts.params, inputs, options);
  }

  /**
   * Class scores of a batch as a feature extractor gives it, brought back from the device.
   *
   * **Shape** `inputValues [B, S]` -> B rows of `[N]`
   *
   * @param batch as `extract` gives it; padding is known by its mask, or by the frames of spectrograms.
   *
   * @example
   * ```ts
   * import { AutoFeatureExtractor, AutoModelForAudioClassification } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
   * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
   * const [scores] = await model.logits(extractor.extract([new Float32Array(8_000)]));
   * equal(scores?.length, model.labels.length);
   * model.dispose();
   * ```
   */
  async logits(
    { inputValues, shape, attentionMask, lengths }: ModelBatch,
  ): Promise<Float32Array[]> {
    const told = attentionMask || shape.length > 2 ? lengths : undefined;
    const logits = tidy(() => {
      const inputs = tensor(inputValues, [...shape], "float32");
      return this.forward({ inputs, lengths: told }).logits;
    });
    try {
      const values = await logits.data() as Float32Array;
      const classes = this.labels.length;
      return Array.from(
        { length: shape[0]! },
        (_, i) => values.slice(i * classes, (i + 1) * classes),
      );
    } finally {
      logits.dispose();
    }
  }

  /**
   * Lets the device lay out the weights as its kernels want them, once, for a model that will not be trained.
   *
   * Nothing is lost with `"float32"`. With `"int8"` the weights of linear layers and convolutions are rounded
   * to 8 bits and multiplied as such, where the device can and gains by it.
   *
   * @param precision one for all weights, or chosen by hub name. @default "float32"
   */
  prepareWeights(
    precision: WeightPrecision | ((name: string) => WeightPrecision) = "float32",
  ): void {
    for (const [name, parameter] of this.parameters) {
      if (parameter.rank < 2 || parameter.dtype !== "float32") continue;
      prepareWeight(parameter, typeof precision === "string" ? precision : precision(name));
    }
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

  /** The parameters that training changes. */
  trainable(): Map<string, Variable> {
    const own = [...this.parameters].filter(([, parameter]) => parameter.trainable);
    return new Map([...own, ...this.#lora?.parameters ?? []]);
  }

  /** The content of `config.json` for this model: the one it was made from, with its labels. */
  toConfig(dtype: SavedDtype = "float32"): JsonObject {
    const { json, architecture, problemType } = this.#parts;
    const fields: JsonObject = {
      ...json,
      ...labelFields(this.labels),
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

  /**
   * Ends with an error if any parameter had to be drawn at random, for callers that only classify.
   *
   * @throws {CheckpointError} naming what was missing, misshapen and left over.
   */
  expectComplete(file: string): void {
    const { missing, mismatched, unexpected } = this.loading;
    const gaps = [...missing, ...mismatched];
    if (gaps.length === 0) return;
    const left = unexpected.length > 0 ? `; not used: ${listed(unexpected)}` : "";
    throw new CheckpointError(
      `Cannot classify with "${file}": expected ${this.parameters.size} tensors, found ${gaps.length} missing: ${
        listed(gaps)
      }${left}`,
      { file, key: gaps[0], hint: this.#hintForGaps(gaps) },
    );
  }

  /** A head alone is missing where a model was never fine-tuned; anything else is a broken file. */
  #hintForGaps(gaps: string[]): string {
    const prefix = `${this.#parts.architecture.basePrefix}.`;
    return gaps.some((name) => name.startsWith(prefix))
      ? "Get the weights again: part of them is not there"
      : "Fine-tune it first, or name a model that has a classifier";
  }

  /** Gives the parameters' memory back. */
  dispose(): void {
    this.#lora?.dispose();
    for (const parameter of this.parameters.values()) parameter.dispose();
  }
}

/** Up to five names, and how many more. */
function listed(names: string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return names.slice(0, 5).join(", ") + more;
}
