/**
 * The contract between layers and devices: every operation that a model is made of.
 *
 * Activations are float32 `[B, T, C]`, channels last; weights keep the shapes that checkpoints store. A
 * function here checks shapes and runs the kernel of that name on the device in use; the
 * bodies are in `kernels/wasm` and `kernels/webgpu`, the gradients in `gradients.ts`, the plain
 * double-precision reference in `test/reference`. Nothing here knows a model or picks a device.
 *
 * Memory: every function returns new tensors and disposes none of its arguments.
 *
 * Tolerances against the reference, for values around 1: 1e-5 forward, 1e-4 of the largest
 * value of a gradient.
 *
 * @module
 */
import {
  engine,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
  tensor1d,
} from "@tensorflow/tfjs-core";
import { ShapeError } from "./errors.ts";

/** Activation functions: exact (erf) GELU, ReLU, SiLU (`x sigmoid(x)`, also called swish), or none. */
export type Activation = "none" | "gelu" | "relu" | "silu";

/** How a dropout draws: element `i` is kept where `keepHash(seed, i) >= rate * 2^32`. */
export interface DropoutAttrs {
  /** Share of the elements set to zero, 0 to below 1; the others are divided by `1 - rate`. */
  rate: number;
  /** Unsigned 32-bit seed; the same seed draws the same elements on every device. */
  seed: number;
}

/** @see linear */
export interface LinearAttrs {
  /** Applied before the residual is added. @default "none" */
  activation: Activation;
}

/** @see conv1d */
export interface Conv1dAttrs {
  /** @default 1 */
  stride: number;
  /** Channel groups; must divide the channels on both sides. @default 1 */
  groups: number;
  /** Zero frames before the first. @default 0 */
  padLeft: number;
  /** Zero frames after the last. @default 0 */
  padRight: number;
  /** @default "none" */
  activation: Activation;
}

/** @see layerNorm */
export interface NormAttrs {
  /** Added to the variance. */
  eps: number;
}

/** @see attention */
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

/** @see relativeScores */
export interface RelativeScoresAttrs {
  /** Number of heads; must divide D. */
  heads: number;
  /** Factor on every score. @default 1 */
  scale: number;
  /** Whose frame of `x` meets the position: the query's, or the key's. @default "query" */
  owner: "query" | "key";
}

/** @see rotary */
export interface RotaryAttrs {
  /** Number of heads; must divide D into heads of even size. */
  heads: number;
  /** Whether to turn back. @default false */
  inverse: boolean;
}

/** @see updateStatistics */
export interface StatisticsAttrs {
  /** Weight of the new statistics, 0 to 1. */
  momentum: number;
}

/** @see padFrames */
export interface PadFramesAttrs {
  /** Zero frames before the first; below 0, frames left out there. @default 0 */
  before: number;
  /** Zero frames after the last; below 0, frames left out there. @default 0 */
  after: number;
}

/** @see patches */
export interface PatchesAttrs {
  /** Channels and frames of a patch. */
  size: [channels: number, frames: number];
  /** Channels and frames from one patch to the next. */
  stride: [channels: number, frames: number];
}

/** Losses of one output against one number. */
export type ElementLoss = "binaryCrossEntropy" | "squaredError";

/** @see elementLoss */
export interface ElementLossAttrs {
  kind: ElementLoss;
  /** The sum over all outputs is divided by this. @default their number */
  normalizer: number;
}

/** @see crossEntropy */
export interface CrossEntropyAttrs {
  /** Share of the target spread evenly over all classes, 0 to below 1. @default 0 */
  labelSmoothing: number;
  /** The sum over the batch is divided by this. @default B */
  normalizer: number;
}

/** @see adamwStep */
export interface AdamwAttrs {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** Decoupled: the parameter shrinks by `learningRate * weightDecay` first. */
  weightDecay: number;
  /** Number of this step, from 1, for the bias correction. */
  step: number;
  /** Gradients are multiplied by `min(1, maxGradNorm / (norm + 1e-6))`; 0 leaves them alone. */
  maxGradNorm: number;
}

