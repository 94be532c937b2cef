/**
 * Multi-head self-attention with separate query, key, value and output maps.
 *
 * Source: Vaswani et al. 2017; names as the speech encoders of transformers 5.18 store them.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { attention } from "../kernels.ts";
import {
  linear,
  type LinearInit,
  type LinearOptions,
  type LinearParams,
  linears,
  loadLinear,
} from "./linear.ts";
import type { Noise } from "./noise.ts";
import { cropFrames } from "./padding.ts";
import type { ParameterReader } from "./parameters.ts";

/** Four maps `[D, D]`. */
export interface AttentionParams {
  query: LinearParams;
  key: LinearParams;
  value: LinearParams;
  output: LinearParams;
  heads: number;
}

/** Loads `q_proj`, `k_proj`, `v_proj` and `out_proj`. */
export async function loadAttention(
  reader: ParameterReader,
  sizes: { size: number; heads: number },
  init: LinearInit,
): Promise<AttentionParams> {
  const square = { inputs: sizes.size, outputs: sizes.size };
  return {
    key: await loadLinear(reader.at("k_proj"), square, init),
    value: await loadLinear(reader.at("v_proj"), square, init),
    query: await loadLinear(reader.at("q_proj"), square, init),
    output: await loadLinear(reader.at("out_proj"), square, init),
    heads: sizes.heads,
  };
}

/**
 * Each frame attends to the frames of its own clip; `output` is what follows the output map, on the first frames alone
 * where there is a number of them.
 *
 * **Shape** `x [B, T, D]`, `lengths [B]` -> `[B, T or firstFrames, D]`
 */
export function multiHeadAttention(
  params: AttentionParams,
  x: Tensor,
  options: {
    lengths?: Tensor;
    dropoutRate: number;
    noise?: Noise;
    firstFrames?: number;
    output?: Pick<LinearOptions, "dropoutRate" | "residual">;
  },
): Tensor {
  const { lengths, dropoutRate, noise, firstFrames, output } = options;
  return tidy(() => {
    const [query, key, value] = linears([params.query, params.key, params.value], x);
    const context = attention(query!, key!, value!, {
      heads: params.heads,
      lengths,
      dropoutRate: noise ? dropoutRate : 0,
      dropoutSeed: noise?.seed(),
    });
    return linear(params.output, cropFrames(context, firstFrames), { ...output, noise });
  });
}
