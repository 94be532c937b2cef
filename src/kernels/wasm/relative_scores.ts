/**
 * Scores by distance, forward and gradients, on WASM.
 *
 * Computes: for each head, query i and key j, with `p = positions[index[j - i + T - 1]]` and the owner's frame o (i or j),
 *   `y[i][j] = scale x[o] . p`; `dx[o] = scale sum dy[i][j] p`; `dpositions` = the sum of `scale dy[i][j] x[o]` over all
 *   pairs with that position.
 * Buffers: `x`, `dx [B, T, D]`, `positions`, `dpositions [P, D]`, `y`, `dy [B, H, T, T]` float32, `index [2 T - 1]` int32;
 *   the inputs read, the others written.
 * Memory: the positions once more, by distance, in panels. Per thread: fifteen rows of T + 9 products; for
 *   `dpositions` a sum for each distance of one head, and 24 rows of slopes.
 * Error: 1e-6 of the sum of absolute products.
 * Reference: `test/reference/relative_scores.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { RelativeScoresAttrs } from "../../kernels.ts";
import type { WasmBackend } from "./_backend.ts";
import {
  CHUNK_FLOPS,
  packedBytes,
  roundUp,
  scratchAreas,
  TILE_ROWS,
  TILE_SCRATCH_BYTES,
} from "./_gemm.ts";

const FLOAT_BYTES = 4;
const PANEL = 8;
/** Frames in a unit. */
const UNIT_ROWS = 10;
/** Frames whose share of `dpositions` is summed at once, as in `assembly/relative_scores.ts`. */
const SUMMED_ROWS = 24;
/** Panels worth another thread. */
const PACK_GRAIN = 32;

interface Sizes {
  batch: number;
  frames: number;
  distances: number;
  heads: number;
  headSize: number;
}

export function relativeScores(
  { x, positions, index }: KernelInputs<"relativeScores">,
  attrs: KernelAttrs<"relativeScores">,
  backend: WasmBackend,
): TensorInfo {
  const sizes = sizesOf(x.shape, attrs);
  const { batch, frames, distances, heads, headSize } = sizes;
  const y = backend.output([batch, heads, frames, frames]);
  const columns = { groups: heads, columns: distances, outer: 1, taps: headSize };
  const row = blockRow(frames, UNIT_ROWS);
  const threadBytes = blockBytes(row, headSize);
  const [packed, scratch] = areas(backend, packedBytes(columns), threadBytes);
  pack(backend, "packDistanceColumns", { positions, index, packed, sizes });
  backend.dispatch("relativeScores", unitsOf(sizes), [
    ...[backend.address(x), packed, backend.address(y)],
    ...[frames, heads, headSize, attrs.scale, attrs.owner === "key" ? 1 : 0],
    ...[row, scratch, threadBytes],
  ], grainOf(sizes));
  return y;
}

export function relativeScoresGradInput(
  { dy, positions, index }: KernelInputs<"relativeScoresGradInput">,
  attrs: KernelAttrs<"relativeScoresGradInput">,
  backend: WasmBackend,
): TensorInfo {
  const shape = [dy.shape[0]!, dy.shape[2]!, positions.shape[1]!];
  const sizes = sizesOf(shape, attrs);
  const { frames, distances, heads, headSize } = sizes;
  const dx = backend.output(shape);
  const rows = { groups: heads, columns: headSize, outer: 1, taps: distances };
  const row = blockRow(frames, UNIT_ROWS);
  const threadBytes = blockBytes(row, headSize);
  const [packed, scratch] = areas(backend, packedBytes(rows), threadBytes);
  pack(backend, "packDistanceRows", { positions, index, packed, sizes });
  backend.dispatch("relativeScoresGradInput", unitsOf(sizes), [
    ...[backend.address(dy), packed, backend.address(dx)],
    ...[frames, heads, headSize, attrs.scale, attrs.owner === "key" ? 1 : 0],
    ...[row, scratch, threadBytes],
  ], grainOf(sizes));
  return dx;
}

export function relativeScoresGradPositions(
  { x, dy, index }: KernelInputs<"relativeScoresGradPositions">,
  attrs: KernelAttrs<"relativeScoresGradPositions">,
  backend: WasmBackend,
): TensorInfo {
  const { batch, frames, distances, heads, headSize } = sizesOf(x.shape, attrs);
  const dpositions = backend.output([attrs.count, heads * headSize]);
  const row = blockRow(frames, SUMMED_ROWS);
  const panels = SUMMED_ROWS * roundUp(headSize, PANEL) * FLOAT_BYTES;
  const sums = distances * headSize * FLOAT_BYTES;
  const threadBytes = roundUp(TILE_SCRATCH_BYTES + sums + SUMMED_ROWS * row + panels, 64);
  const scratch = backend.scratch(backend.threads * threadBytes);
  backend.dispatch("relativeScoresGradPositions", heads, [
    ...[backend.address(x), backend.address(dy), backend.address(index, "int32")],
    ...[backend.address(dpositions), attrs.count, batch, frames, heads, headSize],
    ...[attrs.scale, attrs.owner === "key" ? 1 : 0, row, scratch, threadBytes],
  ], Math.ceil(CHUNK_FLOPS / (2 * batch * frames * frames * headSize)));
  return dpositions;
}

function sizesOf(shape: readonly number[], { heads }: RelativeScoresAttrs): Sizes {
  const [batch = 0, frames = 0, size = 0] = shape;
  return { batch, frames, distances: 2 * frames - 1, heads, headSize: size / heads };
}

function unitsOf({ batch, heads, frames }: Sizes): number {
  return batch * heads * Math.ceil(frames / UNIT_ROWS);
}

function grainOf({ frames, headSize }: Sizes): number {
  return Math.ceil(CHUNK_FLOPS / (2 * UNIT_ROWS * frames * headSize));
}

/** Bytes of a row with all distances of some neighbouring frames, and whole panels around. */
function blockRow(frames: number, rows: number): number {
  return (roundUp(frames + rows, PANEL) + 2 * PANEL) * FLOAT_BYTES;
}

/** Scratch for a unit of rows, and for those of a tile, packed. */
function blockBytes(row: number, headSize: number): number {
  return TILE_SCRATCH_BYTES + UNIT_ROWS * row + TILE_ROWS * Math.max(row, headSize * FLOAT_BYTES);
}

/** Scratch for the packed positions, and for each thread. */
function areas(backend: WasmBackend, bytes: number, threadBytes: number): [number, number] {
  return scratchAreas(backend, bytes, backend.threads * threadBytes) as [number, number];
}

function pack(
  backend: WasmBackend,
  kernel: "packDistanceColumns" | "packDistanceRows",
  { positions, index, packed, sizes }: {
    positions: TensorInfo;
    index: TensorInfo;
    packed: number;
    sizes: Sizes;
  },
): void {
  const { distances, heads, headSize } = sizes;
  const across = kernel === "packDistanceColumns" ? distances : headSize;
  const args = [backend.address(positions), backend.address(index, "int32"), packed];
  const units = heads * Math.ceil(across / PANEL);
  backend.dispatch(kernel, units, [...args, distances, heads, headSize], PACK_GRAIN);
}
