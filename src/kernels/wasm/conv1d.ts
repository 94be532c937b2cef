/**
 * Convolution over time, forward and gradients, on WASM, as matrix products without an im2col copy.
 *
 * Computes: `y[t] = activation(bias + sum_k weight[:, :, k] x[t stride + k - padLeft])`, and the gradients
 *   of `x` and `weight`. Channels come last, so that the frames under a kernel are one
 *   run of floats: the rows of A, overlapping where stride < K. The input gradient is one such product
 *   for each residue of t modulo stride, with the taps that reach it, in reverse.
 * Buffers: `x [B, T, C]`, `weight [O, C / G, K]`, `bias [O]`, `dy [B, T', O]` float32, read; `y [B, T', O]`,
 *   `dx [B, T, C]`, `dweight [O, C / G, K]` float32, written.
 * Memory: the weight in panels, see `weights.ts`; with groups, `x` or `dy` once more, group by group; the weight
 *   gradient once more where it must be reordered; per thread the scratch of `gemm.ts`.
 * Error: that of `gemm.ts`; with an int8 weight that of `gemm_int8.ts`.
 * Reference: `test/reference/conv1d.ts`, and `test/reference/int8.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { Conv1dAttrs } from "../../kernels.ts";
import { depthwise, packTaps, tapsBytes } from "./_depthwise.ts";
import type { WasmBackend } from "./_backend.ts";
import {
  type Gemm,
  gemm,
  gemmOuter,
  gemmOuterScratchBytes,
  gemmScratchBytes,
  packedBytes,
  packPanels,
  type PanelSource,
  scratchAreas,
} from "./_gemm.ts";
import { groupedConv1dInt8 } from "./_conv1d_int8.ts";
import { gemmInt8, int8Matrix, int8ScratchBytes } from "./_gemm_int8.ts";
import { isDepthwise, weightPanels } from "./_weights.ts";

const FLOAT_BYTES = 4;
const COPY_GRAIN = 64;

/** Sizes of a convolution, in bytes where it says so. */
interface Sizes extends Conv1dAttrs {
  batch: number;
  frames: number;
  steps: number;
  outputs: number;
  width: number;
  groupOutputs: number;
  groupChannels: number;
  /** One frame of one group. */
  frameBytes: number;
  /** One output frame of one group. */
  stepBytes: number;
}

/** Frames where a row of A or B finds them: `[B, T, C]` as it is, or a copy `[B, G, padded, C / G]`. */
interface Frames {
  address: number;
  groupBytes: number;
  batchBytes: number;
  /** Bytes of a clip, or of a group of it, with the zeros around. */
  bytes: number;
  /** The bytes outside of which there are these zeros. */
  data: [from: number, to: number];
}

export function conv1d(
  { x, weight, scale, bias }: KernelInputs<"conv1d">,
  { layout, ...attrs }: KernelAttrs<"conv1d">,
  backend: WasmBackend,
): TensorInfo {
  const [outputs = 0, , width = 0] = (layout ?? weight).shape;
  const padded = x.shape[1]! + attrs.padLeft + attrs.padRight;
  const steps = Math.floor((padded - width) / attrs.stride) + 1;
  const sizes = sizesOf(attrs, x.shape, [x.shape[0]!, steps, outputs], width);
  const y = backend.output([sizes.batch, steps, sizes.outputs]);
  if (isDepthwise({ ...attrs, channels: sizes.groupChannels, columns: sizes.groupOutputs })) {
    const packed = backend.scratch(tapsBytes(outputs, width));
    packTaps(backend, { weight: backend.address(weight), channels: outputs, taps: width, packed });
    depthwise(backend, {
      ...{ x: backend.address(x), y: backend.address(y), packed },
      bias: bias ? backend.address(bias) : 0,
      ...{ batch: sizes.batch, image: [1, sizes.frames], places: [1, steps], channels: outputs },
      ...{ kernel: [1, width], padTop: 0, padLeft: attrs.padLeft },
      ...{ stride: attrs.stride, activation: attrs.activation },
    });
    return y;
  }
  const panels = weightPanels(backend, { weight, scale, groups: attrs.groups, layout });
  if (panels.int8 && attrs.groups > 1) {
    groupedConv1dInt8(backend, { x, y, bias, weight: panels.int8, attrs });
    return y;
  }
  const c = outputRows(backend, y, sizes);
  const copied = attrs.groups > 1;
  const [packed, scratch, copy] = scratchAreas(
    backend,
    panels.int8 ? 0 : panels.scratchBytes,
    panels.int8
      ? int8ScratchBytes(backend, { ...c, depth: width * sizes.groupChannels })
      : gemmScratchBytes(backend),
    copied ? copyBytes(sizes) : 0,
  );
  const frames = copied ? groupFrames(backend, x, sizes, copy!) : asTheyAre(backend, x, sizes);
  const product: Gemm = {
    ...c,
    a: frames.address,
    aGroup: frames.groupBytes,
    aBatch: frames.batchBytes,
    aRow: attrs.stride * sizes.frameBytes,
    aStart: frames.data[0] - attrs.padLeft * sizes.frameBytes,
    aBytes: frames.bytes,
    aData: frames.data,
    depth: width * sizes.groupChannels,
    packed: panels.int8 ? 0 : panels.pack(packed!),
    bias: bias && backend.address(bias),
    activation: attrs.activation,
  };
  if (panels.int8) gemmInt8(backend, int8Matrix(backend, panels.int8), product, scratch!);
  else gemm(backend, product, scratch!);
  return y;
}

