import { attention, type AttentionAttrs, OPERATIONS, run } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

interface Sizes extends Partial<AttentionAttrs> {
  batch: number;
  frames: number;
  heads: number;
  headSize: number;
  lengths?: number[];
  /** Clips in the bias: 1 or `batch`. */
  biases?: number;
  /** What is special about it. */
  note?: string;
}

function attended(sizes: Sizes): OpCase {
  const { batch, frames, heads, headSize, lengths, biases = 0, note = "", ...attrs } = sizes;
  const shape = [batch, frames, heads * headSize];
  const bias = biases > 0 && { bias: normal([biases, heads, frames, frames], { seed: 4 }) };
  return {
    name: `${note}[${shape}], ${heads} heads` + (lengths ? `, lengths ${lengths}` : "") +
      (biases ? `, bias [${biases}, H, T, T]` : "") +
      (attrs.dropoutRate ? `, dropout ${attrs.dropoutRate}` : ""),
    inputs: {
      q: normal(shape, { seed: 1 }),
      k: normal(shape, { seed: 2 }),
      v: normal(shape, { seed: 3 }),
      ...bias,
    },
    integers: lengths && { lengths: fixed([batch], lengths) },
    run: ({ q, k, v, lengths, bias }) => attention(q!, k!, v!, { heads, lengths, bias, ...attrs }),
  };
}

/** Small whole numbers, so that scores of 1e4 are exact and some of them equal. */
function steep(): OpCase {
  const plain = attended({
    batch: 2,
    frames: 9,
    heads: 2,
    headSize: 4,
    scale: 1,
    note: "scores of 1e4, ",
  });
  const whole = (x: NdArray) => ({ ...x, values: x.values.map((value) => 50 * Math.round(value)) });
  return {
    ...plain,
    inputs: { q: whole(plain.inputs.q!), k: whole(plain.inputs.k!), v: plain.inputs.v! },
    // A stored logSumExp around 1e4 is rounded by 5e-4, and each probability of the gradient with it.
    gradientTolerance: 2e-3,
    isSteep: true,
  };
}

/** The second output as well, which the gradient of a device may rely on. */
function withLogSumExp(): OpCase {
  const attrs: AttentionAttrs = { heads: 3, scale: 0.25, dropoutRate: 0.2, dropoutSeed: 11 };
  return {
    ...attended({
      batch: 2,
      frames: 7,
      heads: 3,
      headSize: 8,
      lengths: [7, 4],
      note: "logSumExp of ",
    }),
    hasGradient: false,
    run: ({ q, k, v, lengths }) =>
      run(OPERATIONS.attention, { q: q!, k: k!, v: v!, lengths }, attrs),
  };
}

/** Keys and values past the length that would overflow, were they looked at. */
function padded(): OpCase {
  const sizes = { batch: 2, frames: 19, heads: 2, headSize: 8, lengths: [19, 11] };
  const opCase = attended({ ...sizes, note: "1e30 past the length, " });
  const first = (19 + 11) * 16;
  const overflow = (x: NdArray) => ({ ...x, values: x.values.slice().fill(1e30, first) });
  const { q, k, v } = opCase.inputs as Record<"q" | "k" | "v", NdArray>;
  return { ...opCase, inputs: { q, k: overflow(k), v: overflow(v) }, isSteep: true };
}

/** All frames equal: every key gets the same share. */
function uniform(): OpCase {
  const opCase = attended({ batch: 1, frames: 5, heads: 2, headSize: 8, note: "all equal, " });
  const shape = opCase.inputs.q!.shape;
  return { ...opCase, inputs: { q: fixed(shape, 1), k: fixed(shape, 1), v: fixed(shape, 0.1) } };
}

kernelSuite("attention", [
  attended({ batch: 1, frames: 1, heads: 1, headSize: 1 }),
  attended({ batch: 2, frames: 1, heads: 4, headSize: 8 }),
  attended({ batch: 2, frames: 5, heads: 2, headSize: 3, lengths: [5, 2] }),
  attended({ batch: 2, frames: 3, heads: 2, headSize: 4, scale: 0.7, biases: 1 }),
  attended({ batch: 2, frames: 3, heads: 2, headSize: 2, lengths: [1, 3], biases: 2 }),
  attended({ batch: 2, frames: 4, heads: 2, headSize: 3, dropoutRate: 0.4, dropoutSeed: 9 }),
  attended({ batch: 2, frames: 7, heads: 4, headSize: 16, lengths: [7, 3] }),
  attended({ batch: 3, frames: 49, heads: 4, headSize: 24, lengths: [49, 31, 8] }),
  attended({
    batch: 2,
    frames: 49,
    heads: 4,
    headSize: 48,
    dropoutRate: 0.1,
    dropoutSeed: 2 ** 32 - 1,
  }),
  attended({ batch: 1, frames: 130, heads: 12, headSize: 64, lengths: [97] }),
  attended({ batch: 2, frames: 33, heads: 3, headSize: 16, lengths: [33, 20], biases: 1 }),
  attended({
    batch: 2,
    frames: 65,
    heads: 2,
    headSize: 8,
    lengths: [40, 65],
    biases: 2,
    dropoutRate: 0.2,
    dropoutSeed: 3,
  }),
  withLogSumExp(),
  steep(),
  padded(),
  uniform(),
]);
