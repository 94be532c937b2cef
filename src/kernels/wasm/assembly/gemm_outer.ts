// The matrix product behind weight gradients, C = A^T B: a sum over rows, each giving the outer
// product of a row of A and a row of B. `../gemm.ts` describes a call.
//
// Row r of A starts at `a + (r / rows) * aBatch + (r % rows) * aRow`, likewise in B, where rows may overlap as in
// a convolution. Blocks of rows are packed, A in panels of ROWS columns and B in panels of 8, and
// multiplied into C. The blocks are the same for any split of C, and so are the bits.
import {
  PANEL,
  PANEL_BYTES,
  ROWS,
  setA,
  setC,
  TILE_SCRATCH_BYTES,
  tilePanels,
  TileRows,
} from "./tile";

/** Rows at a time; `../gemm.ts` has the same. */
const BLOCK_ROWS: i32 = 256;
/** Rows whose 8 columns are copied at a time, so that whole cache lines are written. */
const STRIP_ROWS: i32 = 8;

/**
 * Units: `unitRows` by `unitColumns` of C; column units run fastest, then row units, then groups.
 *
 * @param m columns of A, rows of C
 * @param n columns of B and C
 */
export function gemmOuter(
  thread: i32,
  begin: i32,
  end: i32,
  a: usize,
  aGroup: usize,
  aBatch: usize,
  aRow: usize,
  b: usize,
  bGroup: usize,
  bBatch: usize,
  bRow: usize,
  c: usize,
  cGroup: usize,
  cRow: usize,
  batches: i32,
  rows: i32,
  m: i32,
  n: i32,
  unitRows: i32,
  unitColumns: i32,
  scratch: usize,
  scratchBytes: usize,
): void {
  const tileRows = changetype<TileRows>(scratch + <usize>thread * scratchBytes);
  const aPanels = changetype<usize>(tileRows) + TILE_SCRATCH_BYTES;
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
    const groupC = c + group * cGroup + (<usize>n0 << 2);
    for (let row = 0; row < allRows; row += BLOCK_ROWS) {
      const depth = min(BLOCK_ROWS, allRows - row);
      packRows(groupA, aBatch, aRow, rows, row, depth, height, ROWS, aPanels);
      packRows(groupB, bBatch, bRow, rows, row, depth, width, PANEL, bPanels);
      for (let i = 0; i < height; i += ROWS) {
        for (let r = 0; r < ROWS; r++) {
          setA(tileRows, r, aPanels + (<usize>(i * depth + r) << 2));
          setC(tileRows, r, groupC + <usize>(m0 + i + r) * cRow);
        }
        tilePanels(
          tileRows,
          min(ROWS, height - i),
          depth,
          <usize>ROWS << 2,
          bPanels,
          <usize>depth * PANEL_BYTES,
          width,
          PANEL_BYTES,
          0,
          row > 0,
        );
      }
    }
  }
}

/**
 * Packs `depth` rows from row `first` on into panels of `size` columns (ROWS or 8): panel after panel,
 * each row after row. Columns of the last panel that do not exist stay as they are.
 */
// @ts-ignore: decorator
@inline
function packRows(
  base: usize,
  batchBytes: usize,
  rowBytes: usize,
  rows: i32,
  first: i32,
  depth: i32,
  columns: i32,
  size: i32,
  panels: usize,
): void {
  const panelBytes = <usize>(size * depth) << 2;
  for (let strip = 0; strip < depth; strip += STRIP_ROWS) {
    const stop = min(depth, strip + STRIP_ROWS);
    for (let column = 0; column < columns; column += size) {
      let to = panels + <usize>(column / size) * panelBytes + (<usize>(strip * size) << 2);
      const left = columns - column;
      let step = (first + strip) % rows;
      let from = base + <usize>((first + strip) / rows) * batchBytes + <usize>step * rowBytes +
        (<usize>column << 2);
      for (let row = strip; row < stop; row++) {
        if (left >= size) copyRow(from, to, size);
        else for (let i: usize = 0; i < <usize>left << 2; i += 4) store<f32>(to + i, load<f32>(from + i));
        to += <usize>size << 2;
        from += rowBytes;
        if (++step == rows) {
          step = 0;
          from += batchBytes - <usize>rows * rowBytes;
        }
      }
    }
  }
}

/** 4, 6 or 8 floats. */
// @ts-ignore: decorator
@inline
function copyRow(from: usize, to: usize, size: i32): void {
  v128.store(to, v128.load(from));
  if (size == 6) store<u64>(to, load<u64>(from, 16), 16);
  if (size == 8) v128.store(to, v128.load(from, 16), 16);
}
