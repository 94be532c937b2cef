/**
 * The forms in which weights are held and written, packed and unpacked in plain TypeScript.
 *
 * A weight `[O, I]` of `linear` or `[O, C / G, K]` of `conv1d` is the right side B of a matrix product: one column for
 * each output, one row for each tap of each input channel, `k * C / G + c`, and that once per group.
 *
 * - `"rows"`: the numbers as they are, in row-major order.
 * - `"panels"`: 8 columns at a time, row after row; columns that do not exist are 0.
 * - `"int8-panels"`: the same with 4 rows of a column side by side, and rows that do not exist are 0. A number is
 *   `scale * (byte - 64)` with a scale for each output, bytes from 1 to 127: seven bits, never
 *   negative, because that is the one range in which the relaxed dot product of WASM gives the same on every engine.
 *
 * These are the reference of the kernels that do the same on a device, and what unpacks where there are none.
 *
 * @module
 */
import { ShapeError } from "../errors.ts";

/** How the numbers of a prepared weight may be held. */
export type WeightPrecision = "float32" | "int8";

/** The forms of a weight. */
export type WeightForm = "rows" | "panels" | "int8-panels";

/** Counts changes of the forms: a file with another number cannot be adopted. */
export const WEIGHT_FORMS_VERSION = 1;

/** One array of a held weight. */
export interface HeldPart {
  /** Empty for the weight itself. */
  name: "" | "scale";
  /** In the words of safetensors. */
  dtype: "F32" | "I8";
  /** Of the array, not of the weight. */
  shape: number[];
  /** Row-major. */
  values: Float32Array | Int8Array;
}

/** A weight in a form; in panels, the first axis of each part is the groups of a convolution. */
export interface HeldWeight {
  /** What the parts mean. */
  form: WeightForm;
  /** The shape of the weight as a tensor. */
  shape: number[];
  /** The weight, and its scales where it has some. */
  parts: HeldPart[];
}

/** Columns of a panel. */
export const PANEL_COLUMNS = 8;
/** Rows of a column that lie side by side in `"int8-panels"`. */
export const QUAD_ROWS = 4;
/** The byte of 0 in `"int8-panels"`. */
const ZERO_BYTE = 64;
/** The largest distance from it. */
const MOST_STEPS = 63;

/** The sizes of a weight as the right side of a product. */
export interface WeightSizes {
  /** Channel groups of a convolution, each a product of its own. */
  groups: number;
  /** Outputs of a group. */
  columns: number;
  /** Channels of a group. */
  channels: number;
  /** The width of the kernel; 1 in a linear map. */
  taps: number;
  /** Rows of B, `channels * taps`. */
  depth: number;
  /** Panels of a group. */
  panels: number;
}

/** The sizes of a weight `[O, I]` or `[O, C / G, K]`. */
export function weightSizes(shape: readonly number[], groups = 1): WeightSizes {
  const [outputs = 0, channels = 0, taps = 1] = shape;
  const columns = outputs / groups;
  const panels = Math.ceil(columns / PANEL_COLUMNS);
  return { groups, columns, channels, taps, depth: channels * taps, panels };
}

/** The dtypes and shapes of a form's parts. */
export function formParts(
  form: WeightForm,
  shape: readonly number[],
  groups = 1,
): Omit<HeldPart, "values">[] {
  const { depth, panels } = weightSizes(shape, groups);
  if (form === "rows") return [{ name: "", dtype: "F32", shape: [...shape] }];
  if (form === "panels") {
    return [{ name: "", dtype: "F32", shape: [groups, panels, depth, PANEL_COLUMNS] }];
  }
  const quads = Math.ceil(depth / QUAD_ROWS);
  return [
    { name: "", dtype: "I8", shape: [groups, panels, quads, PANEL_COLUMNS, QUAD_ROWS] },
    { name: "scale", dtype: "F32", shape: [groups, panels, PANEL_COLUMNS] },
  ];
}

/**
 * Brings plain numbers into a form.
 *
 * **Shape** `values`: the elements of `shape`, `[O, I]` or `[O, C / groups, K]`
 */
export function packWeight(
  values: Float32Array,
  shape: readonly number[],
  { form, groups = 1 }: { form: WeightForm; groups?: number },
): HeldWeight {
  const parts = formParts(form, shape, groups).map((part): HeldPart => {
    const size = sizeOf(part.shape);
    return { ...part, values: part.dtype === "I8" ? new Int8Array(size) : new Float32Array(size) };
  });
  const [bytes, scales] = parts.map((part) => part.values);
  const sizes = weightSizes(shape, groups);
  if (form === "rows") bytes!.set(values);
  else if (form === "panels") {
    forEachElement(sizes, (at, { row, slot }) => {
      bytes![panelIndex(sizes, row, slot)] = values[at]!;
    });
  } else quantize(values, sizes, bytes as Int8Array, scales as Float32Array);
  return { form, shape: [...shape], parts };
}

