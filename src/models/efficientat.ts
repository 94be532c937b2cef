/**
 * EfficientAT: MobileNetV3 on mel spectrograms, for tagging sounds at the edge. Convolutions over bands and time, each
 * block widening its channels by products, convolving each channel by itself, weighing the channels by what the whole
 * clip holds of them, and narrowing them again.
 *
 * Spectrograms are images of bands by frames, channels last. Every convolution is followed by a batch norm: a model that
 * will not change has it in the convolution's weight; in training it is that of the batch, as in the reference, whose
 * running statistics move by a hundredth a step.
 *
 * A config has the arguments of the reference's `get_model` under their names, `classifier_proj_size`, the width of the
 * head's hidden layer, and `dropout`. Not here: dilated convolutions, the heads `fully_convolutional` and
 * `multihead_attention_pooling`, and squeezes over bands or time, which the reference's own code cannot run.
 *
 * Source: Howard et al. 2019, "Searching for MobileNetV3"; Schmid et al. 2023, "Efficient large-scale audio tagging via
 * transformer-to-CNN knowledge distillation"; names and arithmetic as `models/mn` of github.com/fschmid56/EfficientAT at
 * a425fdc; checked against the golden cases `efficientat*`.
 *
 * @module
 */
import { reshape, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import {
  type Activation,
  activation,
  add,
  depthwise2d,
  linear as product,
  meanPool,
  padFrames,
  patches,
  reshapedWeight,
  scaleChannels,
} from "../kernels.ts";
import { batchNorm } from "../layers/batch_norm.ts";
import { loadNormedConvolution, type NormedConvolution } from "../layers/folded_norm.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { normal, type ParameterReader } from "../layers/parameters.ts";
import { COUNT, SIZE } from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { type HeadTensor, layerTensors, type LinearLayer } from "./_linear_head.ts";
import { asked } from "./_speech_forward.ts";
import type {
  Architecture,
  ForwardOptions,
  HeadOutput,
  ModelInputs,
  ModelOutput,
} from "./architecture.ts";

/** The channels and the depthwise convolution of a block. */
export interface EfficientATBlockConfig {
  inputs: number;
  /** Between the two products. */
  hidden: number;
  outputs: number;
  /** Rows, and columns, of the kernel. */
  size: number;
  stride: number;
  /** The width of the squeeze; 0 where channels are not weighed. */
  squeezed: number;
  activation: Activation;
}

/** What the model is made by, from the fields of `config.json`. */
export interface EfficientATConfig {
  /** Bands of the spectrogram. */
  input_dim_f: number;
  /** Channels of the first convolution. */
  stem: number;
  blocks: readonly EfficientATBlockConfig[];
  /** Channels of the last convolution, which the head sees the mean of. */
  embed_dim: number;
  /** The hidden size of the head. */
  classifier_proj_size: number;
  /** Of the head. */
  dropout: number;
  classes: number;
}

/** A block: products and a depthwise convolution, each with a norm. */
export interface EfficientATBlockParams {
  config: EfficientATBlockConfig;
  /** Absent where a block does not widen its channels. */
  expand?: NormedConvolution;
  depthwise: NormedConvolution;
  squeeze?: { narrow: LinearParams; wide: LinearParams };
  project: NormedConvolution;
}

/** All parameters, and the config that they were made for. */
export interface EfficientATParams {
  config: EfficientATConfig;
  first: NormedConvolution;
  blocks: EfficientATBlockParams[];
  last: NormedConvolution;
  head: EfficientATHeadParams;
}

/** `hidden [P, D]`, `dense [N, P]`, and how much is dropped between them. */
export interface EfficientATHeadParams {
  hidden: LinearParams;
  dense: LinearParams;
  dropout: number;
}

/** Table 1 of MobileNetV3: inputs, kernel, hidden, outputs, whether squeezed, the activation, and which of the strides. */
const BLOCKS: readonly (readonly [number, number, number, number, boolean, Activation, number?])[] =
  [
    [16, 3, 16, 16, false, "relu"],
    [16, 3, 64, 24, false, "relu", 0],
    [24, 3, 72, 24, false, "relu"],
    [24, 5, 72, 40, true, "relu", 1],
    [40, 5, 120, 40, true, "relu"],
    [40, 5, 120, 40, true, "relu"],
    [40, 3, 240, 80, false, "hardswish", 2],
    [80, 3, 200, 80, false, "hardswish"],
    [80, 3, 184, 80, false, "hardswish"],
    [80, 3, 184, 80, false, "hardswish"],
    [80, 3, 480, 112, true, "hardswish"],
    [112, 3, 672, 112, true, "hardswish"],
    [112, 5, 672, 160, true, "hardswish", 3],
    [160, 5, 960, 160, true, "hardswish"],
    [160, 5, 960, 160, true, "hardswish"],
  ];
/** The number of the block whose outputs are the tail's. */
const TAIL = 12;
const CHANNELS = { stem: 16, last: 160, head: 1280 } as const;
/** The last convolution gives so many times its inputs. */
const LAST_FACTOR = 6;
const STEM_SIZE = 3;
const STEM_STRIDE = 2;

/** From one frame of the spectrogram to the next, 10 ms at the 32 kHz of most published checkpoints. */
const HOP_SAMPLES = 320;
const MAX_CLASSES = 100_000;
const NORM = { eps: 1e-3, momentum: 0.01 } as const;
const INIT_STD = 0.01;

/** What a linear head's scores are moved by, to where hard swish leaves them as they are. */
const HEAD_SHIFT = 64;

function parseConfig(reader: ConfigReader, classes: number): EfficientATConfig {
  const width = reader.number("width_mult", { or: 1, min: 0.001, max: 16 });
  const tail = reader.boolean("reduced_tail", false) ? 2 : 1;
  const strides = reader.integers("strides", { or: [2, 2, 2, 2], min: 1, max: 2 });
  if (strides.length !== 4) reader.fail("strides", "4 integers");
  if (reader.boolean("dilated", false)) reader.fail("dilated", "false");
  reader.oneOf("head_type", ["mlp"], "mlp");
  const isSqueezed = reader.oneOf("se_dims", ["c", "none"], "c") === "c";
  // Squeezes over one axis are nothing to aggregate.
  reader.oneOf("se_agg", ["max", "avg", "add", "min"], "max");
  const ratio = reader.integer("se_r", { or: 4, ...COUNT });
  const scaled = (channels: number) => divisible(channels * width);
  const blocks = BLOCKS.map((block, i): EfficientATBlockConfig => {
    const [inputs, size, hidden, outputs, squeezes, activation, which] = block;
    const [before, behind] = [i > TAIL ? tail : 1, i >= TAIL ? tail : 1];
    const wide = scaled(hidden / before);
    return {
      ...{ inputs: scaled(inputs / before), hidden: wide, outputs: scaled(outputs / behind) },
      ...{ size, stride: which === undefined ? 1 : strides[which]!, activation },
      squeezed: squeezes && isSqueezed ? divisible(Math.floor(wide / ratio)) : 0,
    };
  });
  // Known by then, from the names of the classes.
  reader.integer("num_classes", { or: classes, min: 1, max: MAX_CLASSES });
  return {
    input_dim_f: reader.integer("input_dim_f", { or: 128, ...COUNT }),
    stem: scaled(CHANNELS.stem),
    blocks,
    embed_dim: LAST_FACTOR * scaled(CHANNELS.last / tail),
    classifier_proj_size: reader.integer("classifier_proj_size", {
      or: scaled(CHANNELS.head / tail),
      ...SIZE,
    }),
    dropout: reader.probability("dropout", 0.2),
    classes,
  };
}

/** The nearest multiple of 8, at least one, and not less than nine tenths. */
function divisible(channels: number): number {
  const nearest = Math.max(8, 8 * Math.floor((channels + 4) / 8));
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}

async function load(
  reader: ParameterReader,
  config: EfficientATConfig,
): Promise<EfficientATParams> {
  const base = reader.at("features");
  const inputs = config.blocks.at(-1)!.outputs;
  const blocks: EfficientATBlockParams[] = [];
  const first = await loadFirst(base.at(0), config.stem);
  for (const [i, block] of config.blocks.entries()) {
    blocks.push(await loadBlock(base.at(i + 1, "block"), block));
  }
  const last = await loadProduct(base.at(blocks.length + 1), { inputs, outputs: config.embed_dim });
  return { config, first, blocks, last, head: await loadHead(reader, config) };
}

async function loadHead(
  reader: ParameterReader,
  { embed_dim: inputs, classifier_proj_size: hidden, classes, dropout }: EfficientATConfig,
): Promise<EfficientATHeadParams> {
  const init = { weight: normal(INIT_STD) };
  return {
    hidden: await loadLinear(reader.at("classifier.2"), { inputs, outputs: hidden }, init),
    dense: await loadLinear(
      reader.at("classifier.5"),
      { inputs: hidden, outputs: classes },
      init,
    ),
    dropout,
  };
}

/** He et al. 2015, with the variance of what flows back. */
function heNormal(outputs: number, taps: number) {
  return normal(Math.sqrt(2 / (outputs * taps)));
}

function loadFirst(reader: ParameterReader, outputs: number): Promise<NormedConvolution> {
  const taps = STEM_SIZE ** 2;
  return loadNormedConvolution(reader, {
    shape: [outputs, 1, STEM_SIZE, STEM_SIZE],
    init: heNormal(outputs, taps),
    usedAs: [outputs, taps],
  }, NORM);
}

function loadProduct(
  reader: ParameterReader,
  { inputs, outputs }: { inputs: number; outputs: number },
): Promise<NormedConvolution> {
  return loadNormedConvolution(reader, {
    shape: [outputs, inputs, 1, 1],
    init: heNormal(outputs, 1),
    usedAs: [outputs, inputs],
  }, NORM);
}

async function loadBlock(
  reader: ParameterReader,
  config: EfficientATBlockConfig,
): Promise<EfficientATBlockParams> {
  const { inputs, hidden, outputs, size, squeezed } = config;
  let part = 0;
  const next = () => reader.at(part++);
  const expand = inputs === hidden
    ? undefined
    : await loadProduct(next(), { inputs, outputs: hidden });
  const depthwise = await loadNormedConvolution(next(), {
    shape: [hidden, 1, size, size],
    init: heNormal(hidden, size * size),
  }, NORM);
  const squeeze = squeezed ? await loadSqueeze(next(), { hidden, squeezed }) : undefined;
  const project = await loadProduct(next(), { inputs: hidden, outputs });
  return { config, expand, depthwise, squeeze, project };
}

async function loadSqueeze(
  reader: ParameterReader,
  { hidden, squeezed }: { hidden: number; squeezed: number },
): Promise<{ narrow: LinearParams; wide: LinearParams }> {
  const init = { weight: normal(INIT_STD) };
  const layer = reader.at("conc_se_layers", 0);
  return {
    narrow: await loadLinear(layer.at("fc1"), { inputs: hidden, outputs: squeezed }, init),
    wide: await loadLinear(layer.at("fc2"), { inputs: squeezed, outputs: hidden }, init),
  };
}

/** Bands and frames of an image. */
type Extent = readonly [bands: number, frames: number];

/** What is left of an image by a convolution that keeps its edges. */
function strided([bands, frames]: Extent, stride: number): Extent {
  const places = (length: number) => Math.floor((length - 1) / stride) + 1;
  return [places(bands), places(frames)];
}

/** The extents of what the first convolution and each of the blocks give, and the frames from one column to the next. */
function extentsOf(
  { input_dim_f, blocks }: EfficientATConfig,
  frames: number,
): { extent: Extent; step: number }[] {
  let [extent, step]: [Extent, number] = [strided([input_dim_f, frames], STEM_STRIDE), STEM_STRIDE];
  const found = [{ extent, step }];
  for (const { stride } of blocks) {
    [extent, step] = [strided(extent, stride), step * stride];
    found.push({ extent, step });
  }
  return found;
}

/** What a part needs besides its input. */
interface PartOptions {
  activation?: Activation;
  noise?: Noise;
  residual?: Tensor;
}

/** A norm that is not folded, and what follows it. **Shape** `y [B, places, C]` -> the same */
function normed(
  { norm }: NormedConvolution,
  y: Tensor,
  { activation: kind = "none", noise, residual }: PartOptions,
): Tensor {
  const activated = activation(batchNorm(norm!, y, noise), kind);
  return residual ? add(activated, residual) : activated;
}

/** A convolution of single places. **Shape** `x [B, places, C]` -> `[B, places, O]` */
function convolvePlaces(params: NormedConvolution, x: Tensor, options: PartOptions): Tensor {
  const { weight, norm, bias } = params;
  const { activation: kind = "none", residual } = options;
  if (!norm) return product(x, weight, { bias, activation: kind, residual });
  const rows = weight as Tensor;
  const [outputs, inputs] = [rows.shape[0]!, x.shape[2]!];
  return normed(params, product(x, reshapedWeight(rows, [outputs, inputs])), options);
}

/** **Shape** `x [B, T, bands]` -> `[B, places, C]` */
function convolveSpectrogram(params: NormedConvolution, x: Tensor, noise?: Noise): Tensor {
  const [batch, frames, bands] = x.shape as [number, number, number];
  const columns = reshape(padFrames(x, { before: 1, after: 1 }), [batch * (frames + 2), bands, 1]);
  const framed = padFrames(columns, { before: 1, after: 1 });
  const cut = patches(reshape(framed, [batch, frames + 2, bands + 2]), {
    size: [STEM_SIZE, STEM_SIZE],
    stride: [STEM_STRIDE, STEM_STRIDE],
  }); // [B, places, 9]
  return convolvePlaces(params, cut, { activation: "hardswish", noise });
}

/** **Shape** `x [B, places, C]`, of an extent -> `[B, places', C]` */
function convolveChannels(
  params: NormedConvolution,
  x: Tensor,
  { extent, size, stride, ...options }: PartOptions & {
    extent: Extent;
    size: number;
    stride: number;
  },
): Tensor {
  const [batch, , channels] = x.shape as [number, number, number];
  const { weight, norm, bias } = params;
  const y = depthwise2d(reshape(x, [batch, ...extent, channels]), weight as Tensor, {
    ...{ stride, padding: (size - 1) / 2, bias },
    activation: norm ? "none" : options.activation,
  });
  const [bands, frames] = strided(extent, stride);
  const places = reshape(y, [batch, bands * frames, channels]);
  return norm ? normed(params, places, options) : places;
}

/** Channels weighed by what all places hold of them (Hu et al. 2018). **Shape** `[B, places, C]` */
function weighChannels(
  { narrow, wide }: { narrow: LinearParams; wide: LinearParams },
  x: Tensor,
): Tensor {
  const seen = linear(narrow, meanPool(x), { activation: "relu" });
  return scaleChannels(x, linear(wide, seen, { activation: "sigmoid" }));
}

/** **Shape** `x [B, places, C]` -> `[B, places', O]` */
function block(
  { config, expand, depthwise, squeeze, project }: EfficientATBlockParams,
  x: Tensor,
  { extent, noise }: { extent: Extent; noise?: Noise },
): Tensor {
  const { inputs, outputs, size, stride, activation } = config;
  return tidy(() => {
    const wide = expand ? convolvePlaces(expand, x, { activation, noise }) : x;
    const seen = convolveChannels(depthwise, wide, { extent, size, stride, activation, noise });
    const weighed = squeeze ? weighChannels(squeeze, seen) : seen;
    const residual = stride === 1 && inputs === outputs ? x : undefined;
    return convolvePlaces(project, weighed, { noise, residual });
  });
}

function forward(
  params: EfficientATParams,
  { inputs }: ModelInputs,
  options: ForwardOptions,
): ModelOutput {
  const { config, first, blocks, last, head } = params;
  const { noise, wrapLayer } = options;
  expectSpectrogram(inputs, config);
  const run = wrapLayer?.(block) ?? block;
  return tidy(() => {
    const extents = extentsOf(config, inputs.shape[1]!);
    const states = [convolveSpectrogram(first, inputs, noise)];
    for (const [i, own] of blocks.entries()) {
      states.push(run(own, states.at(-1)!.clone(), { extent: extents[i]!.extent, noise }));
    }
    states.push(convolvePlaces(last, states.at(-1)!, { activation: "hardswish", noise }));
    const pooled = meanPool(states.at(-1)!); // [B, D]
    return {
      ...classify(head, pooled, noise),
      ...asked(options, {
        ...{ features: [pooled], hiddenStates: states, lastHiddenState: states.at(-1)!.clone() },
      }),
    };
  });
}

/** **Shape** `features [B, D]` -> `logits [B, N]`, `pooled [B, P]` */
function classify(
  { hidden, dense, dropout: rate }: EfficientATHeadParams,
  features: Tensor,
  noise?: Noise,
): HeadOutput {
  return tidy(() => {
    const pooled = linear(hidden, features, { activation: "hardswish" });
    return { logits: linear(dense, dropout(pooled, rate, noise)), pooled };
  });
}

function expectSpectrogram(inputs: Tensor, { input_dim_f: bands }: EfficientATConfig): void {
  if (inputs.rank === 3 && inputs.shape[2] === bands) return;
  throw new ShapeError(
    `Cannot classify a spectrogram: expected shape [clips,frames,${bands}], found [${inputs.shape}]`,
  );
}

function spectrogramFrames(samples: number): number {
  return Math.floor(Math.max(0, samples - 1) / HOP_SAMPLES) + 1;
}

/** Places of a state lie band by band; which state it is shows by their number. */
function frameCentres(
  config: EfficientATConfig,
  { frames: places, samples: frames }: { frames: number; samples: number },
): Float64Array {
  const extents = extentsOf(config, frames);
  const found = extents.find(({ extent: [bands, columns] }) => bands * columns === places);
  const { extent: [, columns], step } = found ?? extents.at(-1)!;
  return Float64Array.from({ length: places }, (_, i) => (i % columns) * step * HOP_SAMPLES);
}

/** A linear classifier behind a hidden layer that passes its scores on. */
function linearHeadTensors({ weights, biases }: LinearLayer): HeadTensor[] {
  const classes = biases.length;
  const identity = new Float32Array(classes * classes);
  for (let k = 0; k < classes; k++) identity[k * (classes + 1)] = 1;
  const moved = Float32Array.from(biases, (bias) => bias + HEAD_SHIFT);
  return [
    ...layerTensors("classifier.2", { weights, biases: moved }),
    ...layerTensors("classifier.5", {
      weights: identity,
      biases: new Float32Array(classes).fill(-HEAD_SHIFT),
    }),
  ];
}

/** EfficientAT as the registry knows it. */
export const efficientat: Architecture<EfficientATConfig, EfficientATParams> = {
  modelType: "efficientat",
  className: "EfficientATForAudioClassification",
  basePrefix: "features",
  layersPrefix: "features.",
  attentionProjections: {},
  impliedProblem: () => "multi_label_classification",
  outputFields: (num_classes, problem_type) => ({ num_classes, problem_type }),
  parseConfig,
  load,
  forward,
  loadHead,
  linearHead: { input: (_, features) => features, tensors: linearHeadTensors },
  classify: ({ head }, [features]) => classify(head, features!),
  frameCentres,
  frames: (config, samples) => {
    const { extent: [bands, columns] } = extentsOf(config, spectrogramFrames(samples)).at(-1)!;
    return bands * columns;
  },
  minSamples: () => 1,
  // Silence that was added is heard like any other.
  paddingInvariant: () => false,
};
