// The matrix product behind linear, the convolutions and their input gradients: C = A B, the rows of A
// contiguous in k, B packed in panels, and an epilogue. `../gemm.ts` describes a call.
//
// Row r of A starts at `a + (r / rows) * aBatch + aStart + (r % rows) * aRow` and is `depth` floats long. Rows
// may overlap, which makes a convolution of a product; and they may stick out of their batch,
// which has `aBytes`: what is outside counts as 0. All of a batch that is not 0 lies between bytes
// `aFrom` and `aTo`, so that a tile takes only the k that reach there.
//
// Cache: depth is taken in blocks, so that the rows of a tile and a panel stay in L1, columns in blocks whose
// panels stay in L2, and rows in runs that share these panels. A run's block of A is packed once for all
// columns. Each element is summed in order of k within a block and block by block, however the work is split.
import { activate, NONE } from "./activation";
import { copyInside } from "./quantize";
import { LANES, storeLanes, VECTOR_BYTES } from "./simd";
import {
  fetchPanels,
  getC,
  packTile,
  PANEL,
  PANEL_BYTES,
  ROWS,
  setA,
  setC,
  TILE_SCRATCH_BYTES,
  tilePanels,
  TileRows,
  tileStep,
  UNIT_ROWS,
} from "./tile";

/** Most k at a time; `../gemm.ts` has the same. */
const BLOCK_DEPTH: i32 = 512;
/** Panels that stay in L2: 256 KB at full depth. */
const BLOCK_PANELS: i32 = 16;
/** Units of rows computed together, where one call has as many; `../gemm.ts` has their rows. */
const RUN_UNITS: i32 = 10;

/** The arguments of a call, with what follows from them. */
// @ts-ignore: decorator
@unmanaged
class Gemm {
  a: usize = 0;
  aGroup: usize = 0;
  aBatch: usize = 0;
  aRow: i32 = 0;
  aStart: i32 = 0;
  aBytes: i32 = 0;
  aFrom: i32 = 0;
  aTo: i32 = 0;
  depth: i32 = 0;
  packed: usize = 0;
  c: usize = 0;
  cGroup: usize = 0;
  cBatch: usize = 0;
  cRow: usize = 0;
  /** Rows of a batch, and of all. */
  rows: i32 = 0;
  allRows: i32 = 0;
  columns: i32 = 0;
  unitPanels: i32 = 0;
  bias: usize = 0;
  residual: usize = 0;
  activation: i32 = 0;
  /** Depth is taken in so many blocks of that size. */
  blocks: i32 = 0;
  blockDepth: i32 = 0;
  tile: TileRows = changetype<TileRows>(0);
  /** Copies of the rows of a tile that stick out of their batch. */
  edges: usize = 0;
  /** A block of depth of the rows of a run, packed tile by tile. */
  packedRows: usize = 0;
  /** Of a tile and a block: the first k, and how many there are. */
  k: i32 = 0;
  tileDepth: i32 = 0;
}

/** Bytes of a Gemm, rounded up. */
const GEMM_BYTES: usize = 128;

/**
 * Units: 10 rows by `unitPanels` panels; rows run fastest, then column blocks, then groups.
 *
 * @param residual address of what is added at last, laid out as C, or 0
 */
