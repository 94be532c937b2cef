/**
 * The floor of a Vorbis block: the rough shape of the spectrum, straight lines in decibels.
 *
 * Only floor 1 is read; floor 0 was given up before Vorbis 1.0 had an encoder that used it.
 * Follows the Vorbis I specification, section 7.
 *
 * @module
 */

import { bitsOf, type LsbBitReader } from "./_lsb_bit_reader.ts";
import { BadSetup, type Codebook } from "./_vorbis_codebook.ts";

/** How a file writes one kind of floor. */
export interface Floor {
  /** The class of each partition. */
  partitions: number[];
  classes: FloorClass[];
  /** What heights are multiplied with, 1 to 4. */
  multiplier: number;
  /** Frequencies in the order in which they are coded. */
  x: number[];
  /** By point from the third on: the points to the left and right among those before it. */
  neighbours: [low: number, high: number][];
  /** Points from the lowest frequency to the highest. */
  sorted: number[];
}

interface FloorClass {
  dimensions: number;
  subclassBits: number;
  masterBook: number;
  /** Books of the subclasses, -1 for none. */
  books: number[];
}

/** Points that a floor can have. */
export const MAX_POINTS = 65;

/** Heights that a point can have, by multiplier. */
const RANGES = [256, 128, 86, 64];

/** Decibels from one height to the next; the highest is 0. */
const STEP_DB = 140 / 256;

const AMPLITUDES = Float64Array.from({ length: 256 }, (_, i) => 10 ** ((i - 255) * STEP_DB / 20));

/** Reads a floor from the setup header. */
export function readFloor(bits: LsbBitReader, books: number): Floor {
  const kind = bits.read(16);
  if (kind !== 1) throw new BadSetup(`floors of kind ${kind}`);
  const partitions = Array.from({ length: bits.read(5) }, () => bits.read(4));
  const classes = Array.from({ length: Math.max(-1, ...partitions) + 1 }, () => readClass(bits));
  for (const { masterBook, books: own } of classes) {
    if (masterBook >= books || own.some((book) => book >= books)) {
      throw new BadSetup("a floor without its codebook");
    }
  }
  const multiplier = bits.read(2) + 1;
  const rangeBits = bits.read(4);
  const x = [0, 2 ** rangeBits];
  for (const partition of partitions) {
    for (let i = 0; i < classes[partition]!.dimensions; i++) x.push(bits.read(rangeBits));
  }
  if (x.length > MAX_POINTS || new Set(x).size < x.length) {
    throw new BadSetup("a floor with points that coincide");
  }
  const sorted = x.map((_, i) => i).sort((a, b) => x[a]! - x[b]!);
  const neighbours = x.map((_, i) => neighboursOf(x, i));
  return { partitions, classes, multiplier, x, neighbours, sorted };
}

function readClass(bits: LsbBitReader): FloorClass {
  const dimensions = bits.read(3) + 1;
  const subclassBits = bits.read(2);
  const masterBook = subclassBits > 0 ? bits.read(8) : -1;
  const books = Array.from({ length: 2 ** subclassBits }, () => bits.read(8) - 1);
  return { dimensions, subclassBits, masterBook, books };
}

function neighboursOf(x: number[], point: number): [number, number] {
  let [low, high] = [0, 1];
  for (let i = 0; i < point; i++) {
    if (x[i]! < x[point]! && x[i]! > x[low]!) low = i;
    if (x[i]! > x[point]! && x[i]! < x[high]!) high = i;
  }
  return [low, high];
}

/**
 * Reads the heights of one channel's points into `heights`.
 *
 * @returns whether there are any; without, the channel is silent.
 */
export function readHeights(
  bits: LsbBitReader,
  floor: Floor,
  books: readonly Codebook[],
  heights: Int32Array,
): boolean {
  if (!bits.readFlag()) return false;
  const endBits = bitsOf(RANGES[floor.multiplier - 1]! - 1);
  heights[0] = bits.read(endBits);
  heights[1] = bits.read(endBits);
  let point = 2;
  for (const partition of floor.partitions) {
    const { dimensions, subclassBits, masterBook, books: own } = floor.classes[partition]!;
    const mask = (1 << subclassBits) - 1;
    let chosen = subclassBits > 0 ? books[masterBook]!.readEntry(bits) : 0;
    for (let i = 0; i < dimensions; i++) {
      const book = own[chosen & mask]!;
      chosen >>= subclassBits;
      heights[point++] = book < 0 ? 0 : books[book]!.readEntry(bits);
    }
  }
  return true;
}

