/**
 * The part of a Wav2Vec2 that needs no convolution: frames through the transformer layers to class scores.
 *
 * It is what engines can train that know no gradient of a convolution. All of them take the same frames, the
 * same weights, no dropout, the gradient clipped to a norm of 1, and AdamW; their first losses agree.
 *
 * @module
 */
import { fileSource } from "../src/files.ts";
import { openSafetensors } from "../src/weights/safetensors.ts";
import { ADAMW, type ModelRequest, noiseBatch } from "./_process.ts";

/** Of a second of audio at 16 kHz: seven convolutions see 400 samples, and step by 320. */
const [RATE_HZ, WINDOW_SAMPLES, HOP_SAMPLES] = [16_000, 400, 320];

/** What is left of a model directory, and a batch for it. */
export interface Blocks {
  layers: number;
  heads: number;
  eps: number;
  /** `[B, T, D]` */
  shape: [number, number, number];
  /** The frames, in the order of `shape`. */
  inputs: Float32Array;
  labels: Int32Array;
  /** By hub name without the base model's prefix, as PyTorch lays them out. */
  weights: Map<string, { shape: number[]; values: Float32Array }>;
}

interface Config {
  num_hidden_layers: number;
  num_attention_heads: number;
  hidden_size: number;
  layer_norm_eps?: number;
}

/** The settings of every engine's AdamW, by short names. */
export const STEP = {
  rate: ADAMW.learningRate,
  beta1: ADAMW.adamBeta1,
  beta2: ADAMW.adamBeta2,
  eps: ADAMW.adamEpsilon,
  decay: ADAMW.weightDecay,
  maxNorm: ADAMW.maxGradNorm,
} as const;

/** Frames of a clip. */
export function framesOf(seconds: number): number {
  return Math.floor((RATE_HZ * seconds - WINDOW_SAMPLES) / HOP_SAMPLES) + 1;
}

/** Reads the layers, the norm before them and the head of a model directory. */
export async function readBlocks({ directory, batch, seconds }: ModelRequest): Promise<Blocks> {
  const config = JSON.parse(await Deno.readTextFile(`${directory}/config.json`)) as Config;
  const shape: Blocks["shape"] = [batch, framesOf(seconds), config.hidden_size];
  using source = await fileSource(`${directory}/model.safetensors`);
  const file = await openSafetensors(source);
  const weights: Blocks["weights"] = new Map();
  for (const name of file.names()) {
    if (!/encoder\.(layers|layer_norm)|^projector|^classifier/.test(name)) continue;
    const values = await file.read(name);
    weights.set(name.replace("wav2vec2.", ""), { shape: [...file.shape(name)!], values });
  }
  const { inputs, labels } = noiseBatch(shape);
  return {
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    eps: config.layer_norm_eps ?? 1e-5,
    ...{ shape, inputs, weights, labels },
  };
}

/** The batch's labels as rows of ones and zeros. */
export function targetsOf({ labels, weights }: Blocks): { shape: number[]; values: Float32Array } {
  const classes = weights.get("classifier.bias")!.values.length;
  const values = new Float32Array(labels.length * classes);
  labels.forEach((label, i) => values[i * classes + label % classes] = 1);
  return { shape: [labels.length, classes], values };
}

/** What makes up for moments that started at 0, in a step counted from 1. */
export function correctionsOf(step: number): { first: number; second: number } {
  return { first: 1 / (1 - STEP.beta1 ** step), second: 1 / (1 - STEP.beta2 ** step) };
}
