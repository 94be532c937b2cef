/**
 * One channel of an AAC frame: its windows, its scale factors and its quantised lines.
 *
 * Follows ISO/IEC 14496-3, sections 4.4.2 and 4.6.3.
 *
 * @module
 */

import { type Bands, SCALE_BOOK, SPECTRAL_BOOKS } from "./_aac_tables.ts";
import type { BitReader } from "./_bit_reader.ts";

/** A frame that breaks the rules. */
export class BadFrame extends RangeError {}

/** How the block is cut into windows. */
export interface AacWindows {
  /** 0 long, 1 from long to short, 2 eight short ones, 3 from short to long. */
  sequence: number;
  /** Whether the window is that of Kaiser and Bessel, and not a sine. */
  isKaiser: boolean;
  /** Bands that are coded. */
  maxBand: number;
  /** Windows of each group, which share scale factors. */
  groups: readonly number[];
  bands: Bands;
  /** Lines of a window. */
  lines: number;
}

/** A filter that shapes noise in time. */
export interface ShapingFilter {
  bands: number;
  /** Whether it runs from high lines to low ones. */
  isDownward: boolean;
  /** Reflection coefficients. */
  reflections: readonly number[];
}

/** What the bits of a channel say. */
export interface AacChannel {
  windows: AacWindows;
  /** By group and band: the codebook, and the scale factor. */
  books: Uint8Array[];
  scales: Int16Array[];
  /** Quantised lines, window after window. Shape: `[1024]`. */
  lines: Int32Array;
  /** By window. */
  filters: ShapingFilter[][];
}

/** Codebooks that are none: noise, and the two signs of a channel that is taken from the other. */
export const ZERO = 0;
export const NOISE = 13;
export const INTENSITY_OUT = 14;
export const INTENSITY = 15;

export const BLOCK_LINES = 1_024;
const SHORT_LINES = 128;
const SHORT_WINDOWS = 8;
const EIGHT_SHORT = 2;

const RESERVED_BOOK = 12;
const ESCAPE_BOOK = 11;
const NOISE_OFFSET = 90;
const NO_DIFFERENCE = 60;
const MAX_SCALE = 255;

/** Values of a line by codebook: 4 or 2 lines a symbol, of -max to max or, with signs apart, 0 to max. */
const BOOK_SHAPES = [1, 1, 2, 2, 4, 4, 7, 7, 12, 12, 16].map((max, i) => ({
  dimensions: i < 4 ? 4 : 2,
  isSigned: [0, 1, 4, 5].includes(i),
  max,
}));

const ESCAPE_VALUE = 16;
const MAX_ESCAPE_BITS = 13;

/** A canonical Huffman code. */
class HuffmanBook {
  /** By length: the first code past it, at the upper end of 20 bits. */
  readonly #limits: number[] = [];
  readonly #firsts: number[] = [];
  readonly #offsets: number[] = [];
  readonly #symbols: Uint16Array;

  constructor({ counts, symbols }: typeof SCALE_BOOK) {
    this.#symbols = Uint16Array.from(
      { length: symbols.length / 2 },
      (_, i) => parseInt(symbols.slice(2 * i, 2 * i + 2), 36),
    );
    let code = 0;
    let offset = 0;
    for (const [i, count] of counts.entries()) {
      this.#firsts.push(code);
      this.#offsets.push(offset);
      code += count;
      offset += count;
      this.#limits.push(code * 2 ** (PEEK_BITS - 1 - i));
      code *= 2;
    }
  }

  read(bits: BitReader): number {
    const next = bits.peek(PEEK_BITS);
    let length = 0;
    while (next >= this.#limits[length]!) length++;
    bits.skip(length + 1);
    const code = next >> PEEK_BITS - 1 - length;
    return this.#symbols[this.#offsets[length]! + code - this.#firsts[length]!]!;
  }
}

/** More than the longest code. */
const PEEK_BITS = 20;

