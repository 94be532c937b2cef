/**
 * The sizes that the benches time: those of wav2vec2-base and of the preset `small`, at 1 and 10 s of audio.
 *
 * @module
 */

/** A linear layer: `rows` frames, `inputs` to `outputs` features. */
export interface LinearSize {
  name: string;
  rows: number;
  inputs: number;
  outputs: number;
}

/** Linear layers. */
export const LINEAR_SIZES: readonly LinearSize[] = [
  { name: "base attention, 1 x 1 s", rows: 49, inputs: 768, outputs: 768 },
  { name: "base attention, 8 x 1 s", rows: 392, inputs: 768, outputs: 768 },
  { name: "base feed-forward in, 8 x 1 s", rows: 392, inputs: 768, outputs: 3072 },
  { name: "base feed-forward out, 8 x 1 s", rows: 392, inputs: 3072, outputs: 768 },
  { name: "base attention, 8 x 10 s", rows: 3992, inputs: 768, outputs: 768 },
  { name: "small attention, 32 x 1 s", rows: 1568, inputs: 192, outputs: 192 },
  { name: "small feed-forward in, 32 x 1 s", rows: 1568, inputs: 192, outputs: 768 },
  { name: "small feed-forward out, 32 x 1 s", rows: 1568, inputs: 768, outputs: 192 },
  { name: "96 to 96, 32 x 1 s", rows: 1568, inputs: 96, outputs: 96 },
];

/** A convolution over time. */
export interface ConvSize {
  name: string;
  batch: number;
  frames: number;
  channels: number;
  outputs: number;
  width: number;
  stride: number;
  groups: number;
  pad: number;
}

const PLAIN = { groups: 1, pad: 0 };

/** Convolutions of the feature encoder, and the positional one. */
export const CONV_SIZES: readonly ConvSize[] = [
  {
    name: "base conv 0, 8 x 1 s",
    batch: 8,
    frames: 16000,
    channels: 1,
    outputs: 512,
    width: 10,
    stride: 5,
    ...PLAIN,
  },
  {
    name: "base conv 1, 2 x 1 s",
    batch: 2,
    frames: 3199,
    channels: 512,
    outputs: 512,
    width: 3,
    stride: 2,
    ...PLAIN,
  },
  {
    name: "base conv 5, 8 x 1 s",
    batch: 8,
    frames: 199,
    channels: 512,
    outputs: 512,
    width: 2,
    stride: 2,
    ...PLAIN,
  },
  {
    name: "small conv 0, 32 x 1 s",
    batch: 32,
    frames: 16000,
    channels: 1,
    outputs: 128,
    width: 10,
    stride: 5,
    ...PLAIN,
  },
  {
    name: "small conv 1, 32 x 1 s",
    batch: 32,
    frames: 3199,
    channels: 128,
    outputs: 128,
    width: 3,
    stride: 2,
    ...PLAIN,
  },
  {
    name: "small conv 4, 32 x 1 s",
    batch: 32,
    frames: 399,
    channels: 128,
    outputs: 128,
    width: 3,
    stride: 2,
    ...PLAIN,
  },
  {
    name: "base positional, 8 x 1 s",
    batch: 8,
    frames: 49,
    channels: 768,
    outputs: 768,
    width: 128,
    stride: 1,
    groups: 16,
    pad: 64,
  },
  {
    name: "small positional, 32 x 1 s",
    batch: 32,
    frames: 49,
    channels: 192,
    outputs: 192,
    width: 128,
    stride: 1,
    groups: 16,
    pad: 64,
  },
];

/** Attention of all heads. */
export interface AttentionSize {
  name: string;
  batch: number;
  frames: number;
  size: number;
  heads: number;
}

/** Attention layers. */
export const ATTENTION_SIZES: readonly AttentionSize[] = [
  { name: "base, 8 x 1 s", batch: 8, frames: 49, size: 768, heads: 12 },
  { name: "base, 8 x 10 s", batch: 8, frames: 499, size: 768, heads: 12 },
  { name: "base, 1 x 30 s", batch: 1, frames: 1499, size: 768, heads: 12 },
  { name: "small, 32 x 1 s", batch: 32, frames: 49, size: 192, heads: 4 },
  { name: "small, 8 x 10 s", batch: 8, frames: 499, size: 192, heads: 4 },
];
