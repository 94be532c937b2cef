import { relativeScores, type RelativeScoresAttrs } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

interface Sizes extends Partial<RelativeScoresAttrs> {
  batch: number;
  frames: number;
  heads: number;
  headSize: number;
  /** The position of each distance; a position of its own for each by default. */
  positionOf?: (distance: number) => number;
  /** Rows of the positions. */
  count?: number;
}

function scored(sizes: Sizes): OpCase {
  const { batch, frames, headSize, positionOf, ...attrs } = sizes;
  const distances = 2 * frames - 1;
  const { count = distances, ...options } = attrs;
  const size = sizes.heads * headSize;
  const place = positionOf ?? ((distance: number) => frames - 1 - distance);
  const index = Array.from({ length: distances }, (_, i) => place(i - frames + 1));
  return {
    name: `[${batch}, ${frames}, ${size}] by ${count} positions ${JSON.stringify(options)}`,
    inputs: {
      x: normal([batch, frames, size], { seed: 1 }),
      positions: normal([count, size], { seed: 2 }),
    },
    integers: { index: fixed([distances], index) },
    run: ({ x, positions, index }) => relativeScores(x!, positions!, index!, options),
  };
}

/** Near distances one by one, far ones together, as in bucketed positions. */
function bucket(distance: number): number {
  return Math.sign(distance) * Math.min(Math.abs(distance), 4) + 5;
}

const OWNERS = ["query", "key"] as const;

kernelSuite(
  "relativeScores",
  OWNERS.flatMap((owner) => [
    scored({ batch: 1, frames: 1, heads: 1, headSize: 1, owner }),
    scored({ batch: 2, frames: 3, heads: 2, headSize: 3, scale: 0.5, owner }),
    scored({ batch: 2, frames: 7, heads: 2, headSize: 4, positionOf: bucket, count: 10, owner }),
    scored({ batch: 2, frames: 13, heads: 3, headSize: 5, owner }),
    scored({ batch: 3, frames: 33, heads: 4, headSize: 8, positionOf: bucket, count: 11, owner }),
    scored({ batch: 2, frames: 49, heads: 2, headSize: 48, scale: 0.125, owner }),
    scored({ batch: 1, frames: 130, heads: 2, headSize: 64, scale: 0.125, owner }),
  ]),
);
