// The product of quantised rows and a quantised weight: C = activation(scales * (A B) + bias) + residual.
//
// A holds signed bytes a from -127 to 127. B holds bytes u = 64 + b from 1 to 127: the seven-bit operand of the relaxed
// dot product. An engine may read that operand as signed or as unsigned, and may add two products in 16 bits with
// saturation before it widens them; with u never negative and |a u + a' u'| <= 2 * 127 * 127 = 32258 < 2^15 none of it
// can be seen, and all engines give one result. The sum over k of a u is at most 16129 * depth in size, which fits 32
// bits up to a depth of 133,144 (`../gemm_int8.ts` refuses more); 64 times the row's sum of a is
// taken off it, and what is left is the sum of a b, exactly. The plain build widens both operands to
// 16 bits, where the products are exact anyhow.
//
// A tile is TILE_ROWS by 8: ten accumulators, two vectors of B and one or two of A leave a register to engines that
// make a dot product of several instructions. A lies as tiles do (`quantize.ts`), so that a step of all rows is one
// load and a splatting one: where engines check each access, accesses are what a step waits for.
//
// Cache: a panel of B stays in L1 while all rows of a block pass by; a block of A stays in L2.
import { activate, NONE } from "./activation";
import { QUAD_BYTES, STEP_BYTES, TILE_QUAD, TILE_ROWS } from "./quantize";
import { LANES, storeLanes } from "./simd";
import { fetchPanels, PANEL } from "./tile";

/** Rows of a unit; `../_gemm_int8.ts` has the same. */
const BLOCK_ROWS: i32 = 120;
/** Bytes from the step of one row of A to that of the next. */
const ROW: usize = <usize>(4 * STEP_BYTES);
/** Bytes of a row of a tile's sums. */
const SUM_ROW: usize = <usize>(PANEL << 2);

/**
 * Units: panels of B for each block of rows, panels running fastest.
 *
 * @param a tiles of bytes from `quantizeRows`
 * @param scales,sums of the rows, from there
 * @param panels,columnScales from `packInt8`
 * @param scratch per thread room for the sums of a tile
 */
export function gemmInt8(
  thread: i32, begin: i32, end: i32,
  a: usize, scales: usize, sums: usize, quads: i32,
  panels: usize, columnScales: usize,
  c: usize, cRow: usize, rows: i32, columns: i32,
  bias: usize, residual: usize, activation: i32,
  scratch: usize, scratchBytes: usize,
): void {
  const tile = scratch + <usize>thread * scratchBytes;
  const panelCount = (columns + PANEL - 1) / PANEL;
  const panelBytes = <usize>quads * QUAD_BYTES;
  const tileBytes = <usize>quads * TILE_QUAD;
  for (let unit = begin; unit < end; unit++) {
    const number = unit % panelCount;
    const panel = panels + <usize>number * panelBytes;
    const offset = <usize>(number * PANEL) << 2;
    const width = min(PANEL, columns - number * PANEL);
    const firstRow = (unit / panelCount) * BLOCK_ROWS;
    const lastRow = min(rows, firstRow + BLOCK_ROWS);
    fetchPanels(panel, panelBytes, tile);
    for (let row = firstRow; row < lastRow; row += TILE_ROWS) {
      multiplyTile(a + <usize>(row / TILE_ROWS) * tileBytes, panel, quads, tile);
      const place = <usize>row * cRow + offset;
      finishTile(
        tile,
        sums + (<usize>row << 2),
        scales + (<usize>row << 2),
        min(TILE_ROWS, lastRow - row),
        columnScales + offset,
        bias ? bias + offset : 0,
        residual ? residual + place : 0,
        activation,
        c + place,
        cRow,
        width,
      );
    }
  }
}

/** Sums of the rows of a tile by 8 columns. */
function multiplyTile(a: usize, panel: usize, quads: i32, sums: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    dotBytes(a, panel, quads, sums);
  } else {
    const end = panel + <usize>quads * QUAD_BYTES;
    dotHalf(a, ROW, TILE_QUAD, panel, end, sums);
    dotHalf(a, ROW, TILE_QUAD, panel + 16, end + 16, sums + 16);
  }
}

