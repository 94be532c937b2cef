/**
 * The codebooks of a Vorbis file: Huffman codes of entries, and the vectors that entries stand for.
 *
 * A header of a few bytes may declare millions of entries, so all books of a file share one budget.
 * Follows the Vorbis I specification, section 3.
 *
 * @module
 */

import { bitsOf, type LsbBitReader } from "./_lsb_bit_reader.ts";

/** A header that breaks the rules. */
export class BadSetup extends RangeError {}

/** What all codebooks of a file may still allocate, in numbers. */
export interface SetupBudget {
  numbers: number;
}

/** The numbers that the largest honest set of books takes, several times over. */
export const MAX_SETUP_NUMBERS = 2 ** 22;

const SYNC = 0x564342;

/** A node of the tree that has no child there yet; entry `e` is `-2 - e`, a node its place. */
const NOTHING = -1;
const MAX_LENGTH = 32;

/** Bits of a code that are looked up at once; their number takes 4 bits beside the entry. */
const START_BITS = 10;
const LENGTH_BITS = 4;
const LENGTH_MASK = 2 ** LENGTH_BITS - 1;

/** One codebook. */
export class Codebook {
  /** Numbers of a vector. */
  readonly dimensions: number;
  /** Vectors by entry, where the book has any. Shape: `[entries, dimensions]`. */
  readonly vectors?: Float64Array;
  readonly #tree: Int32Array;
  /** By the next bits: an entry with the length of its code, or the node at which a longer one goes on. */
  readonly #starts: Int32Array;

  /** Reads a codebook from the setup header. */
  constructor(bits: LsbBitReader, budget: SetupBudget) {
    if (bits.read(24) !== SYNC) throw new BadSetup("other bytes in the place of a codebook");
    this.dimensions = bits.read(16);
    const entries = bits.read(24);
    if (this.dimensions === 0 || entries === 0) throw new BadSetup("an empty codebook");
    spend(budget, 4 * entries);
    const lengths = readLengths(bits, entries);
    this.#tree = treeOf(lengths);
    this.#starts = startsOf(this.#tree, longestOf(lengths));
    this.vectors = readVectors(bits, entries, this.dimensions, budget);
  }

