/**
 * What the pickle inside a `torch.save` file may say, and nothing else: an ordered dictionary of
 * tensors, each a view of a typed storage whose bytes lie outside the pickle.
 *
 * No tensor is read here; the outcome says where each would be. The names are those that torch 1.0
 * and later write for a state dict.
 *
 * @module
 */

import { PickleTuple, type PickleVocabulary, shownValue } from "./_pickle.ts";
import { quoted, shownShape } from "./_shown.ts";
import type { Dtype } from "./_dtypes.ts";

/** A run of numbers outside the pickle. */
export class TorchStorage {
  /** @param key what the file calls it. */
  constructor(readonly key: string, readonly dtype: Dtype, readonly length: number) {}
}

/** A view of a storage; offset and strides count numbers, not bytes. */
export class TorchTensor {
  /** @param offset where the first number lies. */
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}

  /** How many numbers the tensor has. */
  get size(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }

  /** How many numbers of the storage lie between its first and its last, both included. */
  get span(): number {
    if (this.size === 0) return 0;
    return 1 +
      this.shape.reduce((sum, length, axis) => sum + (length - 1) * this.strides[axis]!, 0);
  }

  /** Whether the numbers follow one another in row-major order. */
  get isContiguous(): boolean {
    let expected = 1;
    return this.shape.every((_, fromLast) => {
      const axis = this.shape.length - 1 - fromLast;
      const length = this.shape[axis]!;
      const fits = length === 1 || this.strides[axis] === expected;
      expected *= length;
      return fits;
    });
  }
}

class StorageType {
  constructor(readonly dtype: Dtype) {}
}

type Builder = (args: readonly unknown[]) => unknown;

/** Every global that a file may name; the functions only look like those they stand for. */
const GLOBALS: ReadonlyMap<string, StorageType | Builder> = new Map<string, StorageType | Builder>([
  ["torch.DoubleStorage", new StorageType("F64")],
  ["torch.FloatStorage", new StorageType("F32")],
  ["torch.HalfStorage", new StorageType("F16")],
  ["torch.BFloat16Storage", new StorageType("BF16")],
  ["torch.LongStorage", new StorageType("I64")],
  ["torch.IntStorage", new StorageType("I32")],
  ["torch.ShortStorage", new StorageType("I16")],
  ["torch.CharStorage", new StorageType("I8")],
  ["torch.ByteStorage", new StorageType("U8")],
  ["torch.BoolStorage", new StorageType("BOOL")],
  ["collections.OrderedDict", emptyDictionary],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  ["torch._utils._rebuild_parameter", rebuildParameter],
]);

/** The words of one file; storages that it names twice are one. */
export class TorchVocabulary implements PickleVocabulary {
  /** Every storage that the pickle refers to, by its key. */
  readonly storages: Map<string, TorchStorage> = new Map();

  /** @throws {SyntaxError} naming the global, if it is not on the list. */
  global(name: string): unknown {
    const known = GLOBALS.get(name);
    if (known !== undefined) return known;
    throw new SyntaxError(`refused global ${quoted(name)}, which is not part of tensor data`);
  }

  /** @throws {SyntaxError} if that is no function, or these are not its arguments. */
  call(callable: unknown, args: readonly unknown[]): unknown {
    if (typeof callable === "function") return (callable as Builder)(args);
    throw new SyntaxError(`expected a function to call, found ${shownValue(callable)}`);
  }

  /** @throws {SyntaxError} if the id is not that of a storage, or contradicts an earlier one. */
  persistent(id: unknown): TorchStorage {
    const [kind, type, key, , length, view] = id instanceof PickleTuple ? id.items : [];
    if (kind !== "storage" || !(type instanceof StorageType) || typeof key !== "string") {
      throw new SyntaxError("expected the id of a storage");
    }
    // Files of torch 0.3 and older cut storages out of others.
    if (view !== undefined && view !== null) throw new SyntaxError("expected a whole storage");
    const storage = new TorchStorage(key, type.dtype, natural(length));
    const known = this.storages.get(key) ?? storage;
    if (known.dtype !== storage.dtype || known.length !== storage.length) {
      throw new SyntaxError(`expected one storage ${quoted(key)}, found two that differ`);
    }
    this.storages.set(key, known);
    return known;
  }
}

function emptyDictionary(args: readonly unknown[]): Map<unknown, unknown> {
  if (args.length === 0) return new Map();
  throw new SyntaxError("expected an ordered dictionary that is filled later");
}

/** Arguments: storage, offset, shape, strides, and three of no meaning for the numbers. */
function rebuildTensor(args: readonly unknown[]): TorchTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof TorchStorage)) {
    throw new SyntaxError(`expected the storage of a tensor, found ${shownValue(storage)}`);
  }
  const tensor = new TorchTensor(storage, natural(offset), naturals(shape), naturals(strides));
  if (tensor.strides.length !== tensor.shape.length) {
    throw new SyntaxError(`expected a stride per axis of ${shownShape(tensor.shape)}`);
  }
  const { size, span } = tensor;
  // A stride of 0 would make a large tensor of a small file; an overflow may be NaN.
  if (!(size <= span && tensor.offset + span <= storage.length)) {
    throw new SyntaxError(
      `expected ${shownShape(tensor.shape)} within the ${storage.length} numbers of its storage, ` +
        `found offset ${tensor.offset} and strides ${shownShape(tensor.strides)}`,
    );
  }
  return tensor;
}

/** Arguments: the tensor, whether it wants gradients, and its hooks. */
function rebuildParameter([tensor]: readonly unknown[]): TorchTensor {
  if (tensor instanceof TorchTensor) return tensor;
  throw new SyntaxError(`expected the tensor of a parameter, found ${shownValue(tensor)}`);
}

function naturals(value: unknown): number[] {
  if (value instanceof PickleTuple) return value.items.map(natural);
  throw new SyntaxError(`expected a tuple of sizes, found ${shownValue(value)}`);
}

function natural(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new SyntaxError(`expected a size or position, found ${shownValue(value)}`);
}
