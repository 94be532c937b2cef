/**
 * Matrix products on WASM memory, by address: what `linear.ts` and `conv1d.ts` are made of.
 *
 * Computes: `gemm`: `C = activation(A B + bias) + residual`, for one or more groups;
 *   `gemmOuter`: `C = A^T B`. Neither is a kernel of the contract, and neither knows tensors.
 * Buffers: A rows contiguous in k, of any stride, overlapping where a convolution wants it; B packed by
 *   `packPanels`, from any layout; C rows contiguous, of any stride; all float32.
 * Memory: packed B once per call; per thread a tile, and a block of A, of both operands for `gemmOuter`.
 * Error: sums of at most 512 (`gemm`) or 128 (`gemmOuter`) products, then sums of these: 1e-6 of
 *   the sum of absolute products.
 * Reference: `test/reference/linear.ts`, `test/reference/conv1d.ts`.
 *
 * @module
 */
import type { Activation } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import type { WasmBackend } from "./_backend.ts";

/** Columns of a panel. */
const PANEL = 8;
/** Rows of C in a unit of `gemm`. */
const UNIT_ROWS = 10;
/** Rows that a tile has at most. */
export const TILE_ROWS = 5;
/** Rows that `gemm` packs at a time: of so many units, as in `assembly/gemm.ts`. */
const RUN_ROWS = 10 * UNIT_ROWS;
const BLOCK_DEPTH = 512;
const BLOCK_ROWS = 128;
/** Work on tiles and row addresses, as in `assembly/tile.ts`, rounded up. */
export const TILE_SCRATCH_BYTES = 384;
/** `Gemm` of `assembly/gemm.ts`. */
const GEMM_BYTES = 128;
/** Less than this is not worth another thread: some tens of microseconds. */
export const CHUNK_FLOPS = 1e6;
/** Units per thread that share the work evenly. */
const UNITS_PER_THREAD = 6;
/** The same of `gemmOuter`, of which each unit packs operands of its own. */
const OUTER_UNITS_PER_THREAD = 2;
/** Largest unit of `gemmOuter`: both operands' blocks stay in L2. */
const OUTER_UNIT = { rows: 200, columns: 512 } as const;
/** With groups: kernels are wide there, and few taps at a time leave out more rows. */
const OUTER_GROUP_COLUMNS = 128;
const AREA_ALIGNMENT = 64;
const FLOAT_BYTES = 4;
const NO_LIMIT = 0x7fffffff;
const NO_UNSIGNED_LIMIT = 0xffffffff;

/** B as strides over a source, see `assembly/pack.ts`; all strides in bytes. */
export interface PanelSource {
  /** Address of the first tap of the first row of the first column. */
  source: number;
  groups: number;
  groupStride: number;
  columns: number;
  columnStride: number;
  /** Row `w * outer + u` of B stands for tap w of outer u. */
  outer: number;
  outerStride: number;
  taps: number;
  tapStride: number;
}

/** One product, or one per group; all strides and addresses in bytes. */
export interface Gemm {
  a: number;
  aGroup?: number;
  aBatch?: number;
  aRow: number;
  /** Where the first row starts, from the start of its batch. @default 0 */
  aStart?: number;
  /** Bytes of a batch; what a row has before 0 and from here on counts as 0. @default no limit */
  aBytes?: number;
  /** The bytes of a batch outside of which all numbers are 0. @default the whole batch */
  aData?: [from: number, to: number];
  depth: number;
  /** From `packPanels`. */
  packed: number;
  c: number;
  cGroup?: number;
  cBatch?: number;
  cRow: number;
  /** @default 1 */
  groups?: number;
  /** @default 1 */
  batches?: number;
  /** Rows of each batch. */
  rows: number;
  /** Columns of each group. */
  columns: number;
  /** Address of `groups * columns` floats, or 0. @default 0 */
  bias?: number;
  /** Address of an array laid out as C, or 0. @default 0 */
  residual?: number;
  /** @default "none" */
  activation?: Activation;
}

/** One sum of outer products, or one per group; all strides and addresses in bytes. */
export interface GemmOuter {
  a: number;
  aGroup?: number;
  aBatch?: number;
  aRow: number;
  b: number;
  bGroup?: number;
  bBatch?: number;
  bRow: number;
  /** The bytes of a batch outside of which all numbers are 0. @default no limit */
  bData?: [from: number, to: number];
  c: number;
  cGroup?: number;
  cRow: number;
  /** @default 1 */
  groups?: number;
  /** @default 1 */
  batches?: number;
  /** Rows of each batch, which are summed over. */
  rows: number;
  /** Columns of A, rows of C. */
  m: number;
  /** Columns of B and of C. */
  n: number;
}

/** Bytes that `packPanels` writes. */
export function packedBytes(
  size: Pick<PanelSource, "groups" | "columns" | "outer" | "taps">,
): number {
  return size.groups * roundUp(size.columns, PANEL) * size.outer * size.taps * FLOAT_BYTES;
}

/** Packs B to `packed`. */
export function packPanels(backend: WasmBackend, b: PanelSource, packed: number): void {
  const units = b.groups * Math.ceil(b.columns / PANEL);
  backend.dispatch("packPanels", units, [
    ...[b.source, b.groupStride, b.columns, b.columnStride],
    ...[b.outer, b.outerStride, b.taps, b.tapStride, packed],
  ], Math.ceil(1e5 / (PANEL * b.outer * b.taps + 1)));
}