/**
 * Whether dropout keeps element `index`: a 32-bit mix of seed and counter, so that a gradient can
 * draw again what the forward pass drew, on any device and in any order.
 *
 * @returns an unsigned 32-bit number, uniformly distributed.
 */
export function keepHash(seed: number, index: number): number {
  let hash = (Math.imul(index, 0x9e3779b9) + seed) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Affine map of the last axis: `activation(x weight^T + bias) + residual`.
 *
 * **Shape** `x [..., I]`, `weight [O, I]`, `bias [O]`, `residual [..., O]` -> `[..., O]`
 *
 * While gradients are recorded, an activation runs as a kernel of its own, because its gradient needs
 * the value before it.
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  options: { bias?: Tensor; residual?: Tensor; activation?: Activation } = {},
): Tensor {
  const { bias, residual, activation: kind = "none" } = options;
  const [outputs, inputs] = weight.shape as [number, number];
  expectShape("linear x", x, [...x.shape.slice(0, -1), inputs]);
  if (bias) expectShape("linear bias", bias, [outputs]);
  if (residual) expectShape("linear residual", residual, [...x.shape.slice(0, -1), outputs]);
  if (kind !== "none" && isRecording()) {
    const y = activation(linear(x, weight, { bias }), kind);
    return residual ? add(y, residual) : y;
  }
  return run("EarshotLinear", { x, weight, bias, residual }, { activation: kind });
}

/**
 * Convolution over time, as cross-correlation.
 *
 * **Shape** `x [B, T, C]`, `weight [O, C / groups, K]`, `bias [O]` ->
 * `[B, floor((T + padLeft + padRight - K) / stride) + 1, O]`
 *
 * @throws {ShapeError} when the sizes do not fit, or `x` is shorter than the kernel.
 */
export function conv1d(
  x: Tensor,
  weight: Tensor,
  options: Partial<Conv1dAttrs> & { bias?: Tensor } = {},
): Tensor {
  const { bias, stride = 1, groups = 1, padLeft = 0, padRight = 0, activation: kind = "none" } =
    options;
  const [outputs, groupChannels, width] = weight.shape as [number, number, number];
  expectShape("conv1d x", x, [x.shape[0]!, x.shape[1]!, groupChannels * groups]);
  if (bias) expectShape("conv1d bias", bias, [outputs]);
  if (outputs % groups !== 0) {
    throw new ShapeError(
      `Cannot run conv1d: expected outputs divisible by ${groups} groups, found ${outputs}`,
    );
  }
  if (x.shape[1]! + padLeft + padRight < width) {
    throw new ShapeError(
      `Cannot run conv1d: expected at least ${width} frames, found ${
        x.shape[1]! + padLeft + padRight
      }`,
    );
  }
  const fused = kind === "none" || !isRecording();
  const attrs: Conv1dAttrs = {
    stride,
    groups,
    padLeft,
    padRight,
    activation: fused ? kind : "none",
  };
  const y = run("EarshotConv1d", { x, weight, bias }, attrs);
  return fused ? y : activation(y, kind);
}

/**
 * Normalisation of each vector of the last axis to mean 0 and variance 1, then `gamma` and `beta`.
 *
 * **Shape** `x [..., C]`, `gamma [C]`, `beta [C]` -> `[..., C]`
 */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, attrs: NormAttrs): Tensor {
  expectShape("layerNorm gamma", gamma, x.shape.slice(-1));
  expectShape("layerNorm beta", beta, x.shape.slice(-1));
  return run("EarshotLayerNorm", { x, gamma, beta }, attrs);
}

/**
 * Group normalisation with one group per channel: each channel of each clip over its time axis.
 *
 * **Shape** `x [B, T, C]`, `gamma [C]`, `beta [C]` -> `[B, T, C]`
 */
