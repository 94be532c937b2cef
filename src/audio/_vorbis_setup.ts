/**
 * The headers of a Vorbis file: its channels and rate, then everything its packets refer to.
 *
 * Follows the Vorbis I specification, section 4.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { OutOfBits } from "./_bit_reader.ts";
import { bitsOf, LsbBitReader } from "./_lsb_bit_reader.ts";
import { BadSetup, Codebook, MAX_SETUP_NUMBERS } from "./_vorbis_codebook.ts";
import { type Floor, readFloor } from "./_vorbis_floor.ts";
import { readResidue, type Residue } from "./_vorbis_residue.ts";

/** Everything that the headers say. */
export interface VorbisSetup {
  channels: number;
  sampleRateHz: number;
  /** Frames of a short and of a long block. */
  blockSizes: [short: number, long: number];
  books: Codebook[];
  floors: Floor[];
  residues: Residue[];
  mappings: VorbisMapping[];
  modes: VorbisMode[];
}

/** Which floor and residue a channel has, and which channels are coded by their difference. */
export interface VorbisMapping {
  couplings: { magnitude: number; angle: number }[];
  /** The submap of each channel. */
  submapOf: number[];
  submaps: { floor: number; residue: number }[];
}

/** A size of block with its mapping. */
export interface VorbisMode {
  isLong: boolean;
  mapping: number;
}

const KIND_BYTES = 7;
const IDENTIFICATION = 1;
const SETUP = 5;

/** Reads the first and the third header packet; the second holds comments. */
export function readVorbisSetup(packets: Uint8Array[], file?: string): VorbisSetup {
  if (packets.length < 3) {
    throw audioError(`expected 3 Vorbis headers, found ${packets.length}`, file);
  }
  try {
    const identified = readIdentification(headerBits(packets[0]!, IDENTIFICATION));
    return { ...identified, ...readTables(headerBits(packets[2]!, SETUP), identified.channels) };
  } catch (error) {
    if (error instanceof BadSetup) {
      throw audioError(`expected a Vorbis header, found ${error.message}`, file);
    }
    if (error instanceof OutOfBits) throw audioError("expected a whole Vorbis header", file);
    throw error;
  }
}

function headerBits(packet: Uint8Array, kind: number): LsbBitReader {
  const name = String.fromCharCode(...packet.subarray(1, KIND_BYTES));
  if (packet[0] !== kind || name !== "vorbis") throw new BadSetup("another packet");
  return new LsbBitReader(packet, KIND_BYTES);
}

function readIdentification(
  bits: LsbBitReader,
): Pick<VorbisSetup, "channels" | "sampleRateHz" | "blockSizes"> {
  const version = bits.read(32);
  if (version !== 0) throw new BadSetup(`version ${version}`);
  const channels = bits.read(8);
  const sampleRateHz = bits.read(32);
  for (let i = 0; i < 3; i++) bits.read(32); // bit rates
  const [short, long] = [bits.read(4), bits.read(4)];
  if (short < 6 || long < short || long > 13) throw new BadSetup(`blocks of 2^${short}, 2^${long}`);
  if (channels === 0) throw new BadSetup("0 channels");
  return { channels, sampleRateHz, blockSizes: [2 ** short, 2 ** long] };
}

function readTables(bits: LsbBitReader, channels: number) {
  const budget = { numbers: MAX_SETUP_NUMBERS };
  const books = listOf(bits.read(8) + 1, () => new Codebook(bits, budget));
  const reserved = listOf(bits.read(6) + 1, () => bits.read(16));
  if (reserved.some((value) => value !== 0)) throw new BadSetup("time transforms");
  const floors = listOf(bits.read(6) + 1, () => readFloor(bits, books.length));
  const residues = listOf(bits.read(6) + 1, () => readResidue(bits, books));
  const mappings = listOf(
    bits.read(6) + 1,
    () => readMapping(bits, channels, floors.length, residues.length),
  );
  const modes = listOf(bits.read(6) + 1, () => readMode(bits, mappings.length));
  if (!bits.readFlag()) throw new BadSetup("no framing bit");
  return { books, floors, residues, mappings, modes };
}

function listOf<T>(length: number, read: () => T): T[] {
  return Array.from({ length }, read);
}

function readMapping(
  bits: LsbBitReader,
  channels: number,
  floors: number,
  residues: number,
): VorbisMapping {
  const kind = bits.read(16);
  if (kind !== 0) throw new BadSetup(`mappings of kind ${kind}`);
  const count = bits.readFlag() ? bits.read(4) + 1 : 1;
  const channelBits = bitsOf(channels - 1);
  const couplings = listOf(bits.readFlag() ? bits.read(8) + 1 : 0, () => {
    const [magnitude, angle] = [bits.read(channelBits), bits.read(channelBits)];
    if (magnitude === angle || Math.max(magnitude, angle) >= channels) {
      throw new BadSetup("channels coupled that do not exist");
    }
    return { magnitude, angle };
  });
  if (bits.read(2) !== 0) throw new BadSetup("reserved bits that are set");
  const submapOf = listOf(channels, () => count > 1 ? bits.read(4) : 0);
  const submaps = listOf(count, () => {
    bits.read(8);
    return { floor: bits.read(8), residue: bits.read(8) };
  });
  const isKnown = submapOf.every((submap) => submap < count) &&
    submaps.every(({ floor, residue }) => floor < floors && residue < residues);
  if (!isKnown) throw new BadSetup("a mapping without its parts");
  return { couplings, submapOf, submaps };
}

function readMode(bits: LsbBitReader, mappings: number): VorbisMode {
  const isLong = bits.readFlag();
  const windowKind = bits.read(16);
  const transformKind = bits.read(16);
  const mapping = bits.read(8);
  if (windowKind !== 0 || transformKind !== 0 || mapping >= mappings) {
    throw new BadSetup("a mode that does not exist");
  }
  return { isLong, mapping };
}
