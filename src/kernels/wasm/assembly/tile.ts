// The innermost loop of every matrix product: a tile of C, held in registers, takes in one row of B
// and one number of A per row at a time.
//
// A tile is at most ROWS by 8. Twelve accumulators, two vectors of B and one of A fill the fifteen registers
// that engines leave free on x86-64; without a fused multiply-add the product needs one more,
// hence fewer rows. Tiles of 4 and 5 rows do as much in a second, so that callers share out
// their rows evenly. Addresses of A advance one by one: an offset in a splatting load is an
// instruction of its own in V8. No pointer has to be aligned.
//
// B is packed in panels of 8 columns: row k of a panel is 8 consecutive floats (see pack.ts).
import { madd } from "./simd";

/** Rows of a tile; divides UNIT_ROWS. */
export const ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
/** Columns of a tile and of a panel of B. */
export const PANEL: i32 = 8;
/** Bytes of one row of a panel. */
export const PANEL_BYTES: usize = 32;
/** Rows of C that one unit of work stands for. */
export const UNIT_ROWS: i32 = 12;

/** Addresses of the rows of a tile: `a(row)` of A at its first k, `c(row)` of C at its first column. */
// @ts-ignore: decorator
@unmanaged
export class TileRows {
  a0: usize = 0;
  a1: usize = 0;
  a2: usize = 0;
  a3: usize = 0;
  a4: usize = 0;
  a5: usize = 0;
  c0: usize = 0;
  c1: usize = 0;
  c2: usize = 0;
  c3: usize = 0;
  c4: usize = 0;
  c5: usize = 0;
}

/** Bytes of TileRows and, behind it, of a second one with the tile that {@link edgeTile} works in. */
export const TILE_SCRATCH_BYTES: usize = 64 + 64 + 256;

// @ts-ignore: decorator
@inline
export function setA(rows: TileRows, row: i32, address: usize): void {
  store<usize>(changetype<usize>(rows) + (<usize>row << 2), address);
}

// @ts-ignore: decorator
@inline
export function setC(rows: TileRows, row: i32, address: usize): void {
  store<usize>(changetype<usize>(rows) + (<usize>row << 2), address, 24);
}

// @ts-ignore: decorator
@inline
export function getC(rows: TileRows, row: i32): usize {
  return load<usize>(changetype<usize>(rows) + (<usize>row << 2), 24);
}

/**
 * `count` rows of C, 8 columns from `cOffset` on: `A panel + bias`, or with `add` that much more.
 *
 * Row pointers past `count` must be readable; what they give is thrown away.
 *
 * @param aStep bytes from one k to the next in A
 * @param bias address of 8 floats, or 0
 */
function tile(
  rows: TileRows,
  count: i32,
  depth: i32,
  aStep: usize,
  panel: usize,
  cOffset: usize,
  bias: usize,
  add: bool,
): void {
  if (ROWS == 4 || count <= 4) sumTile(4, rows, count, depth, aStep, panel, cOffset, bias, add);
  else if (count == 5) sumTile(5, rows, count, depth, aStep, panel, cOffset, bias, add);
  else sumTile(6, rows, count, depth, aStep, panel, cOffset, bias, add);
}

