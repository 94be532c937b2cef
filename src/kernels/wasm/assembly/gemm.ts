// The matrix product behind linear, the convolutions and their input gradients: C = A B, the rows of A
// contiguous in k, B packed in panels, and an epilogue. `../gemm.ts` describes a call.
//
// Row r of A starts at `a + (r / rows) * aBatch + aStart + (r % rows) * aRow` and is `depth` floats long. Rows
// may overlap, which makes a convolution of a product; and they may stick out of their batch,
// which has `aBytes`: what is outside counts as 0. All of a batch that is not 0 lies between bytes
// `aFrom` and `aTo`, so that a tile takes only the k that reach there.
//
// Cache: depth is taken in blocks, so that 6 rows of A and a panel stay in L1, columns in blocks whose panels
// stay in L2, and rows in runs that share these panels. Each element is summed in
// order of k within a block and block by block, however the work is split.
import { activate, NONE } from "./activation";
import { LANES, storeLanes, VECTOR_BYTES } from "./simd";
import {
  getC,
  PANEL,
  PANEL_BYTES,
  ROWS,
  setA,
  setC,
  TILE_SCRATCH_BYTES,
  tilePanels,
  TileRows,
  UNIT_ROWS,
} from "./tile";

/** Most k at a time; `../gemm.ts` has the same. */
const BLOCK_DEPTH: i32 = 512;
/** Panels that stay in L2: 256 KB at full depth. */
const BLOCK_PANELS: i32 = 16;
/** Units of rows computed together, where one call has as many. */
const RUN_UNITS: i32 = 8;

/**
 * Units: 12 rows by `unitPanels` panels; rows run fastest, then column blocks, then groups.
 *
 * @param residual address of what is added at last, laid out as C, or 0
 */
export function gemm(
  thread: i32,
  begin: i32,
  end: i32,
  a: usize,
  aGroup: usize,
  aBatch: usize,
  aRow: usize,
  aStart: i32,
  aBytes: i32,
  aFrom: i32,
  aTo: i32,
  depth: i32,
  packed: usize,
  c: usize,
  cGroup: usize,
  cBatch: usize,
  cRow: usize,
  batches: i32,
  rows: i32,
  columns: i32,
  unitPanels: i32,
  bias: usize,
  residual: usize,
  activation: i32,
  scratch: usize,
  scratchBytes: usize,
): void {
  const tileRows = changetype<TileRows>(scratch + <usize>thread * scratchBytes);
  const edges = changetype<usize>(tileRows) + TILE_SCRATCH_BYTES;
  const allRows = batches * rows;
  const rowUnits = (allRows + UNIT_ROWS - 1) / UNIT_ROWS;
  const panels = (columns + PANEL - 1) / PANEL;
  const columnUnits = (panels + unitPanels - 1) / unitPanels;
  const blocks = max(1, (depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH);
  const blockDepth = (depth + blocks - 1) / blocks;
  const aEnd = aStart + (rows - 1) * <i32>aRow + (depth << 2);
  const overhangs = aStart < 0 || aEnd > aBytes;
  const skips = aStart < aFrom || aEnd > aTo;

  for (let unit = begin; unit < end;) {
    const rowUnit = unit % rowUnits;
    const run = min(min(end - unit, rowUnits - rowUnit), RUN_UNITS);
    const columnUnit = unit / rowUnits;
    const group = columnUnit / columnUnits;
    const firstRow = rowUnit * UNIT_ROWS;
    const lastRow = min(allRows, firstRow + run * UNIT_ROWS);
    const firstPanel = (columnUnit % columnUnits) * unitPanels;
    const lastPanel = min(panels, firstPanel + unitPanels);
    const groupA = a + <usize>group * aGroup;
    const groupC = c + <usize>group * cGroup;
    const groupBias = bias ? bias + (<usize>(group * columns) << 2) : 0;
    const groupPacked = packed + <usize>(group * panels) * <usize>depth * PANEL_BYTES;

    for (let panel0 = firstPanel; panel0 < lastPanel; panel0 += BLOCK_PANELS) {
      const width = min(min(panel0 + BLOCK_PANELS, lastPanel) * PANEL, columns) - panel0 * PANEL;
      const blockC = groupC + <usize>panel0 * PANEL_BYTES;
      for (let block = 0; block < blocks; block++) {
        const blockK = block * blockDepth;
        const blockEnd = min(blockK + blockDepth, depth);
        const blockBias = block == 0 && groupBias ? groupBias + <usize>panel0 * PANEL_BYTES : 0;
        for (let row = firstRow; row < lastRow; row += ROWS) {
          const count = min(ROWS, lastRow - row);
          let k = blockK;
          let end = blockEnd;
          if (skips) {
            const first = aStart + row % rows * <i32>aRow;
            const whole = row % rows + count <= rows;
            const last = whole ? first + (count - 1) * <i32>aRow : aEnd - (depth << 2);
            k = max(k, (aFrom - last) >> 2);
            end = min(end, (aTo - (whole ? first : aStart)) >> 2);
          }
          const stepDepth = max(0, end - k);
          let batch = row / rows;
          let step = row % rows;
          for (let i = 0; i < ROWS; i++) {
            const base = groupA + <usize>batch * aBatch;
            const start = aStart + step * <i32>aRow + (k << 2);
            let address = base + start;
            if (overhangs && (start < 0 || start + (stepDepth << 2) > aBytes)) {
              address = edges + <usize>(i * BLOCK_DEPTH << 2);
              copyInside(base, start, stepDepth, aBytes, address);
            }
            setA(tileRows, i, address);
            setC(tileRows, i, blockC + <usize>batch * cBatch + <usize>step * cRow);
            // Rows past the last repeat it.
            if (i + 1 < count && ++step == rows) {
              step = 0;
              batch++;
            }
          }
          if (stepDepth > 0 || block == 0) {
            tilePanels(
              tileRows,
              count,
              stepDepth,
              4,
              groupPacked + (<usize>panel0 * <usize>depth + <usize>k) * PANEL_BYTES,
              <usize>depth * PANEL_BYTES,
              width,
              PANEL_BYTES,
              blockBias,
              block > 0,
            );
          }
          if (block == blocks - 1 && (activation != NONE || residual != 0)) {
            for (let i = 0; i < count; i++) {
              const at = getC(tileRows, i);
              finish(at, residual ? residual + (at - c) : 0, width, activation);
            }
          }
        }
      }
    }
    unit += run;
  }
}

/** `count` floats from byte `start` of a batch on, those outside its `bytes` as 0. */
function copyInside(base: usize, start: i32, count: i32, bytes: i32, to: usize): void {
  for (let i = 0; i < count; i++) {
    const at = start + (i << 2);
    const value: f32 = at >= 0 && at < bytes ? load<f32>(base + at) : 0;
    store<f32>(to + (<usize>i << 2), value);
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
