/**
 * Running statistics of batch normalisation.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import type { Operation } from "./operation.ts";
import { run } from "./run.ts";

/** How fast {@linkcode updateStatistics} forgets. */
export interface StatisticsAttrs {
  /** Weight of the new statistics, 0 to 1. */
  momentum: number;
}

/** `x [..., C]`, `mean`, `variance [C]` -> the next `mean`, `variance`; there is no gradient */
export const updateStatisticsOperation: Operation<
  { x: Tensor; mean: Tensor; variance: Tensor },
  StatisticsAttrs,
  [mean: Tensor, variance: Tensor]
> = {
  name: "updateStatistics",
  outputs: ({ x, mean, variance }) => {
    expectShape("updateStatistics mean", mean, x.slice(-1));
    expectShape("updateStatistics variance", variance, x.slice(-1));
    return [mean, variance];
  },
};

/**
 * Running statistics after one more batch: `old + momentum * (new - old)`, the new variance being the
 * unbiased one of each channel over all other axes (the biased one where there is a single row).
 *
 * **Shape** `x [..., C]`, `mean [C]`, `variance [C]` -> `[mean, variance]`; no gradient
 */
export function updateStatistics(
  x: Tensor,
  statistics: { mean: Tensor; variance: Tensor },
  attrs: StatisticsAttrs,
): [mean: Tensor, variance: Tensor] {
  return run(updateStatisticsOperation, { x, ...statistics }, attrs);
}
