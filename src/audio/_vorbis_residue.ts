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
    else addVectors(bits, residue, books, spoken);
  } catch (error) {
    if (!(error instanceof OutOfBits)) throw error;
  }
}

function addInterleaved(
  bits: LsbBitReader,
  residue: Residue,
  books: readonly Codebook[],
  channels: Float64Array[],
): void {
  const size = channels[0]!.length;
  const together = new Float64Array(size * channels.length);
  try {
    addVectors(bits, residue, books, [together]);
  } finally {
    for (const [channel, samples] of channels.entries()) {
      for (let i = 0, at = channel; i < size; i++, at += channels.length) {
        samples[i] = together[at]!;
      }
    }
  }
}

function addVectors(
  bits: LsbBitReader,
  residue: Residue,
  books: readonly Codebook[],
  vectors: Float64Array[],
): void {
  const { begin, partitionSize, classBook, kind } = residue;
  const end = Math.min(residue.end, vectors[0]!.length);
  const partitions = Math.max(0, Math.floor((end - begin) / partitionSize));
  const classes = vectors.map(() => new Uint8Array(partitions));
  const add = kind === 0 ? addSpread : addInOrder;
  for (let pass = 0; pass < PASSES; pass++) {
    for (let first = 0; first < partitions; first += books[classBook]!.dimensions) {
      if (pass === 0) readClasses(bits, residue, books[classBook]!, classes, first);
      const last = Math.min(first + books[classBook]!.dimensions, partitions);
      for (let partition = first; partition < last; partition++) {
        for (const [i, vector] of vectors.entries()) {
          const book = residue.books[classes[i]![partition]!]![pass]!;
          if (book < 0) continue;
          const start = begin + partition * partitionSize;
          add(bits, books[book]!, vector.subarray(start, start + partitionSize));
        }
      }
    }
  }
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

function addInOrder(bits: LsbBitReader, book: Codebook, part: Float64Array): void {
  const { dimensions, vectors } = book;
  for (let at = 0; at < part.length; at += dimensions) {
    const entry = book.readEntry(bits) * dimensions;
    const count = Math.min(dimensions, part.length - at);
    for (let i = 0; i < count; i++) part[at + i]! += vectors![entry + i]!;
  }
}

function addSpread(bits: LsbBitReader, book: Codebook, part: Float64Array): void {
  const { dimensions, vectors } = book;
  const step = Math.floor(part.length / dimensions);
  for (let at = 0; at < step; at++) {
    const entry = book.readEntry(bits) * dimensions;
    for (let i = 0; i < dimensions; i++) part[at + i * step]! += vectors![entry + i]!;
  }
}
