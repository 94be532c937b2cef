/**
 * Scaled dot-product attention by heads, and its gradient.
 *
 * Computes: with `p = softmax(scale * q k^T + bias)` over the keys before `lengths[b]` and `f` the dropout
 * factor, `context = (p f) v`; with `delta = dy . context`, `ds = p (f dy v^T - delta)`: `dq = scale ds k`, `dk = scale ds^T q`,
 * `dv = (p f)^T dy`, `dbias = ds` (summed over clips where they share it).
 * Buffers: q, k, v, dy, results [B, T, D]; logSumExp [B, H, T]; statistics [B, H, T, 2] (log-sum-exp, delta);
 * bias, dbias [B or 1, H, T, T]; f32; lengths [B] i32; the inputs read.
 * Grid: one workgroup of 64 threads per 64 frames, head and clip; a thread owns a frame (`_attention_text.ts`).
 * `dbias`: one thread per element.
 * Memory: two slabs of up to 32 frames, at most 16 KiB; each result is a pass of its own, nothing of T x T stored.
 * Error: 1e-6 of the largest |v| forward, 1e-5 of the largest gradient.
 * Reference: test/reference/attention.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "./_backend.ts";
import { UnsupportedOpError } from "../../errors.ts";
import type { AttentionAttrs } from "../../kernels.ts";
import {
  inputsOfPass,
  OWNED_FRAMES,
  type Pass,
  type PassConfig,
  passText,
  vectorsOfPass,
} from "./_attention_text.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, kernel, type Program, release, runProgram, u32, type Uniform } from "./_program.ts";
import { dropoutUniforms } from "./dropout.ts";
import { DROPOUT_FACTOR } from "./_wgsl.ts";

type AttentionInputs = Record<"q" | "k" | "v" | "lengths", TensorInfo> & { bias?: TensorInfo };
type GradientInputs = AttentionInputs & Record<"context" | "logSumExp" | "dy", TensorInfo>;

/** Numbers of one head of one frame that a thread can own. */
const LARGEST_HEAD = 256;

const PASS: Program<PassConfig> = { name: "Attention", source: passText };

/** For each row the log-sum-exp, then `delta`. */
const STATISTICS: Program<Record<never, never>> = {
  name: "AttentionStatistics",
  source: () =>
    elements(
      "select(delta(i / 2u), logSumExp[i / 2u], i % 2u == 0u)",
      `
    fn delta(row: u32) -> f32 {
      let frame = row / (uniforms.frames * uniforms.heads) * uniforms.frames + row % uniforms.frames;
      let head = row / uniforms.frames % uniforms.heads;
      let at = frame * uniforms.size + head * uniforms.headSize;
      var sum = 0.0;
      for (var d = 0u; d < uniforms.headSize; d++) { sum += dy[at + d] * context[at + d]; }
      return sum;
    }`,
    ),
};

/** Element `((b or 0, h), query, key)`, summed over the clips that share it. */
const BIAS_GRADIENT: Program<{ dropout: boolean }> = {
  name: "AttentionGradBias",
  source: ({ dropout }) =>
    elements(
      "biasGradient(i)",
      `
    ${dropout ? DROPOUT_FACTOR : "fn dropoutFactor(index: u32) -> f32 { return 1.0; }"}
    fn pairGradient(i: u32) -> f32 {
      let key = i % uniforms.frames;
      let row = i / uniforms.frames;
      let batch = row / (uniforms.frames * uniforms.heads);
      if (key >= u32(lengths[batch])) { return 0.0; }
      let head = row / uniforms.frames % uniforms.heads * uniforms.headSize;
      let atQuery = (batch * uniforms.frames + row % uniforms.frames) * uniforms.size + head;
      let atKey = (batch * uniforms.frames + key) * uniforms.size + head;
      var score = 0.0;
      var along = 0.0;
      for (var d = 0u; d < uniforms.headSize; d++) {
        score += q[atQuery + d] * k[atKey + d];
        along += dy[atQuery + d] * v[atKey + d];
      }
      score = uniforms.scale * score + bias[i % uniforms.elements];
      let probability = exp(score - statistics[2u * row]);
      return probability * (dropoutFactor(i) * along - statistics[2u * row + 1u]);
    }
    fn biasGradient(i: u32) -> f32 {
      var sum = 0.0;
      for (var at = i; at < uniforms.pairs; at += uniforms.elements) { sum += pairGradient(at); }
      return sum;
    }`,
    ),
};

