/**
 * Losses against targets that are spread over several classes, such as what another model answers.
 *
 * @module
 */
import {
  reshape,
  type Scalar,
  scalar,
  type Tensor,
  tensor1d,
  tensor2d,
} from "@tensorflow/tfjs-core";
import { add, crossEntropy, linear } from "../../kernels.ts";

/** Targets of a batch, a row for each clip, and what the sum over the clips is divided by. */
export interface SoftTargets {
  /** `[B, N]`, each row sums to 1. */
  shares: Float32Array;
  /** Clips that the mean is over. */
  clips: number;
}

/**
 * How far the softmax of scores is from given shares (Kullback-Leibler divergence), summed over the clips and divided
 * by their number; 0 where they agree.
 *
 * It is the cross-entropy of the first class, corrected by a product of the scores with what the shares differ from it,
 * so that the kernels of every device serve, with their gradients.
 *
 * **Shape** `logits [B, N]`, `shares [B, N]` -> scalar
 */
export function divergence(logits: Tensor, { shares, clips }: SoftTargets): Scalar {
  const [batch, classes] = logits.shape as [number, number];
  const first = tensor1d(new Int32Array(batch), "int32");
  const moved = shares.map((share, i) => (+(i % classes === 0) - share) / clips);
  const product = linear(
    reshape(logits, [1, logits.size]),
    tensor2d(moved, [1, logits.size]),
  ); // [1, 1]
  const cross = add(crossEntropy(logits, first, { normalizer: clips }), reshape(product, []));
  const entropy = shares.reduce((sum, share) => share > 0 ? sum - share * Math.log(share) : sum, 0);
  return add(cross, scalar(-entropy / clips)) as Scalar;
}

/** The softmax of scores over a temperature. */
export function softmax(scores: readonly number[], temperature: number): number[] {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp((score - top) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