export function gemm(
  thread: i32, begin: i32, end: i32,
  a: usize, aGroup: usize, aBatch: usize, aRow: i32,
  aStart: i32, aBytes: i32, aFrom: i32, aTo: i32,
  depth: i32, packed: usize,
  c: usize, cGroup: usize, cBatch: usize, cRow: usize,
  batches: i32, rows: i32, columns: i32, unitPanels: i32,
  bias: usize, residual: usize, activation: i32,
  scratch: usize, scratchBytes: usize,
): void {
  const call = changetype<Gemm>(scratch + <usize>thread * scratchBytes);
  call.a = a;
  call.aGroup = aGroup;
  call.aBatch = aBatch;
  call.aRow = aRow;
  call.aStart = aStart;
  call.aBytes = aBytes;
  call.aFrom = aFrom;
  call.aTo = aTo;
  call.depth = depth;
  call.packed = packed;
  call.c = c;
  call.cGroup = cGroup;
  call.cBatch = cBatch;
  call.cRow = cRow;
  call.rows = rows;
  call.allRows = batches * rows;
  call.columns = columns;
  call.unitPanels = unitPanels;
  call.bias = bias;
  call.residual = residual;
  call.activation = activation;
  call.blocks = max(1, (depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH);
  call.blockDepth = (depth + call.blocks - 1) / call.blocks;
  call.tile = changetype<TileRows>(changetype<usize>(call) + GEMM_BYTES);
  call.edges = changetype<usize>(call.tile) + TILE_SCRATCH_BYTES;
  call.packedRows = call.edges + <usize>(ROWS * BLOCK_DEPTH << 2);
  for (let unit = begin; unit < end;) unit += multiplyRun(call, unit, end);
}

/** Computes unit `unit` and those behind it with the same columns; returns how many. */
function multiplyRun(call: Gemm, unit: i32, end: i32): i32 {
  const rowUnits = (call.allRows + UNIT_ROWS - 1) / UNIT_ROWS;
  const panels = (call.columns + PANEL - 1) / PANEL;
  const columnUnits = (panels + call.unitPanels - 1) / call.unitPanels;
  const group = unit / rowUnits / columnUnits;
  const firstRow = (unit % rowUnits) * UNIT_ROWS;
  const run = min(min(end - unit, rowUnits - (unit % rowUnits)), RUN_UNITS);
  const rows = min(call.allRows - firstRow, run * UNIT_ROWS);
  const tiles = (rows + ROWS - 1) / ROWS;
  const firstPanel = ((unit / rowUnits) % columnUnits) * call.unitPanels;
  const lastPanel = min(panels, firstPanel + call.unitPanels);
  for (let block = 0; block < call.blocks; block++) {
    for (let tile = 0, row = 0; tile < tiles; tile++) {
      const next = ((tile + 1) * rows) / tiles;
      packRows(call, group, firstRow + row, next - row, block, packedAt(call, tile));
      row = next;
    }
    for (let panel = firstPanel; panel < lastPanel; panel += BLOCK_PANELS) {
      const count = min(BLOCK_PANELS, lastPanel - panel);
      // Panels of full depth lie one behind the other, which the processor sees by itself.
      if (call.blocks > 1) fetchBlock(call, group * panels + panel, count, block);
      for (let tile = 0, row = 0; tile < tiles; tile++) {
        const next = ((tile + 1) * rows) / tiles;
        const a = packedAt(call, tile);
        multiplyTiles(call, group, firstRow + row, next - row, a, panel, count, block);
        row = next;
      }
    }
  }
  return run;
}

/** Where the packed rows of the `tile`th tile of a run begin. */
// @ts-ignore: decorator
@inline
function packedAt(call: Gemm, tile: i32): usize {
  return call.packedRows + (<usize>(tile * ROWS * call.blockDepth) << 2);
}

/** Brings one block of depth of `count` panels near. */
function fetchBlock(call: Gemm, panel: i32, count: i32, block: i32): void {
  const k = block * call.blockDepth;
  const bytes = <usize>min(call.blockDepth, call.depth - k) * PANEL_BYTES;
  for (let i = 0; i < count; i++) {
    const row = <usize>(panel + i) * <usize>call.depth + <usize>k;
    fetchPanels(call.packed + row * PANEL_BYTES, bytes, call.edges);
  }
}

/** Sets `k` and `tileDepth`: of a block, what `count` rows have. Those of two clips may have all of it. */
function takeDepth(call: Gemm, row: i32, count: i32, block: i32): void {
  const depth = call.depth;
  const isOneBatch = row % call.rows + count <= call.rows;
  const first = call.aStart + (isOneBatch ? row % call.rows : 0) * call.aRow;
  const last = isOneBatch ? first + (count - 1) * call.aRow : first + (call.rows - 1) * call.aRow;
  let k = block * call.blockDepth;
  let end = min(k + call.blockDepth, depth);
  if (first < call.aFrom || last + (depth << 2) > call.aTo) {
    k = max(k, (call.aFrom - last) >> 2);
    end = min(end, (call.aTo - first) >> 2);
  }
  call.k = k;
  call.tileDepth = max(0, end - k);
}

/** Packs a block of `count` rows of A; what sticks out of their batch is 0. */
function packRows(call: Gemm, group: i32, row: i32, count: i32, block: i32, to: usize): void {
  takeDepth(call, row, count, block);
  const depth = call.tileDepth;
  const a = call.a + <usize>group * call.aGroup;
  let batch = <usize>(row / call.rows);
  let step = row % call.rows;
  for (let i = 0; i < ROWS; i++) {
    const base = a + batch * call.aBatch;
    const start = call.aStart + step * call.aRow + (call.k << 2);
    let address = base + start;
    if (start < 0 || start + (depth << 2) > call.aBytes) {
      address = call.edges + <usize>(i * BLOCK_DEPTH << 2);
      copyInside(base, start, depth, call.aBytes, address);
    }
    setA(call.tile, i, address);
    if (i + 1 < count && ++step == call.rows) {
      step = 0;
      batch++;
    }
  }
  packTile(call.tile, count, depth, to);
}

/** `count` rows by `panels` panels, over one block of depth; behind the last block, the epilogue. */
function multiplyTiles(
  call: Gemm,
  group: i32,
  row: i32,
  count: i32,
  a: usize,
  panel: i32,
  panels: i32,
  block: i32,
): void {
  const column = panel * PANEL;
  const width = min(panels * PANEL, call.columns - column);
  placeRows(call, group, row, count, column);
  takeDepth(call, row, count, block);
  if (call.tileDepth > 0 || block == 0) {
    const allPanels = (call.columns + PANEL - 1) / PANEL;
    const number = <usize>(group * allPanels + panel);
    const bias = block == 0 && call.bias != 0;
    tilePanels(
      call.tile,
      count,
      call.tileDepth,
      a,
      tileStep(count),
      call.packed + (number * <usize>call.depth + <usize>call.k) * PANEL_BYTES,
      <usize>call.depth * PANEL_BYTES,
      width,
      PANEL_BYTES,
      bias ? call.bias + (<usize>(group * call.columns + column) << 2) : 0,
      block > 0,
    );
  }
  if (block == call.blocks - 1 && (call.activation != NONE || call.residual != 0)) {
    for (let i = 0; i < count; i++) {
      const at = getC(call.tile, i);
      finish(at, call.residual ? call.residual + (at - call.c) : 0, width, call.activation);
    }
  }
}

/** Sets the addresses of the rows of C at `column`. */
// @ts-ignore: decorator
@inline
function placeRows(call: Gemm, group: i32, row: i32, count: i32, column: i32): void {
  const c = call.c + <usize>group * call.cGroup + (<usize>column << 2);
  let batch = <usize>(row / call.rows);
  let step = row % call.rows;
  for (let i = 0; i < count; i++) {
    setC(call.tile, i, c + batch * call.cBatch + <usize>step * call.cRow);
    if (++step == call.rows) {
      step = 0;
      batch++;
    }
  }
}

/** `activation(c) + residual` on `width` floats. */
function finish(c: usize, residual: usize, width: i32, activation: i32): void {
  const end = c + (<usize>width << 2);
  for (; c < end; c += VECTOR_BYTES) {
    let value = activate(v128.load(c), activation);
    if (residual) {
      value = f32x4.add(value, v128.load(residual));
      residual += VECTOR_BYTES;
    }
    const left = <i32>(end - c) >> 2;
    if (left >= LANES) v128.store(c, value);
    else storeLanes(c, value, left);
  }
}
