/**
 * What an AAC decoder must know before the first frame: the AudioSpecificConfig of MP4, and the header
 * of an ADTS frame.
 *
 * Follows ISO/IEC 14496-3, sections 1.6.2.1, 4.5.1.1 and 1.A.3.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { rateOfIndex } from "./_aac_tables.ts";
import { BitReader, OutOfBits } from "./_bit_reader.ts";

/** The core of a stream. */
export interface AacConfig {
  sampleRateHz: number;
  channels: number;
  /** Whether a second layer doubles the rate, which is not decoded. */
  isHighEfficiency: boolean;
}

/** An ADTS frame's header. */
export interface AdtsHeader {
  sampleRateHz: number;
  /** 0 where the frame's own content says how many. */
  channels: number;
  headerBytes: number;
  frameBytes: number;
  /** Blocks of 1,024 frames. */
  blocks: number;
}

const LOW_COMPLEXITY = 2;
const SPECTRAL_REPLICATION = 5;
const PARAMETRIC_STEREO = 29;
const ESCAPE = 31;
const EXPLICIT_RATE = 15;

/** What follows the plain configuration where replication is signalled so that old decoders pass over. */
const SYNC_EXTENSION = 0x2b7;

/** Channels by number of a configuration; 0 leaves it to the content. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];

const NAMES: Readonly<Record<number, string>> = {
  1: "AAC Main",
  3: "AAC SSR",
  4: "AAC LTP",
  17: "error resilient AAC",
  22: "AAC BSAC",
  23: "AAC-LD",
  34: "MP3",
  36: "MPEG-4 ALS",
  39: "AAC-ELD",
  42: "USAC",
};

/** Reads an AudioSpecificConfig. */
export function readAacConfig(bytes: Uint8Array, file?: string): AacConfig {
  try {
    return readConfig(new BitReader(bytes), bytes.length * 8, file);
  } catch (error) {
    if (!(error instanceof OutOfBits)) throw error;
    throw audioError("expected a whole AAC configuration, found a part of one", file);
  }
}

function readConfig(bits: BitReader, endBit: number, file?: string): AacConfig {
  let kind = readKind(bits);
  const sampleRateHz = readRate(bits, file);
  const number = bits.read(4);
  let isHighEfficiency = kind === SPECTRAL_REPLICATION || kind === PARAMETRIC_STEREO;
  if (isHighEfficiency) {
    readRate(bits, file);
    kind = readKind(bits);
  }
  if (kind !== LOW_COMPLEXITY) {
    throw audioError(`expected AAC-LC or HE-AAC, found ${NAMES[kind] ?? `kind ${kind}`}`, file);
  }
  if (bits.read(1) === 1) throw audioError("expected AAC of 1024 frames a block, found 960", file);
  if (bits.read(1) === 1) bits.skip(14); // the delay of a core coder
  bits.skip(1);
  const channels = number === 0 ? readLayout(bits).channels : CHANNELS[number];
  if (channels === undefined || channels === 0) {
    throw audioError(`expected AAC of a known layout, found number ${number}`, file);
  }
  if (!isHighEfficiency && endBit - bits.position >= 16 && bits.read(11) === SYNC_EXTENSION) {
    isHighEfficiency = readKind(bits) === SPECTRAL_REPLICATION && bits.read(1) === 1;
  }
  return { sampleRateHz, channels, isHighEfficiency };
}

function readKind(bits: BitReader): number {
  const kind = bits.read(5);
  return kind === ESCAPE ? 32 + bits.read(6) : kind;
}

function readRate(bits: BitReader, file?: string): number {
  const index = bits.read(4);
  const rate = index === EXPLICIT_RATE ? bits.read(24) : rateOfIndex(index);
  if (rate === undefined) throw audioError(`expected an AAC rate, found number ${index}`, file);
  return rate;
}

/** Reads a list of the elements in each frame; returns how many channels they make. */
export function readLayout(bits: BitReader): { channels: number } {
  bits.skip(4 + 2 + 4); // number, kind, rate
  const [front, side, back, low] = [bits.read(4), bits.read(4), bits.read(4), bits.read(2)];
  const [data, coupling] = [bits.read(3), bits.read(4)];
  for (const size of [4, 4, 3]) {
    if (bits.read(1) === 1) bits.skip(size); // ways to mix down
  }
  let channels = low!;
  for (let i = 0; i < front! + side! + back!; i++) {
    channels += bits.read(1) + 1;
    bits.skip(4);
  }
  bits.skip(4 * (low! + data!) + 5 * coupling!);
  bits.alignToByte();
  bits.skip(8 * bits.read(8)); // a comment
  return { channels };
}

/** Reads the header of an ADTS frame, or returns undefined where there is none. */
export function readAdtsHeader(bytes: Uint8Array, at = 0): AdtsHeader | undefined {
  if (at + 7 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xf6) !== 0xf0) {
    return undefined;
  }
  const bits = new BitReader(bytes, at + 1);
  bits.skip(7);
  const headerBytes = bits.read(1) === 1 ? 7 : 9;
  const kind = bits.read(2) + 1;
  const sampleRateHz = rateOfIndex(bits.read(4));
  bits.skip(1);
  const channels = CHANNELS[bits.read(3)]!;
  bits.skip(4);
  const frameBytes = bits.read(13);
  bits.skip(11);
  const blocks = bits.read(2) + 1;
  if (kind !== LOW_COMPLEXITY || sampleRateHz === undefined || frameBytes < headerBytes) {
    return undefined;
  }
  return { sampleRateHz, channels, headerBytes, frameBytes, blocks };
}
