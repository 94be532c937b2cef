/**
 * What each architecture offers to the registry: its config, its parameters and its forward pass.
 *
 * @module
 */
import type { FrameLayout } from "../layers/conv_feature_encoder.ts";
import type { Noise } from "../layers/noise.ts";
import type { ParameterReader, ParameterSource } from "../layers/parameters.ts";
import type { UnsupportedOpError } from "../errors.ts";
import type { ConfigReader, JsonObject } from "./_config_reader.ts";
import type { HeadTensor, LinearLayer } from "./_linear_head.ts";
import type { AttentionProjection } from "./lora.ts";
import type { ProblemType } from "./problem_type.ts";
import type { LayerWrapper, Tensor } from "../layers/tensor.ts";
import type { EncoderStates } from "../layers/transformer_encoder.ts";

/** One batch, as a feature extractor gives it. */
export interface ModelInputs {
  /**
   * `[B, S]` waveforms, or `[B, frames, bands]`; of waveforms also `[B, T, C]`, what the convolutions made of them. On
   * the device in use.
   */
  inputs: Tensor;
  /** Real samples, or frames of a spectrogram, of each clip, where the model is to know about padding. */
  lengths?: Int32Array;
}

/** How a forward pass runs. */
export interface ForwardOptions {
  /** Present in training: dropout, layer drop and SpecAugment are on. */
  noise?: Noise;
  /** Put around each transformer layer. @default none */
  wrapLayer?: LayerWrapper;
  /** Whether to keep every layer's state. @default false */
  outputHiddenStates?: boolean;
  /** Whether to give what the head starts from. @default false */
  outputFeatures?: boolean;
}

/** What a forward pass gives; the caller disposes it. */
export interface ModelOutput {
  /** `[B, N]`; of a head of frames `[B, T, N]`. */
  logits: Tensor;
  /** `[B, P]`, the vector that the classifier saw; of a head of frames `[B, T, D]`. */
  pooled: Tensor;
  /** Input of the first layer, then the output of each, `[B, T, D]`. */
  hiddenStates?: Tensor[];
  /** `[B, T, C]`, output of the convolutional feature encoder. */
  convFeatures?: Tensor;
  /** `[B, T, D]`, the last hidden state, or what a final norm made of it. */
  lastHiddenState?: Tensor;
  /** `[B, D]` each: all that the head knows of the clips. */
  features?: Tensor[];
  /** Frames of each clip that are no padding, of the hidden states and of the last; absent where all are. */
  frameLengths?: { states: number[]; last: number[] };
}

/** What heads look at. */
export interface HeadInput {
  /** The states of the transformer. */
  encoded: EncoderStates;
  /** Frames of each clip that are no padding, where some may be. */
  lengths?: number[];
  /** `[B, T, C]`, output of the convolutional feature encoder. */
  convFeatures?: Tensor;
}

/** What a head gives that does not classify clips: a speaker's vector, or scores of each frame. */
export type HeadKind = "xvector" | "frames";

/** Class scores, and the vector that the classifier saw. */
export type HeadOutput = Pick<ModelOutput, "logits" | "pooled">;

/** The part of a model's parameters that is its head. */
export type HeadOf<Params> = Params extends { head: infer Head } ? Head : unknown;

/** The convolutions of a model, apart from the rest of its forward pass. */
export interface Convolutions<Params> {
  /** How frames lie where each is made of its own samples alone; undefined where it depends on the whole clip. */
  ownFrames(params: Params): FrameLayout | undefined;
  /** **Shape** `samples [B, S]` -> `[B, T, C]` */
  forward(params: Params, samples: Tensor): Tensor;
}