/** Each dot product adds four products to each of four columns. */
function dotBytes(rows: usize, panel: usize, quads: i32, sums: usize): void {
  const zero = i32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero;
  const end = panel + <usize>quads * QUAD_BYTES;
  for (; panel < end; panel += QUAD_BYTES, rows += TILE_QUAD) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    // A splatting load takes no offset for nothing, the other does.
    let a = v128.load32_splat(rows);
    c00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c00);
    c01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c01);
    const others = v128.load(rows, 4);
    a = v128.shuffle<i32>(others, others, 0, 0, 0, 0);
    c10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c10);
    c11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c11);
    a = v128.shuffle<i32>(others, others, 1, 1, 1, 1);
    c20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c20);
    c21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c21);
    a = v128.shuffle<i32>(others, others, 2, 2, 2, 2);
    c30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c30);
    c31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c31);
    a = v128.shuffle<i32>(others, others, 3, 3, 3, 3);
    c40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c40);
    c41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c41);
  }
  v128.store(sums, c00);
  v128.store(sums, c01, 16);
  v128.store(sums, c10, 32);
  v128.store(sums, c11, 48);
  v128.store(sums, c20, 64);
  v128.store(sums, c21, 80);
  v128.store(sums, c30, 96);
  v128.store(sums, c31, 112);
  v128.store(sums, c40, 128);
  v128.store(sums, c41, 144);
}

/**
 * Four of the 8 columns with operands of 16 bits: each dot product has two lanes for each of two columns.
 *
 * @param row bytes from one row to the next
 * @param step bytes from one quad of a row to the next
 */
export function dotHalf(
  rows: usize, row: usize, step: usize, panel: usize, end: usize, sums: usize,
): void {
  const zero = i32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero;
  const onward = step - 4 * row;
  for (; panel < end; panel += QUAD_BYTES) {
    const b0 = v128.load_ext<i8>(panel);
    const b1 = v128.load_ext<i8>(panel, 8);
    let a = v128.load64_splat(rows);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(a, b0));
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(a, b1));
    rows += row;
    a = v128.load64_splat(rows);
    c10 = i32x4.add(c10, i32x4.dot_i16x8_s(a, b0));
    c11 = i32x4.add(c11, i32x4.dot_i16x8_s(a, b1));
    rows += row;
    a = v128.load64_splat(rows);
    c20 = i32x4.add(c20, i32x4.dot_i16x8_s(a, b0));
    c21 = i32x4.add(c21, i32x4.dot_i16x8_s(a, b1));
    rows += row;
    a = v128.load64_splat(rows);
    c30 = i32x4.add(c30, i32x4.dot_i16x8_s(a, b0));
    c31 = i32x4.add(c31, i32x4.dot_i16x8_s(a, b1));
    rows += row;
    a = v128.load64_splat(rows);
    c40 = i32x4.add(c40, i32x4.dot_i16x8_s(a, b0));
    c41 = i32x4.add(c41, i32x4.dot_i16x8_s(a, b1));
    rows += onward;
  }
  v128.store(sums, addPairs(c00, c01));
  v128.store(sums, addPairs(c10, c11), 32);
  v128.store(sums, addPairs(c20, c21), 64);
  v128.store(sums, addPairs(c30, c31), 96);
  v128.store(sums, addPairs(c40, c41), 128);
}

// @ts-ignore: decorator
@inline
function addPairs(low: v128, high: v128): v128 {
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  return i32x4.add(even, v128.shuffle<i32>(low, high, 1, 3, 5, 7));
}

/** `count` rows of a tile: scaled, with bias, activation and residual. Panels have scales for all columns. */
export function finishTile(
  tile: usize,
  sums: usize,
  scales: usize,
  count: i32,
  columnScales: usize,
  bias: usize,
  residual: usize,
  activation: i32,
  c: usize,
  cRow: usize,
  width: i32,
): void {
  const lowScales = v128.load(columnScales), highScales = v128.load(columnScales, 16);
  let lowBias = f32x4.splat(0), highBias = lowBias;
  if (bias) {
    lowBias = v128.load(bias);
    if (width > LANES) highBias = v128.load(bias, 16);
  }
  for (; count > 0; count--) {
    const sum = v128.load32_splat(sums);
    const scale = v128.load32_splat(scales);
    let low = scaled(v128.load(tile), sum, f32x4.mul(scale, lowScales), lowBias);
    let high = scaled(v128.load(tile, 16), sum, f32x4.mul(scale, highScales), highBias);
    if (activation != NONE) {
      low = activate(low, activation);
      high = activate(high, activation);
    }
    if (residual) {
      low = f32x4.add(low, v128.load(residual));
      if (width > LANES) high = f32x4.add(high, v128.load(residual, 16));
      residual += cRow;
    }
    if (width == PANEL) {
      v128.store(c, low);
      v128.store(c, high, 16);
    } else if (width >= LANES) {
      v128.store(c, low);
      if (width > LANES) storeLanes(c + 16, high, width - LANES);
    } else storeLanes(c, low, width);
    c += cRow;
    tile += SUM_ROW;
    sums += 4;
    scales += 4;
  }
}

// @ts-ignore: decorator
@inline
function scaled(product: v128, sum: v128, scale: v128, bias: v128): v128 {
  const exact = f32x4.convert_i32x4_s(i32x4.sub(product, sum));
  return f32x4.add(f32x4.mul(exact, scale), bias);
}
