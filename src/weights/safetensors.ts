/**
 * Reads safetensors files: the header at once, then one tensor at a time.
 *
 * Knows neither shards nor models. The format is that of
 * https://github.com/huggingface/safetensors (README, "Format"): eight bytes of header length, a
 * header in JSON, the tensors' bytes back to back. A file that breaks a rule is refused as a whole,
 * before any tensor is read.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { quoted } from "./_shown.ts";
import {
  headerError,
  parseHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./_safetensors_header.ts";
import { type ByteSource, readExactly } from "./byte_source.ts";
import { decodeValues, isDtype, type TensorValues, toFloat32 } from "./_dtypes.ts";
import { freeValues } from "./lent_tensors.ts";
import type { TensorSource } from "./tensor_source.ts";

export type { SafetensorsEntry };

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

/** An open safetensors file; it holds the header, never a tensor. */
export interface SafetensorsFile extends TensorSource {
  /** Every tensor's type, shape and place, in the order of the file's bytes. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** The notes under `__metadata__`, empty where there are none. */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * The tensor's numbers in their own kind: integers and float64 as stored, 16-bit floats widened.
   *
   * @throws {CheckpointError} if there is no such tensor, or its bytes cannot be read.
   */
  readValues(name: string): Promise<TensorValues>;
}

/**
 * Reads and checks a file's header.
 *
 * @param source kept until `close()`.
 * @throws {CheckpointError} if the header breaks a rule of the format; no tensor is read before.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import { openSafetensors } from "./safetensors.ts";
 * import { encodeSafetensors } from "./safetensors_writer.ts";
 * import assert from "node:assert/strict";
 *
 * const bias = { name: "classifier.bias", dtype: "F16", shape: [2], values: Float32Array.of(1, 2) } as const;
 * const file = await openSafetensors(bytesSource("model.safetensors", encodeSafetensors([bias])));
 * assert.deepEqual(file.shape("classifier.bias"), [2]);
 * assert.deepEqual(await file.read("classifier.bias"), Float32Array.of(1, 2));
 * ```
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const header = await readHeader(source);
  const readValues = (name: string) => readTensor(source, header, name);
  return {
    file: source.name,
    ...header,
    names: () => header.entries.keys(),
    shape: (name) => header.entries.get(name)?.shape,
    dtype: (name) => header.entries.get(name)?.dtype,
    read: async (name) => toFloat32(await readValues(name)),
    readValues,
    origin: () => source.name,
    close: () => source.close?.(),
  };
}

async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const { name: file, sizeBytes } = source;
  if (sizeBytes < LENGTH_BYTES) {
    throw headerError(file, `expected ${LENGTH_BYTES} bytes of length, found ${sizeBytes}`);
  }
  const prefix = await readExactly(source, 0, LENGTH_BYTES);
  const headerBytes = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER_BYTES, sizeBytes - LENGTH_BYTES);
  if (headerBytes > limit) {
    throw headerError(file, `expected ${limit} bytes or less, found a length of ${headerBytes}`);
  }
  const start = LENGTH_BYTES + Number(headerBytes);
  const json = decodeUtf8(file, await readExactly(source, LENGTH_BYTES, start));
  return parseHeader(json, { file, start, end: sizeBytes });
}

function decodeUtf8(file: string, bytes: Uint8Array): string {
  try {
    // A byte order mark is kept, so that it is refused as a first byte that is not "{".
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw headerError(file, "expected UTF-8, found other bytes");
  }
}

async function readTensor(
  source: ByteSource,
  header: SafetensorsHeader,
  name: string,
): Promise<TensorValues> {
  const facts = { file: source.name, key: name };
  const subject = `Cannot read tensor ${quoted(name)} of "${source.name}"`;
  const entry = header.entries.get(name);
  if (!entry) {
    throw new CheckpointError(
      `${subject}: expected one of ${header.entries.size} tensors, found no such name`,
      facts,
    );
  }
  if (!isDtype(entry.dtype)) {
    throw new CheckpointError(
      `${subject}: expected a number type of 8 to 64 bits, found ${entry.dtype}`,
      facts,
    );
  }
  const bytes = await readExactly(source, entry.start, entry.end);
  const values = decodeValues(entry.dtype, bytes);
  if (values.buffer !== bytes.buffer) freeValues(bytes);
  return values;
}
