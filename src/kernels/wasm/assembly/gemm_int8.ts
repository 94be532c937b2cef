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
// A tile is ROWS by 8: ten accumulators, two vectors of B and one of A leave two registers to engines that make
// a dot product of several instructions. The innermost loop reads A at one index for all rows.
//
// Cache: a panel of B stays in L1 while all rows of a block pass by; a block of A stays in L2.
import { activate, NONE } from "./activation";
import { QUAD, QUAD_BYTES, STEP_BYTES } from "./quantize";
import { LANES, storeLanes } from "./simd";
import { fetchPanels, PANEL } from "./tile";

/** Rows of a tile. */
const ROWS: i32 = 5;
/** Rows of a unit; `../gemm_int8.ts` has the same. */
const BLOCK_ROWS: i32 = 120;
/** Bytes from one row of A to the next quad. */
const STEP: usize = <usize>(QUAD * STEP_BYTES);
/** Bytes of a row of a tile's sums. */
const SUM_ROW: usize = <usize>(PANEL << 2);

/**
 * Units: panels of B for each block of rows, panels running fastest.
 *
 * @param a rows of bytes from `quantizeRows`, `aRow` apart
 * @param scales,sums of the rows, from there
 * @param panels,columnScales from `packInt8`
 * @param scratch per thread room for the sums of a tile
 */
export function gemmInt8(
  thread: i32, begin: i32, end: i32,
  a: usize, aRow: usize, scales: usize, sums: usize, quads: i32,
  panels: usize, columnScales: usize,
  c: usize, cRow: usize, rows: i32, columns: i32,
  bias: usize, residual: usize, activation: i32,
  scratch: usize, scratchBytes: usize,
): void {
  const tile = scratch + <usize>thread * scratchBytes;
  const panelCount = (columns + PANEL - 1) / PANEL;
  const panelBytes = <usize>quads * QUAD_BYTES;
  for (let unit = begin; unit < end; unit++) {
    const number = unit % panelCount;
    const panel = panels + <usize>number * panelBytes;
    const offset = <usize>(number * PANEL) << 2;
    const width = min(PANEL, columns - number * PANEL);
    const firstRow = (unit / panelCount) * BLOCK_ROWS;
    const lastRow = min(rows, firstRow + BLOCK_ROWS);
    fetchPanels(panel, panelBytes, tile);
    for (let row = firstRow; row < lastRow; row += ROWS) {
      const count = min(ROWS, lastRow - row);
      multiplyTile(a + <usize>row * aRow, aRow, count, panel, quads, tile);
      for (let i = 0; i < count; i++) {
        const at = <usize>(row + i);
        const place = at * cRow + offset;
        finishRow(
          tile + <usize>i * SUM_ROW,
          load<i32>(sums + (at << 2)),
          load<f32>(scales + (at << 2)),
          columnScales + offset,
          bias ? bias + offset : 0,
          residual ? residual + place : 0,
          activation,
          c + place,
          width,
        );
      }
    }
  }
}

/** Sums of `count` rows by 8 columns. Rows past `count` repeat the last, and are thrown away. */
function multiplyTile(
  a: usize,
  aRow: usize,
  count: i32,
  panel: usize,
  quads: i32,
  sums: usize,
): void {
  const a1 = count > 1 ? a + aRow : a;
  const a2 = count > 2 ? a1 + aRow : a1;
  const a3 = count > 3 ? a2 + aRow : a2;
  const a4 = count > 4 ? a3 + aRow : a3;
  if (ASC_FEATURE_RELAXED_SIMD) {
    dotBytes(a, a1, a2, a3, a4, panel, quads, sums);
  } else {
    dotHalf(a, a1, a2, a3, a4, panel, quads, sums);
    dotHalf(a, a1, a2, a3, a4, panel + 16, quads, sums + 16);
  }
}

/** Each dot product adds four products to each of four columns. */
function dotBytes(
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize,
  panel: usize, quads: i32, sums: usize,
): void {
  const zero = i32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero;
  const end = panel + <usize>quads * QUAD_BYTES;
  for (let at: usize = 0; panel < end; panel += QUAD_BYTES, at += STEP) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let a = v128.load32_splat(a0 + at);
    c00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c00);
    c01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c01);
    a = v128.load32_splat(a1 + at);
    c10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c10);
    c11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c11);
    a = v128.load32_splat(a2 + at);
    c20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c20);
    c21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c21);
    a = v128.load32_splat(a3 + at);
    c30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c30);
    c31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c31);
    a = v128.load32_splat(a4 + at);
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

/** Four of the 8 columns with operands of 16 bits: each dot product has two lanes for each of two columns. */
function dotHalf(
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize,
  panel: usize, quads: i32, sums: usize,
): void {
  const zero = i32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero;
  const end = panel + <usize>quads * QUAD_BYTES;
  for (let at: usize = 0; panel < end; panel += QUAD_BYTES, at += STEP) {
    const b0 = v128.load_ext<i8>(panel);
    const b1 = v128.load_ext<i8>(panel, 8);
    let a = v128.load64_splat(a0 + at);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(a, b0));
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(a, b1));
    a = v128.load64_splat(a1 + at);
    c10 = i32x4.add(c10, i32x4.dot_i16x8_s(a, b0));
    c11 = i32x4.add(c11, i32x4.dot_i16x8_s(a, b1));
    a = v128.load64_splat(a2 + at);
    c20 = i32x4.add(c20, i32x4.dot_i16x8_s(a, b0));
    c21 = i32x4.add(c21, i32x4.dot_i16x8_s(a, b1));
    a = v128.load64_splat(a3 + at);
    c30 = i32x4.add(c30, i32x4.dot_i16x8_s(a, b0));
    c31 = i32x4.add(c31, i32x4.dot_i16x8_s(a, b1));
    a = v128.load64_splat(a4 + at);
    c40 = i32x4.add(c40, i32x4.dot_i16x8_s(a, b0));
    c41 = i32x4.add(c41, i32x4.dot_i16x8_s(a, b1));
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

/** One row of a tile: scaled, with bias, activation and residual. */
// @ts-ignore: decorator
@inline
function finishRow(
  sums: usize,
  sum: i32,
  scale: f32,
  columnScales: usize,
  bias: usize,
  residual: usize,
  activation: i32,
  c: usize,
  width: i32,
): void {
  const offset = i32x4.splat(sum);
  const rowScale = f32x4.splat(scale);
  for (let column = 0; column < width; column += LANES) {
    const at = <usize>column << 2;
    const product = f32x4.convert_i32x4_s(i32x4.sub(v128.load(sums + at), offset));
    let value = f32x4.mul(product, f32x4.mul(rowScale, v128.load(columnScales + at)));
    if (bias) value = f32x4.add(value, v128.load(bias + at));
    if (activation != NONE) value = activate(value, activation);
    if (residual) value = f32x4.add(value, v128.load(residual + at));
    if (width - column >= LANES) v128.store(c + at, value);
    else storeLanes(c + at, value, width - column);
  }
}
