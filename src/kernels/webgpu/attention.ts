/**
 * Scaled dot-product attention by heads, and its gradient.
 *
 * Computes: with `p = softmax(scale * q k^T + bias)` over the keys before `lengths[b]` and `f` the dropout
 * factor, `context = (p f) v`; with `delta = dy . context`, `ds = p (f dy v^T - delta)`: `dq = scale ds k`, `dk = scale ds^T q`,
 * `dv = (p f)^T dy`, `dbias = ds` (summed over clips where they share it).
 * Buffers: q, k, v, dy, context, dq, dk, dv [B, T, D]; logSumExp [B, H, T]; statistics [B, H, T, 2] (log-sum-exp,
 * delta) and then the B lengths; bias, dbias [B or 1, H, T, T]; f32; lengths [B] i32, or none for whole clips; results written, the rest read.
 * Grid: one workgroup of 64 threads per 64 frames, head and clip, and for gradients per role; a thread owns a frame
 * (`_attention_text.ts`). Statistics and `dbias`: one thread per element.
 * Memory: two slabs of up to 32 frames, at most 16 KiB; forward one run, backward two, nothing of T x T stored. Where
 * a device binds only eight buffers, `dq` is a run of its own beside a bias.
 * Error: 1e-6 of the largest |v| forward, 1e-5 of the largest gradient.
 * Reference: test/reference/attention.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../errors.ts";
import type { AttentionAttrs, KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import {
  FORWARD_VECTORS,
  type ForwardConfig,
  forwardText,
  GRADIENT_VECTORS,
  type GradientConfig,
  gradientText,
  OWNED_FRAMES,
  type PassConfig,
  type Role,
  ROLES,
} from "./_attention_text.ts";
import { elements, runElements } from "./_elements.ts";
import {
  type Extent,
  f32,
  type Made,
  type Program,
  release,
  runForAll,
  u32,
  type Uniform,
} from "./_program.ts";
import { dropoutUniforms } from "./dropout.ts";
import { DROPOUT_FACTOR } from "./_wgsl.ts";

/** Numbers of one head of one frame that a thread can own. */
const LARGEST_HEAD = 256;

const FORWARD: Program<ForwardConfig> = { name: "Attention", source: forwardText };

const GRADIENTS: Program<GradientConfig> = { name: "AttentionGrad", source: gradientText };

/** What the gradients bind besides a bias: q, k, v, dy, statistics and three results. */
const GRADIENT_BUFFERS = 8;

