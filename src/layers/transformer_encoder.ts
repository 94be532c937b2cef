/**
 * A stack of transformer layers with its one norm, before the layers or after them, and LayerDrop in training.
 *
 * Positions are not here: they are added to the frames before. The caller disposes all states.
 *
 * Source: names and order as the encoders of transformers 5.18 `modeling_wav2vec2.py`; Fan et al. 2019 for LayerDrop.
 *
 * @module
 */
import { tidy } from "@tensorflow/tfjs-core";
import { isRecording } from "../kernels.ts";
import { dropout } from "./noise.ts";
import { layerNorm, type NormParams } from "./norm.ts";
import type { LayerWrapper, Tensor } from "./tensor.ts";
import {
  postNormLayer,
  preNormLayer,
  type TransformerLayerOptions,
  type TransformerLayerParams,
  type TransformerRates,
} from "./transformer_layer.ts";

/** `layer_norm` and `layers` */
export interface TransformerEncoderParams {
  norm: NormParams;
  layers: TransformerLayerParams[];
}

/** What the encoder needs besides its input. */
export interface TransformerEncoderOptions extends TransformerLayerOptions {
  rates: TransformerRates & { layerdrop: number };
  /** Put around each layer. @default none */
  wrapLayer?: LayerWrapper;
  /** Whether the states before the last are given up where nothing is trained. @default false */
  lastAlone?: boolean;
  /** Of {@linkcode preNormEncoder}: frames, from the first, that the last state is to have. @default all */
  firstFrames?: number;
}

/** What an encoder gives. */
export interface EncoderStates {
  /** The input of the first layer, then the output of each: L + 1 of `[B, T, D]`; or the last alone. */
  states: Tensor[];
  /** `[B, T, D]`: the last state, or what a final norm made of it. */
  last: Tensor;
}

/** The norm first, then layers with their norms after each half. **Shape** `x [B, T, D]` */
export function postNormEncoder(
  { norm, layers }: TransformerEncoderParams,
  x: Tensor,
  options: TransformerEncoderOptions,
): EncoderStates {
  return tidy(() => {
    const first = dropout(layerNorm(norm, x), options.rates.hidden_dropout, options.noise);
    const states = stack(layers, first, postNormLayer, options);
    return { states, last: states.at(-1)! };
  });
}

/** Layers with their norms before each half, then the norm. **Shape** `x [B, T, D]` */
export function preNormEncoder(
  { norm, layers }: TransformerEncoderParams,
  x: Tensor,
  options: TransformerEncoderOptions,
): EncoderStates {
  return tidy(() => {
    const first = dropout(x, options.rates.hidden_dropout, options.noise);
    const states = stack(layers, first, preNormLayer, options);
    return { states, last: layerNorm(norm, states.at(-1)!) };
  });
}

function stack(
  layers: TransformerLayerParams[],
  first: Tensor,
  layerOf: typeof preNormLayer,
  { wrapLayer, lastAlone = false, firstFrames, ...options }: TransformerEncoderOptions,
): Tensor[] {
  const run = wrapLayer?.(layerOf) ?? layerOf;
  const states = [first];
  for (const layer of layers) {
    const last = states.at(-1)!;
    const skipped = options.noise?.dropsLayer(options.rates.layerdrop) ?? false;
    // A clone, so that a state's gradient is one sum over its layer, which others then join, wrapped or not.
    const state = skipped || isRecording() ? last.clone() : last;
    states.push(
      skipped
        ? state
        : run(layer, state, layer === layers.at(-1) ? { ...options, firstFrames } : options),
    );
    if (lastAlone && !isRecording()) states.shift()!.dispose();
  }
  return states;
}