export function groupNorm(x: Tensor, gamma: Tensor, beta: Tensor, attrs: NormAttrs): Tensor {
  expectRank("groupNorm x", x, 3);
  expectShape("groupNorm gamma", gamma, x.shape.slice(-1));
  expectShape("groupNorm beta", beta, x.shape.slice(-1));
  return run("EarshotGroupNorm", { x, gamma, beta }, attrs);
}

/**
 * Batch normalisation with given statistics, which are constants: `(x - mean) / sqrt(variance + eps) * gamma + beta`.
 *
 * **Shape** `x [..., C]`, the others `[C]` -> `[..., C]`
 *
 * With the statistics of the batch itself it is {@linkcode groupNorm} on all clips as one.
 */
export function batchNorm(
  x: Tensor,
  affine: { gamma: Tensor; beta: Tensor; mean: Tensor; variance: Tensor },
  attrs: NormAttrs,
): Tensor {
  for (const [name, tensor] of Object.entries(affine)) {
    expectShape(`batchNorm ${name}`, tensor, x.shape.slice(-1));
  }
  return run("EarshotBatchNorm", { x, ...affine }, attrs);
}

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
): [Tensor, Tensor] {
  for (const [name, tensor] of Object.entries(statistics)) {
    expectShape(`updateStatistics ${name}`, tensor, x.shape.slice(-1));
  }
  return runAll("EarshotUpdateStatistics", { x, ...statistics }, attrs) as [Tensor, Tensor];
}

/** Element-wise activation. **Shape** any -> the same */
export function activation(x: Tensor, kind: Activation): Tensor {
  return kind === "none" ? x.clone() : run("EarshotActivation", { x }, { activation: kind });
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
  expectRank("attention q", q, 3);
  const [batch, frames, size] = q.shape as [number, number, number];
  expectShape("attention k", k, q.shape);
  expectShape("attention v", v, q.shape);
  expectHeads("attention", size, heads);
  if (lengths) expectShape("attention lengths", lengths, [batch]);
  if (bias) {
    expectShape("attention bias", bias, [bias.shape[0] === 1 ? 1 : batch, heads, frames, frames]);
  }
  const scale = options.scale ?? 1 / Math.sqrt(size / heads);
  const attrs: AttentionAttrs = { heads, scale, dropoutRate, dropoutSeed };
  const name = bias ? "EarshotBiasedAttention" : "EarshotAttention";
  return withLengths(lengths, batch, frames, (all) => {
    const [context, logSumExp] = runAll(name, { q, k, v, lengths: all, bias }, attrs);
    if (!isRecording()) logSumExp!.dispose();
    return context!;
  });
}

/**
 * Gated linear unit: the first half of the channels times the sigmoid of the second.
 *
 * **Shape** `x [..., 2 C]` -> `[..., C]`
 */
export function glu(x: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  if (channels % 2 !== 0) {
    throw new ShapeError(`Cannot run glu: expected an even number of channels, found ${channels}`);
  }
  return run("EarshotGlu", { x }, {});
}

