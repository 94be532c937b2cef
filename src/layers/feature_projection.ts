/**
 * From the channels of the convolutional feature encoder to the hidden size: norm, affine map, dropout.
 *
 * Source: Baevski et al. 2020, "wav2vec 2.0"; names and first values as in transformers 5.18 `modeling_wav2vec2.py`.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { linear, type LinearParams, loadLinear } from "./linear.ts";
import { dropout, type Noise } from "./noise.ts";
import { layerNorm, loadNorm, type NormParams } from "./norm.ts";
import { type ParameterReader, uniform } from "./parameters.ts";

/** `norm [C]`, `projection [D, C]` */
export interface FeatureProjectionParams {
  norm: NormParams;
  projection: LinearParams;
}

/** The fields of `config.json` that describe the projection. */
export interface FeatureProjectionConfig {
  /** Channels of the convolutions before it. */
  conv_dim: number[];
  hidden_size: number;
  layer_norm_eps: number;
}

/** Loads `layer_norm` and `projection`, which starts uniform within one over the root of the fan-in. */
export async function loadFeatureProjection(
  reader: ParameterReader,
  config: FeatureProjectionConfig,
): Promise<FeatureProjectionParams> {
  const features = config.conv_dim.at(-1)!;
  const bound = 1 / Math.sqrt(features);
  return {
    norm: await loadNorm(reader.at("layer_norm"), features, config.layer_norm_eps),
    projection: await loadLinear(
      reader.at("projection"),
      { inputs: features, outputs: config.hidden_size },
      { weight: uniform(-bound, bound), bias: uniform(-bound, bound) },
    ),
  };
}

/** **Shape** `x [B, T, C]` -> `[B, T, D]` */
export function featureProjection(
  params: FeatureProjectionParams,
  x: Tensor,
  { dropoutRate, noise }: { dropoutRate: number; noise?: Noise },
): Tensor {
  return tidy(() => {
    const projected = linear(params.projection, layerNorm(params.norm, x));
    return dropout(projected, dropoutRate, noise);
  });
}
