/**
 * The notes in the footer of a Parquet file, which are no part of its table.
 *
 * @module
 */
import { FileError } from "../errors.ts";
import { fileSource } from "../files.ts";
import { readFooter } from "./_parquet_footer.ts";

/**
 * Texts by key.
 *
 * @throws {FileError} where the file cannot be read, or is no Parquet file.
 */
export async function parquetNotes(path: string): Promise<ReadonlyMap<string, string>> {
  const source = await fileSource(path);
  try {
    try {
      const read = async (start: number, end: number) => await source.read(start, end);
      return (await readFooter(source.sizeBytes, read)).metadata;
    } catch (cause) {
      if (cause instanceof FileError) throw cause;
      const found = cause instanceof Error ? cause.message : String(cause);
      throw new FileError(`Cannot read "${path}": expected a Parquet file, found ${found}`, {
        file: path,
        cause,
      });
    }
  } finally {
    source[Symbol.dispose]();
  }
}
