/**
 * The header of a safetensors file: which tensors there are and which bytes are theirs.
 *
 * Follows the format's README and the checks of its Rust reader: distinct keys, known types, sizes
 * that fit the shapes, and byte ranges that cover the data part exactly once, so that a small file
 * cannot promise much and no byte is left to hide something in.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { JsonReader } from "./_json_reader.ts";
import { quoted, shownShape } from "./_shown.ts";
import { DTYPE_BITS } from "./_dtypes.ts";

/** Reserved among the tensor names for the file's own notes. */
export const METADATA_KEY = "__metadata__";

/** Where one tensor lies. */
export interface SafetensorsEntry {
  /** The format's name of the number type, such as `F32`. */
  readonly dtype: string;
  /** The length of each axis, empty for a scalar. */
  readonly shape: readonly number[];
  /** First byte of the tensor, from the start of the file. */
  readonly start: number;
  /** First byte after it. */
  readonly end: number;
}

/** What a header says, checked. */
export interface SafetensorsHeader {
  /** In the order of the file's bytes. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** Notes of the writer, by name. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The file's bytes from the end of the header on. */
interface DataPart {
  /** What error messages call the file. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Parses a header's JSON and checks it against the data part.
 *
 * @throws {CheckpointError} at the first rule that is broken.
 */
export function parseHeader(json: string, data: DataPart): SafetensorsHeader {
  if (!json.startsWith("{")) throw headerError(data.file, "expected it to begin with {");
  const entries: [string, SafetensorsEntry][] = [];
  const metadata = new Map<string, string>();
  const reader = new JsonReader(json);
  let current: string | undefined;
  try {
    reader.object((key) => {
      current = key;
      if (key === METADATA_KEY) reader.object((note) => void metadata.set(note, reader.string()));
      else entries.push([key, readEntry(reader, data.start)]);
      current = undefined;
    });
    reader.end();
  } catch (error) {
    if (error instanceof SyntaxError) throw headerError(data.file, error.message, current);
    throw error;
  }
  entries.sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  requireCoverage(entries, data);
  return { entries: new Map(entries), metadata };
}

/** The error of a header that breaks a rule, at the tensor named `key` where it is one. */
export function headerError(file: string, fault: string, key?: string): CheckpointError {
  const where = key === undefined ? "" : ` at ${quoted(key)}`;
  return new CheckpointError(`Cannot read safetensors header of "${file}"${where}: ${fault}`, {
    file,
    key,
  });
}

function readEntry(reader: JsonReader, dataStart: number): SafetensorsEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object((field) => {
    if (field === "dtype") dtype = reader.string();
    else if (field === "shape") shape = naturals(reader);
    else if (field === "data_offsets") offsets = naturals(reader);
    else reader.skip();
  });
  if (dtype === undefined || shape === undefined || offsets?.length !== 2) {
    throw new SyntaxError("expected a dtype, a shape and two data_offsets");
  }
  const [start, end] = offsets as [number, number];
  const sizeBytes = tensorBytes(dtype, shape);
  if (end - start !== sizeBytes) {
    throw new SyntaxError(
      `expected ${sizeBytes} bytes for ${dtype} ${shownShape(shape)}, ` +
        `found data_offsets ${start} to ${end}`,
    );
  }
  return { dtype, shape, start: dataStart + start, end: dataStart + end };
}

function naturals(reader: JsonReader): number[] {
  const items: number[] = [];
  reader.array(() => void items.push(reader.natural()));
  return items;
}

/** Bytes that a tensor takes. @throws {SyntaxError} if no file could hold them. */
export function tensorBytes(dtype: string, shape: readonly number[]): number {
  const bits = DTYPE_BITS.get(dtype);
  if (bits === undefined) throw new SyntaxError(`expected a known dtype, found ${quoted(dtype)}`);
  let sizeBits = bits;
  for (const length of shape) {
    sizeBits *= length;
    if (sizeBits > Number.MAX_SAFE_INTEGER) {
      throw new SyntaxError(`expected a size below 2^53 bits, found shape ${shownShape(shape)}`);
    }
  }
  if (sizeBits % 8 === 0) return sizeBits / 8;
  throw new SyntaxError(
    `expected whole bytes, found ${sizeBits} bits for ${dtype} ${shownShape(shape)}`,
  );
}

/** Entries in the order of their bytes must follow one another from the first byte to the last. */
function requireCoverage(entries: readonly [string, SafetensorsEntry][], data: DataPart): void {
  let covered = data.start;
  for (const [name, { start, end }] of entries) {
    if (start !== covered || end > data.end) {
      const [room, found] = [`${covered} to ${data.end}`, `${start} to ${end}`];
      const fault = start > covered
        ? "a hole"
        : start < covered
        ? "an overlap"
        : "the file ends before";
      throw headerError(
        data.file,
        `expected it within bytes ${room}, found ${found}: ${fault}`,
        name,
      );
    }
    covered = end;
  }
  if (covered !== data.end) {
    throw headerError(data.file, `expected tensors up to byte ${data.end}, found ${covered}`);
  }
}
