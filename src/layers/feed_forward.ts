/**
 * The position-wise half of a transformer layer: widen, activate, narrow.
 *
 * Source: Vaswani et al. 2017; names as the speech encoders of transformers 5.18 store them.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { Activation } from "../kernels.ts";
import { linear, type LinearInit, type LinearParams, loadLinear } from "./linear.ts";
import type { Noise } from "./noise.ts";
import type { ParameterReader } from "./parameters.ts";

/** `intermediate [F, D]`, `output [D, F]` */
export interface FeedForwardParams {
  intermediate: LinearParams;
  output: LinearParams;
  activation: Activation;
}

/** Loads `intermediate_dense` and `output_dense`. */
export async function loadFeedForward(
  reader: ParameterReader,
  sizes: { size: number; intermediate: number; activation: Activation },
  init: LinearInit,
): Promise<FeedForwardParams> {
  const { size, intermediate, activation } = sizes;
  return {
    intermediate: await loadLinear(
      reader.at("intermediate_dense"),
      { inputs: size, outputs: intermediate },
      init,
    ),
    output: await loadLinear(
      reader.at("output_dense"),
      { inputs: intermediate, outputs: size },
      init,
    ),
    activation,
  };
}

/** **Shape** `x [B, T, D]`, `residual [B, T, D]` -> `[B, T, D]`, the residual, if there is one, added last */
export function feedForward(
  params: FeedForwardParams,
  x: Tensor,
  options: { residual?: Tensor; activationDropout: number; hiddenDropout: number; noise?: Noise },
): Tensor {
  const { residual, activationDropout, hiddenDropout, noise } = options;
  const { intermediate, output, activation } = params;
  return tidy(() => {
    const wide = linear(intermediate, x, { activation, dropoutRate: activationDropout, noise });
    return linear(output, wide, { dropoutRate: hiddenDropout, noise, residual });
  });
}