export function conv1dGradInput(
  { dy, weight }: KernelInputs<"conv1dGradInput">,
  attrs: KernelAttrs<"conv1dGradInput">,
  backend: WasmBackend,
): TensorInfo {
  const [, groupChannels = 0, width = 0] = weight.shape;
  const shape = [dy.shape[0]!, attrs.frames, groupChannels * attrs.groups];
  const sizes = sizesOf(attrs, shape, dy.shape, width);
  const dx = backend.output(shape);
  const phases = phasesOf(backend.address(weight), sizes);
  const slopes = swapSides(sizes, phases);
  const copied = attrs.groups > 1;
  const [scratch, copy, ...packed] = scratchAreas(
    backend,
    gemmScratchBytes(backend),
    copied ? copyBytes(slopes) : 0,
    ...phases.map(({ panels }) => packedBytes(panels)),
  );
  const rows = copied ? groupFrames(backend, dy, slopes, copy!) : asTheyAre(backend, dy, slopes);
  phases.forEach(({ panels, first, count, start }, i) => {
    packPanels(backend, panels, packed[i]!);
    gemm(backend, {
      ...{ a: rows.address, aGroup: rows.groupBytes, aBatch: rows.batchBytes },
      ...{ aRow: sizes.stepBytes, aStart: rows.data[0] + start * sizes.stepBytes },
      ...{ aBytes: rows.bytes, aData: rows.data },
      ...{ depth: panels.outer * panels.taps, packed: packed[i]! },
      ...{ c: backend.address(dx) + first * attrs.groups * sizes.frameBytes },
      ...{ cGroup: sizes.frameBytes, cRow: attrs.stride * attrs.groups * sizes.frameBytes },
      ...{ cBatch: sizes.frames * attrs.groups * sizes.frameBytes, groups: attrs.groups },
      ...{ batches: sizes.batch, rows: count, columns: groupChannels },
    }, scratch!);
  });
  return dx;
}

export function conv1dGradWeight(
  { x, dy }: KernelInputs<"conv1dGradWeight">,
  attrs: KernelAttrs<"conv1dGradWeight">,
  backend: WasmBackend,
): TensorInfo {
  const sizes = sizesOf(attrs, x.shape, dy.shape, attrs.width);
  const { groupChannels, groupOutputs, outputs, width } = sizes;
  const dweight = backend.output([outputs, groupChannels, width]);
  const size = { m: groupOutputs, n: width * groupChannels, groups: attrs.groups };
  const copied = attrs.groups > 1 || attrs.padLeft + attrs.padRight > 0;
  const reordered = width > 1 && groupChannels > 1;
  const [scratch, copy, product] = scratchAreas(
    backend,
    gemmOuterScratchBytes(backend, size),
    copied ? copyBytes(sizes) : 0,
    reordered ? outputs * size.n * FLOAT_BYTES : 0,
  );
  const rows = copied ? groupFrames(backend, x, sizes, copy!) : asTheyAre(backend, x, sizes);
  const c = reordered ? product! : backend.address(dweight);
  const { c: a, cGroup: aGroup, cBatch: aBatch, cRow: aRow } = outputRows(backend, dy, sizes);
  gemmOuter(backend, {
    ...{ a, aGroup, aBatch, aRow, bRow: attrs.stride * sizes.frameBytes },
    ...{ b: rows.address, bGroup: rows.groupBytes, bBatch: rows.batchBytes, bData: rows.data },
    ...{ c, cGroup: groupOutputs * size.n * FLOAT_BYTES, cRow: size.n * FLOAT_BYTES },
    ...{ batches: sizes.batch, rows: sizes.steps, ...size },
  }, scratch!);
  if (reordered) {
    const args = [c, backend.address(dweight), width, groupChannels];
    backend.dispatch("swapTaps", outputs, args, COPY_GRAIN);
  }
  return dweight;
}

