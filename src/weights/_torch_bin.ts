/**
 * Reads `pytorch_model.bin`: what `torch.save` makes of a state dict, in the zip form of torch 1.6
 * and later and in the one before it.
 *
 * Runs no code of the file: its pickle is read by a machine that knows a closed list of opcodes and
 * names (`_pickle.ts`, `_torch_pickle.ts`), and there is no other way in. Tensors are read one at a
 * time, from their own bytes. Follows torch/serialization.py of torch 2.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { PickleTruncated, type PickleVocabulary, shownValue, unpickle } from "./_pickle.ts";
import { quoted } from "./_shown.ts";
import { type TorchStorage, TorchTensor, TorchVocabulary } from "./_torch_pickle.ts";
import { locateZipData, readZipDirectory, type ZipEntry } from "./zip.ts";
import { type ByteSource, readExactly } from "./byte_source.ts";
import { decodeValues, DTYPE_BITS, toFloat32 } from "./_dtypes.ts";
import { freeValues } from "./lent_tensors.ts";
import type { TensorSource } from "./tensor_source.ts";

const MAX_PICKLE_BYTES = 2 ** 24;
/** The pickles of most models fit into the first piece that is read. */
const FIRST_PIECE_BYTES = 2 ** 18;
const ZIP_MAGIC = "PK\x03\x04";
/** First byte of a pickle of protocol 2 or later. */
const PICKLE_MAGIC = "\x80";
const LEGACY_MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
/** A legacy storage is preceded by its length. */
const STORAGE_LENGTH_BYTES = 8;

/** The tensors that a pickle describes, and where their storages' bytes begin. */
interface TorchFile {
  tensors: Map<string, TorchTensor>;
  locate(storage: TorchStorage): number | Promise<number>;
}

/**
 * Reads what is in a `.bin` file, and no tensor yet.
 *
 * @param source kept until `close()`.
 * @throws {CheckpointError} if the file is neither form, is broken, compressed, or asks for any
 * class or function other than those of plain tensors, which it names.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import { openTorchBin } from "./_torch_bin.ts";
 * import assert from "node:assert/strict";
 *
 * const text = new TextEncoder().encode("no checkpoint");
 * await assert.rejects(openTorchBin(bytesSource("pytorch_model.bin", text)), {
 *   name: "CheckpointError",
 *   message: /expected a file of torch\.save/,
 * });
 * ```
 */
export async function openTorchBin(source: ByteSource): Promise<TensorSource> {
  const { tensors, locate } = await readFile(source);
  return {
    file: source.name,
    names: () => tensors.keys(),
    shape: (name) => tensors.get(name)?.shape,
    dtype: (name) => tensors.get(name)?.storage.dtype,
    origin: () => source.name,
    close: () => source.close?.(),
    async read(name) {
      const tensor = tensors.get(name);
      if (!tensor) throw torchError(source, `expected one of ${tensors.size} tensors`, name);
      return await readTensor(source, tensor, await locate(tensor.storage));
    },
  };
}

async function readFile(source: ByteSource): Promise<TorchFile> {
  const first = await readExactly(source, 0, Math.min(ZIP_MAGIC.length, source.sizeBytes));
  const magic = String.fromCharCode(...first);
  try {
    if (magic === ZIP_MAGIC) return await readZipFile(source);
    if (magic.startsWith(PICKLE_MAGIC)) return await readLegacyFile(source);
  } catch (error) {
    if (error instanceof CheckpointError || !(error instanceof SyntaxError)) throw error;
    throw torchError(source, error.message);
  }
  throw torchError(source, `expected a file of torch.save, found ${quoted(magic)} at its start`);
}

