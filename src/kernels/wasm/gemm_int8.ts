/**
 * Matrix products of bytes on WASM memory, by address: what `linear.ts` and `conv1d.ts` do with int8 weights.
 *
 * Computes: each row of A to bytes with a scale of its own, then `C = activation(A B + bias) + residual`, in integers up to
 *   the scales. Weights carry 7 bits and rows 8; `assembly/gemm_int8.ts` proves that no sum overflows.
 * Buffers: A as for `gemm.ts`, float32; B in the form `"int8-panels"`; C rows one after the other, float32.
 * Memory: the bytes of as many rows as stay in L2; per thread one row of A, and the sums of a tile.
 * Error: that of the rounding, half a step of each operand; the sums are exact, and the same in both builds
 *   and for any number of threads.
 * Reference: `test/reference/int8.ts`.
 *
 * @module
 */
import { PANEL_COLUMNS, QUAD_ROWS } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import { formLayout, type PackedForm, type WasmBackend } from "./backend.ts";
import { CHUNK_FLOPS, type Gemm, roundUp, scratchAreas } from "./gemm.ts";

const FLOAT_BYTES = 4;
const NO_LIMIT = 0x7fffffff;
/** Rows of a unit, as in `assembly/gemm_int8.ts`. */
const BLOCK_ROWS = 120;
/** Room for the sums of a tile. */
const TILE_BYTES = 192;
/** Bytes of A that are there at a time, and that L2 has room for. */
const CHUNK_BYTES = 512 * 1024;
/** Elements worth another thread. */
const QUANTIZE_GRAIN_ELEMENTS = 65536;
const CACHE_LINE_BYTES = 64;

/** Beyond this a sum of products might not fit 32 bits. */
const MOST_DEPTH = 131_072;
/** Below these the conversion of the rows costs more than the products gain. */
const LEAST_DEPTH = 64;
const LEAST_COLUMNS = 32;

/** Whether a product of this size gains by bytes; with groups it never does. */
export function gainsByInt8(size: { groups: number; depth: number; columns: number }): boolean {
  const { groups, depth, columns } = size;
  return groups === 1 && depth >= LEAST_DEPTH && depth <= MOST_DEPTH && columns >= LEAST_COLUMNS;
}

/** Brings a weight from rows at one address to panels of bytes at another. */
export function packInt8(
  backend: WasmBackend,
  { rows, packed }: { rows: number; packed: number },
  form: PackedForm,
): void {
  const [outputs = 0, channels = 0, taps = 1] = form.shape;
  const [panels, scales] = formLayout(form).parts;
  const units = Math.ceil(outputs / PANEL_COLUMNS);
  backend.dispatch("packInt8", units, [
    ...[rows, outputs, channels, taps, packed + panels!.offset, packed + scales!.offset],
  ], Math.ceil(QUANTIZE_GRAIN_ELEMENTS / (PANEL_COLUMNS * channels * taps)));
}

/** A product whose B is a held weight; C has no groups, and its rows follow one another. */
export type Int8Gemm = Omit<Gemm, "packed" | "aGroup" | "aData" | "cGroup" | "groups" | "cBatch">;

/** Multiplies with a weight that is held as `"int8-panels"`. */
export function gemmInt8(
  backend: WasmBackend,
  held: PackedForm & { address: number },
  call: Int8Gemm,
): void {
  const { depth, batches = 1, rows } = call;
  const stepBytes = backend.relaxedSimd ? 1 : 2;
  const aRow = rowStride(roundUp(depth, QUAD_ROWS) * stepBytes);
  const chunk = Math.max(BLOCK_ROWS, BLOCK_ROWS * Math.floor(CHUNK_BYTES / (aRow * BLOCK_ROWS)));
  const chunkRows = Math.min(chunk, batches * rows);
  const rowBytes = depth * FLOAT_BYTES;
  const [a, scales, sums, perThread] = scratchAreas(
    backend,
    chunkRows * aRow,
    chunkRows * FLOAT_BYTES,
    chunkRows * FLOAT_BYTES,
    backend.threads * Math.max(rowBytes, TILE_BYTES),
  ) as [number, number, number, number];
  const quantized = { a, aRow, scales, sums, perThread };
  for (let first = 0; first < batches * rows; first += chunkRows) {
    const range = { first, count: Math.min(chunkRows, batches * rows - first) };
    quantizeRows(backend, call, range, quantized);
    multiply(backend, { held, call, range, quantized });
  }
}

/** Rows of A as bytes. */
interface QuantizedRows {
  a: number;
  aRow: number;
  scales: number;
  sums: number;
  perThread: number;
}

interface Range {
  first: number;
  count: number;
}

/** An odd number of cache lines, so that the rows of a tile never fall on the same lines of L1. */
function rowStride(bytes: number): number {
  const lines = Math.ceil(bytes / CACHE_LINE_BYTES);
  return CACHE_LINE_BYTES * (lines % 2 === 0 ? lines + 1 : lines);
}

function quantizeRows(
  backend: WasmBackend,
  call: Int8Gemm,
  { first, count }: Range,
  { a, aRow, scales, sums, perThread }: QuantizedRows,
): void {
  const { depth, aBytes = NO_LIMIT } = call;
  backend.dispatch("quantizeRows", count, [
    ...[call.a, call.aBatch ?? 0, call.aRow, call.aStart ?? 0, aBytes, depth, call.rows],
    ...[first, a, aRow, scales, sums, perThread, Math.max(depth * FLOAT_BYTES, TILE_BYTES)],
  ], Math.ceil(QUANTIZE_GRAIN_ELEMENTS / depth));
}

function multiply(
  backend: WasmBackend,
  { held, call, range: { first, count }, quantized }: {
    held: PackedForm & { address: number };
    call: Int8Gemm;
    range: Range;
    quantized: QuantizedRows;
  },
): void {
  const { depth, columns, cRow, bias = 0, residual = 0, activation = "none" } = call;
  const { a, aRow, scales, sums, perThread } = quantized;
  const [panels, columnScales] = formLayout(held).parts;
  const units = Math.ceil(count / BLOCK_ROWS) * Math.ceil(columns / PANEL_COLUMNS);
  const unitFlops = 2 * Math.min(count, BLOCK_ROWS) * PANEL_COLUMNS * depth;
  backend.dispatch("gemmInt8", units, [
    ...[a, aRow, scales, sums, Math.ceil(depth / QUAD_ROWS)],
    ...[held.address + panels!.offset, held.address + columnScales!.offset],
    ...[call.c + first * cRow, cRow, count, columns],
    ...[bias, residual && residual + first * cRow, ACTIVATION_NUMBER[activation]],
    ...[perThread, Math.max(depth * FLOAT_BYTES, TILE_BYTES)],
  ], Math.ceil(CHUNK_FLOPS / unitFlops));
}