/**
 * Scores of each query for each key by the distance between them, as a bias for {@linkcode attention}:
 * `scale * x[b, i] . positions[index[j - i + T - 1]]` for each head, query i and key j; `x[b, j]` in place
 * of `x[b, i]` where the owner is the key.
 *
 * **Shape** `x [B, T, D]`, `positions [P, D]`, `index [2 T - 1]` int32 (0 to P - 1) -> `[B, H, T, T]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function relativeScores(
  x: Tensor,
  positions: Tensor,
  index: Tensor,
  options: Partial<RelativeScoresAttrs> & { heads: number },
): Tensor {
  const { heads, scale = 1, owner = "query" } = options;
  expectRank("relativeScores x", x, 3);
  const [, frames, size] = x.shape as [number, number, number];
  expectShape("relativeScores positions", positions, [positions.shape[0]!, size]);
  expectShape("relativeScores index", index, [2 * frames - 1]);
  expectHeads("relativeScores", size, heads);
  const attrs: RelativeScoresAttrs = { heads, scale, owner };
  return run("EarshotRelativeScores", { x, positions, index }, attrs);
}

/**
 * Rotary positions: in each head, channels c and c + D / 2H turn together by the angle of their frame and pair.
 *
 * **Shape** `x [B, T, D]`, `cos [T, D / 2H]`, `sin [T, D / 2H]` -> `[B, T, D]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function rotary(
  x: Tensor,
  angles: { cos: Tensor; sin: Tensor },
  options: Partial<RotaryAttrs> & { heads: number },
): Tensor {
  const { heads, inverse = false } = options;
  expectRank("rotary x", x, 3);
  const [, frames, size] = x.shape as [number, number, number];
  expectHeads("rotary", size, heads);
  if (size / heads % 2 !== 0) {
    throw new ShapeError(`Cannot run rotary: expected an even head, found ${size / heads}`);
  }
  expectShape("rotary cos", angles.cos, [frames, size / heads / 2]);
  expectShape("rotary sin", angles.sin, [frames, size / heads / 2]);
  return run("EarshotRotary", { x, ...angles }, { heads, inverse });
}

/**
 * `x * factor`, plus a residual if one is given.
 *
 * **Shape** `x`, `residual` any -> the same
 */
export function scale(x: Tensor, factor: number, residual?: Tensor): Tensor {
  if (residual) expectShape("scale residual", residual, x.shape);
  return run("EarshotScale", { x, residual }, { factor });
}

/** The same vector added to every row. **Shape** `x [..., C]`, `bias [C]` -> `[..., C]` */
export function addBias(x: Tensor, bias: Tensor): Tensor {
  expectShape("addBias bias", bias, x.shape.slice(-1));
  return run("EarshotAddBias", { x, bias }, {});
}

/**
 * Gate of a recurrent unit: `u (r factor[h] - 1) + 2`, where `u` and `r` are the sigmoids of the sum of the first
 * half of the last axis and of the second.
 *
 * **Shape** `x [..., H, 2 G]`, `factor [H]` -> `[..., H]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function gruGate(x: Tensor, factor: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  if (channels % 2 !== 0) {
    throw new ShapeError(
      `Cannot run gruGate: expected an even number of channels, found ${channels}`,
    );
  }
  expectShape("gruGate factor", factor, x.shape.slice(-2, -1));
  return run("EarshotGruGate", { x, factor }, {});
}

/**
 * Dropout, plus a residual if one is given: `x * keep / (1 - rate) + residual`.
 *
 * **Shape** `x`, `residual` any -> the same
 */
export function dropout(x: Tensor, attrs: DropoutAttrs, residual?: Tensor): Tensor {
  if (residual) expectShape("dropout residual", residual, x.shape);
  if (attrs.rate === 0) return residual ? add(x, residual) : x.clone();
  return run("EarshotDropout", { x, residual }, attrs);
}

/** Sum of two tensors. **Shape** `x`, `y` the same -> the same */
export function add(x: Tensor, y: Tensor): Tensor {
  expectShape("add y", y, x.shape);
  return run("Add", { a: x, b: y }, {});
}

/**
 * `value` in place of the frames where `mask` is 1.
 *
 * **Shape** `x [B, T, C]`, `mask [B, T]` int32 0/1, `value [C]` -> `[B, T, C]`
 */
export function maskFrames(x: Tensor, mask: Tensor, value: Tensor): Tensor {
  expectShape("maskFrames mask", mask, x.shape.slice(0, 2));
  expectShape("maskFrames value", value, x.shape.slice(2));
  return run("EarshotMaskFrames", { x, mask, value }, {});
}

/**
 * Zero in place of the channels where `mask` is 1, in every frame of the clip.
 *
 * **Shape** `x [B, T, C]`, `mask [B, C]` int32 0/1 -> `[B, T, C]`
 */
export function maskChannels(x: Tensor, mask: Tensor): Tensor {
  expectShape("maskChannels mask", mask, [x.shape[0]!, x.shape[2]!]);
  return run("EarshotMaskChannels", { x, mask }, {});
}