async function readZipFile(source: ByteSource): Promise<TorchFile> {
  const entries = await readZipDirectory(source);
  const pickles = [...entries.values()].filter(({ name }) => /^[^/]*\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (!pickle || pickles.length > 1) {
    throw torchError(source, `expected one data.pkl in the archive, found ${pickles.length}`);
  }
  const folder = pickle.name.slice(0, -"data.pkl".length);
  await requireLittleEndian(source, entries.get(`${folder}byteorder`));
  const vocabulary = new TorchVocabulary();
  const { value } = unpickle(await readSmall(source, pickle), 0, vocabulary);
  const tensors = tensorsOf(source, value);
  for (const [name, { storage }] of tensors) {
    const found = entries.get(`${folder}data/${storage.key}`)?.sizeBytes;
    if (found === bytesOf(storage)) continue;
    throw torchError(source, `expected ${bytesOf(storage)} bytes, found ${found ?? "none"}`, name);
  }
  const locate = ({ key }: TorchStorage) =>
    locateZipData(source, entries.get(`${folder}data/${key}`)!);
  return { tensors, locate };
}

async function requireLittleEndian(source: ByteSource, entry?: ZipEntry): Promise<void> {
  if (!entry) return; // torch before 2.1 does not say, and wrote the order of the machine
  const order = new TextDecoder().decode(await readSmall(source, entry));
  if (order !== "little") {
    throw torchError(source, `expected little-endian, found ${quoted(order)}`);
  }
}

async function readSmall(source: ByteSource, entry: ZipEntry): Promise<Uint8Array> {
  if (entry.sizeBytes > MAX_PICKLE_BYTES) {
    const limit = `${MAX_PICKLE_BYTES} bytes or less`;
    throw torchError(source, `expected ${limit}, found ${entry.sizeBytes}`, entry.name);
  }
  const start = await locateZipData(source, entry);
  return await readExactly(source, start, start + entry.sizeBytes);
}

/** Five pickles, the fourth of them the state dict, then the storages one after another. */
async function readLegacyFile(source: ByteSource): Promise<TorchFile> {
  for (let pieceBytes = FIRST_PIECE_BYTES;; pieceBytes *= 4) {
    const end = Math.min(pieceBytes, MAX_PICKLE_BYTES, source.sizeBytes);
    const piece = await readExactly(source, 0, end);
    try {
      const pickles = unpickleLegacy(piece);
      const tensors = tensorsOf(source, pickles.value);
      const starts = await locateLegacyStorages(source, pickles);
      return { tensors, locate: ({ key }: TorchStorage) => starts.get(key)! };
    } catch (error) {
      const more = end < Math.min(MAX_PICKLE_BYTES, source.sizeBytes);
      if (!(error instanceof PickleTruncated) || !more) throw error;
    }
  }
}

interface LegacyPickles {
  value: unknown;
  storages: ReadonlyMap<string, TorchStorage>;
  /** The order in which the storages follow. */
  keys: unknown;
  end: number;
}

function unpickleLegacy(bytes: Uint8Array): LegacyPickles {
  const vocabulary = new TorchVocabulary();
  let end = 0;
  const next = (words: PickleVocabulary = vocabulary) => {
    const { value, end: after } = unpickle(bytes, end, words);
    end = after;
    return value;
  };
  if (next() !== LEGACY_MAGIC_NUMBER) throw new SyntaxError("expected torch's magic number");
  const protocol = next();
  if (protocol !== LEGACY_PROTOCOL) {
    throw new SyntaxError(`expected protocol ${LEGACY_PROTOCOL}, found ${shownValue(protocol)}`);
  }
  const system = next();
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw new SyntaxError("expected a file of a little-endian machine");
  }
  const value = next();
  return { value, storages: vocabulary.storages, keys: next(), end };
}

async function locateLegacyStorages(
  source: ByteSource,
  { keys, storages, end }: LegacyPickles,
): Promise<Map<string, number>> {
  const starts = new Map<string, number>();
  let at = end;
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = storages.get(key);
    if (!storage || starts.has(key)) {
      throw torchError(source, `expected each storage once, found ${shownValue(key)}`);
    }
    const header = await readExactly(source, at, at + STORAGE_LENGTH_BYTES);
    const length = new DataView(header.buffer, header.byteOffset).getBigUint64(0, true);
    const start = at + STORAGE_LENGTH_BYTES;
    at = start + bytesOf(storage);
    if (length !== BigInt(storage.length) || at > source.sizeBytes) {
      const found = `${length} in a file of ${source.sizeBytes} bytes`;
      throw torchError(
        source,
        `expected ${storage.length} numbers of storage ${quoted(key)} at ${start}, found ${found}`,
      );
    }
    starts.set(key, start);
  }
  if (starts.size === storages.size) return starts;
  throw torchError(source, `expected ${storages.size} storages, found ${starts.size}`);
}

/** The entries of the pickled dictionary that are tensors; others, such as counters, are left. */
function tensorsOf(source: ByteSource, value: unknown): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  const others: string[] = [];
  for (const [name, item] of value instanceof Map ? value : []) {
    if (typeof name === "string" && item instanceof TorchTensor) tensors.set(name, item);
    else others.push(shownValue(name));
  }
  if (tensors.size > 0) return tensors;
  const found = value instanceof Map
    ? `the keys ${others.slice(0, 8).join(", ")}`
    : shownValue(value);
  throw torchError(source, `expected a dictionary of tensors by name, found ${found}`);
}

async function readTensor(
  source: ByteSource,
  tensor: TorchTensor,
  storageStart: number,
): Promise<Float32Array> {
  const { storage, offset, span } = tensor;
  const itemBytes = bytesOf(storage) / Math.max(1, storage.length);
  const start = storageStart + offset * itemBytes;
  const bytes = await readExactly(source, start, start + span * itemBytes);
  const values = toFloat32(decodeValues(storage.dtype, bytes));
  const ordered = tensor.isContiguous ? values : gather(tensor, values);
  if (ordered.buffer !== bytes.buffer) freeValues(bytes);
  return ordered;
}

/** Puts numbers that lie in another order, as those of a transposed matrix, into row-major order. */
function gather({ shape, strides, size }: TorchTensor, values: Float32Array): Float32Array {
  const ordered = new Float32Array(size);
  const index = shape.map(() => 0);
  for (let i = 0, at = 0; i < size; i++) {
    ordered[i] = values[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return ordered;
}

function bytesOf(storage: TorchStorage): number {
  return storage.length * DTYPE_BITS.get(storage.dtype)! / 8;
}

function torchError(source: ByteSource, fault: string, key?: string): CheckpointError {
  const where = key === undefined ? "" : ` at ${quoted(key)}`;
  return new CheckpointError(`Cannot read "${source.name}"${where}: ${fault}`, {
    file: source.name,
    key,
    hint: "Convert the model to safetensors, with transformers' save_pretrained for instance",
  });
}
