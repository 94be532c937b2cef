/**
 * Makes a changed file's checksums right again, so that a change reaches more than the checksum.
 *
 * @module
 */

import { crcAfter, crcOf } from "../../src/audio/_crc.ts";
import { concat } from "./wav_file.ts";

const OGG_CRC = crcOf(32, 0x04c11db7);
const FLAC_HEADER_CRC = crcOf(8, 0x07);
const FLAC_FRAME_CRC = crcOf(16, 0x8005);

/** Writes the checksum of every Ogg page from the first on, as far as pages follow each other. */
export function sealOgg(file: Uint8Array): Uint8Array {
  const sealed = file.slice();
  const view = new DataView(sealed.buffer);
  for (let at = 0; at + 27 <= sealed.length;) {
    const data = at + 27 + sealed[at + 26]!;
    const end = sealed.subarray(at + 27, data).reduce((sum, size) => sum + size, data);
    if (end > sealed.length) break;
    view.setUint32(at + 22, 0, true);
    view.setUint32(at + 22, crcAfter(OGG_CRC, sealed.subarray(at, end)), true);
    at = end;
  }
  return sealed;
}

/** A FLAC file of frames whose parts are given: 512 samples of one channel in 16 bits at 16 kHz. */
export function flacFile(subframes: Uint8Array[], totalFrames = 0): Uint8Array {
  return flacHeader(1, totalFrames, subframes.map((subframe) => flacFrame(subframe)));
}

/** The same with two channels in one frame: 8 is left and side, 9 side and right, 10 both mixed. */
export function stereoFlacFile(assignment: number, subframes: Uint8Array): Uint8Array {
  return flacHeader(2, 0, [flacFrame(subframes, assignment)]);
}

function flacHeader(channels: number, totalFrames: number, frames: Uint8Array[]): Uint8Array {
  const info = new Uint8Array(34);
  new DataView(info.buffer).setUint32(10, 16_000 * 2 ** 12 + (channels - 1 << 9) + (15 << 4));
  new DataView(info.buffer).setUint32(14, totalFrames);
  return concat("fLaC", Uint8Array.of(0x80, 0, 0, 34), info, ...frames);
}

/** A frame of 512 samples with its two checksums right. */
export function flacFrame(subframe: Uint8Array, assignment = 0): Uint8Array {
  const header = Uint8Array.of(0xff, 0xf8, 0x90, assignment << 4 | 0x08, 0);
  const body = concat(header, Uint8Array.of(crcAfter(FLAC_HEADER_CRC, header)), subframe);
  const check = crcAfter(FLAC_FRAME_CRC, body);
  return concat(body, Uint8Array.of(check >> 8, check & 255));
}

/** The bytes of bits written as digits, such as "0 000000 0", filled up with zeros. */
export function bitsOf(digits: string): Uint8Array {
  const plain = digits.replaceAll(/\s/g, "");
  const bytes = plain.padEnd(Math.ceil(plain.length / 8) * 8, "0").match(/.{8}/g) ?? [];
  return Uint8Array.from(bytes, (byte) => parseInt(byte, 2));
}