/**
 * Frames of zeros around a clip, or fewer frames than it has.
 *
 * **Shape** `x [B, T, C]` -> `[B, before + T + after, C]`
 *
 * @throws {ShapeError} when no frame would be left.
 */
export function padFrames(x: Tensor, options: Partial<PadFramesAttrs>): Tensor {
  const { before = 0, after = 0 } = options;
  expectRank("padFrames x", x, 3);
  const frames = x.shape[1]! + before + after;
  if (frames < 1 || x.shape[1]! + Math.min(before, 0) + Math.min(after, 0) < 0) {
    throw new ShapeError(
      `Cannot run padFrames: expected frames to be left, found ${
        x.shape[1]
      } with ${before} before and ${after} after`,
    );
  }
  return run("EarshotPadFrames", { x }, { before, after });
}

/**
 * Rectangles of frames and channels as vectors, those of the lowest channels first: what a convolution over both
 * axes multiplies with its weight. There is no gradient.
 *
 * **Shape** `x [B, T, C]` -> `[B, F * G, size]`, for F places along the channels, G along the frames, and the
 * elements of a patch with its frames running fastest
 *
 * @throws {ShapeError} when `x` is smaller than a patch.
 */
export function patches(x: Tensor, attrs: PatchesAttrs): Tensor {
  expectRank("patches x", x, 3);
  const [, frames, channels] = x.shape as [number, number, number];
  if (channels < attrs.size[0] || frames < attrs.size[1]) {
    throw new ShapeError(
      `Cannot run patches: expected at least ${attrs.size[0]} channels and ${
        attrs.size[1]
      } frames, found ${channels} and ${frames}`,
    );
  }
  return run("EarshotPatches", { x }, attrs);
}

/**
 * Weight normalisation of a convolution, per kernel tap: `g * v / |v|`, the norm over the first two axes.
 *
 * **Shape** `g [1, 1, K]`, `v [O, I, K]` -> `[O, I, K]`
 */
export function weightNorm(g: Tensor, v: Tensor): Tensor {
  expectRank("weightNorm v", v, 3);
  expectShape("weightNorm g", g, [1, 1, v.shape[2]!]);
  return run("EarshotWeightNorm", { g, v }, {});
}

/**
 * Mean over time, of the first `lengths[b]` frames if lengths are given.
 *
 * **Shape** `x [B, T, C]`, `lengths [B]` int32 (1 to T) -> `[B, C]`
 */
export function meanPool(x: Tensor, lengths?: Tensor): Tensor {
  expectRank("meanPool x", x, 3);
  const [batch, frames] = x.shape as [number, number];
  if (lengths) expectShape("meanPool lengths", lengths, [batch]);
  return withLengths(
    lengths,
    batch,
    frames,
    (all) => run("EarshotMeanPool", { x, lengths: all }, { frames }),
  );
}

/**
 * Weighted sum of layer outputs: `sum_i softmax(weights)_i * states[i]`.
 *
 * **Shape** `weights [L]`, L states of one shape -> that shape
 */
export function layerSum(states: Tensor[], weights: Tensor): Tensor {
  expectShape("layerSum weights", weights, [states.length]);
  states.forEach((state, i) => expectShape(`layerSum state ${i}`, state, states[0]!.shape));
  return run("EarshotLayerSum", [weights, ...states], {});
}

/**
 * Softmax cross-entropy with class numbers as targets, summed and divided by `normalizer`.
 *
 * **Shape** `logits [B, N]`, `labels [B]` int32 -> scalar
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: Partial<CrossEntropyAttrs> = {},
): Tensor {
  expectRank("crossEntropy logits", logits, 2);
  expectShape("crossEntropy labels", labels, [logits.shape[0]!]);
  const { labelSmoothing = 0, normalizer = logits.shape[0]! } = options;
  return run("EarshotCrossEntropy", { logits, labels }, { labelSmoothing, normalizer });
}

/**
 * Loss of each output against a number of its own, summed and divided by `normalizer`: binary cross-entropy of
 * the sigmoid with a target from 0 to 1, or the squared difference.
 *
 * **Shape** `logits`, `targets [B, N]` float32 -> scalar
 */
