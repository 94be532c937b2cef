/**
 * Embeddings as a file of JSON lines, one for each vector, and back.
 *
 * The fields are `file`, `time` (seconds; null where a vector is of the whole clip), `embedding`, and what the
 * model says of the clip: `label`, `score`, and `margin`, how far the best score is above the next.
 *
 * @module
 */
import { FileError } from "../errors.ts";
import { fileSource } from "../files.ts";

/** A vector of a recording. */
export interface EmbeddingRow {
  file: string;
  /** Seconds; null where the vector is of the whole clip. */
  time: number | null;
  embedding: number[];
  label: string;
  score: number;
  /** How far the best score is above the next. */
  margin: number;
}

const MAX_FILE_BYTES = 2 ** 31;

/** The bytes of a file of embeddings. */
export function embeddingFile(rows: readonly EmbeddingRow[]): Uint8Array {
  return new TextEncoder().encode(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/**
 * The embeddings of a file.
 *
 * @throws {FileError} where it cannot be read, or is no such file.
 */
export async function readEmbeddings(file: string): Promise<EmbeddingRow[]> {
  using source = await fileSource(file);
  if (source.sizeBytes > MAX_FILE_BYTES) {
    throw new FileError(
      `Cannot read "${file}": expected at most ${MAX_FILE_BYTES} bytes, found ${source.sizeBytes}`,
      { file },
    );
  }
  const text = new TextDecoder().decode(await source.read(0, source.sizeBytes));
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const rows = lines.map((line, i) => rowOf(line, `${file}:${i + 1}`, file));
  const odd = rows.findIndex(({ embedding }) => embedding.length !== rows[0]!.embedding.length);
  if (odd === -1 && rows.length > 0) return rows;
  const problem = odd === -1
    ? "expected embeddings, found none"
    : `expected ${rows[0]!.embedding.length} numbers in line ${odd + 1}, found ${
      rows[odd]!.embedding.length
    }`;
  throw new FileError(`Cannot read "${file}": ${problem}`, { file });
}

function rowOf(line: string, place: string, file: string): EmbeddingRow {
  const found = parsed(line);
  if (isRow(found)) return found;
  throw new FileError(`Cannot read "${place}": expected a line of embed, found another text`, {
    file,
    hint: "Write the file with embed",
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isRow(value: unknown): value is EmbeddingRow {
  if (typeof value !== "object" || value === null) return false;
  const { file, time, embedding, label, score, margin } = value as Partial<EmbeddingRow>;
  return typeof file === "string" && (time === null || typeof time === "number") &&
    Array.isArray(embedding) && embedding.length > 0 && embedding.every(Number.isFinite) &&
    typeof label === "string" && typeof score === "number" && typeof margin === "number";
}
