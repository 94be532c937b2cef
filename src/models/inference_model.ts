/**
 * What answers with a model: its config, its labels, its weights and the forward pass.
 *
 * Nothing here changes a weight. A model that is trained is more than this: `model.ts`.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../errors.ts";
import { disposeWeight, rowsAreStable, sizeOf, type Weight, weightShape } from "../kernels.ts";
import type { FrameLayout } from "../layers/conv_feature_encoder.ts";
import type { LoadReport } from "../layers/parameters.ts";
import type { Tensor } from "../layers/tensor.ts";
import type { JsonObject } from "./_config_reader.ts";
import type {
  Architecture,
  ForwardOptions,
  HeadKind,
  HeadOutput,
  ModelInputs,
  ModelOutput,
} from "./architecture.ts";
import {
  chosenState,
  type Embedding,
  type EmbedOptions,
  expectEmbedOptions,
  framesOf,
  isOfHead,
  meanOfFrames,
} from "./embedding.ts";
import { ownConfigOf } from "./_own_config.ts";
import { concatenated, type HeadValues, type JoinedHeads, joinedHeads } from "./_joined_heads.ts";
import { headedParts, statesKey, type StoredHead } from "./_headed.ts";
import type { Neighbours } from "./neighbours.ts";
import {
  type HeadTensor,
  linearHeadFields,
  type LinearLayer,
  projectorTensors,
} from "./_linear_head.ts";
import type { ProblemType } from "./problem_type.ts";

/** A batch of a feature extractor, in the memory of the program. */
export interface ModelBatch {
  /** The numbers, in the order of `shape`. */
  inputValues: Float32Array;
  /** `[B, S]` for waveforms, `[B, T, C]` for spectrograms, or what `convFeatures` made of waveforms. */
  shape: readonly number[];
  /** Present where a model of waveforms is to know about padding. */
  attentionMask?: Int32Array;
  /** Real samples or frames of each clip. */
  lengths?: Int32Array;
}

/** What a model gives for a clip, in the memory of the program. */
export interface ClipOutputs {
  /** `[N]` */
  logits: Float32Array;
  /** `[D]`, the last of the vectors that the head starts from, where it was asked for. */
  features?: Float32Array;
}

/** Where the weights of a model come from. */
export interface ModelOrigin {
  /** The checkpoint, for messages. */
  readonly file?: string;
  /** The directory or the name on the hub by which it was named, where all weights are from there. */
  readonly name?: string;
  /** `org/name` on the hub. */
  readonly hubId?: string;
  /** How `export` stored the weights, where it wrote them. */
  readonly exported?: "q8" | "f16" | "f32";
}

/** Heads on one backbone, and which of them are computed together. */
export interface HeadPlan {
  /** As they were given. */
  readonly heads: readonly InferenceModel[];
  /** Each head is in one of them. */
  readonly groups: readonly JoinedHeads[];
  /** The outputs of each head, of those of all together. */
  parted(outputs: ClipOutputs): ClipOutputs[];
}

/** What a model is made of. */
export interface InferenceParts {
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
  weights: ReadonlyMap<string, Weight>;
  /** Those that are this model's alone, where it shares the others. @default all */
  ownWeights?: readonly Weight[];
  /** The numbers of a small head that shares its backbone, for being joined with others. */
  headValues?: HeadValues;
  /** The names in the checkpoint of what was read from it, by hub name. */
  found?: ReadonlyMap<string, string>;
  /** What loading found. */
  loading: LoadReport;
  /** Where the weights come from. */
  origin: ModelOrigin;
  /** Examples that answer in the place of the last layer. @default none */
  neighbours?: Neighbours;
}

/** An audio-classification model on the device in use that answers and does not change. */
export class InferenceModel {
  /** Class names by number. */
  readonly labels: readonly string[];
  /** What loading found missing, misshapen or left over. */
  readonly loading: LoadReport;
  /** All weights under their hub names, in the order of the architecture, each in the form in which it multiplies. */
  readonly weights: ReadonlyMap<string, Weight>;
  /** Where the weights come from. */
  readonly origin: ModelOrigin;
  /** Examples that answer in the place of the last layer, where there are such; `forward` does not know them. */
  neighbours: Neighbours | undefined;
  readonly #parts: InferenceParts;

