/**
 * CED ("consistent ensemble distillation") for audio tagging: patches of a normalised spectrogram as tokens, a
 * transformer over them, and a linear classifier of their mean.
 *
 * The patches do not overlap. A place has the position of its time and that of its bands, so that a spectrogram may have
 * any length up to the number of times; a longer one is cut into pieces of that length, and the mean is over the tokens
 * of all pieces, the zeros behind the last one among them. Bands are normalised before the patches by statistics that
 * training moves.
 *
 * The reference gives sigmoids where `pooling` is "mean", and scores as they are where it is "logit"; here scores are
 * always as they are, and the pooling says what they mean where `problem_type` does not. Three things of the reference
 * are not followed: it leaves out the last piece of a spectrogram that is a whole number of them, mixes the pieces of a
 * batch's clips, and fails on a spectrogram shorter than a patch.
 *
 * Not here: pooling by a token or by decisions, which the reference's own code cannot run.
 *
 * Source: Dinkel et al. 2023, "CED: Consistent ensemble distillation for audio tagging"; names and arithmetic as
 * `ced_model/modeling_ced.py` of github.com/jimbozhang/hf_transformers_custom_model_ced at 1a9cd46, which is
 * `models/audiotransformer.py` of github.com/RicherMans/CED at 60a0f54 under other names; checked against the golden
 * cases `ced*`.
 *
 * @module
 */