function sizesOf(
  attrs: Conv1dAttrs,
  xShape: readonly number[],
  yShape: readonly number[],
  width: number,
): Sizes {
  const [batch = 0, frames = 0, channels = 0] = xShape;
  const [, steps = 0, outputs = 0] = yShape;
  const [groupChannels, groupOutputs] = [channels / attrs.groups, outputs / attrs.groups];
  return {
    stride: attrs.stride,
    groups: attrs.groups,
    padLeft: attrs.padLeft,
    padRight: attrs.padRight,
    activation: attrs.activation,
    batch,
    frames,
    steps,
    outputs,
    width,
    groupOutputs,
    groupChannels,
    frameBytes: groupChannels * FLOAT_BYTES,
    stepBytes: groupOutputs * FLOAT_BYTES,
  };
}

/** The sizes of `dy` in the place of `x`, with the padding that all phases need. */
function swapSides(sizes: Sizes, phases: readonly Phase[]): Sizes {
  const { steps: frames, groupOutputs: groupChannels, stepBytes: frameBytes } = sizes;
  const padLeft = Math.max(0, ...phases.map(({ start }) => -start));
  const lasts = phases.map(({ start, count, panels }) => start + count - 1 + panels.taps);
  return {
    ...sizes,
    ...{ frames, groupChannels, frameBytes, padLeft },
    padRight: Math.max(0, ...lasts.map((last) => last - frames)),
  };
}

/** The rows of `[B, T', O]` as those of C. */
function outputRows(
  backend: WasmBackend,
  y: TensorInfo,
  { batch, steps, outputs, groups, groupOutputs, stepBytes }: Sizes,
) {
  return {
    c: backend.address(y),
    cGroup: stepBytes,
    cBatch: steps * outputs * FLOAT_BYTES,
    cRow: outputs * FLOAT_BYTES,
    groups,
    batches: batch,
    rows: steps,
    columns: groupOutputs,
  };
}

function asTheyAre(backend: WasmBackend, x: TensorInfo, sizes: Sizes): Frames {
  const bytes = sizes.frames * sizes.frameBytes;
  const address = backend.address(x);
  return { address, groupBytes: 0, batchBytes: bytes, bytes, data: [0, bytes] };
}

/** Bytes that `groupFrames` writes. */
function copyBytes({ batch, frames, padLeft, padRight, groups, frameBytes }: Sizes): number {
  return batch * (padLeft + frames + padRight) * groups * frameBytes;
}

function groupFrames(backend: WasmBackend, x: TensorInfo, sizes: Sizes, copy: number): Frames {
  const { batch, frames, groups, groupChannels, padLeft, padRight, frameBytes } = sizes;
  const padded = frames + padLeft + padRight;
  const args = [backend.address(x), copy, frames, groups, groupChannels, padLeft, padded];
  backend.dispatch("groupFrames", batch * padded, args, COPY_GRAIN);
  const bytes = padded * frameBytes;
  const data: [number, number] = [padLeft * frameBytes, (padLeft + frames) * frameBytes];
  return { address: copy, groupBytes: bytes, batchBytes: groups * bytes, bytes, data };
}

/** The frames of `dx` of one residue modulo stride, and the taps that reach them. */
interface Phase {
  panels: PanelSource;
  /** The first of these frames, and how many there are in a clip. */
  first: number;
  count: number;
  /** The first output that the first one may take part in; below 0 there are none. */
  start: number;
}

/** Frame `t = stride u + phase - padLeft` takes tap `stride j + phase` of output `u - j`, for each j. */
function phasesOf(weight: number, sizes: Sizes): Phase[] {
  const { stride, padLeft, frames, width, groups, groupChannels, groupOutputs } = sizes;
  const outputStride = groupChannels * width * FLOAT_BYTES;
  return Array.from({ length: stride }, (_, phase) => {
    const taps = Math.max(0, Math.ceil((width - phase) / stride));
    const firstOutput = Math.max(0, Math.ceil((padLeft - phase) / stride));
    const first = stride * firstOutput + phase - padLeft;
    const lastTap = stride * (taps - 1) + phase;
    return {
      panels: {
        ...{
          source: weight + lastTap * FLOAT_BYTES,
          groups,
          groupStride: groupOutputs * outputStride,
        },
        ...{ columns: groupChannels, columnStride: width * FLOAT_BYTES },
        ...{ outer: groupOutputs, outerStride: outputStride },
        ...{ taps, tapStride: -stride * FLOAT_BYTES },
      },
      ...{ first, count: Math.ceil((frames - first) / stride) },
      start: firstOutput - taps + 1,
    };
  }).filter(({ count }) => count > 0);
}
