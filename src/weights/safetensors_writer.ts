/**
 * Writes safetensors files, byte for byte as the reference writer lays them out: the widest number
 * types first, then by name, the header padded with spaces to a multiple of 8.
 *
 * Gives bytes, piece by piece; where they go, and how to do so atomically, is the caller's part.
 *
 * @module
 */

import { METADATA_KEY, tensorBytes } from "./_safetensors_header.ts";
import { type Dtype, DTYPE_BITS, encodeValues, type TensorValues } from "./_dtypes.ts";

/** What is known of a tensor before its numbers are at hand. */
export interface TensorInfo {
  /** Its key in the file, of which there may be no other. */
  readonly name: string;
  /** How to store the numbers. */
  readonly dtype: Dtype;
  /** The length of each axis, empty for a scalar. */
  readonly shape: readonly number[];
}

/** A tensor to write. */
export interface TensorToWrite extends TensorInfo {
  /** In row-major order, of the kind that `decodeValues` gives for the type. */
  readonly values: TensorValues;
}

/** A tensor to write whose numbers are fetched when their turn comes. */
export interface TensorToStream extends TensorInfo {
  /** Called once, when the tensor before has been taken. */
  values(): TensorValues | Promise<TensorValues>;
}

/** A file whose bytes can be asked for, in order. */
export interface SafetensorsOutput {
  /** All chunks together. */
  readonly sizeBytes: number;
  /** The header, then one piece per tensor; a piece may lie over the tensor's own memory. */
  chunks(): AsyncIterable<Uint8Array>;
}

const LENGTH_BYTES = 8;
const HEADER_ALIGNMENT = 8;
/** What PyTorch's tools look for before they load a file. */
const PYTORCH_METADATA: Readonly<Record<string, string>> = { format: "pt" };

/**
 * Lays out a file of tensors that are fetched one at a time, from a device for instance.
 *
 * @param metadata the notes of the file. @default { format: "pt" }
 * @throws {RangeError} if a name comes twice; `chunks` also if values do not fill their shape.
 *
 * @example
 * ```ts
 * import { streamSafetensors } from "./safetensors_writer.ts";
 * import assert from "node:assert/strict";
 *
 * const values = () => Promise.resolve(new Float32Array(3));
 * const output = streamSafetensors([{ name: "bias", dtype: "F16", shape: [3], values }]);
 * const pieces = await Array.fromAsync(output.chunks());
 * assert.equal(pieces.at(-1)?.byteLength, 6);
 * ```
 */
export function streamSafetensors(
  tensors: Iterable<TensorToStream>,
  metadata: Readonly<Record<string, string>> = PYTORCH_METADATA,
): SafetensorsOutput {
  const { header, ordered, sizeBytes } = layOut(tensors, metadata);
  async function* chunks(): AsyncIterable<Uint8Array> {
    yield header;
    for (const tensor of ordered) {
      const values = await tensor.values();
      requireFit(tensor, values);
      yield encodeValues(tensor.dtype, values);
    }
  }
  return { sizeBytes, chunks };
}

/**
 * The whole file in one array, for small ones.
 *
 * @param metadata the notes of the file. @default { format: "pt" }
 * @throws {TypeError} if values are of another kind than the tensor's dtype.
 * @throws {RangeError} if a name comes twice, or values do not fill their shape.
 *
 * @example
 * ```ts
 * import { encodeSafetensors } from "./safetensors_writer.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(encodeSafetensors([], {}).byteLength, 16);
 * ```
 */
export function encodeSafetensors(
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = PYTORCH_METADATA,
): Uint8Array {
  const { header, ordered, sizeBytes } = layOut(tensors, metadata);
  const bytes = new Uint8Array(sizeBytes);
  bytes.set(header);
  let at = header.byteLength;
  for (const tensor of ordered) {
    requireFit(tensor, tensor.values);
    const encoded = encodeValues(tensor.dtype, tensor.values);
    bytes.set(encoded, at);
    at += encoded.byteLength;
  }
  return bytes;
}

interface Layout<T> {
  header: Uint8Array;
  /** The tensors in the order of their bytes. */
  ordered: T[];
  sizeBytes: number;
}

function layOut<T extends TensorInfo>(
  tensors: Iterable<T>,
  metadata: Readonly<Record<string, string>>,
): Layout<T> {
  const ordered = [...tensors].sort(byTypeThenName);
  requireDistinctNames(ordered);
  // Text, not an object: keys such as "0" or "__proto__" would change their place or their meaning.
  const notes = Object.entries(metadata).map(([key, text]) => member(key, JSON.stringify(text)));
  const members = notes.length ? [member(METADATA_KEY, `{${notes.join()}}`)] : [];
  let dataBytes = 0;
  for (const { name, dtype, shape } of ordered) {
    const end = dataBytes + tensorBytes(dtype, shape);
    const place = `"data_offsets":[${dataBytes},${end}]`;
    members.push(member(name, `{"dtype":"${dtype}","shape":[${shape.join()}],${place}}`));
    dataBytes = end;
  }
  const header = frameHeader(`{${members.join()}}`);
  return { header, ordered, sizeBytes: header.byteLength + dataBytes };
}

function member(key: string, json: string): string {
  return `${JSON.stringify(key)}:${json}`;
}

/** The header's length, its bytes, and spaces up to the alignment. */
function frameHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const paddedBytes = Math.ceil(text.byteLength / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  const header = new Uint8Array(LENGTH_BYTES + paddedBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(paddedBytes), true);
  header.set(text, LENGTH_BYTES);
  return header;
}

const DTYPE_RANKS: ReadonlyMap<string, number> = new Map(
  [...DTYPE_BITS.keys()].map((dtype, rank) => [dtype, rank]),
);

function byTypeThenName(a: TensorInfo, b: TensorInfo): number {
  const byType = DTYPE_RANKS.get(b.dtype)! - DTYPE_RANKS.get(a.dtype)!;
  return byType || (a.name < b.name ? -1 : 1);
}

function requireDistinctNames(tensors: readonly TensorInfo[]): void {
  const names = new Set([METADATA_KEY]);
  for (const { name } of tensors) {
    if (names.has(name)) {
      throw new RangeError(`Cannot write tensor "${name}": expected a name of its own`);
    }
    names.add(name);
  }
}

function requireFit({ name, dtype, shape }: TensorInfo, values: TensorValues): void {
  const size = shape.reduce((product, length) => product * length, 1);
  if (size === values.length) return;
  throw new RangeError(
    `Cannot write tensor "${name}": expected ${size} values for ${dtype} [${shape}], ` +
      `found ${values.length}`,
  );
}