export function elementLoss(
  logits: Tensor,
  targets: Tensor,
  options: Partial<ElementLossAttrs> & { kind: ElementLoss },
): Tensor {
  expectShape("elementLoss targets", targets, logits.shape);
  const { kind, normalizer = logits.size } = options;
  return run("EarshotElementLoss", { logits, targets }, { kind, normalizer });
}

/** Euclidean norm of all elements of all tensors together, as a scalar that stays on the device. */
export function globalNorm(tensors: Tensor[]): Tensor {
  return run("EarshotGlobalNorm", tensors, {});
}

/**
 * One AdamW step of one parameter (Loshchilov and Hutter 2019, as PyTorch orders it).
 *
 * **Shape** `param`, `grad`, `m`, `v` the same; `norm` scalar from {@linkcode globalNorm}
 *
 * @returns the next `[param, m, v]`.
 */
export function adamwStep(
  state: { param: Tensor; grad: Tensor; m: Tensor; v: Tensor; norm: Tensor },
  attrs: AdamwAttrs,
): [Tensor, Tensor, Tensor] {
  const { param, grad, m, v, norm } = state;
  for (const [name, tensor] of Object.entries({ grad, m, v })) {
    expectShape(`adamwStep ${name}`, tensor, param.shape);
  }
  expectShape("adamwStep norm", norm, []);
  return runAll("EarshotAdamwStep", state, attrs) as [Tensor, Tensor, Tensor];
}

/** Whether a gradient is being recorded, so that values which only it needs must be kept. */
export function isRecording(): boolean {
  return engine().state.gradientDepth > 0;
}

/** What a kernel takes: tensors by name, where those that are undefined are left out, or a list. */
export type KernelInputs = Record<string, Tensor | undefined> | Tensor[];

/** Runs a kernel with one output on the device in use. */
export function run(name: string, inputs: KernelInputs, attrs: object): Tensor {
  return engine().runKernel(name, present(inputs), attrs as unknown as NamedAttrMap) as Tensor;
}

/** Runs a kernel with several outputs on the device in use. */
export function runAll(name: string, inputs: KernelInputs, attrs: object): Tensor[] {
  return engine().runKernel(name, present(inputs), attrs as unknown as NamedAttrMap) as Tensor[];
}

/** Kernels always get lengths, since the tape can only save inputs that are there. */
function withLengths(
  lengths: Tensor | undefined,
  batch: number,
  frames: number,
  body: (lengths: Tensor) => Tensor,
): Tensor {
  if (lengths) return body(lengths);
  const whole = tensor1d(new Int32Array(batch).fill(frames), "int32");
  try {
    return body(whole);
  } finally {
    whole.dispose();
  }
}

function present(inputs: KernelInputs): NamedTensorMap {
  if (Array.isArray(inputs)) return inputs as unknown as NamedTensorMap;
  return Object.fromEntries(
    Object.entries(inputs).filter(([, tensor]) => tensor),
  ) as NamedTensorMap;
}

function expectHeads(what: string, size: number, heads: number): void {
  if (size % heads === 0) return;
  throw new ShapeError(
    `Cannot run ${what}: expected a size divisible by ${heads} heads, found ${size}`,
  );
}

function expectRank(what: string, tensor: Tensor, rank: number): void {
  if (tensor.rank !== rank) {
    throw new ShapeError(
      `Cannot use ${what}: expected ${rank} axes, found shape [${tensor.shape}]`,
    );
  }
}

function expectShape(what: string, tensor: Tensor, shape: readonly number[]): void {
  const same = tensor.rank === shape.length && tensor.shape.every((size, i) => size === shape[i]);
  if (!same) {
    throw new ShapeError(`Cannot use ${what}: expected shape [${shape}], found [${tensor.shape}]`);
  }
}
