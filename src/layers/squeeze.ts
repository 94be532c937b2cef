/**
 * Fewer frames for the transformer, and their full number again behind it: each few frames become one by their mean,
 * to which a positional convolution of the same stride is added; an affine map widens each one back into as many.
 *
 * Frames that do not fill a mean are left out; after stretching, zeros stand in their place.
 *
 * Source: Wu et al. 2021, "Performance-Efficiency Trade-offs in Unsupervised Pre-training" (SEW); names as in
 * transformers 5.18 `modeling_sew.py`.
 *
 * @module
 */
import { reshape, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { add, conv1d, meanPool, padFrames } from "../kernels.ts";
import { kernelTaps, normalisedWeight } from "./_normalised_weight.ts";
import { linear, type LinearParams, loadLinear } from "./linear.ts";
import { cropFrames } from "./padding.ts";
import { normal, type ParameterReader } from "./parameters.ts";
import {
  loadPositionalConv,
  type PositionalConvConfig,
  type PositionalConvParams,
} from "./positional_conv.ts";

/** `positions`: the strided convolution; `stretch [factor D, D]`. */
export interface SqueezeParams {
  factor: number;
  positions: PositionalConvParams;
  stretch: LinearParams;
}

/** The fields of `config.json` that describe squeezing. */
export interface SqueezeConfig extends PositionalConvConfig {
  /** Frames that become one. */
  squeeze_factor: number;
  /** Standard deviation of the first weights. */
  initializer_range: number;
}

/** Loads `pos_conv_embed` and `upsample`. */
export async function loadSqueeze(
  reader: ParameterReader,
  config: SqueezeConfig,
): Promise<SqueezeParams> {
  const { hidden_size: size, squeeze_factor: factor } = config;
  return {
    factor,
    positions: await loadPositionalConv(reader.at("pos_conv_embed"), config),
    stretch: await loadLinear(
      reader.at("upsample.projection"),
      { inputs: size, outputs: factor * size },
      { weight: normal(config.initializer_range) },
    ),
  };
}

/** **Shape** `x [B, T, D]` -> `[B, floor(T / factor), D]` */
export function squeezeFrames({ factor, positions }: SqueezeParams, x: Tensor): Tensor {
  const [batch, frames, size] = x.shape as [number, number, number];
  const fewer = squeezedFrames(frames, factor);
  return tidy(() => {
    const whole = cropFrames(x, fewer * factor);
    const means = meanPool(reshape(whole, [batch * fewer, factor, size]));
    return add(reshape(means, [batch, fewer, size]), positionsOf(positions, x, factor));
  });
}

/** The positional convolution at every `factor`-th frame. **Shape** `x [B, T, D]` -> `[B, floor(T / factor), D]` */
function positionsOf(
  { weight, bias, groups, activation }: PositionalConvParams,
  x: Tensor,
  factor: number,
): Tensor {
  const pad = Math.floor(kernelTaps(weight) / 2);
  const options = { bias, groups, stride: factor, padLeft: pad, padRight: pad, activation };
  const seen = conv1d(x, normalisedWeight(weight), options);
  return cropFrames(seen, squeezedFrames(x.shape[1]!, factor));
}

/** **Shape** `x [B, floor(T / factor), D]` -> `[B, T, D]` */
export function stretchFrames(
  { factor, positions, stretch }: SqueezeParams,
  x: Tensor,
  frames: number,
): Tensor {
  const [batch, fewer, size] = x.shape as [number, number, number];
  return tidy(() => {
    const wide = linear(stretch, x, { activation: positions.activation }); // [B, floor(T / factor), factor D]
    const spread = reshape(wide, [batch, fewer * factor, size]);
    return padFrames(spread, { after: frames - fewer * factor });
  });
}

/** Frames that are left of a number of frames. */
export function squeezedFrames(frames: number, factor: number): number {
  return Math.floor(frames / factor);
}

/** Squeezed frames with anything of each clip in them, out of those of `frames`. */
export function squeezedLengths(
  lengths: readonly number[],
  { frames, factor }: { frames: number; factor: number },
): number[] {
  const most = squeezedFrames(frames, factor);
  return lengths.map((length) => Math.min(Math.ceil(length / factor), most));
}
