/**
 * A FLAC file of silence (RFC 9639), in which a few bytes stand for 4,096 samples of each channel.
 *
 * @module
 */

const BLOCK = 4_096;
/** The code of 4,096 samples, and of the rates that need no further bytes. */
const BLOCK_CODE = 12;
const RATE_CODES: Readonly<Record<number, number>> = { 192_000: 3, 48_000: 10, 44_100: 9 };
const BITS_16 = 4;

/** What is to be silent. */
export interface Silence {
  rateHz: 192_000 | 48_000 | 44_100;
  channels: number;
  seconds: number;
}

/** The file. */
export function silentFlac({ rateHz, channels, seconds }: Silence): Uint8Array {
  const frames = Math.ceil(rateHz * seconds / BLOCK);
  const parts = [streamInfo(rateHz, channels, frames * BLOCK)];
  for (let number = 0; number < frames; number++) {
    parts.push(frame(number, RATE_CODES[rateHz]!, channels));
  }
  return Uint8Array.from(parts.flat());
}

function streamInfo(rateHz: number, channels: number, samples: number): number[] {
  const bits = BigInt(rateHz) << 44n | BigInt(channels - 1) << 41n | 15n << 36n | BigInt(samples);
  const eight = Array.from({ length: 8 }, (_, i) => Number(bits >> BigInt(56 - 8 * i) & 255n));
  const block = [BLOCK >> 8, BLOCK & 255];
  const unknown = new Array<number>(6).fill(0);
  return [...ascii("fLaC"), 0x80, 0, 0, 34, ...block, ...block, ...unknown, ...eight, ...hash()];
}

/** No hash of the samples is given. */
function hash(): number[] {
  return new Array<number>(16).fill(0);
}

function frame(number: number, rateCode: number, channels: number): number[] {
  const head = [0xff, 0xf8, BLOCK_CODE << 4 | rateCode, (channels - 1) << 4 | BITS_16 << 1];
  head.push(...coded(number));
  head.push(remainder(head, 8, 0x07));
  // Each channel: one value of 16 bits for the whole block.
  const body = [...head, ...new Array<number>(3 * channels).fill(0)];
  const check = remainder(body, 16, 0x8005);
  return [...body, check >> 8, check & 255];
}

/** A number as UTF-8 writes it. */
function coded(number: number): number[] {
  return Array.from(new TextEncoder().encode(String.fromCodePoint(number)));
}

/** The remainder of bytes by a polynomial. */
function remainder(bytes: readonly number[], width: number, polynomial: number): number {
  const mask = 2 ** width - 1;
  let rest = 0;
  for (const byte of bytes) {
    rest ^= byte << width - 8;
    for (let bit = 0; bit < 8; bit++) {
      rest = rest >> width - 1 & 1 ? rest << 1 ^ polynomial : rest << 1;
    }
    rest &= mask;
  }
  return rest;
}

function ascii(text: string): number[] {
  return Array.from(new TextEncoder().encode(text));
}
