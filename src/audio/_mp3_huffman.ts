/**
 * The Huffman codes of an MP3 spectrum: pairs of large values, fours of -1, 0 and 1, then zeros.
 *
 * Follows ISO/IEC 11172-3, 2.4.2.7.
 *
 * @module
 */

import type { BitReader } from "./_bit_reader.ts";
import type { Granule } from "./_mp3_side_info.ts";
import { PAIR_CODES, QUAD_CODE } from "./_mp3_tables.ts";

/** A code as a tree, and what is found when its first bits are looked up at once. */
interface Tree {
  /** Two children a node, `-1 - value` for a leaf. */
  nodes: Int16Array;
  /** By the next bits: a value with the length of its code, or `-1 - node` for a longer one. */
  starts: Int16Array;
}

/** Bits that are looked up at once; how many of them a code takes has 4 bits beside its value. */
const START_BITS = 8;
const LENGTH_BITS = 4;

const LINES = 576;

/** Bits that follow a value of 15, by the code's number. */
const EXTRA_BITS = [1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13];
const FIRST_WITH_EXTRA = 16;
const SECOND_WITH_EXTRA = 24;
const ESCAPE = 15;

const trees = new Map<string, Tree>();

/** Reads the whole numbers of a spectrum; what is not coded stays 0. */
export function readSpectrum(
  bits: BitReader,
  granule: Granule,
  end: number,
  spectrum: Float64Array,
): void {
  const lines = Math.min(2 * granule.pairs, LINES);
  let at = 0;
  for (const [region, table] of granule.tables.entries()) {
    const regionEnd = Math.min(granule.regionEnds[region] ?? LINES, lines);
    if (at < regionEnd) readPairs(bits, table, spectrum.subarray(at, regionEnd));
    at = Math.max(at, regionEnd);
  }
  readFours(bits, granule.quadTable, end, spectrum.subarray(at));
}

function readPairs(bits: BitReader, table: number, part: Float64Array): void {
  if (table === 0 || table === 4 || table === 14) return;
  const number = table < FIRST_WITH_EXTRA
    ? table
    : table < SECOND_WITH_EXTRA
    ? FIRST_WITH_EXTRA
    : SECOND_WITH_EXTRA;
  const extraBits = table < FIRST_WITH_EXTRA ? 0 : EXTRA_BITS[table - FIRST_WITH_EXTRA]!;
  const tree = treeOf(PAIR_CODES[number]!, 2);
  for (let i = 0; i + 1 < part.length; i += 2) {
    const pair = readCode(bits, tree);
    part[i] = readValue(bits, pair >> 4, extraBits);
    part[i + 1] = readValue(bits, pair & 15, extraBits);
  }
}

function readValue(bits: BitReader, coded: number, extraBits: number): number {
  if (coded === 0) return 0;
  const value = coded === ESCAPE && extraBits > 0 ? coded + bits.read(extraBits) : coded;
  return bits.read(1) === 1 ? -value : value;
}

/** Reads fours until the granule's bits are used up; one that goes beyond them does not count. */
function readFours(bits: BitReader, table: number, end: number, rest: Float64Array): void {
  for (let at = 0; at + 4 <= rest.length && bits.position < end; at += 4) {
    const four = table === 0 ? readCode(bits, treeOf(QUAD_CODE, 1)) : 15 - bits.read(4);
    for (let i = 0; i < 4; i++) {
      if (four >> 3 - i & 1) rest[at + i] = bits.read(1) === 1 ? -1 : 1;
    }
    if (bits.position > end) rest.fill(0, at, at + 4);
  }
}

function readCode(bits: BitReader, { nodes, starts }: Tree): number {
  const start = starts[bits.peek(START_BITS)]!;
  if (start >= 0) {
    bits.skip(start & (1 << LENGTH_BITS) - 1);
    return start >> LENGTH_BITS;
  }
  bits.skip(START_BITS);
  let node = -1 - start;
  do node = nodes[2 * node + bits.read(1)]!; while (node >= 0);
  return -1 - node;
}

function treeOf(code: string, valueDigits: number): Tree {
  const known = trees.get(code);
  if (known !== undefined) return known;
  const nodes = plant(code, valueDigits);
  const tree = { nodes, starts: startsOf(nodes) };
  trees.set(code, tree);
  return tree;
}

function startsOf(nodes: Int16Array): Int16Array {
  return Int16Array.from({ length: 2 ** START_BITS }, (_, bits) => {
    let node = 0;
    for (let length = 1; length <= START_BITS; length++) {
      node = nodes[2 * node + (bits >> START_BITS - length & 1)]!;
      if (node < 0) return (-1 - node) << LENGTH_BITS | length;
    }
    return -1 - node;
  });
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
