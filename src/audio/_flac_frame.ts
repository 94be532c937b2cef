/**
 * One frame of FLAC: a header, a subframe for each channel, and two checksums.
 *
 * Follows RFC 9639, section 9.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { BitReader } from "./_bit_reader.ts";
import { crcAfter, crcOf } from "./_crc.ts";
import { BadSubframe, readSubframe } from "./_flac_subframe.ts";

/** What the file's header says of all frames. */
export interface FlacInfo {
  sampleRateHz: number;
  channels: number;
  bitsPerSample: number;
  /** Frames of the recording, undefined where they are not stated. */
  totalFrames?: number;
}

interface FrameHeader {
  frames: number;
  /** Channels apart below 8; then left and side, side and right, middle and side. */
  assignment: number;
  channels: number;
  bitsPerSample: number;
}

/** A decoded frame and where the next one starts. */
export interface FlacFrame {
  /** The channels, or the mean of two where that is enough. */
  channels: Float64Array[];
  end: number;
}

const SYNC = 0x3ffe;
const LEFT_SIDE = 8;
const SIDE_RIGHT = 9;
const MIDDLE_SIDE = 10;

const HEADER_CRC = crcOf(8, 0x07);
const FRAME_CRC = crcOf(16, 0x8005);

/** Bits of a sample by the header's code; code 0 asks the file's header, 3 is reserved. */
const SAMPLE_BITS = [0, 8, 12, undefined, 16, 20, 24, 32];

/**
 * Decodes the frame that starts at a byte.
 *
 * @throws {OutOfBits} where the bytes end within the frame.
 */
export function readFlacFrame(
  bytes: Uint8Array,
  start: number,
  info: FlacInfo,
  file?: string,
  isMeanEnough: boolean = false,
): FlacFrame {
  const bits = new BitReader(bytes, start);
  const header = readHeader(bits, info, file);
  requireCrc(bytes.subarray(start, bits.byte), HEADER_CRC, bits.read(8), file);
  const coded = readChannels(bits, header, file);
  bits.alignToByte();
  requireCrc(bytes.subarray(start, bits.byte), FRAME_CRC, bits.read(16), file);
  const factor = 2 ** (1 - header.bitsPerSample);
  const { assignment } = header;
  const isMixed = isMeanEnough && coded.length === 2;
  const channels = isMixed ? [meanOf(assignment, coded, factor)] : coded;
  if (!isMixed) {
    if (assignment >= LEFT_SIDE) decorrelate(assignment, coded[0]!, coded[1]!);
    for (const samples of channels) scale(samples, factor);
  }
  return { channels, end: bits.byte };
}

function readHeader(bits: BitReader, info: FlacInfo, file?: string): FrameHeader {
  if (bits.read(14) !== SYNC) throw audioError("expected a FLAC frame, found other bytes", file);
  bits.skip(2);
  const sizeCode = bits.read(4);
  const rateCode = bits.read(4);
  const assignment = bits.read(4);
  const bitsCode = bits.read(3);
  bits.skip(1);
  skipNumber(bits, file);
  const frames = blockSize(bits, sizeCode, file);
  skipRate(bits, rateCode, file);
  if (assignment > MIDDLE_SIDE) throw badFrame(`channels of reserved kind ${assignment}`, file);
  const channels = assignment < LEFT_SIDE ? assignment + 1 : 2;
  const sampleBits = SAMPLE_BITS[bitsCode];
  if (sampleBits === undefined) throw badFrame("samples of a reserved width", file);
  const bitsPerSample = sampleBits || info.bitsPerSample;
  if (channels !== info.channels || bitsPerSample !== info.bitsPerSample) {
    throw badFrame(`${channels} channels of ${bitsPerSample} bits in the middle`, file);
  }
  return { frames, assignment, channels, bitsPerSample };
}

/** Passes over the frame's number, coded like a character of UTF-8 of up to seven bytes. */
function skipNumber(bits: BitReader, file?: string): void {
  const ones = Math.clz32(~(bits.read(8) << 24));
  if (ones === 1 || ones === 8) throw badFrame("a broken frame number", file);
  for (let i = 1; i < ones; i++) {
    if (bits.read(8) >> 6 !== 2) throw badFrame("a broken frame number", file);
  }
}

function blockSize(bits: BitReader, code: number, file?: string): number {
  if (code === 0) throw badFrame("a reserved block size", file);
  if (code === 1) return 192;
  if (code <= 5) return 576 << code - 2;
  if (code === 6) return bits.read(8) + 1;
  if (code === 7) return bits.read(16) + 1;
  return 256 << code - 8;
}

/** The file's header states the rate; what a frame repeats of it is passed over. */
function skipRate(bits: BitReader, code: number, file?: string): void {
  if (code === 15) throw badFrame("a sampling rate that does not exist", file);
  if (code >= 12) bits.skip(code === 12 ? 8 : 16);
}

function readChannels(bits: BitReader, header: FrameHeader, file?: string): Float64Array[] {
  const { frames, assignment, bitsPerSample } = header;
  try {
    return Array.from({ length: header.channels }, (_, channel) => {
      const isSide = assignment === SIDE_RIGHT ? channel === 0 : channel === 1;
      const samples = new Float64Array(frames);
      readSubframe(bits, bitsPerSample + (assignment >= LEFT_SIDE && isSide ? 1 : 0), samples);
      return samples;
    });
  } catch (error) {
    if (error instanceof BadSubframe) throw badFrame(error.message, file);
    throw error;
  }
}

/** The mean of two channels, in the place of the first: every step is exact, in whatever order. */
function meanOf(assignment: number, coded: Float64Array[], factor: number): Float64Array {
  const [first, second] = coded as [Float64Array, Float64Array];
  const half = factor / 2;
  if (assignment === LEFT_SIDE) {
    for (let i = 0; i < first.length; i++) first[i] = (2 * first[i]! - second[i]!) * half;
  } else if (assignment === SIDE_RIGHT) {
    for (let i = 0; i < first.length; i++) first[i] = (2 * second[i]! + first[i]!) * half;
  } else if (assignment === MIDDLE_SIDE) {
    for (let i = 0; i < first.length; i++) first[i] = (2 * first[i]! + (second[i]! & 1)) * half;
  } else {
    for (let i = 0; i < first.length; i++) first[i] = (first[i]! + second[i]!) * half;
  }
  return first;
}

/** Makes left and right, in place, from one of them or their middle and their difference. */
function decorrelate(assignment: number, first: Float64Array, second: Float64Array): void {
  if (assignment === LEFT_SIDE) {
    for (let i = 0; i < first.length; i++) second[i] = first[i]! - second[i]!;
  } else if (assignment === SIDE_RIGHT) {
    for (let i = 0; i < first.length; i++) first[i]! += second[i]!;
  } else {
    for (let i = 0; i < first.length; i++) {
      const side = second[i]!;
      // The middle has lost its lowest bit, which is that of the difference.
      const sum = 2 * first[i]! + (side & 1);
      first[i] = (sum + side) / 2;
      second[i] = (sum - side) / 2;
    }
  }
}

function scale(samples: Float64Array, factor: number): void {
  for (let i = 0; i < samples.length; i++) samples[i]! *= factor;
}

function requireCrc(
  covered: Uint8Array,
  kind: typeof HEADER_CRC,
  stated: number,
  file?: string,
): void {
  if (crcAfter(kind, covered) !== stated) throw badFrame("a wrong checksum", file);
}

function badFrame(found: string, file?: string) {
  return audioError(`expected a sound FLAC frame, found ${found}`, file);
}
