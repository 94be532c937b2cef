/**
 * The right sides of the products of `linear` and `conv1d`: packed at every call, or once for a prepared weight.
 *
 * Computes: nothing new; see the forms in `operations/weight_forms.ts`.
 * Buffers: weights `[O, I]` or `[O, C / G, K]` float32, read; panels, written.
 * Memory: a prepared weight once: its plain rows are freed when its panels are there. Any other weight once more,
 *   in scratch memory.
 * Error: none.
 * Reference: `packWeight` of `operations/weight_forms.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { isRecording, preparedPrecision, weightSizes } from "../../kernels.ts";
import type { WasmBackend } from "./backend.ts";
import { packedBytes, packPanels, type PanelSource } from "./gemm.ts";

const FLOAT_BYTES = 4;

/** A weight at an address as B: row `k * C / G + c` is `weight[:, c, k]`. */
export function panelSource(
  source: number,
  shape: readonly number[],
  groups: number,
): PanelSource {
  const { columns, channels, taps, depth } = weightSizes(shape, groups);
  const columnStride = depth * FLOAT_BYTES;
  const layout = { source, groups, groupStride: columns * columnStride, columns, columnStride };
  // Without taps the channels are what is contiguous.
  if (taps === 1) {
    return { ...layout, outer: 1, outerStride: 0, taps: channels, tapStride: FLOAT_BYTES };
  }
  const outerStride = taps * FLOAT_BYTES;
  return { ...layout, outer: channels, outerStride, taps, tapStride: FLOAT_BYTES };
}

/** Where a product finds the panels of a weight. */
export interface WeightPanels {
  /** Scratch memory to ask for; 0 where the panels are there already. */
  scratchBytes: number;
  /** The address of the panels, given that of the scratch memory. */
  pack(scratch: number): number;
}

/** The panels of a weight; those of a prepared one are kept. */
export function weightPanels(
  backend: WasmBackend,
  weight: TensorInfo,
  groups: number,
): WeightPanels {
  if (preparedPrecision(weight) && !isRecording()) {
    const address = preparedPanels(backend, weight, groups);
    return { scratchBytes: 0, pack: () => address };
  }
  const source = panelSource(backend.address(weight), weight.shape, groups);
  return {
    scratchBytes: packedBytes(source),
    pack: (scratch) => {
      packPanels(backend, source, scratch);
      return scratch;
    },
  };
}

function preparedPanels(backend: WasmBackend, weight: TensorInfo, groups: number): number {
  const { shape } = weight;
  const held = backend.packedForm(weight);
  if (held && held.groups === groups && isSame(held.shape, shape)) return held.address;
  backend.changeForm(weight, { form: "panels", shape, groups }, (rows, packed) => {
    packPanels(backend, panelSource(rows, shape, groups), packed);
  });
  return backend.packedForm(weight)!.address;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
