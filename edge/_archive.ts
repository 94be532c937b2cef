/**
 * A ZIP archive of a few files, stored as they are: what a browser can keep of a directory.
 *
 * @module
 */

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** Names are UTF-8. */
const UTF8 = 0x0800;
/** 1 January 1980, the first day that there is: the same files give the same bytes. */
const DAY = 0x21;

/** The archive of some files, in their order. */
export function zip(
  files: readonly { name: string; bytes: Uint8Array }[],
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const encoded = new TextEncoder().encode(name);
    const crc = crc32(bytes);
    const common = [10, UTF8, 0, 0, DAY];
    const sizes = [crc, bytes.length, bytes.length];
    const local = record(LOCAL, common, sizes, [encoded.length, 0]);
    parts.push(local, encoded, bytes);
    const central = record(CENTRAL, [20, ...common], sizes, [encoded.length, 0, 0, 0, 0], [
      0,
      offset,
    ]);
    directory.push(central, encoded);
    offset += local.length + encoded.length + bytes.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = record(END, [0, 0, files.length, files.length], [size, offset], [0]);
  return joined([...parts, ...directory, end]);
}

/** Lists of 16-bit and 32-bit numbers in turn, behind a signature. */
function record(signature: number, ...lists: number[][]): Uint8Array {
  const length = lists.reduce((sum, list, i) => sum + list.length * (i % 2 === 0 ? 2 : 4), 4);
  const view = new DataView(new ArrayBuffer(length));
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [i, list] of lists.entries()) {
    for (const value of list) {
      if (i % 2 === 0) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += i % 2 === 0 ? 2 : 4;
    }
  }
  return new Uint8Array(view.buffer);
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