  /**
   * Wraps what loading has put together.
   *
   * @param parts architecture, config and weights.
   */
  constructor(parts: InferenceParts) {
    this.#parts = parts;
    this.labels = parts.labels;
    this.loading = parts.loading;
    this.weights = parts.weights;
    this.origin = parts.origin;
    this.neighbours = parts.neighbours;
  }

  /** `model_type` of the config. */
  get modelType(): string {
    return this.#parts.architecture.modelType;
  }

  /** The class of transformers. */
  get className(): string {
    return this.#parts.architecture.className;
  }

  /** What the head gives where it does not classify clips: vectors of speakers, or scores of each frame. */
  get headKind(): HeadKind | undefined {
    return this.#parts.architecture.kind;
  }

  /**
   * Refuses what needs a head that classifies clips.
   *
   * @param does what is to be done, for the message.
   * @param options `speakers`: whether the speakers that the head of x-vectors was trained on are classes. @default false
   * @throws {UnsupportedOpError} where the head is another.
   */
  expectClipHead(does: string, { speakers = false }: { speakers?: boolean } = {}): void {
    const { kind, refusal } = this.#parts.architecture;
    if (refusal && !(speakers && kind === "xvector")) throw refusal(does);
  }

  /** What the outputs mean: one class of several, any number of them, or values. */
  get problemType(): ProblemType {
    return this.#parts.problemType;
  }

