/**
 * The Audio Spectrogram Transformer for classification: overlapping patches of a spectrogram as tokens, two learned
 * tokens before them, a transformer over all of them, and a linear classifier of the mean of the two.
 *
 * Each place has a position of its own, so that every spectrogram has the same length; shorter clips are padded by
 * the feature extractor, and the padding is not masked. With `interpolate_positions`, a field of our own, a spectrogram
 * may have any length, and the positions are stretched over it. The tensors have the names that checkpoints use,
 * which are not those of the reference's modules.
 *
 * Not here: SpecAugment, which the reference does not apply to this model.
 *
 * Source: Gong et al. 2021, "AST: Audio Spectrogram Transformer"; arithmetic as transformers 5.18
 * `models/audio_spectrogram_transformer`, checked against the golden cases `ast*`.
 *
 * @module
 */
import { reshape, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import {
  type Activation,
  add,
  addBias,
  isRecording,
  linear as product,
  meanPool,
  padFrames,
  patches,
  reshapedWeight,
  rowsAreStable,
  type Weight,
} from "../kernels.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import type { AttentionParams } from "../layers/multi_head_attention.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { cropFrames } from "../layers/padding.ts";
import { constant, normal, type ParameterReader } from "../layers/parameters.ts";
import { preNormEncoder, type TransformerEncoderParams } from "../layers/transformer_encoder.ts";
import type { TransformerLayerParams } from "../layers/transformer_layer.ts";
import { activationField, COUNT, DEPTH, divisor, SIZE, WIDE } from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { normalised, normedTensors } from "./_linear_head.ts";
import { asked } from "./_speech_forward.ts";
import type {
  Architecture,
  ForwardOptions,
  HeadOutput,
  ModelInputs,
  ModelOutput,
} from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface AstConfig {
  /** Frames of a spectrogram. */
  max_length: number;
  num_mel_bins: number;
  /** Bands, and frames, of a patch. */
  patch_size: number;
  frequency_stride: number;
  time_stride: number;
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: Activation;
  /** Whether queries, keys and values have a bias. */
  qkv_bias: boolean;
  layer_norm_eps: number;
  initializer_range: number;
  hidden_dropout_prob: number;
  attention_probs_dropout_prob: number;
  /** Whether positions are stretched over spectrograms of any length; no field of the reference. */
  interpolate_positions: boolean;
  classes: number;
}

/** What is made of the input before the transformer. */
export interface AstEmbeddingParams {
  /** `[1, 1, D]` */
  classToken: Tensor;
  /** `[1, 1, D]` */
  distillationToken: Tensor;
  /** `weight [D, 1, patch, patch]`, bands before frames; `bias [D]` */
  projection: { weight: Weight; bias: Tensor };
  /** `[1, 2 + patches, D]` */
  positions: Tensor;
}

/** `norm [D]`, `dense [N, D]` */
export interface AstHeadParams {
  norm: NormParams;
  dense: LinearParams;
}

/** All parameters, and the config that they were made for. */
export interface AstParams {
  config: AstConfig;
  embeddings: AstEmbeddingParams;
  encoder: TransformerEncoderParams;
  head: AstHeadParams;
}

/** The two learned tokens before the patches. */
const TOKENS = 2;
/** One frame of the spectrogram, 25 ms at the 16 kHz of every published checkpoint. */
const WINDOW_SAMPLES = 400;
/** From one frame to the next, 10 ms. */
const HOP_SAMPLES = 160;
const MAX_FRAMES = 100_000;

function parseConfig(reader: ConfigReader, classes: number): AstConfig {
  const hidden_size = reader.integer("hidden_size", { or: 768, ...SIZE });
  const patch_size = reader.integer("patch_size", { or: 16, ...COUNT });
  return {
    max_length: reader.integer("max_length", { or: 1024, min: patch_size, max: MAX_FRAMES }),
    num_mel_bins: reader.integer("num_mel_bins", { or: 128, min: patch_size, max: COUNT.max }),
    patch_size,
    frequency_stride: reader.integer("frequency_stride", { or: 10, ...COUNT }),
    time_stride: reader.integer("time_stride", { or: 10, ...COUNT }),
    hidden_size,
    num_hidden_layers: reader.integer("num_hidden_layers", { or: 12, ...DEPTH }),
    num_attention_heads: divisor(reader, "num_attention_heads", { of: hidden_size, or: 12 }),
    intermediate_size: reader.integer("intermediate_size", { or: 3072, ...WIDE }),
    hidden_act: activationField(reader, "hidden_act"),
    qkv_bias: reader.boolean("qkv_bias", true),
    layer_norm_eps: reader.number("layer_norm_eps", { or: 1e-12, min: 0, max: 1 }),
    initializer_range: reader.number("initializer_range", { or: 0.02, min: 0, max: 10 }),
    hidden_dropout_prob: reader.probability("hidden_dropout_prob", 0),
    attention_probs_dropout_prob: reader.probability("attention_probs_dropout_prob", 0),
    interpolate_positions: reader.boolean("interpolate_positions", false),
    classes,
  };
}

/** Patches along the bands, and along the frames. */
function patchGrid(config: AstConfig, frames = config.max_length): [bands: number, times: number] {
  const places = (size: number, stride: number): number =>
    Math.floor((size - config.patch_size) / stride) + 1;
  return [
    places(config.num_mel_bins, config.frequency_stride),
    places(frames, config.time_stride),
  ];
}

/** Patches of a spectrogram. */
function patchCount(config: AstConfig, frames?: number): number {
  const [bands, times] = patchGrid(config, frames);
  return bands * times;
}

async function load(reader: ParameterReader, config: AstConfig): Promise<AstParams> {
  const base = reader.at("audio_spectrogram_transformer");
  const { hidden_size: size, layer_norm_eps: eps } = config;
  const params: AstParams = {
    config,
    embeddings: await loadEmbeddings(base.at("embeddings"), config),
    encoder: { norm: await loadNorm(base.at("layernorm"), size, eps), layers: [] },
    head: await loadHead(reader, config),
  };
  for (let i = 0; i < config.num_hidden_layers; i++) {
    params.encoder.layers.push(await loadLayer(base.at("encoder.layer", i), config));
  }
  return params;
}

async function loadHead(reader: ParameterReader, config: AstConfig): Promise<AstHeadParams> {
  const { hidden_size: size, layer_norm_eps: eps, classes: outputs } = config;
  const init = { weight: normal(config.initializer_range) };
  return {
    norm: await loadNorm(reader.at("classifier.layernorm"), size, eps),
    dense: await loadLinear(reader.at("classifier.dense"), { inputs: size, outputs }, init),
  };
}

async function loadEmbeddings(
  reader: ParameterReader,
  config: AstConfig,
): Promise<AstEmbeddingParams> {
  const { hidden_size: size, patch_size: side } = config;
  const projection = reader.at("patch_embeddings.projection");
  const places = [1, TOKENS + patchCount(config), size];
  return {
    classToken: await reader.get("cls_token", [1, 1, size], constant(0)),
    distillationToken: await reader.get("distillation_token", [1, 1, size], constant(0)),
    projection: {
      weight: await projection.weight(
        "weight",
        [size, 1, side, side],
        normal(config.initializer_range),
        { usedAs: [size, side * side] },
      ),
      bias: await projection.get("bias", [size], constant(0)),
    },
    positions: await reader.get("position_embeddings", places, constant(0)),
  };
}

async function loadLayer(
  reader: ParameterReader,
  config: AstConfig,
): Promise<TransformerLayerParams> {
  const { hidden_size: size, intermediate_size: wide, layer_norm_eps: eps } = config;
  const init = { weight: normal(config.initializer_range) };
  return {
    attention: await loadAttention(reader.at("attention"), config),
    layerNorm: await loadNorm(reader.at("layernorm_before"), size, eps),
    feedForward: {
      intermediate: await loadLinear(
        reader.at("intermediate.dense"),
        { inputs: size, outputs: wide },
        init,
      ),
      output: await loadLinear(reader.at("output.dense"), { inputs: wide, outputs: size }, init),
      activation: config.hidden_act,
    },
    finalLayerNorm: await loadNorm(reader.at("layernorm_after"), size, eps),
  };
}

async function loadAttention(reader: ParameterReader, config: AstConfig): Promise<AttentionParams> {
  const { hidden_size: size, qkv_bias: hasBias } = config;
  const weight = normal(config.initializer_range);
  const map = async (name: string): Promise<LinearParams> => ({
    weight: await reader.weight(`attention.${name}.weight`, [size, size], weight),
    bias: hasBias ? await reader.get(`attention.${name}.bias`, [size], constant(0)) : undefined,
  });
  return {
    query: await map("query"),
    key: await map("key"),
    value: await map("value"),
    output: await loadLinear(
      reader.at("output.dense"),
      { inputs: size, outputs: size },
      { weight },
    ),
    heads: config.num_attention_heads,
  };
}

/**
 * The positions of a spectrogram with another number of frames: those of each band stretched over time.
 *
 * **Shape** `positions [1, 2 + patches, D]` -> `[1, 2 + patches of so many frames, D]`
 */
function stretchPositions(positions: Tensor, frames: number, config: AstConfig): Tensor {
  const size = config.hidden_size;
  const [[bands, from], [, to]] = [patchGrid(config), patchGrid(config, frames)];
  if (from === to) return positions.clone();
  return tidy(() => {
    const table = reshape(padFrames(positions, { before: -TOKENS }), [bands * from, size]);
    const columns = product(stretching(1, size, size), table); // [D, bands from]
    const stretched = product(stretching(bands, from, to), columns); // [bands to, D]
    const ofPatches = padFrames(reshape(stretched, [1, bands * to, size]), { before: TOKENS });
    const ofTokens = padFrames(positions, { after: -bands * from }); // [1, 2, D]
    return add(ofPatches, padFrames(ofTokens, { after: bands * to }));
  });
}

/**
 * Linear interpolation of each band as a matrix, the ends being held: row r of a band looks at `(r + 1/2) from / to - 1/2`.
 *
 * **Shape** -> `[bands to, bands from]`
 */
function stretching(bands: number, from: number, to: number): Tensor {
  const values = new Float32Array(bands * to * bands * from);
  for (let row = 0; row < bands * to; row++) {
    const at = (row % to + 0.5) * from / to - 0.5;
    const place = Math.min(Math.max(at, 0), from - 1);
    const left = Math.floor(place);
    const first = row * bands * from + Math.floor(row / to) * from;
    values[first + left] = 1 - (place - left);
    if (place > left) values[first + left + 1] = place - left;
  }
  return tensor2d(values, [bands * to, bands * from]);
}

/** Two tokens and the patches, each at its position. **Shape** `spectrogram [B, frames, bands]` -> `[B, T, D]` */
function embed(
  { classToken, distillationToken, projection, positions }: AstEmbeddingParams,
  spectrogram: Tensor,
  config: AstConfig,
): Tensor {
  const { patch_size: side, hidden_size: size } = config;
  const frames = spectrogram.shape[1]!;
  const places = TOKENS + patchCount(config, frames);
  return tidy(() => {
    const stretched = stretchPositions(positions, frames, config); // [1, T, D]
    const cut = patches(spectrogram, {
      size: [side, side],
      stride: [config.frequency_stride, config.time_stride],
    }); // [B, patches, side^2]
    const kernel = reshapedWeight(projection.weight, [size, side * side]);
    const seen = linear({ weight: kernel, bias: projection.bias }, cut); // [B, patches, D]
    const tokens = add(
      padFrames(classToken, { after: places - 1 }),
      padFrames(distillationToken, { before: 1, after: places - TOKENS }),
    ); // [1, T, D]
    const table = reshape(add(stretched, tokens), [places * size]);
    const placed = reshape(padFrames(seen, { before: TOKENS }), [seen.shape[0]!, places * size]);
    return reshape(addBias(placed, table), [seen.shape[0]!, places, size]);
  });
}

function forward(
  { config, embeddings, encoder, head }: AstParams,
  { inputs }: ModelInputs,
  options: ForwardOptions,
): ModelOutput {
  const { noise, wrapLayer } = options;
  expectSpectrogram(inputs, config);
  return tidy(() => {
    const rates = {
      hidden_dropout: config.hidden_dropout_prob,
      attention_dropout: config.attention_probs_dropout_prob,
      activation_dropout: 0,
      layerdrop: 0,
    };
    const embedded = embed(embeddings, inputs, config); // [B, T, D]
    const lastAlone = !options.outputHiddenStates;
    // The head looks at the tokens alone; training keeps the sums of its gradients.
    const firstFrames = lastAlone && rowsAreStable() && !isRecording() ? TOKENS : undefined;
    const passed = { rates, noise, wrapLayer, lastAlone, firstFrames };
    const { states, last } = preNormEncoder(encoder, embedded, passed);
    const pooled = meanPool(cropFrames(last, TOKENS)); // [B, D]
    return {
      ...classify(head, pooled),
      ...asked(options, { features: [pooled], hiddenStates: states, lastHiddenState: last }),
    };
  });
}

/** **Shape** `pooled [B, D]` -> `logits [B, N]` */
function classify({ norm, dense }: AstParams["head"], pooled: Tensor): HeadOutput {
  return tidy(() => ({ logits: linear(dense, layerNorm(norm, pooled)), pooled: pooled.clone() }));
}

/** Patches lie band by band, each over its piece of time. */
function frameCentres(config: AstConfig, { frames }: { frames: number }): Float64Array {
  const [bands] = patchGrid(config);
  const columns = (frames - TOKENS) / bands;
  const first = ((config.patch_size - 1) * HOP_SAMPLES + WINDOW_SAMPLES) / 2;
  return Float64Array.from({ length: frames }, (_, i) => {
    if (i < TOKENS) return NaN;
    return first + ((i - TOKENS) % columns) * config.time_stride * HOP_SAMPLES;
  });
}

function expectSpectrogram(inputs: Tensor, config: AstConfig): void {
  const { max_length, num_mel_bins: bands, patch_size, interpolate_positions: anyLength } = config;
  const [, frames = 0] = inputs.shape;
  const isLong = anyLength ? frames >= patch_size : frames === max_length;
  if (inputs.rank === 3 && isLong && inputs.shape[2] === bands) return;
  const wanted = anyLength ? `${patch_size} or more` : `${max_length}`;
  throw new ShapeError(
    `Cannot classify a spectrogram: expected shape [clips,${wanted},${bands}], found [${inputs.shape}]`,
  );
}

/** Parts of a layer, in checkpoints and in transformers 5. */
const MODULE_NAMES: Readonly<Record<string, string>> = {
  "attention.attention.query": "attention.q_proj",
  "attention.attention.key": "attention.k_proj",
  "attention.attention.value": "attention.v_proj",
  "attention.output.dense": "attention.o_proj",
  "intermediate.dense": "mlp.fc1",
  "output.dense": "mlp.fc2",
};

function moduleName(name: string): string {
  const [, layer, part = ""] =
    /^audio_spectrogram_transformer\.encoder\.layer\.(\d+)\.(.+)$/.exec(name) ?? [];
  if (layer === undefined) return name;
  return `audio_spectrogram_transformer.layers.${layer}.${MODULE_NAMES[part] ?? part}`;
}

/** The Audio Spectrogram Transformer as the registry knows it. */
export const audioSpectrogramTransformer: Architecture<AstConfig, AstParams> = {
  modelType: "audio-spectrogram-transformer",
  className: "ASTForAudioClassification",
  basePrefix: "audio_spectrogram_transformer",
  layersPrefix: "audio_spectrogram_transformer.encoder.layer.",
  attentionProjections: {
    q_proj: "attention.attention.query",
    k_proj: "attention.attention.key",
    v_proj: "attention.attention.value",
    out_proj: "attention.output.dense",
  },
  moduleName,
  behindLayers: () => ["audio_spectrogram_transformer.layernorm."],
  parseConfig,
  load,
  forward,
  loadHead,
  linearHead: {
    input: ({ layer_norm_eps: eps }, features) => normalised(features, eps),
    tensors: (layer) =>
      normedTensors({ norm: "classifier.layernorm", dense: "classifier.dense" }, layer),
  },
  classify: ({ head }, [pooled]) => classify(head, pooled!),
  frameCentres,
  frames: (config, samples) => {
    const frames = Math.floor((samples - WINDOW_SAMPLES) / HOP_SAMPLES) + 1;
    return TOKENS + patchCount(config, config.interpolate_positions ? frames : undefined);
  },
  minSamples: ({ interpolate_positions: anyLength, patch_size: frames }) =>
    WINDOW_SAMPLES + (anyLength ? frames - 1 : -1) * HOP_SAMPLES,
  paddingInvariant: (config) => !config.interpolate_positions,
  takesAnyLength: (config) => config.interpolate_positions,
};
