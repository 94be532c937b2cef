// The innermost loop of every matrix product: a tile of C, held in registers, takes in one row of B
// and one number of A per row at a time.
//
// A tile is 5 by 8, or 4 by 8 where fewer rows are left: two functions, since one with a test in its loop
// is what the compiler makes of a shared body. A is packed k by k, the rows of a tile side by side: four of them
// come by one load and are splat from its lanes, so that ten multiply-adds take four accesses to
// memory. An engine that checks each access (Deno) takes three instructions for it. Ten accumulators, two
// vectors of B, one of A and a splat are fourteen of the fifteen registers that engines leave free on
// x86-64; without a fused multiply-add the product takes the last. No pointer has to be aligned.
//
// B is packed in panels of 8 columns: row k of a panel is 8 consecutive floats (see pack.ts).
import { madd } from "./simd";

/** Most rows of a tile. */
export const ROWS: i32 = 5;
/** Columns of a tile and of a panel of B. */
export const PANEL: i32 = 8;
/** Bytes of one row of a panel. */
export const PANEL_BYTES: usize = 32;
/** Rows of C that one unit of work stands for. */
export const UNIT_ROWS: i32 = 10;

/** Addresses of the rows of a tile: `a(row)` of A at its first k, before packing, `c(row)` of C at its first column. */
// @ts-ignore: decorator
@unmanaged
export class TileRows {
  a0: usize = 0;
  a1: usize = 0;
  a2: usize = 0;
  a3: usize = 0;
  a4: usize = 0;
  c0: usize = 0;
  c1: usize = 0;
  c2: usize = 0;
  c3: usize = 0;
  c4: usize = 0;
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
  store<usize>(changetype<usize>(rows) + (<usize>row << 2), address, 20);
}

// @ts-ignore: decorator
@inline
export function getC(rows: TileRows, row: i32): usize {
  return load<usize>(changetype<usize>(rows) + (<usize>row << 2), 20);
}

/**
 * Packs rows of A for a tile: for each k the numbers of 4 rows, or of 5 where `count` is 5.
 *
 * Row pointers past `count` must be readable.
 */