  /** Reads one entry's number. */
  readEntry(bits: LsbBitReader): number {
    const start = bits.lookUp(this.#starts, LENGTH_MASK);
    if (start >= 0) return start >> LENGTH_BITS;
    const tree = this.#tree;
    let node = -1 - (start >> LENGTH_BITS);
    do node = tree[2 * node + bits.readBit()]!; while (node >= 0);
    return -2 - node;
  }

  /**
   * Reads entries and adds their vectors to `out`, one after the other, from `start` to before `end`.
   *
   * The place in the packet is a local variable while whole words can be read, and short codes are found at once.
   */
  addVectors(bits: LsbBitReader, out: Float64Array, start: number, end: number): void {
    const { dimensions } = this;
    const vectors = this.vectors!;
    const starts = this.#starts;
    const mask = starts.length - 1;
    const { view } = bits;
    const lastWord = bits.end - 32;
    const isPairs = dimensions === 2 && (end - start) % 2 === 0;
    let position = bits.position;
    for (let at = start; at < end; at += dimensions) {
      let entry = -1;
      if (position <= lastWord) {
        const word = view.getInt32(position >> 3, true) >>> (position & 7);
        const found = starts[word & mask]!;
        entry = found >> LENGTH_BITS;
        if (entry >= 0) position += found & LENGTH_MASK;
      }
      if (entry < 0) {
        bits.position = position;
        entry = this.readEntry(bits);
        position = bits.position;
      }
      if (isPairs) {
        out[at]! += vectors[2 * entry]!;
        out[at + 1]! += vectors[2 * entry + 1]!;
        continue;
      }
      const stop = Math.min(at + dimensions, end);
      for (let i = at, from = entry * dimensions; i < stop; i++, from++) out[i]! += vectors[from]!;
    }
    bits.position = position;
  }
}

function longestOf(lengths: Uint8Array): number {
  return lengths.reduce((longest, length) => Math.max(longest, length), 1);
}

/** Walks the tree for every value of the next bits, as few as the longest code has. */
function startsOf(tree: Int32Array, longest: number): Int32Array {
  const width = Math.min(longest, START_BITS);
  return Int32Array.from({ length: 2 ** width }, (_, bits) => {
    let node = 0;
    for (let length = 1; length <= width; length++) {
      node = tree[2 * node + (bits >> length - 1 & 1)]!;
      if (node < 0) return (-2 - node) << LENGTH_BITS | length;
    }
    return (-1 - node) << LENGTH_BITS | width;
  });
}

function spend(budget: SetupBudget, numbers: number): void {
  budget.numbers -= numbers;
  if (budget.numbers < 0) throw new BadSetup("codebooks larger than any encoder's");
}

/** Bits of each entry's code, 0 for an entry that is not in use. */
function readLengths(bits: LsbBitReader, entries: number): Uint8Array {
  const lengths = new Uint8Array(entries);
  if (bits.readFlag()) {
    let length = bits.read(5) + 1;
    for (let i = 0; i < entries; length++) {
      const count = bits.read(bitsOf(entries - i));
      if (i + count > entries || length > MAX_LENGTH) throw new BadSetup("too many codes");
      lengths.fill(length, i, i + count);
      i += count;
    }
    return lengths;
  }
  const isSparse = bits.readFlag();
  for (let i = 0; i < entries; i++) {
    if (!isSparse || bits.readFlag()) lengths[i] = bits.read(5) + 1;
  }
  return lengths;
}

/** Gives each entry, in order, the lowest code of its length that is free, as a binary tree. */
function treeOf(lengths: Uint8Array): Int32Array {
  const used = lengths.reduce((count, length) => count + (length > 0 ? 1 : 0), 0);
  if (used === 0) return Int32Array.of(-2, -2);
  const only = used === 1 ? lengths.findIndex((length) => length > 0) : -1;
  // A lone entry takes a bit of either value.
  if (only >= 0) return Int32Array.of(-2 - only, -2 - only);
  const tree = new Int32Array(2 * (used - 1)).fill(NOTHING); // a full tree has used - 1 nodes
  const free = new Float64Array(MAX_LENGTH + 1); // next free code by length
  let nodes = 1;
  for (const [entry, length] of lengths.entries()) {
    if (length === 0) continue;
    nodes = insert(tree, nodes, takeCode(free, length), length, entry);
  }
  if (tree.includes(NOTHING)) throw new BadSetup("codes that leave gaps");
  return tree;
}

/** The lowest free code of a length; what it makes unfree is noted for all lengths. */
function takeCode(free: Float64Array, length: number): number {
  const code = free[length]!;
  if (code >= 2 ** length) throw new BadSetup("too many codes");
  for (let i = length; i > 0; i--) {
    if (free[i]! % 2 === 1) {
      free[i] = i === 1 ? free[i]! + 1 : free[i - 1]! * 2;
      break;
    }
    free[i]!++;
  }
  for (let i = length + 1, taken = code; i <= MAX_LENGTH; i++) {
    if (Math.floor(free[i]! / 2) !== taken) break;
    taken = free[i]!;
    free[i] = free[i - 1]! * 2;
  }
  return code;
}

/** Adds a code to the tree; returns how many nodes there are then. */
function insert(
  tree: Int32Array,
  nodes: number,
  code: number,
  length: number,
  entry: number,
): number {
  let node = 0;
  for (let bit = length - 1; bit > 0; bit--) {
    const at = 2 * node + (Math.floor(code / 2 ** bit) & 1);
    if (tree[at] === NOTHING) {
      if (2 * nodes >= tree.length) throw new BadSetup("codes that leave gaps");
      tree[at] = nodes++;
    }
    node = tree[at]!;
    if (node < 0) throw new BadSetup("a code within another");
  }
  tree[2 * node + code % 2] = -2 - entry;
  return nodes;
}

/** The vectors, from a grid of values that all dimensions share or from a list of all of them. */
function readVectors(
  bits: LsbBitReader,
  entries: number,
  dimensions: number,
  budget: SetupBudget,
): Float64Array | undefined {
  const kind = bits.read(4);
  if (kind === 0) return undefined;
  if (kind > 2) throw new BadSetup(`vectors of reserved kind ${kind}`);
  const least = readFloat(bits);
  const step = readFloat(bits);
  const valueBits = bits.read(4) + 1;
  const isCumulative = bits.readFlag();
  const count = kind === 1 ? gridSize(entries, dimensions) : entries * dimensions;
  spend(budget, entries * dimensions);
  const values = Float64Array.from({ length: count }, () => bits.read(valueBits) * step + least);
  const vectors = new Float64Array(entries * dimensions);
  for (let entry = 0; entry < entries; entry++) {
    let last = 0;
    let rest = entry;
    for (let i = 0; i < dimensions; i++) {
      const at = kind === 1 ? rest % count : entry * dimensions + i;
      rest = Math.floor(rest / count);
      const value = values[at]! + last;
      vectors[entry * dimensions + i] = value;
      if (isCumulative) last = value;
    }
  }
  return vectors;
}

/** The most values a dimension can have where every combination is an entry. */
function gridSize(entries: number, dimensions: number): number {
  let size = Math.floor(entries ** (1 / dimensions));
  while ((size + 1) ** dimensions <= entries) size++;
  while (size ** dimensions > entries) size--;
  return size;
}

/** A float in the format of Vorbis: sign, 10 bits of exponent, 21 of mantissa. */
function readFloat(bits: LsbBitReader): number {
  const mantissa = bits.read(21);
  const exponent = bits.read(10);
  const sign = bits.readFlag() ? -1 : 1;
  return sign * mantissa * 2 ** (exponent - 788);
}
