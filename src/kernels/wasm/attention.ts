/**
 * Scaled dot-product attention over all heads, forward and gradient, on WASM.
 *
 * Computes: `context = dropout(softmax(scale q k^T + bias)) v` for each head and the logarithm of each row's
 *   sum of exponentials; gradients of `q`, `k`, `v` and `bias`, for which the probabilities are
 *   computed anew as `exp(score - logSumExp)`. Keys from `lengths[b]` on are never touched.
 * Buffers: `q`, `k`, `v`, `context`, `dy [B, T, D]`, `logSumExp [B, H, T]`, `bias [B or 1, H, T, T]` float32,
 *   `lengths [B]` int32; outputs of the same shapes.
 * Memory: no T x T array. Per thread, forward: keys and values of a head, ten rows of scores; gradient:
 *   keys twice, values and both their gradients, three blocks of scores of 384 KB together.
 * Error: 1e-6 for values around 1; the gradient adds the rounding of `logSumExp`, 1e-6 of each probability.
 * Reference: `test/reference/attention.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { AttentionAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { WasmBackend } from "./_backend.ts";
import { CHUNK_FLOPS, roundUp, TILE_ROWS, TILE_SCRATCH_BYTES } from "./_gemm.ts";
import { lengthsAddress } from "./_lengths.ts";

const FLOAT_BYTES = 4;
/** Queries in a unit, and what blocks of them are a multiple of. */
const UNIT_ROWS = 10;
/** Frames and head sizes are rounded up to whole panels. */
const PANEL = 8;
/** Three blocks of scores stay in L2. */
const BLOCK_BYTES = 384 * 1024;
const MAX_BLOCK_ROWS = 100;
/** `AttentionCall` and `Work` of `assembly/`. */
const CALL_BYTES = 64;
const WORK_BYTES = 64;

/** Those of either forward kernel. */
type Inputs = KernelInputs<"attention"> & { bias?: TensorInfo };

/** Those of either gradient. */
type GradInputs = KernelInputs<"attentionGrad"> & { bias?: TensorInfo };

interface Sizes {
  batch: number;
  frames: number;
  heads: number;
  headSize: number;
}

/** Attention without a bias. */
export function attention(
  inputs: KernelInputs<"attention">,
  attrs: AttentionAttrs,
  backend: WasmBackend,
): KernelOutputs<"attention"> {
  return attend(backend, inputs, attrs);
}

/** Attention with a bias of its scores. */
export function biasedAttention(
  inputs: KernelInputs<"biasedAttention">,
  attrs: AttentionAttrs,
  backend: WasmBackend,
): KernelOutputs<"biasedAttention"> {
  return attend(backend, inputs, attrs);
}

/** Its gradient by queries, keys and values. */
export function attentionGrad(
  inputs: KernelInputs<"attentionGrad">,
  attrs: AttentionAttrs,
  backend: WasmBackend,
): KernelOutputs<"attentionGrad"> {
  return slopes(backend, inputs, attrs);
}

/** Its gradient by queries, keys, values and the bias. */
export function biasedAttentionGrad(
  inputs: KernelInputs<"biasedAttentionGrad">,
  attrs: AttentionAttrs,
  backend: WasmBackend,
): KernelOutputs<"biasedAttentionGrad"> {
  const dbias = backend.output(inputs.bias.shape);
  return [...slopes(backend, inputs, attrs, dbias), dbias];
}

function attend(
  backend: WasmBackend,
  inputs: Inputs,
  attrs: AttentionAttrs,
): KernelOutputs<"attention"> {
  const sizes = sizesOf(inputs.q, attrs);
  const { batch, frames, heads, headSize } = sizes;
  const addresses = inputAddresses(backend, inputs);
  const context = backend.output(inputs.q.shape);
  const logSumExp = backend.output([batch, heads, frames]);
  const threadBytes = forwardThreadBytes(sizes);
  const scratch = backend.scratch(backend.threads * threadBytes);
  const outputs = [backend.address(context), backend.address(logSumExp), frames];
  const numbers = attrNumbers(sizes, attrs);
  const args = [...addresses, ...outputs, ...numbers, scratch, threadBytes];
  const units = batch * heads * Math.ceil(frames / UNIT_ROWS);
  const grain = Math.ceil(CHUNK_FLOPS / (4 * UNIT_ROWS * frames * headSize));
  backend.dispatch("attention", units, args, grain);
  return [context, logSumExp];
}