export function packTile(rows: TileRows, count: i32, depth: i32, to: usize): void {
  let a0 = rows.a0;
  let a1 = rows.a1;
  let a2 = rows.a2;
  let a3 = rows.a3;
  let a4 = rows.a4;
  const step = tileStep(count);
  for (; depth >= 4; depth -= 4) {
    const row0 = v128.load(a0);
    const row1 = v128.load(a1);
    const row2 = v128.load(a2);
    const row3 = v128.load(a3);
    const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
    const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
    const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
    v128.store(to + step, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
    v128.store(to + 2 * step, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
    v128.store(to + 3 * step, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
    if (count == ROWS) {
      const row4 = v128.load(a4);
      v128.store_lane<f32>(to, row4, 0, 16);
      v128.store_lane<f32>(to, row4, 1, 36);
      v128.store_lane<f32>(to, row4, 2, 56);
      v128.store_lane<f32>(to, row4, 3, 76);
      a4 += 16;
    }
    a0 += 16;
    a1 += 16;
    a2 += 16;
    a3 += 16;
    to += 4 * step;
  }
  for (; depth > 0; depth--) {
    store<f32>(to, load<f32>(a0));
    store<f32>(to, load<f32>(a1), 4);
    store<f32>(to, load<f32>(a2), 8);
    store<f32>(to, load<f32>(a3), 12);
    if (count == ROWS) store<f32>(to, load<f32>(a4), 16);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    to += step;
  }
}

/** Bytes from one k to the next in rows that {@link packTile} packed. */
// @ts-ignore: decorator
@inline
export function tileStep(count: i32): usize {
  return count == ROWS ? <usize>(ROWS << 2) : 16;
}

/**
 * `count` rows of C, 8 columns from `cOffset` on: `A panel + bias`, or with `add` that much more.
 *
 * @param a the numbers of 4 rows, or of 5 where `count` is 5, for the first k
 * @param aStep bytes from there to those for the next
 * @param bias address of 8 floats, or 0
 */
// @ts-ignore: decorator
@inline
function tile(
  rows: TileRows,
  count: i32,
  depth: i32,
  a: usize,
  aStep: usize,
  panel: usize,
  cOffset: usize,
  bias: usize,
  add: bool,
): void {
  if (count == ROWS) tileOf5(rows, depth, a, aStep, panel, cOffset, bias, add);
  else tileOf4(rows, count, depth, a, aStep, panel, cOffset, bias, add);
}

function tileOf5(
  rows: TileRows,
  depth: i32,
  a: usize,
  aStep: usize,
  panel: usize,
  cOffset: usize,
  bias: usize,
  add: bool,
): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero;
  const end = panel + <usize>depth * PANEL_BYTES;
  while (panel < end) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    const lanes = v128.load(a);
    let value = v128.shuffle<f32>(lanes, lanes, 0, 0, 0, 0);
    c00 = madd(value, b0, c00);
    c01 = madd(value, b1, c01);
    value = v128.shuffle<f32>(lanes, lanes, 1, 1, 1, 1);
    c10 = madd(value, b0, c10);
    c11 = madd(value, b1, c11);
    value = v128.shuffle<f32>(lanes, lanes, 2, 2, 2, 2);
    c20 = madd(value, b0, c20);
    c21 = madd(value, b1, c21);
    value = v128.shuffle<f32>(lanes, lanes, 3, 3, 3, 3);
    c30 = madd(value, b0, c30);
    c31 = madd(value, b1, c31);
    value = v128.load32_splat(a, 16);
    c40 = madd(value, b0, c40);
    c41 = madd(value, b1, c41);
    a += aStep;
    panel += PANEL_BYTES;
  }
  writeRow(rows.c0 + cOffset, c00, c01, bias, add);
  writeRow(rows.c1 + cOffset, c10, c11, bias, add);
  writeRow(rows.c2 + cOffset, c20, c21, bias, add);
  writeRow(rows.c3 + cOffset, c30, c31, bias, add);
  writeRow(rows.c4 + cOffset, c40, c41, bias, add);
}

function tileOf4(
  rows: TileRows,
  count: i32,
  depth: i32,
  a: usize,
  aStep: usize,
  panel: usize,
  cOffset: usize,
  bias: usize,
  add: bool,
): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero;
  let c20 = zero, c21 = zero, c30 = zero, c31 = zero;
  const end = panel + <usize>depth * PANEL_BYTES;
  while (panel < end) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    const lanes = v128.load(a);
    let value = v128.shuffle<f32>(lanes, lanes, 0, 0, 0, 0);
    c00 = madd(value, b0, c00);
    c01 = madd(value, b1, c01);
    value = v128.shuffle<f32>(lanes, lanes, 1, 1, 1, 1);
    c10 = madd(value, b0, c10);
    c11 = madd(value, b1, c11);
    value = v128.shuffle<f32>(lanes, lanes, 2, 2, 2, 2);
    c20 = madd(value, b0, c20);
    c21 = madd(value, b1, c21);
    value = v128.shuffle<f32>(lanes, lanes, 3, 3, 3, 3);
    c30 = madd(value, b0, c30);
    c31 = madd(value, b1, c31);
    a += aStep;
    panel += PANEL_BYTES;
  }
  writeRow(rows.c0 + cOffset, c00, c01, bias, add);
  if (count > 1) writeRow(rows.c1 + cOffset, c10, c11, bias, add);
  if (count > 2) writeRow(rows.c2 + cOffset, c20, c21, bias, add);
  if (count > 3) writeRow(rows.c3 + cOffset, c30, c31, bias, add);
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
  a: usize,
  aStep: usize,
  panel: usize,
  cOffset: usize,
  bias: usize,
  add: bool,
  columns: i32,
): void {
  const whole = changetype<TileRows>(changetype<usize>(rows) + 64);
  const values = changetype<usize>(rows) + 128;
  for (let row = 0; row < ROWS; row++) setC(whole, row, values + <usize>row * PANEL_BYTES);
  tile(whole, count, depth, a, aStep, panel, 0, 0, false);
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
  a: usize,
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
    tile(rows, count, depth, a, aStep, panels, offset, bias, add);
    panels += panelStride;
    offset += cStride;
    if (bias) bias += PANEL_BYTES;
  }
  if (columns > 0) edgeTile(rows, count, depth, a, aStep, panels, offset, bias, add, columns);
}
