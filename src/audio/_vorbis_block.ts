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
import { applyFloor, MAX_POINTS, readHeights } from "./_vorbis_floor.ts";
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
  /** Room for a spectrum by channel, of a short and of a long block. */
  readonly #spectra: [Float64Array[], Float64Array[]];
  /** Room for the heights of a floor's points by channel. */
  readonly #heights: Int32Array[];
  /** Whether the mean of the channels is all that is asked for. */
  readonly #isMixed: boolean;
  /** By channel, or of the mean: what the block before was transformed to, and room for the next. */
  readonly #folded: [before: Float64Array, next: Float64Array][];
  /** The size of the block before, 0 at the start. */
  #before = 0;

  /** A decoder at the start of a stream. */
  constructor(setup: VorbisSetup, isMeanEnough: boolean) {
    const [short, long] = setup.blockSizes;
    this.#setup = setup;
    this.#transforms = [new Imdct(short), new Imdct(long)];
    this.#slopes = [slopeOf(short / 2), slopeOf(long / 2)];
    const spectra = Array.from({ length: setup.channels }, () => new Float64Array(long / 2));
    this.#spectra = [spectra.map((room) => room.subarray(0, short / 2)), spectra];
    this.#heights = Array.from({ length: setup.channels }, () => new Int32Array(MAX_POINTS));
    this.#isMixed = isMeanEnough && setup.channels > 1;
    const sounds = this.#isMixed ? 1 : setup.channels;
    const room = () => new Float64Array(long / 2);
    this.#folded = Array.from({ length: sounds }, () => [room(), room()]);
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
    const heights = this.#heights;
    const isSilent = submapOf.map((_, channel) =>
      !unlessCut(() => readHeights(bits, floorOf(channel), books, heights[channel]!))
    );
    const hasFloor = isSilent.map((silent) => !silent);
    for (const { magnitude, angle } of couplings) {
      if (!isSilent[magnitude] || !isSilent[angle]) isSilent[magnitude] = isSilent[angle] = false;
    }
    const spectra = this.#spectra[size === this.#setup.blockSizes[1] ? 1 : 0];
    for (const spectrum of spectra) spectrum.fill(0);
    for (const [submap, { residue }] of submaps.entries()) {
      const own = spectra.filter((_, channel) => submapOf[channel] === submap);
      const silent = isSilent.filter((_, channel) => submapOf[channel] === submap);
      if (own.length > 0) addResidue(bits, residues[residue]!, books, own, silent);
    }
    for (const { magnitude, angle } of couplings.toReversed()) {
      uncouple(spectra[magnitude]!, spectra[angle]!);
    }
    for (const [channel, spectrum] of spectra.entries()) {
      if (hasFloor[channel]) applyFloor(floorOf(channel), heights[channel]!, spectrum);
      else spectrum.fill(0);
    }
    return spectra;
  }

  /** Transforms one channel, and adds it to the end of the block before. */
  #overlap(spectrum: Float64Array, channel: number, size: number): Float32Array {
    const [short, long] = this.#setup.blockSizes;
    const before = this.#before;
    const [tail, folded] = this.#folded[channel]!;
    this.#transforms[size === long ? 1 : 0].fold(spectrum, folded);
    this.#folded[channel] = [folded, tail];
    if (before === 0) return new Float32Array(0);
    return addHalves(
      tail,
      before,
      folded,
      size,
      this.#slopes[Math.min(before, size) === short ? 0 : 1],
    );
  }
}

/** The mean of spectra, in the place of the first. */
function meanOf(spectra: Float64Array[]): Float64Array {
  const mean = spectra[0]!;
  const share = 1 / spectra.length;
  for (let channel = 1; channel < spectra.length - 1; channel++) {
    const other = spectra[channel]!;
    for (let i = 0; i < mean.length; i++) mean[i]! += other[i]!;
  }
  const last = spectra.at(-1)!;
  for (let i = 0; i < mean.length; i++) mean[i] = (mean[i]! + last[i]!) * share;
  return mean;
}

/** A floor in which the packet ends is silence. */
function unlessCut(read: () => boolean): boolean {
  try {
    return read();
  } catch (error) {
    if (error instanceof OutOfBits) return false;
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
function addHalves(
  tail: Float64Array,
  tailSize: number,
  next: Float64Array,
  nextSize: number,
  slope: Float64Array,
): Float32Array {
  const a = tailSize / 2;
  const b = nextSize / 2;
  const tailHalf = a / 2;
  const nextHalf = b / 2;
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
    const angle = angles[i]!;
    const magnitude = magnitudes[i]!;
    if (angle === 0) {
      angles[i] = magnitude;
      continue;
    }
    const nearer = magnitude > 0 ? magnitude - Math.abs(angle) : magnitude + Math.abs(angle);
    angles[i] = angle > 0 ? nearer : magnitude;
    magnitudes[i] = angle > 0 ? magnitude : nearer;
  }
}