/** Multiplies a spectrum with the floor that the coded heights draw; `heights` holds its points then. */
export function applyFloor(floor: Floor, heights: Int32Array, spectrum: Float64Array): void {
  const { x, sorted, multiplier } = floor;
  predictHeights(floor, heights);
  let fromX = 0;
  let fromY = heights[0]! * multiplier;
  for (let i = 1; i < sorted.length; i++) {
    const point = sorted[i]!;
    if (heights[point]! < 0) continue;
    const toX = x[point]!;
    const toY = heights[point]! * multiplier;
    scaleAlongLine(spectrum, fromX, fromY, toX, toY);
    fromX = toX;
    fromY = toY;
  }
  scaleAlongLine(spectrum, fromX, fromY, Math.max(spectrum.length, fromX), fromY);
}

/** Which points have a height of their own. */
const isDrawn = new Uint8Array(MAX_POINTS);

/** Undoes the prediction of each height from its two neighbours; -1 for a point that is not drawn. */
function predictHeights({ x, neighbours, multiplier }: Floor, heights: Int32Array): void {
  const range = RANGES[multiplier - 1]!;
  isDrawn.fill(0, 2, x.length);
  for (let i = 2; i < x.length; i++) {
    const low = neighbours[i]![0];
    const high = neighbours[i]![1];
    const expected = pointOnLine(x[low]!, heights[low]!, x[high]!, heights[high]!, x[i]!);
    const value = heights[i]!;
    if (value !== 0) isDrawn[i] = isDrawn[low] = isDrawn[high] = 1;
    heights[i] = unfolded(value, expected, range);
  }
  for (let i = 2; i < x.length; i++) if (isDrawn[i] === 0) heights[i] = -1;
}

/** A height from its distance, which is coded to and fro while there is room on both sides. */
function unfolded(value: number, expected: number, range: number): number {
  const above = range - expected;
  const below = expected;
  if (value >= 2 * Math.min(above, below)) {
    return above > below ? value : range - 1 - value;
  }
  return value % 2 === 1 ? expected - (value + 1) / 2 : expected + value / 2;
}

function pointOnLine(x0: number, y0: number, x1: number, y1: number, x: number): number {
  const offset = Math.floor(Math.abs(y1 - y0) * (x - x0) / (x1 - x0));
  return y1 < y0 ? y0 - offset : y0 + offset;
}

/** Multiplies the numbers from `x0` to before `x1` with the amplitudes on a line. */
function scaleAlongLine(
  spectrum: Float64Array,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  const end = Math.min(x1, spectrum.length);
  const from = heightOf(y0);
  const to = heightOf(y1);
  if (to === from) {
    const amplitude = AMPLITUDES[from]!;
    for (let x = x0; x < end; x++) spectrum[x]! *= amplitude;
    return;
  }
  const run = x1 - x0;
  const sign = to < from ? -1 : 1;
  const distance = to < from ? from - to : to - from;
  // `| 0` keeps whole numbers out of the compiler's floating point.
  const step = distance / run | 0;
  const rest = distance - Math.imul(step, run) | 0;
  const whole = Math.imul(sign, step);
  let y = from;
  let error = rest - run | 0;
  for (let x = x0; x < end; x++) {
    spectrum[x]! *= AMPLITUDES[y]!;
    // All bits where the line has fallen behind, none where it has not: a branch would often be foreseen wrongly.
    const isBehind = ~(error >> 31);
    y = y + whole + (sign & isBehind) | 0;
    error = error + rest - (run & isBehind) | 0;
  }
}

function heightOf(y: number): number {
  return Math.min(Math.max(y, 0), AMPLITUDES.length - 1);
}