/** `EarshotAttention`, `EarshotBiasedAttention` and their gradients. */
export const attentionKernels: KernelConfig[] = [
  kernel<AttentionAttrs>("EarshotAttention", attend),
  kernel<AttentionAttrs>("EarshotBiasedAttention", attend),
  kernel<AttentionAttrs>("EarshotAttentionGrad", attendGradient),
  kernel<AttentionAttrs>("EarshotBiasedAttentionGrad", attendGradient),
];

function attend(
  backend: DeviceBackend,
  inputs: Record<string, TensorInfo>,
  attrs: AttentionAttrs,
): TensorInfo[] {
  const tensors = inputs as AttentionInputs;
  const [batch, frames] = tensors.q.shape as [number, number];
  const rows = [batch, attrs.heads, frames];
  return [
    runPass(backend, "context", tensors, attrs, tensors.q.shape),
    runPass(backend, "logSumExp", tensors, attrs, rows),
  ];
}

function attendGradient(
  backend: DeviceBackend,
  inputs: Record<string, TensorInfo>,
  attrs: AttentionAttrs,
): TensorInfo[] {
  const { context, logSumExp, ...tensors } = inputs as GradientInputs;
  const { q, dy, bias } = tensors;
  const statistics = runElements(backend, STATISTICS, {
    config: {},
    inputs: { logSumExp, context, dy },
    uniforms: sizesOf(q, attrs),
    shape: [...logSumExp.shape, 2],
  });
  const all = { ...tensors, statistics };
  const gradients = (["dq", "dk", "dv"] as const).map((pass) =>
    runPass(backend, pass, all, attrs, q.shape)
  );
  if (bias) gradients.push(biasGradient(backend, { ...all, bias }, attrs));
  release(backend, statistics);
  return gradients;
}

function biasGradient(
  backend: DeviceBackend,
  { q, k, v, dy, bias, statistics, lengths }: Record<string, TensorInfo>,
  attrs: AttentionAttrs,
): TensorInfo {
  const [batch, frames] = q!.shape as [number, number];
  const dropout = attrs.dropoutRate > 0;
  return runElements(backend, BIAS_GRADIENT, {
    config: { dropout },
    inputs: {
      q: q!,
      k: k!,
      v: v!,
      dy: dy!,
      bias: bias!,
      statistics: statistics!,
      lengths: lengths!,
    },
    uniforms: {
      ...sizesOf(q!, attrs),
      pairs: u32(batch * attrs.heads * frames * frames),
      ...(dropout && dropoutOf(attrs)),
    },
    shape: bias!.shape,
  });
}

function runPass(
  backend: DeviceBackend,
  pass: Pass,
  tensors: Record<string, TensorInfo | undefined>,
  attrs: AttentionAttrs,
  shape: number[],
): TensorInfo {
  const { q, bias } = tensors;
  const [batch, frames, size] = q!.shape as [number, number, number];
  const headSize = size / attrs.heads;
  assertHeadFits(headSize);
  const width = headSize % 4 === 0 ? 4 : 1;
  const config: PassConfig = {
    pass,
    width,
    parts: headSize / width,
    bias: bias !== undefined,
    dropout: attrs.dropoutRate > 0 && pass !== "logSumExp",
  };
  const sharedBias = bias && bias.shape[0] === 1 ? attrs.heads * frames * frames : 0;
  return runProgram(backend, PASS, {
    config,
    inputs: Object.fromEntries(inputsOfPass(config).map((name) => [name, tensors[name]!])),
    uniforms: {
      ...sizesOf(q!, attrs),
      sharedBias: u32(sharedBias),
      ...(config.dropout && dropoutOf(attrs)),
    },
    shape,
    vectors: width === 4 ? vectorsOfPass(pass) : [],
    workgroups: [Math.ceil(frames / OWNED_FRAMES), attrs.heads, batch],
    threads: [OWNED_FRAMES, 1, 1],
  });
}

function sizesOf({ shape }: TensorInfo, { heads, scale }: AttentionAttrs): Record<string, Uniform> {
  const [, frames, size] = shape as [number, number, number];
  return {
    frames: u32(frames),
    size: u32(size),
    heads: u32(heads),
    headSize: u32(size / heads),
    scale: f32(scale),
  };
}

function dropoutOf({ dropoutRate, dropoutSeed }: AttentionAttrs): Record<string, Uniform> {
  return dropoutUniforms({ rate: dropoutRate, seed: dropoutSeed });
}

function assertHeadFits(headSize: number): void {
  if (headSize <= LARGEST_HEAD) return;
  throw new UnsupportedOpError(
    `Cannot run attention on WebGPU: expected a head of at most ${LARGEST_HEAD}, found ${headSize}`,
    { hint: "Use --backend wasm" },
  );
}
