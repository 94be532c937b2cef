/**
 * Batch normalisation with running statistics (Ioffe and Szegedy 2015), over all frames of all clips, padding included.
 *
 * In evaluation the running statistics are constants. In training each channel is normalised by the batch's own
 * statistics, and the running ones move towards these: the one place where a forward pass changes what a model
 * holds. `num_batches_tracked` is read and saved, but not counted: it only matters without a momentum.
 *
 * @module
 */
import { reshape, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { batchNorm as batchNormKernel, groupNorm, updateStatistics } from "../kernels.ts";
import type { Noise } from "./noise.ts";
import { loadNorm, type NormParams } from "./norm.ts";
import { constant, type ParameterReader } from "./parameters.ts";
import type { Variable } from "./tensor.ts";

/** `weight [C]`, `bias [C]`, and the running statistics, `mean [C]` and `variance [C]`. */
export interface BatchNormParams extends NormParams {
  weight: Variable;
  bias: Variable;
  mean: Variable;
  variance: Variable;
  /** How far the running statistics move in a step. */
  momentum: number;
}

/** Loads `weight`, `bias`, `running_mean`, `running_var` and `num_batches_tracked`. */
export async function loadBatchNorm(
  reader: ParameterReader,
  channels: number,
  { momentum = 0.1, eps = 1e-5 }: { momentum?: number; eps?: number } = {},
): Promise<BatchNormParams> {
  const statistic = (name: string, value: number) =>
    reader.get(name, [channels], constant(value), { trainable: false });
  const params: BatchNormParams = {
    ...await loadNorm(reader, channels, eps),
    mean: await statistic("running_mean", 0),
    variance: await statistic("running_var", 1),
    momentum,
  };
  // PyTorch before 0.4.1 did not count.
  const count = { trainable: false, dtype: "int32", optional: true } as const;
  await reader.get("num_batches_tracked", [], constant(0), count);
  return params;
}

/**
 * Each channel over all frames of all clips.
 *
 * **Shape** `x [B, T, C]` -> `[B, T, C]`
 *
 * @param noise present in training, when the running statistics are changed.
 */
export function batchNorm(params: BatchNormParams, x: Tensor, noise?: Noise): Tensor {
  const { weight: gamma, bias: beta, mean, variance, momentum, eps } = params;
  if (!noise) return batchNormKernel(x, { gamma, beta, mean, variance }, { eps });
  const [batch, frames, channels] = x.shape as [number, number, number];
  return tidy(() => {
    if (!noise.isReplay) {
      const [nextMean, nextVariance] = updateStatistics(x, { mean, variance }, { momentum });
      mean.assign(nextMean);
      variance.assign(nextVariance);
    }
    const oneClip = reshape(x, [1, batch * frames, channels]);
    return reshape(groupNorm(oneClip, gamma, beta, { eps }), x.shape);
  });
}
