/**
 * The small trainable bottleneck behind a stable transformer layer: norm, narrow, ReLU, widen, residual.
 *
 * Source: Pratap et al. 2023 (MMS), for one set of adapters per language; names as in transformers 5.18.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { linear, type LinearInit, type LinearParams, loadLinear } from "./linear.ts";
import { layerNorm, loadNorm, type NormParams } from "./norm.ts";
import type { ParameterReader } from "./parameters.ts";

/** `norm [D]`, `down [A, D]`, `up [D, A]`, where A is the width of the adapter. */
export interface AttentionAdapterParams {
  norm: NormParams;
  down: LinearParams;
  up: LinearParams;
}

const NORM_EPS = 1e-5;

/** Loads `norm`, `linear_1` and `linear_2`. */
export async function loadAttentionAdapter(
  reader: ParameterReader,
  { size, width }: { size: number; width: number },
  init: LinearInit,
): Promise<AttentionAdapterParams> {
  return {
    norm: await loadNorm(reader.at("norm"), size, NORM_EPS),
    down: await loadLinear(reader.at("linear_1"), { inputs: size, outputs: width }, init),
    up: await loadLinear(reader.at("linear_2"), { inputs: width, outputs: size }, init),
  };
}

/** **Shape** `x [B, T, D]` -> `[B, T, D]`, `x` itself added last */
export function attentionAdapter(params: AttentionAdapterParams, x: Tensor): Tensor {
  const { norm, down, up } = params;
  return tidy(() => {
    const narrow = linear(down, layerNorm(norm, x), { activation: "relu" }); // [B, T, A]
    return linear(up, narrow, { residual: x });
  });
}
