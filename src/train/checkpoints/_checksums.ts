/**
 * SHA-256 of the files of a checkpoint, in a file beside them, so that a flipped bit in a weight is found.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { CheckpointError, FileError } from "../../errors.ts";
import { directoryFiles, fileSource, type FileToWrite } from "../../files.ts";
import { jsonBytes } from "../../pretrained.ts";
import { readJsonFile } from "../../weights/json_file.ts";

const CHECKSUMS = "checksums.json";

/** Read at once when a file is checked. */
const BLOCK_BYTES = 2 ** 22;

/** The files, and one more with their checksums, which are taken while they are written. */
export function withChecksums(files: readonly FileToWrite[]): FileToWrite[] {
  const sums: Record<string, string> = {};
  const summed = files.map(({ name, chunks }): FileToWrite => ({
    name,
    chunks: async function* () {
      const hash = createHash("sha256");
      for await (const chunk of chunks()) {
        hash.update(chunk);
        yield chunk;
      }
      sums[name] = hash.digest("hex");
    },
  }));
  return [...summed, { name: CHECKSUMS, chunks: () => [jsonBytes(sums)] }];
}

/**
 * Compares the files of a checkpoint with their checksums; one without checksums passes.
 *
 * @throws {CheckpointError} naming the file whose bytes are not those that were written.
 */
export async function expectSound(directory: string): Promise<void> {
  const { names, sums } = await checksumsIn(directory);
  for (const name of names) {
    const file = `${directory}/${name}`;
    if (await digestOf(file) === sums[name]) continue;
    throw new CheckpointError(
      `Cannot use "${file}": expected the bytes that were written, found others`,
      { file },
    );
  }
}

async function checksumsIn(directory: string): Promise<{ names: string[]; sums: Json }> {
  const sums = await readJsonFile(directoryFiles(directory), CHECKSUMS).catch((error) => {
    if (error instanceof CheckpointError && /found nothing$/.test(error.message)) return {};
    throw error;
  });
  return { names: Object.keys(sums), sums };
}

type Json = Record<string, unknown>;

/** The checksum of a file; none of one that is not there. */
async function digestOf(file: string): Promise<string | undefined> {
  try {
    const source = await fileSource(file);
    try {
      const hash = createHash("sha256");
      for (let start = 0; start < source.sizeBytes; start += BLOCK_BYTES) {
        hash.update(await source.read(start, Math.min(start + BLOCK_BYTES, source.sizeBytes)));
      }
      return hash.digest("hex");
    } finally {
      source[Symbol.dispose]();
    }
  } catch (error) {
    if (error instanceof FileError && error.code === "ENOENT") return undefined;
    throw error;
  }
}
