/**
 * Builds WAV files byte by byte, right and wrong ones, for the tests of the reader.
 *
 * @module
 */

/** What the headers claim; what is left out is honest. */
export interface WavHeader {
  tag?: number;
  channels?: number;
  rateHz?: number;
  bits?: number;
  frameBytes?: number;
  riffSize?: number;
  dataSize?: number;
  /** The tag inside an extensible header. */
  subformat?: number;
}

/** Bytes of little-endian 16-bit numbers. */
export function u16(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value & 255, value >> 8 & 255]));
}

/** Bytes of little-endian 32-bit numbers. */
export function u32(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [0, 8, 16, 24].map((by) => value >>> by & 255)));
}

/** Bytes one after another. */
export function concat(...parts: (Uint8Array | string)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "string" ? [...new TextEncoder().encode(part)] : [...part]
    ),
  );
}

/** A chunk with its header and, where its size is odd, its byte of padding. */
export function chunk(id: string, data: Uint8Array, size: number = data.length): Uint8Array {
  return concat(id, u32(size), data, new Uint8Array(data.length % 2));
}

/** The chunk that says how samples are written. */
export function formatChunk(header: WavHeader): Uint8Array {
  const { channels = 1, rateHz = 8000, bits = 16, subformat } = header;
  const tag = subformat === undefined ? header.tag ?? 1 : 0xfffe;
  const frameBytes = header.frameBytes ?? channels * bits / 8;
  const basic = concat(u16(tag, channels), u32(rateHz, rateHz * frameBytes), u16(frameBytes, bits));
  if (subformat === undefined) return chunk("fmt ", basic);
  const guidTail = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];
  const guid = concat(u16(subformat), Uint8Array.from(guidTail));
  return chunk("fmt ", concat(basic, u16(22, bits), u32(3), guid));
}

/** The chunks in a RIFF file. */
export function riff(chunks: Uint8Array[], size?: number): Uint8Array {
  const body = concat("WAVE", ...chunks);
  return concat("RIFF", u32(size ?? body.length), body);
}

/** A whole file: header, then the samples as they are. */
export function wavFile(header: WavHeader, data: Uint8Array): Uint8Array {
  return riff([formatChunk(header), chunk("data", data, header.dataSize)], header.riffSize);
}
