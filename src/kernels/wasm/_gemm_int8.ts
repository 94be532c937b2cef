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
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Packed, PANEL_COLUMNS, QUAD_ROWS, weightSizes } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import type { WasmBackend } from "./_backend.ts";
import { CHUNK_FLOPS, type Gemm, roundUp } from "./_gemm.ts";

const FLOAT_BYTES = 4;
const NO_LIMIT = 0x7fffffff;
/** Rows of a unit, as in `assembly/gemm_int8.ts`. */
const BLOCK_ROWS = 120;
/** Rows of a tile, as in `assembly/quantize.ts`. */
const TILE_ROWS = 5;
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
const LEAST_COLUMNS = 12;

/** Whether a product of this size gains by bytes. */
export function gainsByInt8({ depth, columns }: { depth: number; columns: number }): boolean {
  return depth >= LEAST_DEPTH && depth <= MOST_DEPTH && columns >= LEAST_COLUMNS;
}

/** A weight that is held as `"int8-panels"`. */
export type Int8Weight = Required<Packed<TensorInfo>>;

/** Brings a weight from rows at an address into panels of bytes. */
export function packInt8(
  backend: WasmBackend,
  rows: number,
  { layout, values, scale }: Int8Weight,
): void {
  const { groups, columns, channels, taps, depth, panels } = weightSizes(
    layout.shape,
    layout.groups,
  );
  backend.dispatch("packInt8", groups * panels, [
    ...[rows, columns, channels, taps, backend.address(values, "int32"), backend.address(scale)],
  ], Math.ceil(QUANTIZE_GRAIN_ELEMENTS / (PANEL_COLUMNS * depth)));
}

/** The panels of a weight that is held as `"int8-panels"`. */
export interface Int8Matrix {
  panels: number;
  scales: number;
}

/** Where the panels of a weight without groups are. */
export function int8Matrix(backend: WasmBackend, { values, scale }: Int8Weight): Int8Matrix {
  return { panels: backend.address(values, "int32"), scales: backend.address(scale) };
}

/** A product without groups, whose rows of C follow one another. */
export type Int8Gemm = Omit<Gemm, "packed" | "aGroup" | "aData" | "cGroup" | "groups" | "cBatch">;

/** Scratch of `gemmInt8`. */
export function int8ScratchBytes(
  backend: WasmBackend,
  size: Pick<Int8Gemm, "depth" | "batches" | "rows">,
): number {
  return scratchLayout(backend, size).sizeBytes;
}

/** Multiplies; `scratch` is the address of `int8ScratchBytes`. */
export function gemmInt8(
  backend: WasmBackend,
  matrix: Int8Matrix,
  call: Int8Gemm,
  scratch: number,
): void {
  const { batches = 1, rows } = call;
  const { chunkRows, ...layout } = scratchLayout(backend, call);
  const quantized: QuantizedRows = {
    a: scratch,
    scales: scratch + layout.scales,
    sums: scratch + layout.sums,
    threads: scratch + layout.threads,
    threadBytes: layout.threadBytes,
  };
  for (let first = 0; first < batches * rows; first += chunkRows) {
    const range = { first, count: Math.min(chunkRows, batches * rows - first) };
    quantizeRows(backend, call, range, quantized);
    multiply(backend, { matrix, call, range, quantized });
  }
}

/** As many rows at a time as fit, and where what belongs to them lies in the scratch memory. */
function scratchLayout(
  backend: WasmBackend,
  { depth, batches = 1, rows }: Pick<Int8Gemm, "depth" | "batches" | "rows">,
) {
  const rowBytes = roundUp(depth, QUAD_ROWS) * (backend.relaxedSimd ? 1 : 2);
  const most = BLOCK_ROWS * Math.max(1, Math.floor(CHUNK_BYTES / (rowBytes * BLOCK_ROWS)));
  const chunkRows = Math.min(most, batches * rows);
  const threadBytes = Math.max(roundUp(depth * FLOAT_BYTES, CACHE_LINE_BYTES), TILE_BYTES);
  const scales = roundUp(roundUp(chunkRows, TILE_ROWS) * rowBytes, CACHE_LINE_BYTES);
  const sums = scales + roundUp(chunkRows * FLOAT_BYTES, CACHE_LINE_BYTES);
  const threads = sums + roundUp(chunkRows * FLOAT_BYTES, CACHE_LINE_BYTES);
  const sizeBytes = threads + backend.threads * threadBytes;
  return { chunkRows, scales, sums, threads, threadBytes, sizeBytes };
}

/** Rows of A as bytes. */
interface QuantizedRows {
  a: number;
  scales: number;
  sums: number;
  /** Scratch memory of the threads. */
  threads: number;
  threadBytes: number;
}

interface Range {
  first: number;
  count: number;
}

function quantizeRows(
  backend: WasmBackend,
  call: Int8Gemm,
  { first, count }: Range,
  { a, scales, sums, threads, threadBytes }: QuantizedRows,
): void {
  const { depth, aBytes = NO_LIMIT } = call;
  backend.dispatch("quantizeRows", count, [
    ...[call.a, call.aBatch ?? 0, call.aRow, call.aStart ?? 0, aBytes, depth, call.rows],
    ...[first, a, scales, sums, threads, threadBytes],
  ], Math.ceil(QUANTIZE_GRAIN_ELEMENTS / depth));
}

function multiply(
  backend: WasmBackend,
  { matrix, call, range: { first, count }, quantized }: {
    matrix: Int8Matrix;
    call: Int8Gemm;
    range: Range;
    quantized: QuantizedRows;
  },
): void {
  const { depth, columns, cRow, bias = 0, residual = 0, activation = "none" } = call;
  const { a, scales, sums, threads, threadBytes } = quantized;
  const units = Math.ceil(count / BLOCK_ROWS) * Math.ceil(columns / PANEL_COLUMNS);
  const unitFlops = 2 * Math.min(count, BLOCK_ROWS) * PANEL_COLUMNS * depth;
  backend.dispatch("gemmInt8", units, [
    ...[a, scales, sums, Math.ceil(depth / QUAD_ROWS), matrix.panels, matrix.scales],
    ...[call.c + first * cRow, cRow, count, columns],
    ...[bias, residual && residual + first * cRow, ACTIVATION_NUMBER[activation]],
    ...[threads, threadBytes],
  ], Math.ceil(CHUNK_FLOPS / unitFlops));
}
