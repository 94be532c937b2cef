/**
 * Scaled dot-product attention (Vaswani et al. 2017), with and without a bias of its scores.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { withLengths } from "./_lengths.ts";
import { expectHeads, expectRank, expectShape } from "./_shapes.ts";
import { gradient, type Operation, type Shape, sizeOf, type With } from "./operation.ts";
import { isRecording, run } from "./run.ts";
import { scale as scaled } from "./scale.ts";

/** How {@linkcode attention} divides, scales and drops. */
export interface AttentionAttrs {
  /** Number of heads; must divide D. */
  heads: number;
  /** Factor on `q k^T`. @default 1 / sqrt(D / heads) */
  scale: number;
  /** Dropout of the probabilities; the element index is `((b * H + h) * T + query) * T + key`. @default 0 */
  dropoutRate: number;
  /** @default 0 */
  dropoutSeed: number;
}

/** What {@linkcode attention} reads. */
export interface AttentionInputs {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  lengths?: Tensor;
}

/** The result, and for each query the logarithm of the sum of the exponentials of its scores, for the gradient. */
type AttentionOutputs = [context: Tensor, logSumExp: Tensor];

/** What the gradient reads: with it a probability is `exp(score - logSumExp)`. */
interface AttentionGradInputs extends AttentionInputs {
  context: Tensor;
  logSumExp: Tensor;
  dy: Tensor;
}

/** `q`, `k`, `v [B, T, D]`, `lengths [B]` int32 -> `context [B, T, D]`, `logSumExp [B, H, T]` */
export const attentionOperation: Operation<AttentionInputs, AttentionAttrs, AttentionOutputs> = {
  name: "attention",
  outputs: outputShapes,
  gradient: gradient(["q", "k", "v", "lengths"], ({ dy, inputs, outputs, attrs }) => {
    const [context, logSumExp] = outputs;
    const [dq, dk, dv] = run(attentionGrad, { ...inputs, context, logSumExp, dy }, attrs);
    return { q: () => dq, k: () => dk, v: () => dv };
  }, [0, 1]),
  flops,
};

/** The same with `bias [B or 1, H, T, T]` */
export const biasedAttention: Operation<
  AttentionInputs & { bias: Tensor },
  AttentionAttrs,
  AttentionOutputs
> = {
  name: "biasedAttention",
  outputs: ({ bias, ...inputs }, attrs) => {
    const shapes = outputShapes(inputs, attrs);
    const [batch = 0, frames = 0] = inputs.q;
    expectShape("attention bias", bias, [
      bias[0] === 1 ? 1 : batch,
      attrs.heads,
      frames,
      frames,
    ]);
    return shapes;
  },
  gradient: gradient(["q", "k", "v", "lengths", "bias"], ({ dy, inputs, outputs, attrs }) => {
    const [context, logSumExp] = outputs;
    const call = { ...inputs, context, logSumExp, dy };
    const [dq, dk, dv, dbias] = run(biasedAttentionGrad, call, attrs);
    return { q: () => dq, k: () => dk, v: () => dv, bias: () => dbias };
  }, [0, 1]),
  flops,
};

/** -> `dq`, `dk`, `dv` */
export const attentionGrad: Operation<
  AttentionGradInputs,
  AttentionAttrs,
  [dq: Tensor, dk: Tensor, dv: Tensor]
> = {
  name: "attentionGrad",
  outputs: ({ q, k, v }) => [q, k, v],
};

/** -> `dq`, `dk`, `dv`, and `dbias` of the shape of `bias` */
export const biasedAttentionGrad: Operation<
  AttentionGradInputs & { bias: Tensor },
  AttentionAttrs,
  [dq: Tensor, dk: Tensor, dv: Tensor, dbias: Tensor]
> = {
  name: "biasedAttentionGrad",
  outputs: ({ q, k, v, bias }) => [q, k, v, bias],
};

function outputShapes(
  { q, k, v, lengths }: With<AttentionInputs, Shape>,
  { heads }: AttentionAttrs,
): [context: Shape, logSumExp: Shape] {
  expectRank("attention q", q, 3);
  const [batch = 0, frames = 0, size = 0] = q;
  expectShape("attention k", k, q);
  expectShape("attention v", v, q);
  expectHeads("attention", size, heads);
  if (lengths) expectShape("attention lengths", lengths, [batch]);
  return [q, [batch, heads, frames]];
}

/** Scores and their products with the values. */
function flops({ q }: With<AttentionInputs, Shape>): number {
  return 4 * sizeOf(q) * q[1]!;
}

/**
 * Scaled dot-product attention: `dropout(softmax(scale * q k^T + bias)) v` for each head, keys from
 * `lengths[b]` on left out. Heads are consecutive slices of the last axis.
 *
 * **Shape** `q, k, v [B, T, D]`, `lengths [B]` int32 (1 to T), `bias [B or 1, H, T, T]` -> `[B, T, D]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: Partial<AttentionAttrs> & { heads: number; lengths?: Tensor; bias?: Tensor },
): Tensor {
  const { heads, lengths, bias, dropoutRate = 0, dropoutSeed = 0 } = options;
  if (dropoutRate === 1) {
    return tidy(() => scaled(attention(q, k, v, { ...options, dropoutRate: 0 }), 0));
  }
  const [batch = 0, frames = 0, size = 0] = q.shape;
  const scale = options.scale ?? 1 / Math.sqrt(size / heads);
  const attrs: AttentionAttrs = { heads, scale, dropoutRate, dropoutSeed };
  return withLengths(lengths, { batch, frames }, (known) => {
    const inputs = { q, k, v, lengths: known };
    const [context, logSumExp] = bias
      ? run(biasedAttention, { ...inputs, bias }, attrs)
      : run(attentionOperation, inputs, attrs);
    if (!isRecording()) logSumExp.dispose();
    return context;
  });
}