/** {@link tile} of a constant `height`, 4 to 6: the rows that are computed, whatever `count` is. */
// @ts-ignore: decorator
@inline
function sumTile(
  height: i32,
  rows: TileRows,
  count: i32,
  depth: i32,
  aStep: usize,
  panel: usize,
  cOffset: usize,
  bias: usize,
  add: bool,
): void {
  let a0 = rows.a0;
  let a1 = rows.a1;
  let a2 = rows.a2;
  let a3 = rows.a3;
  let a4 = rows.a4;
  let a5 = rows.a5;
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero, c50 = zero, c51 = zero;
  const end = panel + <usize>depth * PANEL_BYTES;
  while (panel < end) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let a = v128.load32_splat(a0);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(a1);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(a2);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(a3);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    a0 += aStep;
    a1 += aStep;
    a2 += aStep;
    a3 += aStep;
    if (height > 4) {
      a = v128.load32_splat(a4);
      c40 = madd(a, b0, c40);
      c41 = madd(a, b1, c41);
      a4 += aStep;
    }
    if (height > 5) {
      a = v128.load32_splat(a5);
      c50 = madd(a, b0, c50);
      c51 = madd(a, b1, c51);
      a5 += aStep;
    }
    panel += PANEL_BYTES;
  }
  writeRow(rows.c0 + cOffset, c00, c01, bias, add);
  if (count > 1) writeRow(rows.c1 + cOffset, c10, c11, bias, add);
  if (count > 2) writeRow(rows.c2 + cOffset, c20, c21, bias, add);
  if (count > 3) writeRow(rows.c3 + cOffset, c30, c31, bias, add);
  if (height > 4 && count > 4) writeRow(rows.c4 + cOffset, c40, c41, bias, add);
  if (height > 5 && count > 5) writeRow(rows.c5 + cOffset, c50, c51, bias, add);
}

// @ts-ignore: decorator
@inline
function writeRow(c: usize, low: v128, high: v128, bias: usize, add: bool): void {
  if (add) {
    low = f32x4.add(low, v128.load(c));
    high = f32x4.add(high, v128.load(c, 16));
  }
  if (bias) {
    low = f32x4.add(low, v128.load(bias));
    high = f32x4.add(high, v128.load(bias, 16));
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}

/** {@link tile} where only `columns` of the 8 are there; bias and C are touched no further. */
function edgeTile(
  rows: TileRows,
  count: i32,
  depth: i32,
  aStep: usize,
  panel: usize,
  cOffset: usize,
  bias: usize,
  add: bool,
  columns: i32,
): void {
  const whole = changetype<TileRows>(changetype<usize>(rows) + 64);
  const values = changetype<usize>(rows) + 128;
  for (let row = 0; row < 6; row++) {
    setA(whole, row, load<usize>(changetype<usize>(rows) + (<usize>row << 2)));
    setC(whole, row, values + <usize>row * PANEL_BYTES);
  }
  tile(whole, count, depth, aStep, panel, 0, 0, false);
  for (let row = 0; row < count; row++) {
    const c = getC(rows, row) + cOffset;
    for (let column: usize = 0; column < <usize>columns << 2; column += 4) {
      let sum = load<f32>(values + <usize>row * PANEL_BYTES + column);
      if (add) sum += load<f32>(c + column);
      if (bias) sum += load<f32>(bias + column);
      store<f32>(c + column, sum);
    }
  }
}

const CACHE_LINE_BYTES: usize = 64;

/**
 * Brings panels near, many cache lines at a time: a product would wait for one after the other.
 *
 * @param sink address of four bytes that may be overwritten, without which nothing would be read
 */
export function fetchPanels(panels: usize, bytes: usize, sink: usize): void {
  const end = panels + bytes;
  let bits: i32 = 0;
  for (; panels < end; panels += CACHE_LINE_BYTES) bits |= load<i32>(panels);
  store<i32>(sink, bits);
}

/**
 * `count` rows of C and all its `columns`, panel by panel.
 *
 * @param panelStride bytes from one panel to the next; a panel may hold more rows than `depth`
 * @param cStride bytes from the columns of one panel to those of the next, 32 in a row of numbers
 */
export function tilePanels(
  rows: TileRows,
  count: i32,
  depth: i32,
  aStep: usize,
  panels: usize,
  panelStride: usize,
  columns: i32,
  cStride: usize,
  bias: usize,
  add: bool,
): void {
  let offset: usize = 0;
  for (; columns >= PANEL; columns -= PANEL) {
    tile(rows, count, depth, aStep, panels, offset, bias, add);
    panels += panelStride;
    offset += cStride;
    if (bias) bias += PANEL_BYTES;
  }
  if (columns > 0) edgeTile(rows, count, depth, aStep, panels, offset, bias, add, columns);
}
