/**
 * The residue of a Vorbis block: what is left of the spectrum when its floor is divided out.
 *
 * Up to eight passes add vectors to it, each finer than the one before; a class for each partition
 * says from which books. Follows the Vorbis I specification, section 8.
 *
 * @module
 */

import { OutOfBits } from "./_bit_reader.ts";
import type { LsbBitReader } from "./_lsb_bit_reader.ts";
import { BadSetup, type Codebook } from "./_vorbis_codebook.ts";

/** How a file writes one kind of residue. */
export interface Residue {
  /** 0: vectors are spread over a partition; 1: one after the other; 2: channels interleaved too. */
  kind: number;
  begin: number;
  end: number;
  partitionSize: number;
  classBook: number;
  /** By class and pass: the book, -1 for none. */
  books: number[][];
}

const PASSES = 8;

/** Reads a residue from the setup header. */
export function readResidue(bits: LsbBitReader, books: readonly Codebook[]): Residue {
  const kind = bits.read(16);
  if (kind > 2) throw new BadSetup(`residues of kind ${kind}`);
  const begin = bits.read(24);
  const end = bits.read(24);
  const partitionSize = bits.read(24) + 1;
  const classes = bits.read(6) + 1;
  const classBook = bits.read(8);
  const cascades = Array.from({ length: classes }, () => {
    const low = bits.read(3);
    return (bits.readFlag() ? bits.read(5) * 8 : 0) + low;
  });
  const byClass = cascades.map((cascade) =>
    Array.from({ length: PASSES }, (_, pass) => cascade >> pass & 1 ? bits.read(8) : -1)
  );
  const isKnown = classBook < books.length &&
    byClass.flat().every((book) => book < 0 || books[book]?.vectors);
  if (!isKnown) throw new BadSetup("a residue without its codebook");
  return { kind, begin, end, partitionSize, classBook, books: byClass };
}

/** Adds the residue to the channels that are not silent; a packet may end early. */
export function addResidue(
  bits: LsbBitReader,
  residue: Residue,
  books: readonly Codebook[],
  channels: Float64Array[],
  isSilent: boolean[],
): void {
  if (isSilent.every(Boolean)) return;
  const spoken = channels.filter((_, i) => !isSilent[i]);
  try {
    if (residue.kind === 2) addInterleaved(bits, residue, books, channels);
    else addVectors(bits, residue, books, spoken, spoken[0]!.length);
  } catch (error) {
    if (!(error instanceof OutOfBits)) throw error;
  }
}

/** Room for the numbers of all channels in turn. */
let interleaved = new Float64Array(0);

function addInterleaved(
  bits: LsbBitReader,
  residue: Residue,
  books: readonly Codebook[],
  channels: Float64Array[],
): void {
  const length = channels[0]!.length * channels.length;
  if (interleaved.length < length) interleaved = new Float64Array(length);
  interleaved.fill(0, 0, length);
  try {
    addVectors(bits, residue, books, [interleaved], length);
  } finally {
    separate(interleaved, channels);
  }
}

function separate(together: Float64Array, channels: Float64Array[]): void {
  const count = channels.length;
  if (count === 2) return separatePairs(together, channels[0]!, channels[1]!);
  for (let channel = 0; channel < count; channel++) {
    const samples = channels[channel]!;
    for (let i = 0, at = channel; i < samples.length; i++, at += count) samples[i] = together[at]!;
  }
}

/** The same for the most common count, which the compiler then knows. */
function separatePairs(together: Float64Array, first: Float64Array, second: Float64Array): void {
  for (let i = 0; i < first.length; i++) {
    first[i] = together[2 * i]!;
    second[i] = together[2 * i + 1]!;
  }
}

function addVectors(
  bits: LsbBitReader,
  residue: Residue,
  books: readonly Codebook[],
  vectors: Float64Array[],
  length: number,
): void {
  const { begin, partitionSize, classBook, kind } = residue;
  const end = Math.min(residue.end, length);
  const partitions = Math.max(0, Math.floor((end - begin) / partitionSize));
  const classes = vectors.map(() => new Uint8Array(partitions));
  const step = books[classBook]!.dimensions;
  const passes = passesOf(residue);
  for (let pass = 0; pass < passes; pass++) {
    for (let first = 0; first < partitions; first += step) {
      if (pass === 0) readClasses(bits, residue, books[classBook]!, classes, first);
      const last = Math.min(first + step, partitions);
      for (let partition = first; partition < last; partition++) {
        const start = begin + partition * partitionSize;
        for (let i = 0; i < vectors.length; i++) {
          const number = residue.books[classes[i]![partition]!]![pass]!;
          if (number < 0) continue;
          if (kind === 0) addSpread(bits, books[number]!, vectors[i]!, start, partitionSize);
          else books[number]!.addVectors(bits, vectors[i]!, start, start + partitionSize);
        }
      }
    }
  }
}

/** The passes that any class has a book for. */
function passesOf({ books }: Residue): number {
  let passes = 1;
  for (const list of books) {
    for (let pass = 0; pass < PASSES; pass++) {
      if (list[pass]! >= 0) passes = Math.max(passes, pass + 1);
    }
  }
  return passes;
}

/** One entry of the class book is a number with a digit for each partition. */
function readClasses(
  bits: LsbBitReader,
  { books }: Residue,
  book: Codebook,
  classes: Uint8Array[],
  first: number,
): void {
  for (const list of classes) {
    let entry = book.readEntry(bits);
    for (let i = book.dimensions - 1; i >= 0; i--) {
      if (first + i < list.length) list[first + i] = entry % books.length;
      entry = Math.floor(entry / books.length);
    }
  }
}

function addSpread(
  bits: LsbBitReader,
  book: Codebook,
  out: Float64Array,
  start: number,
  size: number,
): void {
  const { dimensions } = book;
  const vectors = book.vectors!;
  const step = Math.floor(size / dimensions);
  for (let at = start; at < start + step; at++) {
    const entry = book.readEntry(bits) * dimensions;
    for (let i = 0; i < dimensions; i++) out[at + i * step]! += vectors[entry + i]!;
  }
}