import { reshape, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import {
  add,
  addBias,
  attention,
  conv1d,
  linear as product,
  maskFrames,
  meanPool,
  padFrames,
  reshapedWeight,
  scale,
  type Weight,
} from "../kernels.ts";
import { batchNorm, type BatchNormParams, loadBatchNorm } from "../layers/batch_norm.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { constant, normal, type ParameterReader, uniform } from "../layers/parameters.ts";
import { COUNT, DEPTH, divisor, SIZE } from "./_config_fields.ts";
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

/** The fields of `config.json` that the model uses, under the reference's names. */
export interface CedConfig {
  /** Bands of the spectrogram. */
  n_mels: number;
  /** Frames of a piece, for which there are positions. */
  target_length: number;
  /** Bands, and frames, of a patch. */
  patch_size: number;
  /** Bands, and frames, from one patch to the next. */
  patch_stride: number;
  /** Whether the rest behind the last whole piece is filled up with zeros, instead of left out. */
  pad_last: boolean;
  embed_dim: number;
  depth: number;
  num_heads: number;
  /** The hidden size of the feed-forward halves, in embedding sizes. */
  mlp_ratio: number;
  /** Whether queries, keys and values have a bias. */
  qkv_bias: boolean;
  drop_rate: number;
  attn_drop_rate: number;
  /** How often the last layer's halves are left out for a clip in training; the first one's never are. */
  drop_path_rate: number;
  classes: number;
}

/** A layer: `qkv [3 D, D]`, `proj [D, D]`, `fc1 [F, D]`, `fc2 [D, F]`. */
export interface CedLayerParams {
  norm1: NormParams;
  qkv: LinearParams;
  proj: LinearParams;
  norm2: NormParams;
  fc1: LinearParams;
  fc2: LinearParams;
}

/** All parameters, and the config that they were made for. */
export interface CedParams {
  config: CedConfig;
  /** Of the bands. */
  bandNorm: BatchNormParams;
  /** `weight [D, 1, patch, patch]`, bands before frames; `bias [D]` */
  patches: { weight: Weight; bias: Tensor };
  /** `[1, D, 1, times]` */
  timePositions: Tensor;
  /** `[1, D, bands of patches, 1]` */
  bandPositions: Tensor;
  layers: CedLayerParams[];
  norm: NormParams;
  head: CedHeadParams;
}

/** `norm [D]`, `dense [N, D]` */
export interface CedHeadParams {
  norm: NormParams;
  dense: LinearParams;
}

/** The published sizes, which a config may name instead of giving them. */
const SIZES: Readonly<Record<string, { embed_dim: number; num_heads: number }>> = {
  "ced-tiny": { embed_dim: 192, num_heads: 3 },
  "ced-mini": { embed_dim: 256, num_heads: 4 },
  "ced-small": { embed_dim: 384, num_heads: 6 },
  "ced-base": { embed_dim: 768, num_heads: 12 },
};

/** From one frame of the spectrogram to the next, 10 ms at the 16 kHz of every published checkpoint. */
const HOP_SAMPLES = 160;
const MAX_FRAMES = 100_000;
const MAX_CLASSES = 100_000;
const NORM_EPS = 1e-6;
const HEAD_EPS = 1e-5;
const BAND_MOMENTUM = 0.01;
const INIT_STD = 0.02;

function parseConfig(reader: ConfigReader, classes: number): CedConfig {
  const { embed_dim, num_heads } = sizeFields(reader);
  const patch_size = reader.integer("patch_size", { or: 16, ...COUNT });
  const config: CedConfig = {
    n_mels: reader.integer("n_mels", { or: 64, min: patch_size, max: COUNT.max }),
    target_length: reader.integer("target_length", { or: 1012, min: patch_size, max: MAX_FRAMES }),
    patch_size,
    patch_stride: reader.integer("patch_stride", { or: 16, ...COUNT }),
    pad_last: reader.boolean("pad_last", true),
    embed_dim,
    depth: reader.integer("depth", { or: 12, ...DEPTH }),
    num_heads,
    mlp_ratio: reader.number("mlp_ratio", { or: 4, min: 0.01, max: 64 }),
    qkv_bias: reader.boolean("qkv_bias", true),
    drop_rate: reader.probability("drop_rate", 0),
    attn_drop_rate: reader.probability("attn_drop_rate", 0),
    drop_path_rate: reader.probability("drop_path_rate", 0),
    classes,
  };
  const [bands, times] = patchGrid(config);
  const [bandPlaces, timePlaces] = positionGrid(config);
  if (bands !== bandPlaces || times > timePlaces) {
    reader.fail("patch_stride", "patches that have a position each");
  }
  // What these say is known by then, from the names of the classes and what they mean.
  reader.oneOf("pooling", ["mean", "logit"], "mean");
  reader.integer("outputdim", { or: classes, min: 1, max: MAX_CLASSES });
  return config;
}

/** A name outweighs the numbers, as in the reference. */
function sizeFields(reader: ConfigReader): { embed_dim: number; num_heads: number } {
  const named = Object.hasOwn(SIZES, String(reader.json.name))
    ? SIZES[String(reader.json.name)]
    : undefined;
  if (named) return named;
  const embed_dim = reader.integer("embed_dim", { or: 768, ...SIZE });
  return {
    embed_dim,
    num_heads: divisor(reader, "num_heads", { of: embed_dim, or: 12, name: "embed_dim" }),
  };
}

/** Patches along the bands, and along so many frames. */
function patchGrid(
  { n_mels, target_length, patch_size, patch_stride }: CedConfig,
  frames = target_length,
): [bands: number, times: number] {
  const places = (size: number) => Math.floor((size - patch_size) / patch_stride) + 1;
  return [places(n_mels), places(frames)];
}

/** Positions that there are of bands, and of times. */
function positionGrid({ n_mels, target_length, patch_stride }: CedConfig): [number, number] {
  return [Math.floor(n_mels / patch_stride), Math.floor(target_length / patch_stride)];
}

/** Pieces of a spectrogram, and the frames of each; one shorter than a patch is filled up with zeros as well. */
function piecesOf(
  { target_length, patch_size, pad_last }: CedConfig,
  frames: number,
): { pieces: number; length: number } {
  if (frames <= target_length) return { pieces: 1, length: Math.max(frames, patch_size) };
  const pieces = (pad_last ? Math.ceil : Math.floor)(frames / target_length);
  return { pieces, length: target_length };
}

async function load(reader: ParameterReader, config: CedConfig): Promise<CedParams> {
  const base = reader.at("encoder");
  const { embed_dim: size, patch_size: side } = config;
  const projection = base.at("patch_embed.proj");
  const ofPatches = uniform(-1 / side, 1 / side);
  const [bands, times] = positionGrid(config);
  const params: CedParams = {
    config,
    timePositions: await base.get("time_pos_embed", [1, size, 1, times], normal(INIT_STD)),
    bandPositions: await base.get("freq_pos_embed", [1, size, bands, 1], normal(INIT_STD)),
    bandNorm: await loadBatchNorm(base.at("init_bn"), config.n_mels, { momentum: BAND_MOMENTUM }),
    patches: {
      weight: await projection.weight("weight", [size, 1, side, side], ofPatches, {
        usedAs: [size, side, side],
      }),
      bias: await projection.get("bias", [size], ofPatches),
    },
    layers: [],
    norm: await loadNorm(base.at("norm"), size, NORM_EPS),
    head: await loadHead(reader, config),
  };
  for (let i = 0; i < config.depth; i++) {
    params.layers.push(await loadLayer(base.at("blocks", i), config));
  }
  return params;
}

async function loadHead(reader: ParameterReader, config: CedConfig): Promise<CedHeadParams> {
  const { embed_dim: size, classes: outputs } = config;
  return {
    norm: await loadNorm(reader.at("outputlayer.0"), size, HEAD_EPS),
    dense: await loadLinear(
      reader.at("outputlayer.1"),
      { inputs: size, outputs },
      { weight: normal(INIT_STD) },
    ),
  };
}

async function loadLayer(reader: ParameterReader, config: CedConfig): Promise<CedLayerParams> {
  const { embed_dim: size, mlp_ratio, qkv_bias: hasBias } = config;
  const wide = Math.floor(size * mlp_ratio);
  const weight = normal(INIT_STD);
  const qkv = reader.at("attn.qkv");
  return {
    norm1: await loadNorm(reader.at("norm1"), size, NORM_EPS),
    qkv: {
      weight: await qkv.weight("weight", [3 * size, size], weight),
      bias: hasBias ? await qkv.get("bias", [3 * size], constant(0)) : undefined,
    },
    proj: await loadLinear(reader.at("attn.proj"), { inputs: size, outputs: size }, { weight }),
    norm2: await loadNorm(reader.at("norm2"), size, NORM_EPS),
    fc1: await loadLinear(reader.at("mlp.fc1"), { inputs: size, outputs: wide }, { weight }),
    fc2: await loadLinear(reader.at("mlp.fc2"), { inputs: wide, outputs: size }, { weight }),
  };
}

/** Pieces one below the other. **Shape** `x [B, T, C]` -> `[B * pieces, length, C]` */
function cutPieces(x: Tensor, config: CedConfig): Tensor {
  const [batch, frames, bands] = x.shape as [number, number, number];
  const { pieces, length } = piecesOf(config, frames);
  const whole = padFrames(x, { after: pieces * length - frames });
  return reshape(whole, [batch * pieces, length, bands]);
}

/** Positions as frames: each is a column of what is stored. **Shape** `positions [1, D, .., ..]` of P -> `[1, P, D]` */
function positionRows(positions: Tensor): Tensor {
  const size = positions.shape[1]!;
  const count = positions.size / size;
  const identity = new Float32Array(count * count);
  for (let i = 0; i < count; i++) identity[i * count + i] = 1;
  const rows = product(tensor2d(identity, [count, count]), reshape(positions, [size, count]));
  return reshape(rows, [1, count, size]);
}

/** Patches, band by band, each at its position. **Shape** `x [B, T, C]` -> `[B, F * times, D]` */
function embed(params: CedParams, x: Tensor): Tensor {
  const { config, patches: { weight, bias }, timePositions, bandPositions } = params;
  const { embed_dim: size, patch_size: side, patch_stride: stride } = config;
  const [batch, frames, bands] = x.shape as [number, number, number];
  const [rows, times] = patchGrid(config, frames);
  const [, timePlaces] = positionGrid(config);
  const kernel = reshapedWeight(weight, [size, side, side]);
  const columns = reshape(x, [batch * frames, bands, 1]);
  const seen = Array.from({ length: rows }, (_, row) => {
    const before = row * stride;
    const cut = padFrames(columns, { before: -before, after: before + side - bands });
    return conv1d(reshape(cut, [batch, frames, side]), kernel, { bias, stride }); // [B, times, D]
  });
  const ofTimes = padFrames(positionRows(timePositions), { after: times - timePlaces });
  const ofBands = positionRows(bandPositions); // [1, F, D]
  const placed = seen.map((patches, row) => {
    const inTime = addBias(
      reshape(patches, [batch, times * size]),
      reshape(ofTimes, [times * size]),
    );
    const ofBand = reshape(padFrames(ofBands, { before: -row, after: row + 1 - rows }), [size]);
    const inBand = addBias(reshape(inTime, [batch, times, size]), ofBand);
    return padFrames(inBand, { before: row * times, after: (rows - 1 - row) * times });
  });
  return placed.reduce((a, b) => add(a, b));
}

/** What a layer needs besides its input. */
interface LayerOptions {
  config: CedConfig;
  noise?: Noise;
}

/** Queries, keys and values beside each other, apart. **Shape** `x [B, T, 3 D]` -> three of `[B, T, D]` */
function thirds(x: Tensor): Tensor[] {
  const [batch, frames, wide] = x.shape as [number, number, number];
  const size = wide / 3;
  const rows = reshape(x, [batch * frames, 3, size]);
  return [0, 1, 2].map((i) =>
    reshape(padFrames(rows, { before: -i, after: i - 2 }), [batch, frames, size])
  );
}

/** The sum of a half of a layer and its input, or the input alone (Huang et al. 2016). **Shape** `[B, T, D]` */
function dropPath(y: Tensor, rate: number, noise: Noise | undefined, residual: Tensor): Tensor {
  if (!noise || rate === 0) return add(y, residual);
  const [batch, frames, size] = y.shape as [number, number, number];
  const dropped = Array.from({ length: batch }, () => noise.random.uniform() < rate ? 1 : 0);
  const mask = Int32Array.from(
    { length: batch * frames },
    (_, i) => dropped[Math.floor(i / frames)]!,
  );
  const kept = maskFrames(
    y,
    tensor2d(mask, [batch, frames], "int32"),
    tensor1d(new Float32Array(size)),
  );
  return scale(kept, rate < 1 ? 1 / (1 - rate) : 1, residual);
}

/** A layer whose halves are left out at a rate. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function layerOf(pathRate: number) {
  return (params: CedLayerParams, x: Tensor, { config, noise }: LayerOptions): Tensor => {
    const { drop_rate: dropoutRate } = config;
    const isWhole = !noise || pathRate === 0;
    const ending = (residual: Tensor) =>
      isWhole ? { dropoutRate, noise, residual } : { dropoutRate, noise };
    const joined = (y: Tensor, residual: Tensor) =>
      isWhole ? y : dropPath(y, pathRate, noise, residual);
    return tidy(() => {
      const [query, key, value] = thirds(linear(params.qkv, layerNorm(params.norm1, x)));
      const context = attention(query!, key!, value!, {
        heads: config.num_heads,
        dropoutRate: noise ? config.attn_drop_rate : 0,
        dropoutSeed: noise?.seed(),
      });
      const attended = joined(linear(params.proj, context, ending(x)), x);
      const wide = linear(params.fc1, layerNorm(params.norm2, attended), {
        activation: "gelu",
        dropoutRate,
        noise,
      });
      return joined(linear(params.fc2, wide, ending(attended)), attended);
    });
  };
}

function forward(
  params: CedParams,
  { inputs }: ModelInputs,
  options: ForwardOptions,
): ModelOutput {
  const { config, norm, head } = params;
  const { noise, wrapLayer } = options;
  expectSpectrogram(inputs, config);
  return tidy(() => {
    const pieces = cutPieces(batchNorm(params.bandNorm, inputs, noise), config);
    const states = [dropout(embed(params, pieces), config.drop_rate, noise)];
    for (const [i, layer] of params.layers.entries()) {
      const layerFunction = layerOf(config.drop_path_rate * i / Math.max(1, config.depth - 1));
      const run = wrapLayer?.(layerFunction) ?? layerFunction;
      states.push(run(layer, states.at(-1)!.clone(), { config, noise }));
    }
    const ofClips = (x: Tensor) => reshape(x, [inputs.shape[0]!, -1, config.embed_dim]);
    const last = ofClips(layerNorm(norm, states.at(-1)!)); // [B, tokens, D]
    const pooled = meanPool(last); // [B, D]
    return {
      ...classify(head, pooled),
      ...asked(options, {
        ...{ features: [pooled], hiddenStates: states.map(ofClips), lastHiddenState: last },
      }),
    };
  });
}

/** **Shape** `pooled [B, D]` -> `logits [B, N]` */
function classify({ norm, dense }: CedHeadParams, pooled: Tensor): HeadOutput {
  return tidy(() => ({ logits: linear(dense, layerNorm(norm, pooled)), pooled: pooled.clone() }));
}

function expectSpectrogram(inputs: Tensor, { n_mels: bands }: CedConfig): void {
  if (inputs.rank === 3 && inputs.shape[2] === bands) return;
  throw new ShapeError(
    `Cannot classify a spectrogram: expected shape [clips,frames,${bands}], found [${inputs.shape}]`,
  );
}

function spectrogramFrames(samples: number): number {
  return Math.floor(samples / HOP_SAMPLES) + 1;
}

/** Patches lie piece by piece, band by band, each over its stretch of time. */
function frameCentres(
  config: CedConfig,
  { frames, samples }: { frames: number; samples: number },
): Float64Array {
  const { pieces, length } = piecesOf(config, samples);
  const [bands, times] = patchGrid(config, length);
  const { patch_size: side, patch_stride: stride } = config;
  return Float64Array.from({ length: Math.min(frames, pieces * bands * times) }, (_, i) => {
    const piece = Math.floor(i / (bands * times));
    return (piece * length + (i % times) * stride + (side - 1) / 2) * HOP_SAMPLES;
  });
}

/** CED as the registry knows it. */
export const ced: Architecture<CedConfig, CedParams> = {
  modelType: "ced",
  className: "CedForAudioClassification",
  basePrefix: "encoder",
  layersPrefix: "encoder.blocks.",
  // One weight holds queries, keys and values.
  attentionProjections: {
    q_proj: "attn.qkv",
    k_proj: "attn.qkv",
    v_proj: "attn.qkv",
    out_proj: "attn.proj",
  },
  behindLayers: () => ["encoder.norm."],
  impliedProblem: ({ pooling }) =>
    pooling === "logit" ? "single_label_classification" : "multi_label_classification",
  outputFields: (outputdim, problem) => ({
    outputdim,
    pooling: problem === "multi_label_classification" ? "mean" : "logit",
  }),
  parseConfig,
  load,
  forward,
  loadHead,
  linearHead: {
    input: (_, features) => normalised(features, HEAD_EPS),
    tensors: (layer) => normedTensors({ norm: "outputlayer.0", dense: "outputlayer.1" }, layer),
  },
  classify: ({ head }, [pooled]) => classify(head, pooled!),
  frameCentres,
  frames: (config, samples) => {
    const { pieces, length } = piecesOf(config, spectrogramFrames(samples));
    const [bands, times] = patchGrid(config, length);
    return pieces * bands * times;
  },
  minSamples: () => 1,
  // Silence that was added is heard like any other.
  paddingInvariant: () => false,
};
