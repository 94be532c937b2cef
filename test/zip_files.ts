/**
 * The files of a ZIP archive whose entries are stored as they are.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { crc32 } from "node:zlib";
import { bytesSource } from "../src/weights/byte_source.ts";
import { locateZipData, readZipDirectory, STORED } from "../src/weights/zip.ts";

/** Files by their paths; a test fails where a checksum is wrong. */
export async function zipFiles(archive: Uint8Array): Promise<Record<string, Uint8Array>> {
  const source = bytesSource("archive.zip", archive);
  const files: Record<string, Uint8Array> = {};
  for (const [name, entry] of await readZipDirectory(source)) {
    equal(entry.method, STORED);
    const start = await locateZipData(source, entry);
    files[name] = archive.slice(start, start + entry.sizeBytes);
    equal(crc32(files[name]), entry.checksum);
  }
  return files;
}