/** Scratch of `gemm`, for all threads. */
export function gemmScratchBytes(backend: WasmBackend): number {
  return backend.threads * GEMM_THREAD_BYTES;
}

const GEMM_THREAD_BYTES = GEMM_BYTES + TILE_SCRATCH_BYTES +
  (TILE_ROWS + RUN_ROWS) * BLOCK_DEPTH * FLOAT_BYTES;

/** Multiplies; `scratch` is the address of `gemmScratchBytes`. */
export function gemm(backend: WasmBackend, call: Gemm, scratch: number): void {
  const { groups = 1, batches = 1, rows, columns, depth, aBytes = NO_LIMIT } = call;
  const rowUnits = Math.ceil(batches * rows / UNIT_ROWS);
  const panels = Math.ceil(columns / PANEL);
  const wanted = backend.threads === 1 ? 1 : backend.threads * UNITS_PER_THREAD;
  const splits = Math.min(panels, Math.max(1, Math.ceil(wanted / (rowUnits * groups))));
  const unitPanels = Math.ceil(panels / splits);
  const unitFlops = 2 * UNIT_ROWS * unitPanels * PANEL * depth;
  const { a, aGroup = 0, aBatch = 0, aRow, aStart = 0, aData, packed } = call;
  const { c, cGroup = 0, cBatch = 0, cRow, bias = 0, residual = 0, activation = "none" } = call;
  const [aFrom, aTo] = aData ? aData : [0, aBytes];
  const kind = ACTIVATION_NUMBER[activation];
  // deno-fmt-ignore: by the lines of the kernel
  backend.dispatch("gemm", groups * rowUnits * Math.ceil(panels / unitPanels), [
    a, aGroup, aBatch, aRow, aStart, aBytes, aFrom, aTo, depth, packed,
    c, cGroup, cBatch, cRow,
    batches, rows, columns, unitPanels, bias, residual, kind, scratch, GEMM_THREAD_BYTES,
  ], Math.ceil(CHUNK_FLOPS / (unitFlops + 1)));
}

/** Sums outer products; `scratch` is the address of `gemmOuterScratchBytes`. */
export function gemmOuter(backend: WasmBackend, call: GemmOuter, scratch: number): void {
  const { groups = 1, batches = 1, rows, m, n } = call;
  const unit = outerUnit(backend, call);
  const units = groups * Math.ceil(m / unit.rows) * Math.ceil(n / unit.columns);
  backend.dispatch("gemmOuter", units, [
    ...[call.a, call.aGroup ?? 0, call.aBatch ?? 0, call.aRow],
    ...[call.b, call.bGroup ?? 0, call.bBatch ?? 0, call.bRow],
    ...(call.bData ?? [0, NO_UNSIGNED_LIMIT]),
    ...[call.c, call.cGroup ?? 0, call.cRow, batches, rows, m, n],
    ...[unit.rows, unit.columns, scratch, outerThreadBytes(unit)],
  ], Math.ceil(CHUNK_FLOPS / (2 * unit.rows * unit.columns * batches * rows + 1)));
}

/** Scratch of `gemmOuter`, for all threads. */
export function gemmOuterScratchBytes(
  backend: WasmBackend,
  size: Pick<GemmOuter, "m" | "n" | "groups">,
): number {
  return backend.threads * outerThreadBytes(outerUnit(backend, size));
}

/** Halves the larger side until there is enough to share. */
function outerUnit(
  { threads }: WasmBackend,
  { m, n, groups = 1 }: Pick<GemmOuter, "m" | "n" | "groups">,
): { rows: number; columns: number } {
  const mostColumns = groups > 1 ? OUTER_GROUP_COLUMNS : OUTER_UNIT.columns;
  const unit = {
    rows: Math.min(OUTER_UNIT.rows, roundUp(m, UNIT_ROWS)),
    columns: Math.min(mostColumns, roundUp(n, PANEL)),
  };
  const wanted = threads === 1 ? 1 : threads * OUTER_UNITS_PER_THREAD;
  while (groups * Math.ceil(m / unit.rows) * Math.ceil(n / unit.columns) < wanted) {
    const { rows, columns } = unit;
    if (rows > UNIT_ROWS && rows >= columns) unit.rows = roundUp(rows / 2, UNIT_ROWS);
    else if (columns > PANEL) unit.columns = roundUp(columns / 2, PANEL);
    else break;
  }
  return unit;
}

function outerThreadBytes(unit: { rows: number; columns: number }): number {
  // Two addresses and a row of each operand.
  return TILE_SCRATCH_BYTES + BLOCK_ROWS * (2 + unit.rows + unit.columns) * FLOAT_BYTES;
}

/** Addresses of areas of scratch memory, one after the other; good until the next call. */
export function scratchAreas(backend: WasmBackend, ...sizes: number[]): number[] {
  const rounded = sizes.map((size) => roundUp(size, AREA_ALIGNMENT));
  let end = backend.scratch(rounded.reduce((sum, size) => sum + size, 0));
  return rounded.map((size) => {
    const address = end;
    end += size;
    return address;
  });
}

/** The next multiple. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
