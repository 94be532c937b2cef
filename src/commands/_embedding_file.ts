/**
 * Embeddings as a file, a Parquet table or JSON lines with a vector each, and back.
 *
 * The fields are `file`, `time` (seconds; null where a vector is of the whole clip), `embedding`, and what the
 * model says of the clip: `label`, `score`, and `margin`, how far the best score is above the next. Which model and
 * layer the vectors are of stands in the notes of a table, and in each line.
 *
 * @module
 */
import { parquetWriteBuffer } from "hyparquet-writer";
import { type ClassifierOptions, createComplete } from "../classify/classifier.ts";
import type { AudioClassifier } from "../classify/pipeline.ts";
import { loadDataset } from "../data/load_dataset.ts";
import { parquetNotes } from "../data/parquet_notes.ts";
import { FileError } from "../errors.ts";
import { fileSource } from "../files.ts";
import { AutoFeatureExtractor, filesOf, loadFingerprinted } from "../pretrained.ts";
import { modelFingerprint } from "./_parts_directory.ts";

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

/** What vectors are of. */
export interface EmbeddingOrigin {
  /** The fingerprint of the model's backbone; absent where it is not known. */
  model?: string;
  /** The layer that was asked for; null for what the head looks at. */
  layer: number | null;
}

/** What a file holds. */
export interface EmbeddingFile {
  rows: EmbeddingRow[];
  /** Absent where the file does not say. */
  origin?: EmbeddingOrigin;
}

/** The key of the notes of a table. */
const NOTE = "earshot";

const MAX_FILE_BYTES = 2 ** 31;

/** The endings of files of embeddings. */
export const EMBEDDING_ENDINGS = [".parquet", ".jsonl"] as const;

/** The schema of the table: an element of a list is a vector's number, in 32 bits as the model gives it. */
const SCHEMA: Parameters<typeof parquetWriteBuffer>[0]["schema"] = [
  { name: "root", num_children: 6 },
  { name: "file", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "time", type: "DOUBLE", repetition_type: "OPTIONAL" },
  { name: "label", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "score", type: "DOUBLE", repetition_type: "REQUIRED" },
  { name: "margin", type: "DOUBLE", repetition_type: "REQUIRED" },
  { name: "embedding", repetition_type: "REQUIRED", num_children: 1, converted_type: "LIST" },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
];

const COLUMNS = ["file", "time", "label", "score", "margin", "embedding"] as const;

/** Whether a name has one of the endings. */
export function isEmbeddingFile(file: string): boolean {
  return EMBEDDING_ENDINGS.some((ending) => file.endsWith(ending));
}

/**
 * A classifier to embed with, and the fingerprint of its backbone, where that is known; of a model for x-vectors, which
 * its head makes, that of all its files.
 */
export async function embeddingClassifier(
  directory: string,
  options: Pick<ClassifierOptions, "onWarning"> = {},
): Promise<{ classifier: AudioClassifier; fingerprint?: string }> {
  const files = await filesOf(directory, { offline: true });
  const extractor = await AutoFeatureExtractor.fromPretrained(files, options);
  const { model, fingerprint } = await loadFingerprinted(files, options);
  const open = { ...options, openFile: fileSource };
  const classifier = createComplete({ model, extractor }, directory, open);
  if (model.headKind !== "xvector") return { classifier, fingerprint };
  return { classifier, fingerprint: await modelFingerprint(directory) };
}

/** The bytes of a file of embeddings of this name. */
export function embeddingFile(
  file: string,
  { rows, origin }: { rows: readonly EmbeddingRow[]; origin: EmbeddingOrigin },
): Uint8Array {
  if (file.endsWith(".parquet")) {
    const columnData = COLUMNS.map((name) => ({ name, data: rows.map((row) => row[name]) }));
    const kvMetadata = [{ key: NOTE, value: JSON.stringify(origin) }];
    const table = { columnData, schema: SCHEMA, kvMetadata, createdBy: "Earshot" };
    return new Uint8Array(parquetWriteBuffer(table));
  }
  const lines = rows.map((row) => `${JSON.stringify({ ...row, ...origin })}\n`);
  return new TextEncoder().encode(lines.join(""));
}

/**
 * The embeddings of a file.
 *
 * @throws {FileError} where it cannot be read, or is no such file.
 * @throws {DatasetError} where it is no Parquet file though it is called one.
 */
export async function readEmbeddings(file: string): Promise<EmbeddingFile> {
  const found = await (file.endsWith(".parquet") ? tableRows(file) : lineRows(file));
  const { rows } = found;
  const odd = rows.findIndex(({ embedding }) => embedding.length !== rows[0]!.embedding.length);
  if (odd === -1 && rows.length > 0) return found;
  const problem = odd === -1
    ? "expected embeddings, found none"
    : `expected ${rows[0]!.embedding.length} numbers in row ${odd + 1}, found ${
      rows[odd]!.embedding.length
    }`;
  throw new FileError(`Cannot read "${file}": ${problem}`, { file });
}

async function tableRows(file: string): Promise<EmbeddingFile> {
  using _source = await fileSource(file);
  const table = await loadDataset(file, { split: "train" });
  if (COLUMNS.some((name) => !table.columnNames.includes(name))) throw notOurs(file, file);
  const rows: EmbeddingRow[] = [];
  for (let i = 0; i < table.numRows; i++) {
    const row = await table.at(i);
    if (!isRow(row)) throw notOurs(`${file}, row ${i}`, file);
    rows.push(row);
  }
  const note = (await parquetNotes(file)).get(NOTE);
  return { rows, origin: note === undefined ? undefined : originOf(parsed(note)) };
}

function originOf(value: unknown): EmbeddingOrigin | undefined {
  const { model, layer } = (value ?? {}) as Partial<EmbeddingOrigin>;
  const isLayer = layer === null || typeof layer === "number";
  if (!isLayer) return undefined;
  return { layer, ...typeof model === "string" && { model } };
}

async function lineRows(file: string): Promise<EmbeddingFile> {
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
  return { rows, origin: originOf(rows[0]) };
}

function rowOf(line: string, place: string, file: string): EmbeddingRow {
  const found = parsed(line);
  if (isRow(found)) return found;
  throw notOurs(place, file);
}

function notOurs(place: string, file: string): FileError {
  return new FileError(`Cannot read "${place}": expected a row that embed wrote, found another`, {
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
