/**
 * Reads the small JSON files of a model directory.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { type FileReader, nameIn, readExactly } from "./byte_source.ts";

const MAX_JSON_BYTES = 16 * 2 ** 20;

/**
 * The object in a JSON file of a directory.
 *
 * @throws {CheckpointError} when the file is missing, larger than 16 MiB, or holds no JSON object.
 */
export async function readJsonFile(
  files: FileReader,
  name: string,
): Promise<Record<string, unknown>> {
  const found = await readJsonFileIfThere(files, name);
  if (found) return found;
  const file = nameIn(files, name);
  throw new CheckpointError(`Cannot read "${file}": expected a file, found nothing`, { file });
}

/**
 * The same where a file may be missing: undefined then.
 *
 * @throws {CheckpointError} when the file is larger than 16 MiB, or holds no JSON object.
 */
export async function readJsonFileIfThere(
  files: FileReader,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  const file = nameIn(files, name);
  const source = await files.open(name);
  if (!source) return undefined;
  try {
    if (source.sizeBytes > MAX_JSON_BYTES) {
      throw new CheckpointError(
        `Cannot read "${file}": expected at most ${MAX_JSON_BYTES} bytes, found ${source.sizeBytes}`,
        { file },
      );
    }
    return parseObject(await readExactly(source, 0, source.sizeBytes), file);
  } finally {
    source.close?.();
  }
}

function parseObject(bytes: Uint8Array, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CheckpointError(`Cannot read "${file}": expected JSON, found other text`, {
      file,
      cause,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`;
    throw new CheckpointError(`Cannot read "${file}": expected a JSON object, found ${found}`, {
      file,
    });
  }
  return value as Record<string, unknown>;
}
