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
import {
  isRecording,
  preparedPrecision,
  type WeightPrecision,
  weightSizes,
} from "../../kernels.ts";
import type { PackedForm, WasmBackend } from "./backend.ts";
import { packedBytes, packPanels, type PanelSource } from "./gemm.ts";
import { gainsByInt8, packInt8 } from "./gemm_int8.ts";

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

/** What a product multiplies with: panels of float32, or of bytes. */
export type WeightPanels = FloatPanels | Int8Panels;

/** Panels of float32. */
export interface FloatPanels {
  /** Absent here. */
  int8?: undefined;
  /** Scratch memory to ask for; 0 where the panels are there already. */
  scratchBytes: number;
  /** The address of the panels, given that of the scratch memory. */
  pack(scratch: number): number;
}

/** Panels of bytes, for `gemmInt8`. */
export interface Int8Panels {
  /** The weight as it is held. */
  int8: PackedForm & { address: number };
}

/** The panels of a weight; those of a prepared one are kept, in the precision it was prepared for. */
export function weightPanels(
  backend: WasmBackend,
  weight: TensorInfo,
  groups: number,
): WeightPanels {
  const precision = isRecording() ? undefined : preparedPrecision(weight);
  if (!precision) return packedEachTime(backend, weight, groups);
  const held = heldPanels(backend, weight, { groups, precision });
  if (held.form === "int8-panels") return { int8: held };
  return { scratchBytes: 0, pack: () => held.address };
}

function packedEachTime(backend: WasmBackend, weight: TensorInfo, groups: number): FloatPanels {
  const source = panelSource(backend.address(weight), weight.shape, groups);
  return {
    scratchBytes: packedBytes(source),
    pack: (scratch) => {
      packPanels(backend, source, scratch);
      return scratch;
    },
  };
}

function heldPanels(
  backend: WasmBackend,
  weight: TensorInfo,
  { groups, precision }: { groups: number; precision: WeightPrecision },
): PackedForm & { address: number } {
  const { shape } = weight;
  const isInt8 = precision === "int8" && gainsByInt8(weightSizes(shape, groups));
  const held = backend.packedForm(weight);
  const fits = held && held.groups === groups && isSame(held.shape, shape);
  // What was rounded once gains nothing by floats.
  if (fits && (held.form === "int8-panels" || !isInt8)) return held;
  const form: PackedForm = { form: isInt8 ? "int8-panels" : "panels", shape, groups };
  backend.changeForm(weight, form, (rows, packed) => {
    if (isInt8) packInt8(backend, { rows, packed }, form);
    else packPanels(backend, panelSource(rows, shape, groups), packed);
  });
  return backend.packedForm(weight)!;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
