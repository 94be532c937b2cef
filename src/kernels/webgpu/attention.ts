/**
 * Scaled dot-product attention by heads, and its gradient.
 *
 * Computes: with `p = softmax(scale * q k^T + bias)` over the keys before `lengths[b]` and `f` the dropout
 * factor, `context = (p f) v`; with `delta = dy . context`, `ds = p (f dy v^T - delta)`: `dq = scale ds k`, `dk = scale ds^T q`,
 * `dv = (p f)^T dy`, `dbias = ds` (summed over clips where they share it).
 * Buffers: q, k, v, dy, context, dq, dk, dv [B, T, D]; logSumExp [B, H, T]; statistics [B, H, T, 2] (log-sum-exp,
 * delta) and then the B lengths; bias, dbias [B or 1, H, T, T]; f32; lengths [B] i32; results written, the rest read.
 * Grid: one workgroup of 64 threads per 64 frames, head and clip, and for gradients per role; a thread owns a frame
 * (`_attention_text.ts`). Statistics and `dbias`: one thread per element.
 * Memory: two slabs of up to 32 frames, at most 16 KiB; forward one run, backward two, nothing of T x T stored. Where
 * a device binds only eight buffers, `dq` is a run of its own beside a bias.
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
  FORWARD_VECTORS,
  forwardText,
  GRADIENT_VECTORS,
  type GradientConfig,
  gradientText,
  OWNED_FRAMES,
  type PassConfig,
  type Role,
} from "./_attention_text.ts";
import { elements, runElements } from "./_elements.ts";
import {
  type Extent,
  f32,
  kernel,
  type Program,
  release,
  runForAll,
  u32,
  type Uniform,
} from "./_program.ts";
import { dropoutUniforms } from "./dropout.ts";
import { DROPOUT_FACTOR } from "./_wgsl.ts";

type AttentionInputs = Record<"q" | "k" | "v" | "lengths", TensorInfo> & { bias?: TensorInfo };
type GradientInputs = AttentionInputs & Record<"context" | "logSumExp" | "dy", TensorInfo>;

/** Numbers of one head of one frame that a thread can own. */
const LARGEST_HEAD = 256;

const FORWARD: Program<PassConfig> = { name: "Attention", source: forwardText };

const GRADIENTS: Program<GradientConfig> = { name: "AttentionGrad", source: gradientText };

/** What the gradients bind besides a bias: q, k, v, dy, statistics and three results. */
const GRADIENT_BUFFERS = 8;

/** For each row the log-sum-exp, then `delta`; after the rows the lengths. */
const STATISTICS: Program<Record<never, never>> = {
  name: "AttentionStatistics",
  source: () =>
    elements(
      "statistic(i)",
      `
    fn statistic(i: u32) -> f32 {
      let rows = 2u * uniforms.frames * uniforms.heads * uniforms.clips;
      if (i >= rows) { return f32(lengths[i - rows]); }
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
  const { q, k, v, lengths, bias } = inputs as AttentionInputs;
  const [batch, frames] = q.shape as [number, number];
  const { context, logSumExp } = runForAll(backend, FORWARD, {
    ...passOf(q, bias, attrs),
    inputs: { q, k, v, lengths, ...(bias && { bias }) },
    outputs: { context: q.shape, logSumExp: [batch, attrs.heads, frames] },
    workgroups: workgroupsOf(q, attrs.heads),
    threads: [OWNED_FRAMES, 1, 1],
    vectors: vectorsOf(q, attrs, FORWARD_VECTORS),
  });
  return [context, logSumExp];
}

function attendGradient(
  backend: DeviceBackend,
  inputs: Record<string, TensorInfo>,
  attrs: AttentionAttrs,
): TensorInfo[] {
  const { q, k, v, lengths, bias, context, logSumExp, dy } = inputs as GradientInputs;
  const [batch, frames] = q.shape as [number, number];
  const statistics = runElements(backend, STATISTICS, {
    config: {},
    inputs: { logSumExp, context, dy, lengths },
    uniforms: sizesOf(q, attrs),
    shape: [2 * batch * attrs.heads * frames + batch],
  });
  const tensors = { q, k, v, dy, statistics, bias };
  const bound = GRADIENT_BUFFERS + (bias ? 1 : 0);
  const gradients = bound <= backend.device.limits.maxStorageBuffersPerShaderStage
    ? runRoles(backend, "dq dk dv", tensors, attrs)
    : { ...runRoles(backend, "dq", tensors, attrs), ...runRoles(backend, "dk dv", tensors, attrs) };
  const results = [gradients.dq!, gradients.dk!, gradients.dv!];
  if (bias) results.push(biasGradient(backend, { ...tensors, bias, lengths }, attrs));
  release(backend, statistics);
  return results;
}

function runRoles(
  backend: DeviceBackend,
  roles: GradientConfig["roles"],
  { q, bias, ...tensors }:
    & { q: TensorInfo; bias?: TensorInfo }
    & Record<
      "k" | "v" | "dy" | "statistics",
      TensorInfo
    >,
  attrs: AttentionAttrs,
): Partial<Record<Role, TensorInfo>> {
  const names = roles.split(" ") as Role[];
  const pass = passOf(q, bias, attrs);
  return runForAll(backend, GRADIENTS, {
    ...pass,
    config: { ...pass.config, roles },
    inputs: { q, ...tensors, ...(bias && { bias }) },
    outputs: Object.fromEntries(names.map((name) => [name, q.shape])) as Record<Role, number[]>,
    workgroups: workgroupsOf(q, attrs.heads * names.length),
    threads: [OWNED_FRAMES, 1, 1],
    vectors: vectorsOf(q, attrs, GRADIENT_VECTORS),
  });
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

/** The config and the scalars that forward pass and gradients share. */
function passOf(
  q: TensorInfo,
  bias: TensorInfo | undefined,
  attrs: AttentionAttrs,
): { config: PassConfig; uniforms: Record<string, Uniform> } {
  const [, frames, size] = q.shape as [number, number, number];
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
  const [batch, frames] = shape as [number, number];
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
  const [clips, frames, size] = shape as [number, number, number];
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
