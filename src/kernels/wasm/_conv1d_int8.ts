/**
 * Convolutions with groups and an int8 weight on WASM memory: what `conv1d.ts` does with them.
 *
 * Computes: `y = activation(conv(x) + bias)`, `x` as bytes with one scale for the frames under 40 steps of a group; a
 *   frame is converted once for each such block, and not for each step that sees it.
 * Buffers: `x [B, T, C]` float32 and the weight in the form `"int8-panels"`, read; `y [B, T', O]` float32, written.
 * Memory: the bytes of all blocks; per thread a number for each frame of a block.
 * Error: that of the rounding, as in `_gemm_int8.ts`; the same in both builds and for any number of threads.
 * Reference: `test/reference/int8.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Conv1dAttrs } from "../../kernels.ts";
import { PANEL_COLUMNS } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import type { WasmBackend } from "./_backend.ts";
import { CHUNK_FLOPS, roundUp, scratchAreas } from "./_gemm.ts";
import type { Int8Weight } from "./_gemm_int8.ts";

/** Steps whose rows share a scale, as in `assembly/conv1d_int8.ts`. */
const BLOCK_STEPS = 40;
const NUMBER_BYTES = 4;
const CACHE_LINE_BYTES = 64;
/** Zeros behind the frames of a block: a kernel may read a vector there. */
const SPARE_BYTES = 16;
/** Elements worth another thread. */
const QUANTIZE_GRAIN_ELEMENTS = 65536;
/** Room for the sums of a tile. */
const TILE_BYTES = 192;

/** Tensors and sizes of a convolution, checked. */
export interface GroupedConv1d {
  x: TensorInfo;
  y: TensorInfo;
  bias?: TensorInfo;
  weight: Int8Weight;
  attrs: Conv1dAttrs;
}

/** Convolves. */
export function groupedConv1dInt8(
  backend: WasmBackend,
  { x, y, bias, weight, attrs: { stride, groups, padLeft, activation } }: GroupedConv1d,
): void {
  const [batch = 0, frames = 0] = x.shape;
  const [, steps = 0, outputs = 0] = y.shape;
  const [, channels = 0, width = 0] = weight.layout.shape;
  const columns = outputs / groups;
  const blocks = batch * groups * Math.ceil(steps / BLOCK_STEPS);
  const covered = (BLOCK_STEPS - 1) * stride + width;
  const stepBytes = backend.relaxedSimd ? 1 : 2;
  const blockBytes = roundUp(covered * channels * stepBytes + SPARE_BYTES, CACHE_LINE_BYTES);
  const threadBytes = roundUp(
    Math.max((covered + 1) * NUMBER_BYTES, TILE_BYTES),
    CACHE_LINE_BYTES,
  );
  const rowBytes = blocks * BLOCK_STEPS * NUMBER_BYTES;
  const [bytes, scales, sums, scratch] = scratchAreas(
    backend,
    blocks * blockBytes,
    rowBytes,
    rowBytes,
    backend.threads * threadBytes,
  ) as [number, number, number, number];
  const sizes = [frames, groups, channels, padLeft, stride, width, steps];
  backend.dispatch("quantizeFrames", blocks, [
    ...[backend.address(x), ...sizes, bytes, blockBytes, scales, sums, scratch, threadBytes],
  ], Math.ceil(QUANTIZE_GRAIN_ELEMENTS / (covered * channels)));
  const flops = 2 * Math.min(steps, BLOCK_STEPS) * PANEL_COLUMNS * width * channels;
  backend.dispatch("convInt8", blocks * Math.ceil(columns / PANEL_COLUMNS), [
    ...[bytes, blockBytes, scales, sums, ...sizes],
    ...[backend.address(weight.values, "int32"), backend.address(weight.scale)],
    ...[backend.address(y), columns, bias ? backend.address(bias) : 0],
    ...[ACTIVATION_NUMBER[activation], scratch, threadBytes],
  ], Math.ceil(CHUNK_FLOPS / flops));
}