/**
 * The plain numbers of a weight in any form, row-major.
 *
 * @throws {ShapeError} when a part is missing or has another type or shape than the form wants.
 */
export function unpackWeight(held: HeldWeight): Float32Array {
  expectParts(held);
  const [bytes, scales] = held.parts.map((part) => part.values) as [
    HeldPart["values"],
    ...Float32Array[],
  ];
  if (held.form === "rows") return bytes as Float32Array;
  const sizes = weightSizes(held.shape, heldGroups(held));
  const values = new Float32Array(sizeOf(held.shape));
  forEachElement(sizes, (at, { row, slot }) => {
    values[at] = scales
      ? (bytes[quadIndex(sizes, row, slot)]! - ZERO_BYTE) * scales[slot]!
      : bytes[panelIndex(sizes, row, slot)]!;
  });
  return values;
}

/** The groups that a held weight has panels for; 1 where it says nothing sensible. */
export function heldGroups({ form, shape, parts }: HeldWeight): number {
  const groups = form === "rows" ? 1 : parts[0]?.shape[0] ?? 1;
  return Number.isInteger(groups) && groups > 0 && shape[0]! % groups === 0 ? groups : 1;
}

/**
 * Whether a held weight is whole.
 *
 * @throws {ShapeError} when a part is missing or has another type or shape than the form wants.
 */
export function expectParts(held: HeldWeight): void {
  const { form, shape, parts } = held;
  const wanted = formParts(form, shape, heldGroups(held));
  const describe = (part: Omit<HeldPart, "values">) =>
    `${part.name || "values"} ${part.dtype} [${part.shape}]`;
  const isWhole = wanted.length === parts.length && wanted.every((part, i) => {
    return describe(part) === describe(parts[i]!) && parts[i]!.values.length === sizeOf(part.shape);
  });
  if (isWhole) return;
  throw new ShapeError(
    `Cannot adopt a weight [${shape}] in the form "${form}": expected ${
      wanted.map(describe).join(", ")
    }, found ${parts.map(describe).join(", ") || "nothing"}`,
  );
}

/** The scale of a column is its largest absolute value over 63; a column of zeros has the scale 0. */
function quantize(
  values: Float32Array,
  sizes: WeightSizes,
  bytes: Int8Array,
  scales: Float32Array,
): void {
  bytes.fill(ZERO_BYTE);
  const largest = new Float32Array(scales.length);
  forEachElement(sizes, (at, { slot }) => {
    largest[slot] = Math.max(largest[slot]!, Math.abs(values[at]!));
  });
  const steps = largest.map(stepsPerUnit);
  largest.forEach((value, slot) => scales[slot] = value / MOST_STEPS);
  forEachElement(sizes, (at, { row, slot }) => {
    bytes[quadIndex(sizes, row, slot)] = ZERO_BYTE + nearest(values[at]! * steps[slot]!);
  });
}

/** `63 / largest`, and for the smallest numbers what is still finite. */
function stepsPerUnit(largest: number): number {
  return largest === 0 ? 0 : Math.min(MOST_STEPS / largest, LARGEST_FLOAT);
}

const LARGEST_FLOAT = 3.4028234663852886e38;
/** 1.5 * 2^23: adding it rounds a small number to an integer, halves to the even one. */
const ROUNDER = 12582912;

function nearest(value: number): number {
  return Math.fround(Math.fround(value) + ROUNDER) - ROUNDER;
}

/** Where an element of the weight belongs: its row of B, and its column among the padded ones of all groups. */
interface Place {
  row: number;
  slot: number;
}

/** Calls with the flat index of each element and its place. */
function forEachElement(sizes: WeightSizes, visit: (at: number, place: Place) => void): void {
  const { groups, columns, channels, taps, panels } = sizes;
  const place: Place = { row: 0, slot: 0 };
  let at = 0;
  for (let output = 0; output < groups * columns; output++) {
    const group = Math.floor(output / columns);
    place.slot = group * panels * PANEL_COLUMNS + output % columns;
    for (let channel = 0; channel < channels; channel++) {
      for (let tap = 0; tap < taps; tap++) {
        place.row = tap * channels + channel;
        visit(at++, place);
      }
    }
  }
}

function panelIndex({ depth }: WeightSizes, row: number, slot: number): number {
  const panel = Math.floor(slot / PANEL_COLUMNS);
  return (panel * depth + row) * PANEL_COLUMNS + slot % PANEL_COLUMNS;
}

function quadIndex({ depth }: WeightSizes, row: number, slot: number): number {
  const panel = Math.floor(slot / PANEL_COLUMNS);
  const quad = panel * Math.ceil(depth / QUAD_ROWS) + Math.floor(row / QUAD_ROWS);
  return (quad * PANEL_COLUMNS + slot % PANEL_COLUMNS) * QUAD_ROWS + row % QUAD_ROWS;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
