/**
 * The number types of checkpoint files, under the names that safetensors gives them.
 *
 * Files are little-endian, and so is every machine that runs WebAssembly or WebGPU: typed arrays
 * lie directly over the bytes, without a copy where these are aligned.
 *
 * @module
 */

import { bfloat16ToFloat32, float32ToBfloat16, float32ToHalf, halfToFloat32 } from "./_half.ts";

/** Types whose numbers can be read and written here. */
export type Dtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "U64"
  | "I32"
  | "U32"
  | "I16"
  | "U16"
  | "I8"
  | "U8"
  | "BOOL";

/** A tensor's numbers: float16 and bfloat16 are held as float32, booleans as bytes 0 and 1. */
export type TensorValues =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/**
 * Bits per number of every type that the format knows, readable here or not, in the order in which
 * the reference writer sorts tensors: the last ones lie first in a file.
 */
export const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ["BOOL", 8],
  ["F4", 4],
  ["F6_E2M3", 6],
  ["F6_E3M2", 6],
  ["U8", 8],
  ["I8", 8],
  ["F8_E5M2", 8],
  ["F8_E4M3", 8],
  ["F8_E8M0", 8],
  ["I16", 16],
  ["U16", 16],
  ["F16", 16],
  ["BF16", 16],
  ["I32", 32],
  ["U32", 32],
  ["F32", 32],
  ["C64", 64],
  ["F64", 64],
  ["I64", 64],
  ["U64", 64],
]);

/** What holds each type's numbers in memory. */
const HELD_AS: Readonly<Record<Dtype, ViewConstructor<TensorValues>>> = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Float32Array,
  BF16: Float32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** Whether numbers of that type can be read and written here. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(HELD_AS, name);
}

/**
 * The numbers in a tensor's bytes, over the same memory where they need no conversion.
 *
 * @example
 * ```ts
 * import { decodeValues } from "./_dtypes.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(decodeValues("F16", Uint8Array.of(0x00, 0x3c)), Float32Array.of(1));
 * assert.deepEqual(decodeValues("I16", Uint8Array.of(0x00, 0x3c)), Int16Array.of(0x3c00));
 * ```
 */
export function decodeValues(dtype: Dtype, bytes: Uint8Array): TensorValues {
  if (dtype === "F16") return halfToFloat32(over(Uint16Array, bytes));
  if (dtype === "BF16") return bfloat16ToFloat32(over(Uint16Array, bytes));
  return over(HELD_AS[dtype], bytes);
}

/**
 * A tensor's bytes from its numbers, over the same memory where they need no conversion.
 *
 * @param values as `decodeValues` gives them for this type; for `I64` also an `Int32Array`.
 * @throws {TypeError} if the values are of another kind.
 *
 * @example
 * ```ts
 * import { encodeValues } from "./_dtypes.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(encodeValues("F16", Float32Array.of(1)), Uint8Array.of(0x00, 0x3c));
 * ```
 */
export function encodeValues(dtype: Dtype, values: TensorValues): Uint8Array {
  const Held = HELD_AS[dtype];
  if (dtype === "I64" && values instanceof Int32Array) {
    return bytesOf(BigInt64Array.from(values, BigInt));
  }
  if (!(values instanceof Held)) {
    const found = values.constructor.name;
    throw new TypeError(`Cannot encode ${dtype} values: expected ${Held.name}, found ${found}`);
  }
  if (dtype === "F16") return bytesOf(float32ToHalf(values as Float32Array));
  if (dtype === "BF16") return bytesOf(float32ToBfloat16(values as Float32Array));
  return bytesOf(values);
}

/**
 * Rounds numbers of any type to float32; values that are float32 already are returned as they are.
 *
 * @example
 * ```ts
 * import { toFloat32 } from "./_dtypes.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(toFloat32(BigInt64Array.of(3n)), Float32Array.of(3));
 * ```
 */
export function toFloat32(values: TensorValues): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    const rounded = new Float32Array(values.length);
    for (let i = 0; i < values.length; i++) rounded[i] = Number(values[i]!);
    return rounded;
  }
  return new Float32Array(values);
}

interface ViewConstructor<T> {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

function over<T>(View: ViewConstructor<T>, bytes: Uint8Array): T {
  const itemBytes = View.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % itemBytes === 0 ? bytes : bytes.slice();
  return new View(aligned.buffer, aligned.byteOffset, aligned.byteLength / itemBytes);
}

function bytesOf(values: TensorValues): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
