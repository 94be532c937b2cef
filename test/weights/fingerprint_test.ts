import assert from "node:assert/strict";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { weightsFingerprint } from "../../src/weights/fingerprint.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { encodeSafetensors, type TensorToWrite } from "../../src/weights/safetensors_writer.ts";
import type { HeldTensor, TensorSource } from "../../src/weights/tensor_source.ts";

const A: TensorToWrite = { name: "a", dtype: "F32", shape: [2], values: Float32Array.of(1, 2) };
const B: TensorToWrite = { name: "b", dtype: "F32", shape: [1], values: Float32Array.of(3) };

async function fingerprint(tensors: TensorToWrite[], part?: (name: string) => boolean) {
  const file = await openSafetensors(bytesSource("model", encodeSafetensors(tensors)));
  return await weightsFingerprint(file, part);
}

Deno.test("weightsFingerprint() does not depend on the order of the file", async () => {
  const source = (names: string[]): TensorSource => ({
    file: "model",
    names: () => names,
    shape: () => [1],
    dtype: () => "F32",
    origin: () => "model",
    close: () => {},
    read: (name) => Promise.resolve(Float32Array.of(name.charCodeAt(0))),
  });
  const sorted = await weightsFingerprint(source(["a", "b"]));
  assert.equal(await weightsFingerprint(source(["b", "a"])), sorted);
  assert.match(sorted, /^[0-9a-f]{64}$/);
});

Deno.test("weightsFingerprint() changes with each name, type, shape and number", async () => {
  const all = [
    [A, B],
    [{ ...A, name: "c" }, B],
    [{ ...A, dtype: "F16" as const }, B],
    [{ ...A, shape: [1, 2] }, B],
    [{ ...A, values: Float32Array.of(1, 2 + 2 ** -22) }, B],
    [{ ...A, values: Float32Array.of(2, 1) }, B],
    [A],
    [],
  ];
  const prints = await Promise.all(all.map((tensors) => fingerprint(tensors)));
  assert.equal(new Set(prints).size, all.length);
});

Deno.test("weightsFingerprint() of a part leaves the others out", async () => {
  assert.equal(await fingerprint([A, B], (name) => name === "a"), await fingerprint([A]));
});

Deno.test("weightsFingerprint() reads weights in the form of a device", async () => {
  const held = (scale: number): TensorSource => ({
    file: "model",
    names: () => ["a"],
    shape: () => [2, 2],
    dtype: () => "I8",
    origin: () => "model",
    close: () => {},
    form: () => "int8-panels",
    read: () => Promise.reject(new Error("not plain numbers")),
    readHeld: (): Promise<HeldTensor> =>
      Promise.resolve({
        form: "int8-panels",
        shape: [2, 2],
        parts: [
          { name: "", dtype: "I8", shape: [4], values: Int8Array.of(1, 2, 3, 4) },
          { name: "scale", dtype: "F32", shape: [2], values: Float32Array.of(1, scale) },
        ],
      }),
  });
  assert.equal(await weightsFingerprint(held(2)), await weightsFingerprint(held(2)));
  assert.notEqual(await weightsFingerprint(held(2)), await weightsFingerprint(held(3)));
});
