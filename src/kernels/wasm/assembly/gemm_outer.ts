// The matrix product behind weight gradients, C = A^T B: a sum over rows, each giving the outer
// product of a row of A and a row of B. `../gemm.ts` describes a call.
//
// Row r of A starts at `a + (r / rows) * aBatch + (r % rows) * aRow`, likewise in B, where rows may overlap as in
// a convolution. All of a batch of B that is not 0 lies between bytes `bFrom` and `bTo`; rows that do not
// reach there are left out. Blocks of rows are packed, A in panels of ROWS columns and B in panels
// of 8, and multiplied into C. The blocks are the same for any split of C, and so are the bits.
import {
  PANEL,
  PANEL_BYTES,
  ROWS,
  setC,
  TILE_SCRATCH_BYTES,
  tilePanels,
  TileRows,
} from "./tile";

/** Rows at a time; `../gemm.ts` has the same. */
const BLOCK_ROWS: i32 = 128;

/**
 * Units: `unitRows` by `unitColumns` of C; column units run fastest, then row units, then groups.
 *
 * @param m columns of A, rows of C
 * @param n columns of B and C
 */
export function gemmOuter(
  thread: i32, begin: i32, end: i32,
  a: usize, aGroup: usize, aBatch: usize, aRow: usize,
  b: usize, bGroup: usize, bBatch: usize, bRow: usize, bFrom: u32, bTo: u32,
  c: usize, cGroup: usize, cRow: usize,
  batches: i32, rows: i32, m: i32, n: i32, unitRows: i32, unitColumns: i32,
  scratch: usize, scratchBytes: usize,
): void {
  const tileRows = changetype<TileRows>(scratch + <usize>thread * scratchBytes);
  const aRows = changetype<usize>(tileRows) + TILE_SCRATCH_BYTES;
  const bRows = aRows + <usize>(BLOCK_ROWS << 2);
  const aPanels = bRows + <usize>(BLOCK_ROWS << 2);
  const bPanels = aPanels + <usize>(BLOCK_ROWS * unitRows << 2);
  const allRows = batches * rows;
  const rowUnits = (m + unitRows - 1) / unitRows;
  const columnUnits = (n + unitColumns - 1) / unitColumns;

  for (let unit = begin; unit < end; unit++) {
    const group = <usize>(unit / (rowUnits * columnUnits));
    const m0 = ((unit / columnUnits) % rowUnits) * unitRows;
    const n0 = (unit % columnUnits) * unitColumns;
    const height = min(unitRows, m - m0);
    const width = min(unitColumns, n - n0);
    const groupA = a + group * aGroup + (<usize>m0 << 2);
    const groupB = b + group * bGroup + (<usize>n0 << 2);
    const unitC = c + group * cGroup + <usize>m0 * cRow + (<usize>n0 << 2);
    for (let row = 0; row < allRows; row += BLOCK_ROWS) {
      const stop = min(row + BLOCK_ROWS, allRows);
      let depth = 0;
      for (let r = row; r < stop; r++) {
        const batch = <usize>(r / rows);
        const step = <usize>(r % rows);
        const start = <u32>(step * bRow) + (<u32>n0 << 2);
        if (start >= bTo || start + (<u32>width << 2) <= bFrom) continue;
        store<usize>(aRows + (<usize>depth << 2), groupA + batch * aBatch + step * aRow);
        store<usize>(bRows + (<usize>depth << 2), groupB + batch * bBatch + step * bRow);
        depth++;
      }
      if (depth == 0 && row > 0) continue;
      packRows(aRows, depth, height, ROWS, aPanels);
      packRows(bRows, depth, width, PANEL, bPanels);
      multiply(tileRows, aPanels, bPanels, depth, height, width, unitC, cRow, row > 0);
    }
  }
}

/** `height` by `width` of C, or with `add` that much more, from a block of packed rows. */
function multiply(
  tileRows: TileRows,
  aPanels: usize,
  bPanels: usize,
  depth: i32,
  height: i32,
  width: i32,
  c: usize,
  cRow: usize,
  add: bool,
): void {
  const aStep = <usize>ROWS << 2;
  const panelBytes = <usize>depth * PANEL_BYTES;
  for (let row = 0; row < height; row += ROWS) {
    const count = min(ROWS, height - row);
    for (let i = 0; i < ROWS; i++) setC(tileRows, i, c + <usize>(row + i) * cRow);
    const a = aPanels + (<usize>(row * depth) << 2);
    tilePanels(tileRows, count, depth, a, aStep, bPanels, panelBytes, width, PANEL_BYTES, 0, add);
  }
}

/**
 * Packs the rows at `depth` addresses into panels of `size` columns (ROWS or 8): panel after panel,
 * each row after row. Columns of the last panel that do not exist stay as they are.
 *
 * Two rows at a time: each load then runs along its own row, which the prefetcher follows.
 */
// @ts-ignore: decorator
@inline
function packRows(addresses: usize, depth: i32, columns: i32, size: i32, panels: usize): void {
  const panelBytes = <usize>(size * depth) << 2;
  const sizeBytes = <usize>size << 2;
  const even = depth & -2;
  for (let row = 0; row < even; row += 2) {
    let from = load<usize>(addresses + (<usize>row << 2));
    let next = load<usize>(addresses + (<usize>row << 2), 4);
    let to = panels + <usize>row * sizeBytes;
    let left = columns;
    for (; left >= size; left -= size) {
      copyRow(from, to, size);
      copyRow(next, to + sizeBytes, size);
      from += sizeBytes;
      next += sizeBytes;
      to += panelBytes;
    }
    copyEdge(from, to, left);
    copyEdge(next, to + sizeBytes, left);
  }
  if (even < depth) {
    let from = load<usize>(addresses + (<usize>even << 2));
    let to = panels + <usize>even * sizeBytes;
    let left = columns;
    for (; left >= size; left -= size) {
      copyRow(from, to, size);
      from += sizeBytes;
      to += panelBytes;
    }
    copyEdge(from, to, left);
  }
}

// @ts-ignore: decorator
@inline
function copyEdge(from: usize, to: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count << 2; i += 4) store<f32>(to + i, load<f32>(from + i));
}

/** 5 or 8 floats. */
// @ts-ignore: decorator
@inline
function copyRow(from: usize, to: usize, size: i32): void {
  v128.store(to, v128.load(from));
  if (size == 5) store<f32>(to, load<f32>(from, 16), 16);
  if (size == 8) v128.store(to, v128.load(from, 16), 16);
}
