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

const MAX_POINTS = 65;

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

/** Reads the heights of one channel's points, or undefined where the channel is silent. */
export function readHeights(
  bits: LsbBitReader,
  floor: Floor,
  books: readonly Codebook[],
): number[] | undefined {
  if (!bits.readFlag()) return undefined;
  const endBits = bitsOf(RANGES[floor.multiplier - 1]! - 1);
  const heights = [bits.read(endBits), bits.read(endBits)];
  for (const partition of floor.partitions) {
    const { dimensions, subclassBits, masterBook, books: own } = floor.classes[partition]!;
    let chosen = subclassBits > 0 ? books[masterBook]!.readEntry(bits) : 0;
    for (let i = 0; i < dimensions; i++) {
      const book = own[chosen % 2 ** subclassBits]!;
      chosen = Math.floor(chosen / 2 ** subclassBits);
      heights.push(book < 0 ? 0 : books[book]!.readEntry(bits));
    }
  }
  return heights;
}

/** Multiplies a spectrum with the floor that the coded heights draw. */
export function applyFloor(floor: Floor, coded: number[], spectrum: Float64Array): void {
  const { x, sorted, multiplier } = floor;
  const heights = heightsOf(floor, coded);
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

/** Undoes the prediction of each height from its two neighbours; -1 for a point that is not drawn. */
function heightsOf({ x, neighbours, multiplier }: Floor, coded: number[]): Int32Array {
  const range = RANGES[multiplier - 1]!;
  const heights = Int32Array.from(coded);
  const isDrawn = new Uint8Array(x.length);
  isDrawn[0] = isDrawn[1] = 1;
  for (let i = 2; i < x.length; i++) {
    const low = neighbours[i]![0];
    const high = neighbours[i]![1];
    const expected = pointOnLine(x[low]!, heights[low]!, x[high]!, heights[high]!, x[i]!);
    const value = coded[i]!;
    if (value !== 0) isDrawn[i] = isDrawn[low] = isDrawn[high] = 1;
    heights[i] = unfolded(value, expected, range);
  }
  for (let i = 2; i < x.length; i++) if (isDrawn[i] === 0) heights[i] = -1;
  return heights;
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
  const [from, to] = [heightOf(y0), heightOf(y1)];
  const run = x1 - x0;
  const sign = to < from ? -1 : 1;
  const step = Math.floor(Math.abs(to - from) / run);
  const rest = Math.abs(to - from) - step * run;
  if (to === from) {
    const amplitude = AMPLITUDES[from]!;
    for (let x = x0; x < end; x++) spectrum[x]! *= amplitude;
    return;
  }
  const whole = sign * step;
  let y = from;
  for (let x = x0, error = rest; x < end; x++, error += rest) {
    spectrum[x]! *= AMPLITUDES[y]!;
    y += whole;
    if (error < run) continue;
    error -= run;
    y += sign;
  }
}

function heightOf(y: number): number {
  return Math.min(Math.max(y, 0), AMPLITUDES.length - 1);
}