let spectral: HuffmanBook[] | undefined;
let scale: HuffmanBook | undefined;

/** Reads how a block is cut into windows. */
export function readWindows(bits: BitReader, bands: { long: Bands; short: Bands }): AacWindows {
  bits.skip(1);
  const sequence = bits.read(2);
  const isKaiser = bits.read(1) === 1;
  const isShort = sequence === EIGHT_SHORT;
  const own = isShort ? bands.short : bands.long;
  const maxBand = bits.read(isShort ? 4 : 6);
  const groups = isShort ? readGroups(bits) : [1];
  if (!isShort && bits.read(1) === 1) throw new BadFrame("prediction, which AAC-LC has not");
  if (maxBand > own.starts.length - 1) throw new BadFrame("more bands than there are");
  const lines = isShort ? SHORT_LINES : BLOCK_LINES;
  return { sequence, isKaiser, maxBand, groups, bands: own, lines };
}

function readGroups(bits: BitReader): number[] {
  const groups = [1];
  for (let i = 1; i < SHORT_WINDOWS; i++) {
    if (bits.read(1) === 1) groups[groups.length - 1]!++;
    else groups.push(1);
  }
  return groups;
}

/** Reads one channel; `shared` are the windows of a pair that has them in common. */
export function readChannel(
  bits: BitReader,
  bands: { long: Bands; short: Bands },
  shared?: AacWindows,
): AacChannel {
  const gain = bits.read(8);
  const windows = shared ?? readWindows(bits, bands);
  const books = readBooks(bits, windows);
  const scales = readScales(bits, books, gain);
  const pulses = bits.read(1) === 1 ? readPulses(bits, windows) : [];
  const filters = bits.read(1) === 1 ? readFilters(bits, windows) : [];
  if (bits.read(1) === 1) throw new BadFrame("gain control, which AAC-LC has not");
  const lines = readLines(bits, windows, books);
  for (const { at, by } of pulses) {
    if (at < BLOCK_LINES) lines[at]! += lines[at]! > 0 ? by : -by;
  }
  return { windows, books, scales, lines, filters };
}

/** The codebook of every band, as runs of one. */
function readBooks(bits: BitReader, { maxBand, groups, sequence }: AacWindows): Uint8Array[] {
  const runBits = sequence === EIGHT_SHORT ? 3 : 5;
  const more = 2 ** runBits - 1;
  return groups.map(() => {
    const books = new Uint8Array(maxBand);
    for (let band = 0; band < maxBand;) {
      const book = bits.read(4);
      if (book === RESERVED_BOOK) throw new BadFrame("a reserved codebook");
      let end = band;
      let run: number;
      do end += run = bits.read(runBits); while (run === more);
      if (end > maxBand) throw new BadFrame("a run past the last band");
      books.fill(book, band, end);
      band = end;
    }
    return books;
  });
}

/** The scale factors, as differences: one sequence for lines, noise and places between the channels. */
function readScales(bits: BitReader, books: Uint8Array[], gain: number): Int16Array[] {
  scale ??= new HuffmanBook(SCALE_BOOK);
  let [level, place, noise] = [gain, 0, gain - NOISE_OFFSET];
  let isFirstNoise = true;
  return books.map((list) => {
    const scales = new Int16Array(list.length);
    for (const [band, book] of list.entries()) {
      if (book === ZERO) continue;
      if (book === NOISE) {
        noise += isFirstNoise ? bits.read(9) - 256 : scale!.read(bits) - NO_DIFFERENCE;
        isFirstNoise = false;
        scales[band] = noise;
      } else if (book >= INTENSITY_OUT) {
        place += scale!.read(bits) - NO_DIFFERENCE;
        scales[band] = place;
      } else {
        level += scale!.read(bits) - NO_DIFFERENCE;
        if (level < 0 || level > MAX_SCALE) throw new BadFrame("a scale factor out of range");
        scales[band] = level;
      }
    }
    return scales;
  });
}

