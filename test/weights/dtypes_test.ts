import assert from "node:assert/strict";
import {
  decodeValues,
  type Dtype,
  DTYPE_BITS,
  encodeValues,
  isDtype,
  type TensorValues,
  toFloat32,
} from "../../src/weights/_dtypes.ts";

const SAMPLES: [Dtype, TensorValues][] = [
  ["F64", Float64Array.of(Math.PI, -0, NaN)],
  ["F32", Float32Array.of(1.5, -(2 ** -140), Infinity)],
  ["F16", Float32Array.of(1.5, -65504, 2 ** -24)],
  ["BF16", Float32Array.of(1.5, -(2 ** 100), 0)],
  ["I64", BigInt64Array.of(-(2n ** 63n), 2n ** 62n)],
  ["U64", BigUint64Array.of(2n ** 64n - 1n)],
  ["I32", Int32Array.of(-(2 ** 31), 7)],
  ["U32", Uint32Array.of(2 ** 32 - 1)],
  ["I16", Int16Array.of(-32768, 3)],
  ["U16", Uint16Array.of(65535)],
  ["I8", Int8Array.of(-128, 127)],
  ["U8", Uint8Array.of(0, 255)],
  ["BOOL", Uint8Array.of(0, 1)],
];

Deno.test("decodeValues() gives back what encodeValues() was given, for every type", () => {
  for (const [dtype, values] of SAMPLES) {
    const bytes = encodeValues(dtype, values);
    assert.equal(bytes.byteLength * 8, values.length * DTYPE_BITS.get(dtype)!, dtype);
    assert.deepEqual(decodeValues(dtype, bytes), values, dtype);
  }
});

Deno.test("decodeValues() reads bytes that lie at an odd address", () => {
  for (const [dtype, values] of SAMPLES) {
    const bytes = encodeValues(dtype, values);
    const shifted = new Uint8Array(bytes.byteLength + 1);
    shifted.set(bytes, 1);
    assert.deepEqual(decodeValues(dtype, shifted.subarray(1)), values, dtype);
  }
});

Deno.test("decodeValues() is little-endian", () => {
  assert.deepEqual(decodeValues("I32", Uint8Array.of(1, 2, 0, 0)), Int32Array.of(0x201));
  assert.deepEqual(decodeValues("F32", Uint8Array.of(0, 0, 0x80, 0x3f)), Float32Array.of(1));
});

Deno.test("encodeValues() writes int32 as I64, and refuses every other change of kind", () => {
  assert.deepEqual(
    decodeValues("I64", encodeValues("I64", Int32Array.of(-3))),
    BigInt64Array.of(-3n),
  );
  assert.throws(() => encodeValues("F32", Float64Array.of(1)), {
    name: "TypeError",
    message: "Cannot encode F32 values: expected Float32Array, found Float64Array",
  });
  assert.throws(() => encodeValues("F16", Uint16Array.of(1)), TypeError);
  assert.throws(() => encodeValues("U8", Int8Array.of(1)), TypeError);
});

Deno.test("toFloat32() rounds every kind and keeps float32 as it is", () => {
  const same = Float32Array.of(1);
  assert.equal(toFloat32(same), same);
  assert.deepEqual(toFloat32(BigInt64Array.of(-5n, 2n ** 53n)), Float32Array.of(-5, 2 ** 53));
  assert.deepEqual(toFloat32(Float64Array.of(0.1)), Float32Array.of(0.1));
  assert.deepEqual(toFloat32(Int32Array.of(2 ** 24 + 1)), Float32Array.of(2 ** 24));
  assert.deepEqual(toFloat32(Uint8Array.of(1, 0)), Float32Array.of(1, 0));
});

Deno.test("isDtype() knows the readable types and no property of an object", () => {
  assert.ok(SAMPLES.every(([dtype]) => isDtype(dtype)));
  assert.ok(!["C64", "F8_E4M3", "F4", "constructor", "__proto__", ""].some(isDtype));
});
