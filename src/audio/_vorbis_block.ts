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
  // Whether the neighbours are long is seen of the neighbours, as libvorbis does it.
  if (mode.isLong) bits.skip(2);
  return { size, mapping: setup.mappings[mode.mapping]! };
}

/** Decodes packets in their order. */
export class VorbisBlocks {
  readonly #setup: VorbisSetup;
  readonly #transforms: [Imdct, Imdct];
  /** Rising slopes of the windows between short, and between long neighbours. */
  readonly #slopes: [Float64Array, Float64Array];
  /** Room for a spectrum by channel. */
  readonly #spectra: Float64Array[];
  /** Whether the mean of the channels is all that is asked for. */
  readonly #isMixed: boolean;
  /** By channel, or of the mean: the mirrored half of the block before. */
  readonly #tails: Float64Array[];
  /** The size of the block before, 0 at the start. */
  #before = 0;

  /** A decoder at the start of a stream. */
  constructor(setup: VorbisSetup, isMeanEnough: boolean) {
    const [short, long] = setup.blockSizes;
    this.#setup = setup;
    this.#transforms = [new Imdct(short), new Imdct(long)];
    this.#slopes = [slopeOf(short / 2), slopeOf(long / 2)];
    this.#spectra = Array.from({ length: setup.channels }, () => new Float64Array(long / 2));
    this.#isMixed = isMeanEnough && setup.channels > 1;
    const sounds = this.#isMixed ? 1 : setup.channels;
    this.#tails = Array.from({ length: sounds }, () => new Float64Array(long / 4));
  }

  /** The samples that a packet makes ready, by channel or of their mean; none for the first one. */
  decode(packet: Uint8Array): Float32Array[] | undefined {
    const bits = new LsbBitReader(packet);
    const head = readHead(bits, this.#setup);
    if (head === undefined) return undefined;
    const { size } = head;
    const apart = this.#readSpectra(bits, head);
    const spectra = this.#isMixed ? [meanOf(apart)] : apart;
    const ready = spectra.map((spectrum, channel) => this.#overlap(spectrum, channel, size));
    const isFirst = this.#before === 0;
    this.#before = size;
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
    const spectra = this.#spectra.map((room) => room.subarray(0, size / 2).fill(0));
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
  #overlap(spectrum: Float64Array, channel: number, size: number): Float32Array {
    const [short, long] = this.#setup.blockSizes;
    const folded = this.#transforms[size === long ? 1 : 0].fold(spectrum);
    const tail = this.#tails[channel]!;
    const before = this.#before;
    const slope = this.#slopes[Math.min(before, size) === short ? 0 : 1];
    const ready = before === 0
      ? new Float32Array(0)
      : addHalves(tail.subarray(0, before / 4), folded, slope);
    tail.set(folded.subarray(0, size / 4));
    return ready;
  }
}

/** The mean of spectra, in the place of the first. */
function meanOf(spectra: Float64Array[]): Float64Array {
  const [mean, ...others] = spectra as [Float64Array, ...Float64Array[]];
  for (const other of others) {
    for (let i = 0; i < mean.length; i++) mean[i]! += other[i]!;
  }
  const share = 1 / spectra.length;
  for (let i = 0; i < mean.length; i++) mean[i]! *= share;
  return mean;
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

/**
 * Adds the end of one block and the start of the next, whose middles coincide.
 *
 * Both come without what mirrors the rest: of the first block the end's half, of the next all.
 */
function addHalves(tail: Float64Array, next: Float64Array, slope: Float64Array): Float32Array {
  const [a, b] = [2 * tail.length, next.length];
  const [tailHalf, nextHalf] = [a / 2, b / 2];
  const out = new Float32Array((a + b) / 2);
  const start = (a - slope.length) / 2;
  const end = start + slope.length;
  const shift = (a - b) / 2; // of the next block's start, counted in the tail
  for (let i = 0; i < start; i++) {
    out[i] = -tail[i < tailHalf ? tailHalf - 1 - i : i - tailHalf]!;
  }
  // The two mirrors stand in the middle of the slope, so each half of it runs straight on.
  const middle = start + slope.length / 2;
  for (let i = start, k = 0; i < middle; i++, k++) {
    out[i] = next[nextHalf + i - shift]! * slope[k]! -
      tail[tailHalf - 1 - i]! * slope[slope.length - 1 - k]!;
  }
  for (let i = middle, k = slope.length / 2; i < end; i++, k++) {
    out[i] = -next[3 * nextHalf - 1 - i + shift]! * slope[k]! -
      tail[i - tailHalf]! * slope[slope.length - 1 - k]!;
  }
  for (let i = end; i < out.length; i++) {
    const j = i - shift;
    out[i] = j < nextHalf ? next[nextHalf + j]! : -next[3 * nextHalf - 1 - j]!;
  }
  return out;
}

/** Left and right from the larger of the two and its distance to the other. */
function uncouple(magnitudes: Float64Array, angles: Float64Array): void {
  for (let i = 0; i < magnitudes.length; i++) {
    const m = magnitudes[i]!;
    const a = angles[i]!;
    if (a === 0) angles[i] = m;
    else if (a > 0) angles[i] = m > 0 ? m - a : m + a;
    else {
      angles[i] = m;
      magnitudes[i] = m > 0 ? m + a : m - a;
    }
  }
}