/** For each row the log-sum-exp, then `delta`; after the rows the lengths. */
const STATISTICS: Program<{ lengths: boolean }> = {
  name: "AttentionStatistics",
  source: ({ lengths }) =>
    elements(
      "statistic(i)",
      `
    fn statistic(i: u32) -> f32 {
      let rows = 2u * uniforms.frames * uniforms.heads * uniforms.clips;
      if (i >= rows) { return f32(${lengths ? "lengths[i - rows]" : "uniforms.frames"}); }
      if (i % 2u == 0u) { return logSumExp[i / 2u]; }
      return delta(i / 2u);
    }
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
const BIAS_GRADIENT: Program<{ dropout: boolean; lengths: boolean }> = {
  name: "AttentionGradBias",
  source: ({ dropout, lengths }) =>
    elements(
      "biasGradient(i)",
      `
    ${dropout ? DROPOUT_FACTOR : "fn dropoutFactor(index: u32) -> f32 { return 1.0; }"}
    fn pairGradient(i: u32) -> f32 {
      let key = i % uniforms.frames;
      let row = i / uniforms.frames;
      let batch = row / (uniforms.frames * uniforms.heads);
      ${lengths ? "if (key >= u32(lengths[batch])) { return 0.0; }" : ""}
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

/** -> `context`, `logSumExp` */
export function attention(
  inputs: KernelInputs<"attention">,
  attrs: KernelAttrs<"attention">,
  backend: DeviceBackend,
): KernelOutputs<"attention"> {
  return attend(backend, inputs, attrs);
}

/** The same with a bias of the scores. */
export function biasedAttention(
  inputs: KernelInputs<"biasedAttention">,
  attrs: KernelAttrs<"biasedAttention">,
  backend: DeviceBackend,
): KernelOutputs<"biasedAttention"> {
  return attend(backend, inputs, attrs);
}

/** -> `dq`, `dk`, `dv` */
export function attentionGrad(
  inputs: KernelInputs<"attentionGrad">,
  attrs: KernelAttrs<"attentionGrad">,
  backend: DeviceBackend,
): KernelOutputs<"attentionGrad"> {
  const statistics = statisticsOf(backend, inputs, attrs);
  const slopes = slopesOf(backend, { ...inputs, statistics }, attrs);
  release(backend, statistics);
  return slopes;
}

/** -> `dq`, `dk`, `dv`, `dbias` */
export function biasedAttentionGrad(
  inputs: KernelInputs<"biasedAttentionGrad">,
  attrs: KernelAttrs<"biasedAttentionGrad">,
  backend: DeviceBackend,
): KernelOutputs<"biasedAttentionGrad"> {
  const statistics = statisticsOf(backend, inputs, attrs);
  const slopes = slopesOf(backend, { ...inputs, statistics }, attrs);
  const dbias = biasGradient(backend, { ...inputs, statistics }, attrs);
  release(backend, statistics);
  return [...slopes, dbias];
}

type ForwardInputs = KernelInputs<"attention"> & { bias?: TensorInfo };

/** What the gradients read besides the tensors of the statistics. */
type SlopeInputs = Record<"q" | "k" | "v" | "dy" | "statistics", TensorInfo> & {
  bias?: TensorInfo;
};

function attend(
  backend: DeviceBackend,
  { q, k, v, lengths, bias }: ForwardInputs,
  attrs: AttentionAttrs,
): KernelOutputs<"attention"> {
  const [batch = 0, frames = 0] = q.shape;
  const pass = passOf(q, bias, attrs);
  const { context, logSumExp } = runForAll(backend, FORWARD, {
    ...pass,
    config: { ...pass.config, lengths: lengths !== undefined },
    inputs: { q, k, v, ...(lengths && { lengths }), ...(bias && { bias }) },
    outputs: { context: q.shape, logSumExp: [batch, attrs.heads, frames] },
    workgroups: workgroupsOf(q, attrs.heads),
    threads: [OWNED_FRAMES, 1, 1],
    vectors: vectorsOf(q, attrs, FORWARD_VECTORS),
  });
  return [context, logSumExp];
}

function statisticsOf(
  backend: DeviceBackend,
  { q, lengths, context, logSumExp, dy }: KernelInputs<"attentionGrad">,
  attrs: AttentionAttrs,
): TensorInfo {
  const [batch = 0, frames = 0] = q.shape;
  return runElements(backend, STATISTICS, {
    config: { lengths: lengths !== undefined },
    inputs: { logSumExp, context, dy, ...(lengths && { lengths }) },
    uniforms: sizesOf(q, attrs),
    shape: [2 * batch * attrs.heads * frames + batch],
  });
}

function slopesOf(
  backend: DeviceBackend,
  inputs: SlopeInputs,
  attrs: AttentionAttrs,
): KernelOutputs<"attentionGrad"> {
  const { q, bias } = inputs;
  const bound = GRADIENT_BUFFERS + (bias ? 1 : 0);
  if (bound <= backend.device.limits.maxStorageBuffersPerShaderStage) {
    const shapes = { dq: q.shape, dk: q.shape, dv: q.shape };
    const { dq, dk, dv } = runRoles(backend, "dq dk dv", shapes, inputs, attrs);
    return [dq, dk, dv];
  }
  const { dq } = runRoles(backend, "dq", { dq: q.shape }, inputs, attrs);
  const { dk, dv } = runRoles(backend, "dk dv", { dk: q.shape, dv: q.shape }, inputs, attrs);
  return [dq, dk, dv];
}

/** The gradients of some roles; their shapes are in the order of the roles. */
function runRoles<Outputs extends Partial<Record<Role, number[]>>>(
  backend: DeviceBackend,
  roles: GradientConfig["roles"],
  outputs: Outputs,
  { q, k, v, dy, statistics, bias }: SlopeInputs,
  attrs: AttentionAttrs,
): Made<Outputs> {
  const pass = passOf(q, bias, attrs);
  return runForAll(backend, GRADIENTS, {
    ...pass,
    config: { ...pass.config, roles },
    inputs: { q, k, v, dy, statistics, ...(bias && { bias }) },
    outputs,
    workgroups: workgroupsOf(q, attrs.heads * ROLES[roles].length),
    threads: [OWNED_FRAMES, 1, 1],
    vectors: vectorsOf(q, attrs, GRADIENT_VECTORS),
  });
}

function biasGradient(
  backend: DeviceBackend,
  { q, k, v, dy, bias, statistics, lengths }: KernelInputs<"biasedAttentionGrad"> & {
    statistics: TensorInfo;
  },
  attrs: AttentionAttrs,
): TensorInfo {
  const [batch = 0, frames = 0] = q.shape;
  const dropout = attrs.dropoutRate > 0;
  return runElements(backend, BIAS_GRADIENT, {
    config: { dropout, lengths: lengths !== undefined },
    inputs: { q, k, v, dy, bias, statistics, ...(lengths && { lengths }) },
    uniforms: {
      ...sizesOf(q, attrs),
      pairs: u32(batch * attrs.heads * frames * frames),
      ...(dropout && dropoutOf(attrs)),
    },
    shape: bias.shape,
  });
}

/** The config and the scalars that forward pass and gradients share. */
function passOf(
  q: TensorInfo,
  bias: TensorInfo | undefined,
  attrs: AttentionAttrs,
): { config: PassConfig; uniforms: Record<string, Uniform> } {
  const [, frames = 0, size = 0] = q.shape;
  const headSize = size / attrs.heads;
  assertHeadFits(headSize);
  const width = headSize % 4 === 0 ? 4 : 1;
  const dropout = attrs.dropoutRate > 0;
  const sharedBias = bias && bias.shape[0] === 1 ? attrs.heads * frames * frames : 0;
  return {
    config: { width, parts: headSize / width, bias: bias !== undefined, dropout },
    uniforms: {
      ...sizesOf(q, attrs),
      sharedBias: u32(sharedBias),
      ...(dropout && dropoutOf(attrs)),
    },
  };
}

function workgroupsOf({ shape }: TensorInfo, planes: number): Extent {
  const [batch = 0, frames = 0] = shape;
  return [Math.ceil(frames / OWNED_FRAMES), planes, batch];
}

function vectorsOf(
  { shape }: TensorInfo,
  { heads }: AttentionAttrs,
  names: readonly string[],
): readonly string[] {
  return shape[2]! / heads % 4 === 0 ? names : [];
}

function sizesOf({ shape }: TensorInfo, { heads, scale }: AttentionAttrs): Record<string, Uniform> {
  const [clips = 0, frames = 0, size = 0] = shape;
  return {
    clips: u32(clips),
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
    { hint: 'Use `backend: "wasm"`' },
  );
}
