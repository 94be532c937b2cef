/**
 * The ID3v2 tag that may stand before an MP3 or FLAC file.
 *
 * @module
 */

const HEADER_BYTES = 10;

/** The bytes that an ID3v2 tag takes at the start, by its header; 0 where there is none. */
export function id3Bytes(head: Uint8Array): number {
  const isTag = head.length >= HEADER_BYTES && head[0] === 0x49 && head[1] === 0x44 &&
    head[2] === 0x33;
  if (!isTag) return 0;
  const size = (head[6]! & 127) << 21 | (head[7]! & 127) << 14 | (head[8]! & 127) << 7 |
    head[9]! & 127;
  const hasFooter = (head[5]! & 0x10) !== 0;
  return HEADER_BYTES + size + (hasFooter ? HEADER_BYTES : 0);
}
