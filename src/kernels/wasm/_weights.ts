/**
 * The right sides of the products of `linear` and `conv1d`: packed at every call, or once for a prepared weight.
 *
 * Computes: nothing new; see the forms in `operations/weight_forms.ts`.
 * Buffers: weights `[O, I]` or `[O, C / G, K]` float32, read; panels, written.
 * Memory: the panels of a prepared weight once, beside the rows that it was made from; those of any other weight in
 *   scratch memory.
 * Error: none.
 * Reference: `packWeight` of `operations/weight_forms.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../errors.ts";
import {
  formParts,
  heldGroups,
  type HeldWeight,
  type Packed,
  type WeightLayout,
  type WeightPacking,
  weightSizes,
} from "../../kernels.ts";
import { sizeOf, type WasmBackend } from "./_backend.ts";
import { packedBytes, packPanels, type PanelSource } from "./_gemm.ts";
import { gainsByInt8, type Int8Weight, packInt8 } from "./_gemm_int8.ts";

const FLOAT_BYTES = 4;

/** What packs weights on WASM: into panels of float32, or of bytes where they are to be rounded and gain by it. */
export const PACKING: WeightPacking<WasmBackend> = { pack, adopt };

function pack(
  weight: TensorInfo,
  { groups, precision }: { groups: number; precision: "float32" | "int8" },
  backend: WasmBackend,
): Packed<TensorInfo> | undefined {
  const sizes = weightSizes(weight.shape, groups);
  if (isDepthwise(sizes)) return undefined;
  const form = precision === "int8" && gainsByInt8(sizes) ? "int8-panels" : "panels";
  const packed = emptyWeight({ form, shape: weight.shape, groups }, backend);
  const rows = backend.address(weight);
  if (packed.scale) packInt8(backend, rows, { ...packed, scale: packed.scale });
  else {
    const source = panelSource(rows, weight.shape, groups);
    packPanels(backend, source, backend.address(packed.values));
  }
  return packed;
}

function adopt(held: HeldWeight, backend: WasmBackend): Packed<TensorInfo> | undefined {
  const { form, shape, parts } = held;
  if (form === "rows") return undefined;
  const packed = emptyWeight({ form, shape, groups: heldGroups(held) }, backend);
  for (const [i, tensor] of [packed.values, packed.scale].entries()) {
    if (tensor) backend.writeBytes(tensor, parts[i]!.values);
  }
  return packed;
}

/** Whether each group has one channel and one output: such a convolution reads rows. */
export function isDepthwise(
  { groups, channels, columns }: { groups: number; channels: number; columns: number },
): boolean {
  return groups > 1 && channels === 1 && columns === 1;
}

/** Tensors for a form; bytes lie in 32 bits of four each. */
function emptyWeight(
  layout: WeightLayout & { form: "panels" | "int8-panels" },
  backend: WasmBackend,
) {
  const { form, shape, groups } = layout;
  const [values, scale] = formParts(form, shape, groups);
  return {
    layout,
    values: values!.dtype === "I8"
      ? backend.output([sizeOf(values!.shape) / 4], "int32")
      : backend.output(values!.shape),
    scale: scale && backend.output(scale.shape),
  };
}

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

/** A weight as the kernels of `linear` and `conv1d` get it. */
export interface GivenWeight {
  weight: TensorInfo;
  scale?: TensorInfo;
  groups: number;
  /** Absent where the weight is rows. */
  layout?: WeightLayout;
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
  /** The weight, with its scales. */
  int8: Int8Weight;
}

/** The panels of a weight: those that a packed one has, or of rows in scratch memory. */
export function weightPanels(
  backend: WasmBackend,
  { weight, scale, groups, layout }: GivenWeight,
): WeightPanels {
  if (layout?.form === "halves") {
    throw new UnsupportedOpError(
      `Cannot use a weight [${layout.shape}] on WASM: expected rows or panels, found ${layout.form}`,
      { hint: "Prepare it again on this device" },
    );
  }
  if (layout && scale) return { int8: { layout, values: weight, scale } };
  if (layout) return { scratchBytes: 0, pack: () => backend.address(weight) };
  const source = panelSource(backend.address(weight), weight.shape, groups);
  return {
    scratchBytes: packedBytes(source),
    pack: (scratch) => {
      packPanels(backend, source, scratch);
      return scratch;
    },
  };
}