  /** What the config says under `"earshot"`, a key that transformers keeps and ignores. */
  get ownConfig(): Readonly<Record<string, unknown>> {
    return ownConfigOf(this.#parts.json);
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
    const sizes = Array.from(this.weights.values(), (weight) => sizeOf(weightShape(weight)));
    return sizes.reduce((sum, size) => sum + size, 0);
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

  /**
   * How the frames of the convolutions lie in a clip, where each has the same bits in every clip that has its samples;
   * otherwise why that is not so, in words.
   */
  get ownFrames(): FrameLayout | string {
    const { architecture: { convolutions }, params } = this.#parts;
    if (!convolutions) return "the model has no convolutions over samples";
    const layout = convolutions.ownFrames(params);
    if (!layout) return "its convolutions are normalised over the whole window";
    return rowsAreStable() ? layout : "on this device the bits of a frame may depend on its place";
  }

  /** Encoder frames for a number of samples. */
  frames(samples: number): number {
    return this.#parts.architecture.frames(this.#parts.config, samples);
  }

  /** The middle of each frame of a hidden state, in samples; NaN for one that stands for the whole clip. */
  frameCentres(clip: { frames: number; samples: number }): Float64Array {
    return this.#parts.architecture.frameCentres(this.#parts.config, clip);
  }

  /**
   * Class scores of a batch; the caller disposes them.
   *
   * **Shape** `inputs [B, S]` -> `logits [B, N]`; of a head that scores frames `[B, T, N]`
   *
   * @throws {RangeError} naming a clip of the batch that is too short for one frame.
   */
  forward(inputs: ModelInputs, options: ForwardOptions = {}): ModelOutput {
    this.#expectLongEnough(inputs);
    return this.#parts.architecture.forward(this.#parts.params, inputs, options);
  }

  /** Without a frame of its own a clip would be answered from its padding. */
  #expectLongEnough({ lengths }: ModelInputs): void {
    if (!lengths || !this.#parts.architecture.featureEncoderPrefix) return;
    const short = lengths.findIndex((samples) => samples < this.minSamples);
    if (short === -1) return;
    throw new RangeError(
      `Cannot classify clip ${
        short + 1
      } of ${lengths.length}: expected at least ${this.minSamples} samples, found ` +
        `${lengths[short]}`,
    );
  }

  /**
   * Class scores of a batch as a feature extractor gives it, brought back from the device.
   *
   * **Shape** `inputValues [B, S]` -> B rows of `[N]`; of a head that scores frames `[T, N]`
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
  async logits(batch: ModelBatch): Promise<Float32Array[]> {
    return (await this.outputs(batch)).map(({ logits }) => logits);
  }

  /**
   * The same, and where it is asked for the last of the vectors that the head starts from.
   *
   * **Shape** `inputValues [B, S]` -> B of `logits [N]`, `features [D]`
   */
  async outputs(
    { inputValues, shape, attentionMask, lengths }: ModelBatch,
    { outputFeatures = false }: Pick<ForwardOptions, "outputFeatures"> = {},
  ): Promise<ClipOutputs[]> {
    const known = attentionMask || shape.length > 2 ? lengths : undefined;
    const found = tidy(() => {
      const inputs = tensor(inputValues, [...shape], "float32");
      const { logits, pooled, features } = this.forward({ inputs, lengths: known }, {
        outputFeatures,
      });
      return features ? { logits, pooled, features: [features.at(-1)!] } : { logits, pooled };
    });
    try {
      return await this.#outputsOf(found, shape[0]!);
    } finally {
      for (const part of [found.logits, found.pooled, ...found.features ?? []]) part.dispose();
    }
  }

  /**
   * What the convolutions make of samples; rows of it can be given to `logits` in the place of samples.
   *
   * **Shape** `samples [S]` -> `[T, C]`
   *
   * @throws {TypeError} where the model has no convolutions over samples.
   */
  async convFeatures(samples: Float32Array): Promise<Float32Array> {
    const { architecture: { convolutions }, params } = this.#parts;
    if (!convolutions) {
      throw new TypeError(
        `Cannot convolve samples: expected a model of waveforms, found "${this.modelType}"`,
      );
    }
    const frames = tidy(() => {
      return convolutions.forward(params, tensor(samples, [1, samples.length], "float32"));
    });
    try {
      return await frames.data() as Float32Array;
    } finally {
      frames.dispose();
    }
  }

  /**
   * Class scores of features that `forward` gave with `outputFeatures`; the caller disposes them.
   *
   * **Shape** `features [B, D]` each -> `logits [B, N]`
   */
  classify(features: Tensor[]): HeadOutput {
    const { architecture, params } = this.#parts;
    return architecture.classify(params as { head: unknown }, features);
  }

  /** What `linearHead` multiplies, of the features of a clip. **Shape** `[D]` -> `[D]` */
  linearInput(features: Float32Array): Float32Array {
    const { architecture, config } = this.#parts;
    return architecture.linearHead?.input(config, features) ?? features;
  }

  /** A linear classifier of features as a head of this backbone, for `withHead` and to be written. */
  linearHead(
    layer: LinearLayer,
    labels: readonly string[],
  ): { json: JsonObject; tensors: HeadTensor[] } {
    const { architecture, json } = this.#parts;
    const tensors = architecture.linearHead?.tensors ?? projectorTensors;
    const fields = {
      ...linearHeadFields(json, labels),
      ...architecture.outputFields?.(labels.length, "single_label_classification"),
    };
    return { json: fields, tensors: tensors(layer) };
  }

  /** How many numbers a feature has. */
  get featureSize(): number {
    const { hidden_size, d_model, embed_dim } = this.#parts.config as Record<string, number>;
    return (hidden_size ?? d_model ?? embed_dim)!;
  }

  /**
   * Heads on this backbone as `headOutputs` takes them, those of one form joined, so that many cost little more than one.
   *
   * @param heads as `withHead` gives them, which must outlive the answer; this model itself may be one.
   * @returns what the caller disposes, but for the heads.
   */
  joinHeads(heads: readonly InferenceModel[]): HeadPlan {
    const groups = joinedHeads(heads.map((head) => ({
      statesKey: head.statesKey,
      values: head.#parts.headValues ?? new Map(),
      params: head.#parts.params,
    })));
    const isJoined = new Set(groups.flatMap(({ members }) => members));
    const alone = [...heads.keys()].filter((i) => !isJoined.has(i)).map((i) => ({
      ...{ members: [i], statesKey: heads[i]!.statesKey },
      logits: (features: Tensor[]) => heads[i]!.classify(features).logits,
      dispose: () => {},
    }));
    return headPlan(heads, [...groups, ...alone], this.featureSize);
  }

  /**
   * The outputs of heads on this backbone, which is passed once for all that look at the same states of it.
   *
   * **Shape** `inputValues [B, S]` -> B of all heads' together, `logits [sum of N]` and for all states that heads look at
   * `features [D]`, of which means can be taken; {@linkcode HeadPlan.parted} takes them apart
   *
   * @param plan as `joinHeads` gives it.
   */
  async headOutputs(
    { inputValues, shape, attentionMask, lengths }: ModelBatch,
    { heads, groups }: HeadPlan,
  ): Promise<ClipOutputs[]> {
    const known = attentionMask || shape.length > 2 ? lengths : undefined;
    const passes = new Map<string, Tensor[]>();
    const found = tidy(() => {
      const inputs = tensor(inputValues, [...shape], "float32");
      const featuresFor = ({ members: [first], statesKey }: JoinedHeads) => {
        const features = passes.get(statesKey) ??
          heads[first!]!.forward({ inputs, lengths: known }, { outputFeatures: true }).features!;
        passes.set(statesKey, features);
        return features;
      };
      const logits = groups.map((group) => group.logits(featuresFor(group)));
      return { logits, features: [...passes.values()].map((of) => of.at(-1)!) };
    });
    const clips = shape[0]!;
    try {
      const [ofStates, ofGroups] = await Promise.all(
        [found.features, found.logits].map((parts) =>
          Promise.all(parts.map((part) => rowsOf(part, clips)))
        ),
      );
      return Array.from({ length: clips }, (_, i) => ({
        logits: concatenated(ofGroups!.map((rows) => rows[i]!)),
        features: concatenated(ofStates!.map((rows) => rows[i]!)),
      }));
    } finally {
      for (const part of [...found.logits, ...found.features]) part.dispose();
    }
  }

  /**
   * A model with this one's backbone and a head of its own. What it shares stays this model's, which must outlive it.
   *
   * @throws {CheckpointError} where the head is of another architecture, or a tensor of it is missing or misshapen.
   */
  async withHead(head: StoredHead): Promise<InferenceModel> {
    return new InferenceModel({
      ...await headedParts(this.#parts, head),
      neighbours: undefined,
    });
  }

  /** What a pass says of each clip. */
  async #outputsOf(
    output: HeadOutput & Pick<ModelOutput, "features">,
    clips: number,
  ): Promise<ClipOutputs[]> {
    const last = output.features?.at(-1);
    const [scores, vectors] = await Promise.all([
      this.scoresOf(output, clips),
      last && rowsOf(last, clips),
    ]);
    return scores.map((row, i) => ({ logits: row, ...vectors && { features: vectors[i]! } }));
  }

  /** Class scores of each clip of a pass, brought back from the device: the last layer's, or those of the examples. */
  async scoresOf({ logits, pooled }: HeadOutput, clips: number): Promise<Float32Array[]> {
    const { neighbours } = this;
    const { params, architecture: { clipScores } } = this.#parts;
    if (!neighbours) {
      const rows = await rowsOf(logits, clips);
      return clipScores ? rows.map((row) => clipScores(params, row)) : rows;
    }
    return (await rowsOf(pooled, clips)).map((vector) => neighbours.logits(vector));
  }

  /** Which states of the backbone the head looks at: equal text for equal states. */
  get statesKey(): string {
    return statesKey(this.#parts);
  }

  /** Whether the checkpoint had a head of its own that classifies clips. */
  get hasHead(): boolean {
    return this.headKind === undefined && this.#gaps().every((name) => this.isOfBase(name));
  }

  #gaps(): string[] {
    return [...this.loading.missing, ...this.loading.mismatched];
  }

  /** The names in the checkpoint of what was read from it, by hub name. */
  get checkpointNames(): ReadonlyMap<string, string> {
    return this.#parts.found ?? new Map();
  }

  /** Whether a tensor, by its hub name, is the backbone's; all others are the head's. */
  isOfBase(name: string): boolean {
    return name.startsWith(`${this.#parts.architecture.basePrefix}.`);
  }

  /**
   * A hidden state of each clip of a batch, without what is padding; the x-vector of a model that has one, unless a
   * layer or its frames are asked for.
   *
   * @param batch as `extract` gives it; padding is known by its mask, or by the frames of spectrograms.
   * @param options which layer, and whether its mean or all frames; `samplingRate` in hertz, for the times of frames.
   * @throws {RangeError} for a layer that the model has not.
   *
   * @example
   * ```ts
   * import { AutoFeatureExtractor, AutoModelForAudioClassification } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
   * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
   * const batch = extractor.extract([new Float32Array(8_000)]);
   * const [embedding] = await model.embed(batch, { layer: 1, samplingRate: 8_000 });
   * equal(embedding?.values.length, embedding?.size);
   * model.dispose();
   * ```
   */
  async embed(
    { inputValues, shape, attentionMask, lengths }: ModelBatch,
    { samplingRate, outputFeatures, ...options }:
      & EmbedOptions
      & Pick<ForwardOptions, "outputFeatures">
      & { samplingRate: number },
  ): Promise<Embedding[]> {
    const known = attentionMask || shape.length > 2 ? lengths : undefined;
    const inputs = tensor(inputValues, [...shape], "float32");
    const asked = { outputHiddenStates: true, outputFeatures };
    const output = this.forward({ inputs, lengths: known }, asked);
    inputs.dispose();
    try {
      expectEmbedOptions(options, output.hiddenStates!.length - 1);
      const outputs = await this.#outputsOf(output, shape[0]!);
      if (this.headKind === "xvector" && isOfHead(options)) {
        const vectors = await rowsOf(output.pooled, shape[0]!);
        return vectors.map((values, i) => ({ size: values.length, values, ...outputs[i]! }));
      }
      const chosen = chosenState(output, options.layer);
      const size = chosen.state.shape[2]!;
      if (options.pooling !== "frames") {
        return (await meanOfFrames(chosen)).map((values, i) => ({ size, values, ...outputs[i]! }));
      }
      const frames = { frames: chosen.state.shape[1]!, samples: shape[1]! };
      const times = this.frameCentres(frames).map((at) => at / samplingRate);
      return (await framesOf(chosen)).map((values, i) => {
        return { size, values, times: times.slice(0, values.length / size), ...outputs[i]! };
      });
    } finally {
      disposeOutput(output);
    }
  }

  /**
   * Ends with an error if any parameter had to be drawn at random, for callers that only classify.
   *
   * @param options `backboneAlone`: whether the head may be missing, since others are there. @default false
   * @throws {CheckpointError} naming what was missing, misshapen and left over.
   */
  expectComplete(file: string, { backboneAlone = false } = {}): void {
    const { unexpected } = this.loading;
    const gaps = this.#gaps().filter((name) => !backboneAlone || this.isOfBase(name));
    if (gaps.length === 0) return;
    const left = unexpected.length > 0 ? `; not used: ${listed(unexpected)}` : "";
    throw new CheckpointError(
      `Cannot classify with "${file}": expected ${this.weights.size} tensors, found ${gaps.length} missing: ${
        listed(gaps)
      }${left}`,
      { file, key: gaps[0], hint: this.#hintForGaps(gaps) },
    );
  }

  /** A head alone is missing where a model was never fine-tuned; anything else is a broken file. */
  #hintForGaps(gaps: string[]): string {
    return gaps.some((name) => this.isOfBase(name))
      ? "Get the weights again: part of them is not there"
      : "Fine-tune it first, or name a model that has a classifier";
  }

  /** Gives the weights' memory back, but for those that it shares. */
  dispose(): void {
    const own = this.#parts.ownWeights ?? this.weights.values();
    for (const weight of own) disposeWeight(weight);
  }
}

function headPlan(
  heads: readonly InferenceModel[],
  groups: readonly JoinedHeads[],
  featureSize: number,
): HeadPlan {
  const states = [...new Set(groups.map(({ statesKey }) => statesKey))];
  const places = new Array<{ from: number; to: number; state: number }>(heads.length);
  let from = 0;
  for (const { members, statesKey } of groups) {
    for (const head of members) {
      const to = from + heads[head]!.labels.length;
      places[head] = { from, to, state: states.indexOf(statesKey) };
      from = to;
    }
  }
  const parted = ({ logits, features }: ClipOutputs) => {
    const seen = states.map((_, i) => features!.subarray(i * featureSize, (i + 1) * featureSize));
    return places.map(({ from, to, state }) => {
      return { logits: logits.subarray(from, to), features: seen[state]! };
    });
  };
  return { heads, groups, parted };
}

/** The rows of a tensor, brought back from the device. **Shape** `[B, D]` -> B of `[D]` */
async function rowsOf(part: Tensor, rows: number): Promise<Float32Array[]> {
  const values = await part.data() as Float32Array;
  const size = values.length / rows;
  return Array.from({ length: rows }, (_, i) => values.slice(i * size, (i + 1) * size));
}

/** Disposes all that a forward pass gave. */
function disposeOutput(output: ModelOutput): void {
  const { logits, pooled, hiddenStates = [], convFeatures, lastHiddenState, features = [] } =
    output;
  const all = [logits, pooled, ...hiddenStates, convFeatures, lastHiddenState, ...features];
  for (const part of new Set(all)) part?.dispose();
}

/** Up to five names, and how many more. */
function listed(names: string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return names.slice(0, 5).join(", ") + more;
}
