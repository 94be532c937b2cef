/**
 * Convolution of each channel by itself, on WASM: what `depthwise2d.ts` does, and `conv1d.ts` with as many groups as
 * channels, whose clips are images of one row.
 *
 * Computes: `y[i, j, c] = activation(bias[c] + sum_{k, l} weight[c, k, l] x[i stride + k - padTop, j stride + l - padLeft, c])`.
 * Buffers: `x [B, H, W, C]`, panels of the weight, `bias [C]` float32, read; `y [B, H', W', C]`, written.
 * Memory: the weight once more, in panels: a product would have a panel of 8 columns for each channel.
 * Error: 1e-6 of the sum of absolute products; taps are added in order.
 * Reference: `test/reference/conv1d.ts`, `test/reference/depthwise2d.ts`.
 *
 * @module
 */
import type { FusedActivation } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import type { WasmBackend } from "./_backend.ts";
import { CHUNK_FLOPS, packedBytes, packPanels, type PanelSource } from "./_gemm.ts";

const FLOAT_BYTES = 4;
/** Output columns of a unit, as in `assembly/depthwise.ts`. */
const STEPS = 8;

/** One convolution; tensors by their addresses. */
export interface Depthwise {
  x: number;
  y: number;
  /** 0 where there is none. */
  bias: number;
  /** From {@linkcode packTaps}. */
  packed: number;
  batch: number;
  /** Rows and columns of `x`. */
  image: readonly [height: number, width: number];
  /** Rows and columns of `y`. */
  places: readonly [rows: number, steps: number];
  channels: number;
  /** Rows and columns of the kernel. */
  kernel: readonly [across: number, along: number];
  stride: number;
  padTop: number;
  padLeft: number;
  activation: FusedActivation;
}

/** Bytes that {@linkcode packTaps} writes. */
export function tapsBytes(channels: number, taps: number): number {
  return packedBytes({ groups: 1, columns: channels, outer: 1, taps });
}

/** Packs a weight of so many taps a channel; with `isTurned` the last tap comes first. */
export function packTaps(
  backend: WasmBackend,
  { weight, channels, taps, packed, isTurned = false }: {
    weight: number;
    channels: number;
    taps: number;
    packed: number;
    isTurned?: boolean;
  },
): void {
  const source: PanelSource = {
    source: isTurned ? weight + (taps - 1) * FLOAT_BYTES : weight,
    groups: 1,
    groupStride: 0,
    columns: channels,
    columnStride: taps * FLOAT_BYTES,
    outer: 1,
    outerStride: 0,
    taps,
    tapStride: isTurned ? -FLOAT_BYTES : FLOAT_BYTES,
  };
  packPanels(backend, source, packed);
}

/** Writes `y`. */
export function depthwise(backend: WasmBackend, call: Depthwise): void {
  const { batch, places: [rows, steps], channels, kernel: [across, along] } = call;
  const sizes = [...call.image, rows, steps, channels, across, along];
  const moves = [call.stride, call.padTop, call.padLeft, ACTIVATION_NUMBER[call.activation]];
  const args = [call.x, call.packed, call.bias, call.y, ...sizes, ...moves];
  const grain = Math.ceil(CHUNK_FLOPS / (2 * STEPS * channels * across * along));
  backend.dispatch("depthwise", batch * rows * Math.ceil(steps / STEPS), args, grain);
}
