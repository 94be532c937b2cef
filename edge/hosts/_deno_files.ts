/**
 * Files that lie beside the code: read from the disk, or fetched where the code was.
 *
 * @module
 */
import { type ByteSource, bytesSource, type FileReader } from "../../src/weights/byte_source.ts";

/**
 * The files of a folder.
 *
 * @param folder its path from the code, such as `model`.
 * @param code `import.meta.url` of the code.
 */
export function filesBeside(folder: string, code: string): FileReader {
  const url = new URL(`${folder}/`, code);
  const open = url.protocol === "file:" ? openFile : fetchFile;
  return { name: folder, open: (name) => open(new URL(name, url), `${folder}/${name}`) };
}

/** A file of the disk, of which only what is asked for is in memory. */
async function openFile(url: URL, name: string): Promise<ByteSource | undefined> {
  const file = await Deno.open(url).catch((error: unknown) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (!file) return undefined;
  return {
    name,
    sizeBytes: file.statSync().size,
    read: (start, end) => Promise.resolve(readRange(file, start, end)),
    close: () => file.close(),
  };
}

/** Fewer bytes than asked for where the file ends before. */
function readRange(file: Deno.FsFile, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  file.seekSync(start, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) return bytes.subarray(0, filled);
    filled += count;
  }
  return bytes;
}

async function fetchFile(url: URL, name: string): Promise<ByteSource | undefined> {
  const response = await fetch(url);
  // Some hosts answer with a page where there is no such file.
  const isPage = response.headers.get("content-type")?.startsWith("text/html") ?? false;
  if (response.ok && !isPage) {
    return bytesSource(name, new Uint8Array(await response.arrayBuffer()));
  }
  await response.body?.cancel();
  if (isPage || response.status === 404) return undefined;
  throw new TypeError(`Cannot fetch "${name}": expected status 200, found ${response.status}`);
}