/** Writes `dbias` where there is one, and gives the others. */
function slopes(
  backend: WasmBackend,
  inputs: GradInputs,
  attrs: AttentionAttrs,
  dbias?: TensorInfo,
): KernelOutputs<"attentionGrad"> {
  const { q, bias, context, logSumExp, dy } = inputs;
  const sizes = sizesOf(q, attrs);
  const { batch, frames, heads, headSize } = sizes;
  const addresses = inputAddresses(backend, inputs);
  const [dq, dk, dv] = [backend.output(q.shape), backend.output(q.shape), backend.output(q.shape)];
  const blockRows = blockRowsOf(frames);
  const threadBytes = gradThreadBytes(sizes, blockRows);
  const scratch = backend.scratch(backend.threads * threadBytes);
  const units = bias?.shape[0] === 1 ? heads : batch * heads;
  backend.dispatch("attentionGrad", units, [
    ...addresses,
    ...[context, logSumExp, dy, dq, dk, dv].map((x) => backend.address(x)),
    ...[dbias ? backend.address(dbias) : 0, batch, frames],
    ...attrNumbers(sizes, attrs),
    ...[blockRows, scratch, threadBytes],
  ], Math.ceil(CHUNK_FLOPS / (10 * frames * frames * headSize)));
  return [dq, dk, dv];
}

function sizesOf({ shape }: TensorInfo, { heads }: AttentionAttrs): Sizes {
  const [batch = 0, frames = 0, size = 0] = shape;
  return { batch, frames, heads, headSize: size / heads };
}

/** The arguments from `q` to `biasShared`. */
function inputAddresses(backend: WasmBackend, { q, k, v, lengths, bias }: Inputs): number[] {
  return [
    ...[q, k, v].map((x) => backend.address(x)),
    lengthsAddress(backend, lengths, q.shape[1]!),
    bias ? backend.address(bias) : 0,
    bias?.shape[0] === 1 ? 1 : 0,
  ];
}

/** The arguments from `heads` to `seed`. */
function attrNumbers({ heads, headSize }: Sizes, attrs: AttentionAttrs): number[] {
  const { scale, dropoutRate, dropoutSeed } = attrs;
  const threshold = Math.ceil(dropoutRate * 2 ** 32);
  return [heads, headSize, scale, threshold, 1 / (1 - dropoutRate), dropoutSeed];
}

/** Depends on nothing but the frames, so that the bits of the gradient do not either. */
function blockRowsOf(frames: number): number {
  const fitting = Math.floor(BLOCK_BYTES / (3 * FLOAT_BYTES * roundUp(frames, PANEL)));
  const most = Math.min(MAX_BLOCK_ROWS, roundUp(frames, UNIT_ROWS));
  return Math.max(UNIT_ROWS, Math.min(most, Math.floor(fitting / UNIT_ROWS) * UNIT_ROWS));
}

function forwardThreadBytes({ frames, headSize }: Sizes): number {
  const [paddedFrames, paddedSize] = [roundUp(frames, PANEL), roundUp(headSize, PANEL)];
  const floats = paddedFrames * headSize + paddedSize * frames + TILE_ROWS * (paddedFrames + 1) +
    packedRowFloats(paddedFrames, paddedSize);
  return TILE_SCRATCH_BYTES + CALL_BYTES + roundUp(floats * FLOAT_BYTES, 64);
}

function gradThreadBytes({ frames, headSize }: Sizes, blockRows: number): number {
  const [paddedFrames, paddedSize] = [roundUp(frames, PANEL), roundUp(headSize, PANEL)];
  const floats = 5 * paddedFrames * paddedSize + blockRows * (3 * paddedFrames + 2 * paddedSize) +
    packedRowFloats(paddedFrames, paddedSize);
  return TILE_SCRATCH_BYTES + CALL_BYTES + WORK_BYTES + roundUp(floats * FLOAT_BYTES, 64);
}

/** Of the rows of a tile, packed: queries, or scores. */
function packedRowFloats(paddedFrames: number, paddedSize: number): number {
  return TILE_ROWS * Math.max(paddedFrames, paddedSize);
}
