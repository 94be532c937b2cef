/**
 * Whisper's encoder for audio classification: two convolutions over a log-mel spectrogram, a transformer with fixed
 * positions, the mean of its states and a linear classifier.
 *
 * The spectrogram always spans the same time (30 s in published models), shorter clips being padded with silence,
 * and the mean counts the frames of silence too; with `pool_mask`, a field of our own, it counts only those that hold
 * audio. Attention sees the silence either way.
 *
 * Not here: the decoder, hence transcription; checkpoints made for it are read, their decoder left over. The
 * reference knows no SpecAugment for classification, so there is none.
 *
 * Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"; names and arithmetic as
 * transformers 5.18 `models/whisper/modeling_whisper.py`, checked against the golden cases `whisper*`.
 *
 * @module
 */
import { concat, reshape, slice, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { type Activation, addBias, conv1d, isRecording, rowsAreStable } from "../kernels.ts";
import {
  classificationHead,
  type ClassificationHeadConfig,
  type ClassificationHeadParams,
  headStates,
  loadClassificationHead,
  pooledStates,
} from "../layers/classification_head.ts";
import { type Conv1dParams, loadConv1d } from "../layers/conv1d.ts";
import { loadLinear } from "../layers/linear.ts";
import type { AttentionParams } from "../layers/multi_head_attention.ts";
import { loadNorm } from "../layers/norm.ts";
import { cropFrames } from "../layers/padding.ts";
import { constant, type Initializer, normal, type ParameterReader } from "../layers/parameters.ts";
import { preNormEncoder, type TransformerEncoderParams } from "../layers/transformer_encoder.ts";
import type { TransformerLayerParams } from "../layers/transformer_layer.ts";
import { activationField, COUNT, DEPTH, headFields, SIZE, WIDE } from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { asked } from "./_speech_forward.ts";
import type { Architecture, ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface WhisperConfig extends ClassificationHeadConfig {
  num_mel_bins: number;
  /** Frames that the transformer sees; the spectrogram has twice as many. */
  max_source_positions: number;
  d_model: number;
  encoder_layers: number;
  encoder_attention_heads: number;
  encoder_ffn_dim: number;
  activation_function: Activation;
  init_std: number;
  dropout: number;
  attention_dropout: number;
  activation_dropout: number;
  encoder_layerdrop: number;
  /** Whether the mean is taken over the frames that hold audio; no field of the reference. */
  pool_mask: boolean;
}

/** All parameters, and the config that they were made for. */
export interface WhisperParams {
  config: WhisperConfig;
  conv1: Conv1dParams;
  conv2: Conv1dParams;
  /** `[T, D]`, never trained. */
  positions: Tensor;
  encoder: TransformerEncoderParams;
  head: ClassificationHeadParams;
}

const CONV_WIDTH = 3;
const CONV_STRIDE = 2;
/** Samples between two frames of the spectrogram, each of which is centred. */
const HOP_SAMPLES = 160;
const NORM_EPS = 1e-5;
const MAX_POSITIONS = 15_000;

function parseConfig(reader: ConfigReader, classes: number): WhisperConfig {
  const size = reader.integer("d_model", { or: 384, min: 4, max: SIZE.max });
  if (size % 2 !== 0) reader.fail("d_model", "an even number");
  const heads = reader.integer("encoder_attention_heads", { or: 6, ...COUNT });
  if (size % heads !== 0) reader.fail("encoder_attention_heads", `a divisor of d_model ${size}`);
  return {
    num_mel_bins: reader.integer("num_mel_bins", { or: 80, ...COUNT }),
    max_source_positions: reader.integer("max_source_positions", {
      or: 1500,
      min: 1,
      max: MAX_POSITIONS,
    }),
    d_model: size,
    encoder_layers: reader.integer("encoder_layers", { or: 4, ...DEPTH }),
    encoder_attention_heads: heads,
    encoder_ffn_dim: reader.integer("encoder_ffn_dim", { or: 1536, ...WIDE }),
    activation_function: activationField(reader, "activation_function"),
    init_std: reader.number("init_std", { or: 0.02, min: 0, max: 10 }),
    dropout: reader.probability("dropout", 0),
    attention_dropout: reader.probability("attention_dropout", 0),
    activation_dropout: reader.probability("activation_dropout", 0),
    encoder_layerdrop: reader.probability("encoder_layerdrop", 0),
    pool_mask: reader.boolean("pool_mask", false),
    ...headFields(reader, classes),
    // In every version of the reference the last of the weighed states is the one after the final norm.
    weightedSumAfterNorm: true,
  };
}

async function load(reader: ParameterReader, config: WhisperConfig): Promise<WhisperParams> {
  const base = reader.at("encoder");
  const { d_model: outputs, max_source_positions: frames, encoder_layers: depth } = config;
  const sizes = { outputs, width: CONV_WIDTH, bias: true };
  const init = { weight: normal(config.init_std), bias: constant(0) };
  const params: WhisperParams = {
    config,
    conv1: await loadConv1d(
      base.at("conv1"),
      { ...sizes, inputs: config.num_mel_bins, stride: 1 },
      init,
    ),
    conv2: await loadConv1d(
      base.at("conv2"),
      { ...sizes, inputs: outputs, stride: CONV_STRIDE },
      init,
    ),
    positions: await base.get("embed_positions.weight", [frames, outputs], sinusoids(outputs), {
      trainable: false,
    }),
    encoder: { norm: await loadNorm(base.at("layer_norm"), outputs, NORM_EPS), layers: [] },
    head: await loadHead(reader, config),
  };
  for (let i = 0; i < depth; i++) {
    params.encoder.layers.push(await loadLayer(base.at("layers", i), config));
  }
  return params;
}

function loadHead(
  reader: ParameterReader,
  config: WhisperConfig,
): Promise<ClassificationHeadParams> {
  return loadClassificationHead(reader, {
    ...config,
    hidden_size: config.d_model,
    num_hidden_layers: config.encoder_layers,
    initializer_range: config.init_std,
  });
}

/**
 * Sines of falling frequency in the first half of the channels, cosines in the second. Rounded to single precision
 * after each step, as where the published tables were made: an angle of 1500 radians feels it.
 */
function sinusoids(channels: number): Initializer {
  const pairs = channels / 2;
  const step = Math.log(10_000) / (pairs - 1);
  const { fround } = Math;
  return (size) =>
    Float32Array.from({ length: size }, (_, i) => {
      const [frame, channel] = [Math.floor(i / channels), i % channels];
      const frequency = fround(Math.exp(fround(-fround(step) * (channel % pairs))));
      const angle = fround(frame * frequency);
      return channel < pairs ? Math.sin(angle) : Math.cos(angle);
    });
}

async function loadLayer(
  reader: ParameterReader,
  config: WhisperConfig,
): Promise<TransformerLayerParams> {
  const { d_model: size, encoder_ffn_dim: wide } = config;
  const init = { weight: normal(config.init_std) };
  return {
    attention: await loadSelfAttention(reader.at("self_attn"), config),
    layerNorm: await loadNorm(reader.at("self_attn_layer_norm"), size, NORM_EPS),
    feedForward: {
      intermediate: await loadLinear(reader.at("fc1"), { inputs: size, outputs: wide }, init),
      output: await loadLinear(reader.at("fc2"), { inputs: wide, outputs: size }, init),
      activation: config.activation_function,
    },
    finalLayerNorm: await loadNorm(reader.at("final_layer_norm"), size, NORM_EPS),
  };
}

/** Keys have no bias. */
async function loadSelfAttention(
  reader: ParameterReader,
  { d_model: size, encoder_attention_heads: heads, init_std: std }: WhisperConfig,
): Promise<AttentionParams> {
  const square = { inputs: size, outputs: size };
  const init = { weight: normal(std) };
  return {
    key: { weight: await reader.weight("k_proj.weight", [size, size], init.weight) },
    value: await loadLinear(reader.at("v_proj"), square, init),
    query: await loadLinear(reader.at("q_proj"), square, init),
    output: await loadLinear(reader.at("out_proj"), square, init),
    heads,
  };
}

/** A convolution that keeps the edges, and GELU. **Shape** `x [B, T, C]` -> `[B, T / stride, D]` */
function convolve({ weight, bias, stride }: Conv1dParams, x: Tensor): Tensor {
  return conv1d(x, weight, { bias, stride, padLeft: 1, padRight: 1, activation: "gelu" });
}

/** Frames of padding that both convolutions see whole, with those that see an end of it. */
const PADDING_FRAMES = 8;

/**
 * Both convolutions. Of the silence behind a short clip, whose frames are all alike, they see as much as gives each
 * frame that there is of it; the others are copies. **Shape** `x [B, 2 T, bands]` -> `[B, T, D]`
 */
function convolved({ conv1, conv2 }: WhisperParams, x: Tensor): Tensor {
  const frames = x.shape[1]!;
  const isWhole = isRecording() || !rowsAreStable();
  const heard = isWhole ? frames : CONV_STRIDE * Math.ceil(unlikeFrames(x) / CONV_STRIDE);
  const copies = (frames - heard - PADDING_FRAMES) / CONV_STRIDE;
  if (copies <= 0) return convolve(conv2, convolve(conv1, x));
  return tidy(() => {
    const short = cropFrames(x, heard + PADDING_FRAMES);
    const y = convolve(conv2, convolve(conv1, short)); // [B, T - copies, D]
    const at = heard / CONV_STRIDE + 1;
    const part = (from: number, count: number) => slice(y, [0, from, 0], [-1, count, -1]);
    const copy = part(at, 1);
    return concat([part(0, at), ...Array<Tensor>(copies).fill(copy), part(at, -1)], 1);
  });
}

/** Frames before those that are like the last, in the clip where there are most of them. */
function unlikeFrames(x: Tensor): number {
  const [clips, frames, bands] = x.shape as [number, number, number];
  const values = x.dataSync();
  let most = 0;
  for (let clip = 0; clip < clips; clip++) {
    const first = clip * frames * bands;
    let i = (frames - 1) * bands - 1;
    while (i >= most * bands && values[first + i] === values[first + i + bands]) i--;
    most = Math.max(most, Math.floor(i / bands) + 1);
  }
  return most;
}

/** The same table added to every clip. **Shape** `x [B, T, D]`, `positions [T, D]` -> `[B, T, D]` */
function place(x: Tensor, positions: Tensor): Tensor {
  return tidy(() => {
    const rows = reshape(x, [x.shape[0]!, positions.size]); // [B, T D]
    return reshape(addBias(rows, reshape(positions, [positions.size])), x.shape); // [B, T, D]
  });
}

function forward(
  params: WhisperParams,
  { inputs, lengths }: ModelInputs,
  options: ForwardOptions,
): ModelOutput {
  const { noise, wrapLayer } = options;
  const { config } = params;
  expectSpectrogram(inputs, config);
  return tidy(() => {
    const frames = convolved(params, inputs); // [B, T, D]
    const rates = {
      hidden_dropout: config.dropout,
      attention_dropout: config.attention_dropout,
      activation_dropout: config.activation_dropout,
      layerdrop: config.encoder_layerdrop,
    };
    const placed = place(frames, params.positions);
    const { states, last } = preNormEncoder(params.encoder, placed, { rates, noise, wrapLayer });
    const heard = lengths && heardFrames(lengths, config);
    const valid = config.pool_mask && heard ? tensor1d(heard, "int32") : undefined;
    const pooled = pooledStates(headStates({ states, last }, config), valid);
    return {
      ...classificationHead(params.head, pooled),
      ...asked(options, {
        ...{ features: pooled, hiddenStates: [...states.slice(0, -1), last] },
        frameLengths: heard && { states: heard, last: heard },
      }),
    };
  });
}

/** Frames of the transformer that hold audio, at least one. **Shape** `lengths [B]` in frames of the spectrogram -> `[B]` */
function heardFrames(lengths: Int32Array, { max_source_positions: most }: WhisperConfig): number[] {
  const frames = Array.from(lengths, (length) => Math.ceil(length / CONV_STRIDE));
  return frames.map((count) => Math.min(Math.max(count, 1), most));
}

function expectSpectrogram(inputs: Tensor, config: WhisperConfig): void {
  const [frames, bands] = [CONV_STRIDE * config.max_source_positions, config.num_mel_bins];
  if (inputs.rank !== 3 || inputs.shape[1] !== frames || inputs.shape[2] !== bands) {
    throw new ShapeError(
      `Cannot classify a spectrogram: expected shape [clips,${frames},${bands}], found [${inputs.shape}]`,
    );
  }
}

/** Whisper as the registry knows it. */
export const whisper: Architecture<WhisperConfig, WhisperParams> = {
  modelType: "whisper",
  className: "WhisperForAudioClassification",
  basePrefix: "encoder",
  outerPrefix: "model",
  layersPrefix: "encoder.layers.",
  behindLayers: () => ["encoder.layer_norm."],
  parseConfig,
  load,
  forward,
  loadHead,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres: (_, { frames }) =>
    Float64Array.from({ length: frames }, (_, i) => i * CONV_STRIDE * HOP_SAMPLES),
  frames: (config) => config.max_source_positions,
  minSamples: () => 1,
  paddingInvariant: () => true,
};
