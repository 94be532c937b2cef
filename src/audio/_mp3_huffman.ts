/**
 * The Huffman codes of an MP3 spectrum: pairs of large values, fours of -1, 0 and 1, then zeros.
 *
 * Follows ISO/IEC 11172-3, 2.4.2.7.
 *
 * @module
 */

import { type BitReader, OutOfBits, wordAt } from "./_bit_reader.ts";
import type { Granule } from "./_mp3_side_info.ts";
import { PAIR_CODES, QUAD_CODE } from "./_mp3_tables.ts";

/**
 * A code as a table: by the next bits a value with the length of its code, or below 0 where to look the
 * rest of a longer one up, and by how many bits: `-(at << 4 | bits)`.
 */
type CodeTable = Int16Array;

/** Bits that are looked up first; how many bits a code takes has 4 bits beside its value. */
const START_BITS = 9;
const LENGTH_BITS = 4;
const LENGTH_MASK = 2 ** LENGTH_BITS - 1;

const LINES = 576;

/** Bits that follow a value of 15, by the code's number. */
const EXTRA_BITS = [1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13];
const FIRST_WITH_EXTRA = 16;
const SECOND_WITH_EXTRA = 24;
const ESCAPE = 15;

/** What coded values stand for: their powers of 4/3, each followed by the same with a minus. */
const POWERS = Float64Array.from({ length: 2 * (ESCAPE + 2 ** 13) }, (_, i) => {
  const power = (i >> 1) ** (4 / 3);
  return i % 2 === 1 && i > 1 ? -power : power;
});

const pairTables: (CodeTable | undefined)[] = [];
let quadTable: CodeTable | undefined;

/**
 * Reads the numbers of a spectrum, raised to 4/3; what is not coded must be 0 before.
 *
 * @returns the lines up to which numbers may be other than 0.
 * @throws {OutOfBits} where the bytes end within them.
 */
export function readSpectrum(
  bits: BitReader,
  granule: Granule,
  end: number,
  spectrum: Float64Array,
): number {
  const lines = Math.min(2 * granule.pairs, LINES);
  let at = 0;
  for (let region = 0; region < granule.tables.length; region++) {
    const regionEnd = Math.min(granule.regionEnds[region] ?? LINES, lines);
    if (at < regionEnd) readPairs(bits, granule.tables[region]!, spectrum, at, regionEnd);
    at = Math.max(at, regionEnd);
  }
  return readFours(bits, granule.quadTable, end, spectrum, at);
}

function readPairs(
  bits: BitReader,
  table: number,
  spectrum: Float64Array,
  start: number,
  end: number,
): void {
  if (table === 0 || table === 4 || table === 14) return;
  if (table >= FIRST_WITH_EXTRA) return readLargePairs(bits, table, spectrum, start, end);
  const codes = pairTable(table);
  const { bytes } = bits;
  let at = bits.position;
  for (let i = start; i + 1 < end; i += 2) {
    // The longest code and two signs take 21 of the 25 bits or more that are there.
    let word = wordAt(bytes, at >> 3) << (at & 7);
    let pair = codes[word >>> 32 - START_BITS]!;
    if (pair < 0) {
      const rest = -pair & LENGTH_MASK;
      pair = codes[(-pair >> LENGTH_BITS) + (word << START_BITS >>> 32 - rest)]!;
      word <<= START_BITS;
      at += START_BITS;
    }
    const length = pair & LENGTH_MASK;
    const first = pair >> 8;
    const second = pair >> LENGTH_BITS & 15;
    word <<= length;
    // Without branches: a sign follows only what is not 0.
    const signs = -first >>> 31;
    spectrum[i] = POWERS[first << 1 | word >>> 31]!;
    spectrum[i + 1] = POWERS[second << 1 | word << signs >>> 31]!;
    at += length + signs + (-second >>> 31);
  }
  goOn(bits, at);
}

/** Reads pairs by a code in which more bits follow a value of 15. */
function readLargePairs(
  bits: BitReader,
  table: number,
  spectrum: Float64Array,
  start: number,
  end: number,
): void {
  const extraBits = EXTRA_BITS[table - FIRST_WITH_EXTRA]!;
  const codes = pairTable(table);
  const { bytes } = bits;
  let at = bits.position;
  for (let i = start; i + 1 < end; i += 2) {
    let word = wordAt(bytes, at >> 3) << (at & 7);
    let pair = codes[word >>> 32 - START_BITS]!;
    if (pair < 0) {
      const rest = -pair & LENGTH_MASK;
      pair = codes[(-pair >> LENGTH_BITS) + (word << START_BITS >>> 32 - rest)]!;
      word <<= START_BITS;
      at += START_BITS;
    }
    word <<= pair & LENGTH_MASK;
    at += pair & LENGTH_MASK;
    let first = pair >> 8;
    let second = pair >> LENGTH_BITS & 15;
    if (first === ESCAPE) {
      first += wordAt(bytes, at >> 3) << (at & 7) >>> 32 - extraBits;
      at += extraBits;
      word = wordAt(bytes, at >> 3) << (at & 7);
    }
    spectrum[i] = POWERS[first << 1 | word >>> 31]!;
    word <<= -first >>> 31;
    at += -first >>> 31;
    if (second === ESCAPE) {
      second += wordAt(bytes, at >> 3) << (at & 7) >>> 32 - extraBits;
      at += extraBits;
      word = wordAt(bytes, at >> 3) << (at & 7);
    }
    spectrum[i + 1] = POWERS[second << 1 | word >>> 31]!;
    at += -second >>> 31;
  }
  goOn(bits, at);
}