/** A model family: everything that its `config.json` decides. */
export interface Architecture<Config = unknown, Params = unknown> {
  /** `model_type` of `config.json`. */
  readonly modelType: string;
  /** Class name in `architectures` of `config.json`. */
  readonly className: string;
  /** Prefix of the base model's tensors. */
  readonly basePrefix: string;
  /** Prefix that checkpoints of a larger model put before the base model's, where there are such. */
  readonly outerPrefix?: string;
  /** Prefix of the convolutional feature encoder's tensors, where there is one. */
  readonly featureEncoderPrefix?: string;
  /** Prefix of the transformer layers' tensors, before a layer's number. */
  readonly layersPrefix: string;
  /** Where a layer's attention projections are, relative to its prefix, unless they are `q_proj` and so on. */
  readonly attentionProjections?: Readonly<Partial<Record<AttentionProjection, string>>>;
  /** What transformers calls a layer in memory, and peft in its files, by its name in checkpoints. @default the same */
  moduleName?(name: string): string;
  /** Prefixes of the base model's tensors that stand behind the layers, where there are such. */
  behindLayers?(config: Config): readonly string[];
  /** What the outputs mean where `problem_type` is silent; absent where their number says it. */
  impliedProblem?(json: JsonObject): ProblemType;
  /** Fields of `config.json` that follow from the classes; absent where the names of these are all. */
  outputFields?(classes: number, problemType: ProblemType): JsonObject;
  /** Validates the fields that the model uses. */
  parseConfig(reader: ConfigReader, classes: number): Config;
  /** Asks the reader for every parameter; for those of the head by `loadHead`, where one is given. */
  load(
    reader: ParameterReader,
    config: Config,
    loadHead?: (reader: ParameterReader) => Promise<HeadOf<Params>>,
  ): Promise<Params>;
  /** Asks the reader for the parameters of the head alone. */
  loadHead(reader: ParameterReader, config: Config): Promise<HeadOf<Params>>;
  /** Samples to class scores. */
  forward(params: Params, inputs: ModelInputs, options: ForwardOptions): ModelOutput;
  /** What heads look at, where transformers has heads of other kinds on this base; within a memory scope. */
  states?(params: Params, inputs: ModelInputs, options: ForwardOptions): HeadInput;
  /** What the head gives where it does not classify clips. */
  readonly kind?: HeadKind;
  /** The same base with the head that classifies clips, where this one's does not. */
  readonly plain?: Architecture<Config, Params>;
  /** What says, where `kind` is another, that something needs a head which classifies clips. */
  refusal?(does: string): UnsupportedOpError;
  /** The tensors that `plain` takes of a checkpoint with the other head: those of the base. */
  baseOf?(source: ParameterSource): ParameterSource;
  /** How many classes a checkpoint has whose config is silent. */
  storedClasses?(source: ParameterSource): number | undefined;
  /** Scores of the classes by the logits of a clip, where these are something else. */
  clipScores?(params: Params, logits: Float32Array): Float32Array;
  /** The convolutions from samples to frames, where there are such. */
  readonly convolutions?: Convolutions<Params>;
  /** Features, as the forward pass gives them, to class scores; of the parameters the head alone is used. */
  classify(params: { head: HeadOf<Params> }, features: Tensor[]): HeadOutput;
  /** A head that is a linear classifier; absent where it is a projector with a classifier behind it. */
  readonly linearHead?: {
    /** What the classifier multiplies, of features. */
    input(config: Config, features: Float32Array): Float32Array;
    /** The head's tensors. */
    tensors(layer: LinearLayer): HeadTensor[];
  };
  /** The middle of each frame of a hidden state, in samples; NaN for one that stands for the whole clip. */
  frameCentres(config: Config, frames: { frames: number; samples: number }): Float64Array;
  /** Frames for a number of samples; below 1 where the clip is too short. */
  frames(config: Config, samples: number): number;
  /** The fewest samples that can be classified. */
  minSamples(config: Config): number;
  /** Whether a clip's scores stay the same when it is padded and masked. */
  paddingInvariant(config: Config): boolean;
  /** Whether a model whose extractor pads all clips to one length takes others as well; absent where it does not. */
  takesAnyLength?(config: Config): boolean;
}