function readPulses(
  bits: BitReader,
  { sequence, bands }: AacWindows,
): { at: number; by: number }[] {
  if (sequence === EIGHT_SHORT) throw new BadFrame("pulses in short windows");
  const count = bits.read(2) + 1;
  let at = bands.starts[bits.read(6)] ?? BLOCK_LINES;
  return Array.from({ length: count }, () => ({ at: at += bits.read(5), by: bits.read(4) }));
}

function readFilters(bits: BitReader, { sequence, groups }: AacWindows): ShapingFilter[][] {
  const isShort = sequence === EIGHT_SHORT;
  const windows = groups.reduce((a, b) => a + b, 0);
  return Array.from({ length: windows }, () => {
    const count = bits.read(isShort ? 1 : 2);
    const codeBits = count > 0 ? 3 + bits.read(1) : 0;
    return Array.from({ length: count }, () => {
      const bands = bits.read(isShort ? 4 : 6);
      const order = bits.read(isShort ? 3 : 5);
      if (order > (isShort ? 7 : 12)) throw new BadFrame("a noise filter longer than allowed");
      if (order === 0) return { bands, isDownward: false, reflections: [] };
      const isDownward = bits.read(1) === 1;
      const written = codeBits - bits.read(1);
      const reflections = Array.from({ length: order }, () => {
        return reflectionOf(bits.readSigned(written), codeBits);
      });
      return { bands, isDownward, reflections };
    });
  });
}

/** A reflection coefficient from its code, along a sine. */
function reflectionOf(code: number, codeBits: number): number {
  const half = 2 ** (codeBits - 1) + (code < 0 ? 0.5 : -0.5);
  return Math.sin(code * Math.PI / 2 / half);
}

function readLines(bits: BitReader, windows: AacWindows, books: Uint8Array[]): Int32Array {
  const lines = new Int32Array(BLOCK_LINES);
  const { starts } = windows.bands;
  let first = 0;
  for (const [group, count] of windows.groups.entries()) {
    for (const [band, book] of books[group]!.entries()) {
      if (book === ZERO || book > ESCAPE_BOOK) continue;
      for (let window = first; window < first + count; window++) {
        const start = window * windows.lines;
        readBand(bits, book, lines.subarray(start + starts[band]!, start + starts[band + 1]!));
      }
    }
    first += count;
  }
  return lines;
}

function readBand(bits: BitReader, number: number, lines: Int32Array): void {
  spectral ??= SPECTRAL_BOOKS.map((book) => new HuffmanBook(book));
  const book = spectral[number - 1]!;
  const { dimensions, isSigned, max } = BOOK_SHAPES[number - 1]!;
  const base = isSigned ? 2 * max + 1 : max + 1;
  const least = isSigned ? -max : 0;
  for (let at = 0; at < lines.length; at += dimensions) {
    let symbol = book.read(bits);
    for (let i = dimensions - 1; i >= 0; i--) {
      lines[at + i] = symbol % base + least;
      symbol = Math.floor(symbol / base);
    }
    if (isSigned) continue;
    for (let i = 0; i < dimensions; i++) {
      if (lines[at + i] !== 0 && bits.read(1) === 1) lines[at + i]! *= -1;
    }
    if (number !== ESCAPE_BOOK) continue;
    for (let i = 0; i < dimensions; i++) {
      const value = lines[at + i]!;
      if (Math.abs(value) === ESCAPE_VALUE) lines[at + i] = Math.sign(value) * readEscape(bits);
    }
  }
}

/** A value of 16 or more: how many bits it has in ones, then all of them but the first. */
function readEscape(bits: BitReader): number {
  let width = 4;
  while (bits.read(1) === 1) {
    if (++width > MAX_ESCAPE_BITS) throw new BadFrame("a line out of range");
  }
  return 2 ** width + bits.read(width);
}
