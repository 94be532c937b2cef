/**
 * Convolution over time of each channel by itself, on WASM: what `conv1d.ts` does with as many groups as channels.
 *
 * Computes: `y[t, c] = activation(bias[c] + sum_k weight[c, 0, k] x[t stride + k - padLeft, c])`.
 * Buffers: `x [B, T, C]`, `weight [C, 1, K]`, `bias [C]` float32, read; `y [B, T', C]`, written.
 * Memory: the weight once more, in panels: a product would have a panel of 8 columns for each channel.
 * Error: 1e-6 of the sum of absolute products; taps are added in order.
 * Reference: `test/reference/conv1d.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Conv1dAttrs } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import type { WasmBackend } from "./_backend.ts";
import { CHUNK_FLOPS, packedBytes, packPanels, type PanelSource } from "./_gemm.ts";

const FLOAT_BYTES = 4;
/** Output frames of a unit, as in `assembly/depthwise.ts`. */
const STEPS = 8;

/** Writes `y`. */
export function depthwise(
  backend: WasmBackend,
  { x, weight, bias, y }: { x: TensorInfo; weight: TensorInfo; bias?: TensorInfo; y: TensorInfo },
  { stride, padLeft, activation }: Conv1dAttrs,
): void {
  const [batch = 0, steps = 0, channels = 0] = y.shape;
  const [frames, width] = [x.shape[1]!, weight.shape[2]!];
  const source: PanelSource = {
    source: backend.address(weight),
    groups: 1,
    groupStride: 0,
    columns: channels,
    columnStride: width * FLOAT_BYTES,
    outer: 1,
    outerStride: 0,
    taps: width,
    tapStride: FLOAT_BYTES,
  };
  const packed = backend.scratch(packedBytes(source));
  packPanels(backend, source, packed);
  const offset = bias ? backend.address(bias) : 0;
  const sizes = [frames, steps, channels, width, stride, padLeft, ACTIVATION_NUMBER[activation]];
  const args = [backend.address(x), packed, offset, backend.address(y), ...sizes];
  const grain = Math.ceil(CHUNK_FLOPS / (2 * STEPS * channels * width));
  backend.dispatch("depthwise", batch * Math.ceil(steps / STEPS), args, grain);
}