/** Reads fours until the granule's bits are used up; one that goes beyond them does not count. */
function readFours(
  bits: BitReader,
  table: number,
  end: number,
  spectrum: Float64Array,
  start: number,
): number {
  const codes = quadTable ??= tableOf(QUAD_CODE, 1);
  const { bytes } = bits;
  let at = bits.position;
  let i = start;
  for (; i + 4 <= LINES && at < end; i += 4) {
    let word = wordAt(bytes, at >> 3) << (at & 7);
    const found = table === 0 ? codes[word >>> 32 - START_BITS]! : (15 - (word >>> 28)) << 4 | 4;
    const four = found >> LENGTH_BITS;
    const length = found & LENGTH_MASK;
    word <<= length;
    at += length;
    for (let k = 0; k < 4; k++) {
      const one = four >> 3 - k & 1;
      spectrum[i + k] = POWERS[one << 1 | word >>> 31]!;
      word <<= one;
      at += one;
    }
    if (at > end) spectrum.fill(0, i, i + 4);
  }
  goOn(bits, at);
  return i;
}

function goOn(bits: BitReader, position: number): void {
  if (position > 8 * bits.bytes.length) throw new OutOfBits("The bytes end too early");
  bits.seek(position);
}

function pairTable(table: number): CodeTable {
  const number = table < FIRST_WITH_EXTRA
    ? table
    : table < SECOND_WITH_EXTRA
    ? FIRST_WITH_EXTRA
    : SECOND_WITH_EXTRA;
  return pairTables[number] ??= tableOf(PAIR_CODES[number]!, 2);
}

function tableOf(code: string, valueDigits: number): CodeTable {
  const nodes = plant(code, valueDigits);
  const table: number[] = [];
  addTable(table, nodes, 0, START_BITS);
  return Int16Array.from(table);
}

/** Adds the table of what follows a node; returns where it begins. */
function addTable(table: number[], nodes: Int16Array, root: number, bits: number): number {
  const start = table.length;
  for (let i = 0; i < 2 ** bits; i++) table.push(0);
  for (let i = 0; i < 2 ** bits; i++) {
    let node = root;
    let length = 0;
    for (; node >= 0 && length < bits; length++) {
      node = nodes[2 * node + (i >> bits - 1 - length & 1)]!;
    }
    if (node < 0) table[start + i] = (-1 - node) << LENGTH_BITS | length;
    else {
      const rest = depthOf(nodes, node);
      table[start + i] = -(addTable(table, nodes, node, rest) << LENGTH_BITS | rest);
    }
  }
  return start;
}

/** Bits of the longest code below a node. */
function depthOf(nodes: Int16Array, node: number): number {
  if (node < 0) return 0;
  return 1 + Math.max(depthOf(nodes, nodes[2 * node]!), depthOf(nodes, nodes[2 * node + 1]!));
}

/** Grows the tree leaf by leaf; each takes the lowest place that is left at its depth. */
function plant(code: string, valueDigits: number): Int16Array {
  const step = 1 + valueDigits;
  const leaves = code.length / step;
  const tree = new Int16Array(2 * (leaves - 1));
  const open: number[] = [0]; // nodes on the way to the next free place, the root first
  const isRight: boolean[] = [false];
  let nodes = 1;
  for (let at = 0; at < code.length; at += step) {
    const depth = parseInt(code[at]!, 36);
    const value = parseInt(code.slice(at + 1, at + step), 16);
    while (open.length < depth) {
      tree[2 * open.at(-1)! + (isRight.at(-1) ? 1 : 0)] = nodes;
      open.push(nodes++);
      isRight.push(false);
    }
    tree[2 * open.at(-1)! + (isRight.at(-1) ? 1 : 0)] = -1 - value;
    while (isRight.at(-1)) {
      open.pop();
      isRight.pop();
    }
    if (open.length > 0) isRight[isRight.length - 1] = true;
  }
  return tree;
}
