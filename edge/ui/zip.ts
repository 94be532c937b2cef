/**
 * Archives of a few files that are stored as they are.
 *
 * @module
 */
export { zip } from "../_archive.ts";
import type { NamedFile } from "./engine.ts";

/** The files of an archive that `zip` made. */
export function unzip(bytes: Uint8Array<ArrayBuffer>): NamedFile[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const files: NamedFile[] = [];
  for (let at = 0; view.getUint32(at, true) === 0x04034b50;) {
    const [size, nameLength] = [view.getUint32(at + 18, true), view.getUint16(at + 26, true)];
    const name = new TextDecoder().decode(bytes.subarray(at + 30, at + 30 + nameLength));
    const start = at + 30 + nameLength;
    files.push({ name, bytes: bytes.slice(start, start + size) });
    at = start + size;
  }
  return files;
}
