/**
 * One packet of Vorbis: floors, residues, coupling and the transform back to a block of samples.
 *
 * Blocks overlap; the sound between the middle of one and the middle of the next is ready when the
 * next is there. Follows the Vorbis I specification, section 4.3.
 *
 * @module
 */

import { OutOfBits } from "./_bit_reader.ts";
import { Imdct } from "./_imdct.ts";
import { bitsOf, LsbBitReader } from "./_lsb_bit_reader.ts";
import { applyFloor, readHeights } from "./_vorbis_floor.ts";
import { addResidue } from "./_vorbis_residue.ts";
import type { VorbisMapping, VorbisSetup } from "./_vorbis_setup.ts";

/** What a packet says of its block before the spectrum. */
interface BlockHead {
  size: number;
  mapping: VorbisMapping;
  /** Whether the blocks before and after are as long as this one. */
  fullStart: boolean;
  fullEnd: boolean;
}

/** The size of a packet's block, or undefined where it holds no sound. */
export function blockSizeOf(packet: Uint8Array, setup: VorbisSetup): number | undefined {
  try {
    return readHead(new LsbBitReader(packet), setup)?.size;
  } catch (error) {
    if (error instanceof OutOfBits) return undefined;
    throw error;
  }
}

function readHead(bits: LsbBitReader, setup: VorbisSetup): BlockHead | undefined {
  if (bits.readFlag()) return undefined;
  const mode = setup.modes[bits.read(bitsOf(setup.modes.length - 1))];
  if (mode === undefined) return undefined;
  const size = setup.blockSizes[mode.isLong ? 1 : 0];
  const fullStart = mode.isLong ? bits.readFlag() : true;
  const fullEnd = mode.isLong ? bits.readFlag() : true;
  return { size, mapping: setup.mappings[mode.mapping]!, fullStart, fullEnd };
}

/** Decodes packets in their order. */
export class VorbisBlocks {
  readonly #setup: VorbisSetup;
  readonly #transforms: [Imdct, Imdct];
  /** Rising slopes of the windows for short and long neighbours. */
  readonly #slopes: [Float64Array, Float64Array];
  readonly #block: Float64Array;
  /** By channel: the second half of the block before, under its window. */
  #tails: Float64Array[] = [];

  /** A decoder at the start of a stream. */
  constructor(setup: VorbisSetup) {
    const [short, long] = setup.blockSizes;
    this.#setup = setup;
    this.#transforms = [new Imdct(short), new Imdct(long)];
    this.#slopes = [slopeOf(short / 2), slopeOf(long / 2)];
    this.#block = new Float64Array(long);
  }

  /** The samples that a packet makes ready by channel; none for the first one. */
  decode(packet: Uint8Array): Float32Array[] | undefined {
    const bits = new LsbBitReader(packet);
    const head = readHead(bits, this.#setup);
    if (head === undefined) return undefined;
    const spectra = this.#readSpectra(bits, head);
    const isFirst = this.#tails.length === 0;
    const ready = spectra.map((spectrum, channel) => this.#overlap(spectrum, channel, head));
    return isFirst ? undefined : ready;
  }

  #readSpectra(bits: LsbBitReader, { size, mapping }: BlockHead): Float64Array[] {
    const { books, floors, residues } = this.#setup;
    const { submapOf, submaps, couplings } = mapping;
    const floorOf = (channel: number) => floors[submaps[submapOf[channel]!]!.floor]!;
    const heights = submapOf.map((_, channel) =>
      unlessCut(() => readHeights(bits, floorOf(channel), books))
    );
    const isSilent = heights.map((list) => list === undefined);
    for (const { magnitude, angle } of couplings) {
      if (!isSilent[magnitude] || !isSilent[angle]) isSilent[magnitude] = isSilent[angle] = false;
    }
    const spectra = submapOf.map(() => new Float64Array(size / 2));
    for (const [submap, { residue }] of submaps.entries()) {
      const own = spectra.filter((_, channel) => submapOf[channel] === submap);
      const silent = isSilent.filter((_, channel) => submapOf[channel] === submap);
      if (own.length > 0) addResidue(bits, residues[residue]!, books, own, silent);
    }
    for (const { magnitude, angle } of couplings.toReversed()) {
      uncouple(spectra[magnitude]!, spectra[angle]!);
    }
    for (const [channel, list] of heights.entries()) {
      if (list === undefined) spectra[channel]!.fill(0);
      else applyFloor(floorOf(channel), list, spectra[channel]!);
    }
    return spectra;
  }

  /** Transforms one channel, adds the tail of the block before, and keeps a new tail. */
  #overlap(spectrum: Float64Array, channel: number, head: BlockHead): Float32Array {
    const { size, fullStart, fullEnd } = head;
    const [short, long] = this.#setup.blockSizes;
    const isLong = size === long;
    const block = this.#block.subarray(0, size);
    this.#transforms[isLong ? 1 : 0].transform(spectrum, block);
    const risesLong = isLong && fullStart;
    const fallsLong = isLong && fullEnd;
    applySlope(block.subarray(0, size / 2), this.#slopes[risesLong ? 1 : 0]);
    applySlope(block.subarray(size / 2).reverse(), this.#slopes[fallsLong ? 1 : 0]);
    block.subarray(size / 2).reverse();
    const tail = this.#tails[channel] ?? new Float64Array(short / 2);
    this.#tails[channel] = block.slice(size / 2);
    return addHalves(tail, block.subarray(0, size / 2));
  }
}

/** A floor in which the packet ends is silence. */
function unlessCut(read: () => number[] | undefined): number[] | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof OutOfBits) return undefined;
    throw error;
  }
}

/** The rising half of the window of Vorbis. */
function slopeOf(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const sine = Math.sin((i + 0.5) / length * Math.PI / 2);
    return Math.sin(Math.PI / 2 * sine * sine);
  });
}

/** Lets a half block rise in its middle, from silence to its full height. */
function applySlope(half: Float64Array, slope: Float64Array): void {
  const start = (half.length - slope.length) / 2;
  half.fill(0, 0, start);
  for (let i = 0; i < slope.length; i++) half[start + i]! *= slope[i]!;
}

/** Adds the end of one block and the start of the next, whose middles coincide. */
function addHalves(tail: Float64Array, next: Float64Array): Float32Array {
  const [a, b] = [tail.length, next.length];
  const out = new Float32Array((a + b) / 2);
  const tailEnd = Math.min(a, (a + b) / 2);
  const shift = (a - b) / 2; // of the next block's start, counted in the tail
  for (let i = 0; i < out.length; i++) {
    const j = i - shift;
    out[i] = (i < tailEnd ? tail[i]! : 0) + (j >= 0 ? next[j]! : 0);
  }
  return out;
}

/** Left and right from the larger of the two and its distance to the other. */
function uncouple(magnitudes: Float64Array, angles: Float64Array): void {
  for (let i = 0; i < magnitudes.length; i++) {
    const [m, a] = [magnitudes[i]!, angles[i]!];
    if (a > 0) angles[i] = m > 0 ? m - a : m + a;
    else {
      angles[i] = m;
      magnitudes[i] = m > 0 ? m + a : m - a;
    }
  }
}
