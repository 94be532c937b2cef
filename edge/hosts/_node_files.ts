/**
 * Files that lie beside the code, for hosts with Node's modules.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { ByteSource, FileReader } from "../../src/weights/byte_source.ts";

/**
 * The files of a folder.
 *
 * @param folder its path from the code, such as `model`.
 * @param code `import.meta.url` of the code.
 */
export function filesBeside(folder: string, code: string): FileReader {
  const url = new URL(`${folder}/`, code);
  // The promise carries what goes wrong.
  return { name: folder, open: async (name) => await openFile(new URL(name, url), name, folder) };
}

/** A file of the disk, of which only what is asked for is in memory. */
function openFile(url: URL, name: string, folder: string): ByteSource | undefined {
  const file = openIfThere(url);
  if (file === undefined) return undefined;
  return {
    name: `${folder}/${name}`,
    sizeBytes: fstatSync(file).size,
    read: (start, end) => Promise.resolve(readRange(file, start, end)),
    close: () => closeSync(file),
  };
}

function openIfThere(url: URL): number | undefined {
  try {
    return openSync(url, "r");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Fewer bytes than asked for where the file ends before. */
function readRange(file: number, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(file, bytes, filled, bytes.length - filled, start + filled);
    if (count === 0) return bytes.subarray(0, filled);
    filled += count;
  }
  return bytes;
}
