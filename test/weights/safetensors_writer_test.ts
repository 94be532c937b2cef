import assert from "node:assert/strict";
import { bytesSource } from "../../src/weights/byte_source.ts";
import type { Dtype, TensorValues } from "../../src/weights/_dtypes.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import {
  encodeSafetensors,
  streamSafetensors,
  type TensorToWrite,
} from "../../src/weights/safetensors_writer.ts";
import { kitPath, kitTest } from "../kit.ts";

function tensor(name: string, dtype: Dtype, values: TensorValues): TensorToWrite {
  return { name, dtype, shape: [values.length], values };
}

const MIXED: TensorToWrite[] = [
  tensor("b", "F32", Float32Array.of(1, 2, 3)),
  tensor("steps", "I64", Int32Array.of(7)),
  tensor("a", "F32", Float32Array.of(4)),
  tensor("h", "F16", Float32Array.of(0.5)),
  { name: "scalar", dtype: "F32", shape: [], values: Float32Array.of(9) },
  { name: "none", dtype: "I32", shape: [0, 5], values: new Int32Array(0) },
  tensor("10", "U8", Uint8Array.of(1)),
  tensor("9", "BOOL", Uint8Array.of(1)),
];

function headerOf(bytes: Uint8Array): string {
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes));
}

Deno.test("encodeSafetensors() orders by type then name, aligned and padded with spaces", () => {
  const header = headerOf(encodeSafetensors(MIXED));
  assert.equal(header.length % 8, 0);
  assert.ok(header.startsWith('{"__metadata__":{"format":"pt"},"steps":{"dtype":"I64",'), header);
  assert.match(header, /}} *$/);
  const names = [...header.matchAll(/"([^"]+)":\{"dtype"/g)].map(([, name]) => name);
  assert.deepEqual(names, ["steps", "a", "b", "scalar", "none", "h", "10", "9"]);
});

Deno.test("openSafetensors() reads back what encodeSafetensors() wrote", async () => {
  const bytes = encodeSafetensors(MIXED, { format: "pt", "__proto__x": 'quo"te' });
  const file = await openSafetensors(bytesSource("x", bytes));
  assert.deepEqual([...file.metadata], [["format", "pt"], ["__proto__x", 'quo"te']]);
  for (const { name, dtype, shape, values } of MIXED) {
    assert.deepEqual([file.dtype(name), file.shape(name)], [dtype, shape]);
    const expected = name === "steps" ? BigInt64Array.of(7n) : values;
    assert.deepEqual(await file.readValues(name), expected, name);
  }
});

Deno.test("streamSafetensors() gives the announced size, a piece per tensor, and no copies", async () => {
  const numbers = new Float32Array(1000);
  const info = { shape: [1000], values: () => numbers };
  const output = streamSafetensors([
    { name: "a", dtype: "F32", ...info },
    { name: "b", dtype: "F16", ...info },
  ]);
  for (let times = 0; times < 2; times++) {
    const pieces = await Array.fromAsync(output.chunks());
    assert.equal(pieces.length, 3);
    assert.equal(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0), output.sizeBytes);
    assert.equal(pieces[1]!.buffer, numbers.buffer);
  }
});

Deno.test("streamSafetensors() writes the same bytes, fetching each tensor once, in file order", async () => {
  const fetched: string[] = [];
  const output = streamSafetensors(MIXED.map((known) => ({
    ...known,
    values: () => (fetched.push(known.name), Promise.resolve(known.values)),
  })));
  const parts: number[] = [];
  for await (const chunk of output.chunks()) parts.push(...chunk);
  assert.deepEqual(Uint8Array.from(parts), encodeSafetensors(MIXED));
  assert.deepEqual(fetched, ["steps", "a", "b", "scalar", "none", "h", "10", "9"]);
});

Deno.test("streamSafetensors() asks for no numbers before their turn", async () => {
  let asked = 0;
  const values = () => (asked++, new Float32Array(2));
  const info = { dtype: "F32", shape: [2], values } as const;
  const chunks = streamSafetensors([{ name: "a", ...info }, { name: "b", ...info }]).chunks();
  const iterator = chunks[Symbol.asyncIterator]();
  for (const expected of [0, 1, 2]) {
    await iterator.next();
    assert.equal(asked, expected);
  }
});

Deno.test("encodeSafetensors() refuses a name twice, the reserved one, and values that do not fit", async () => {
  const one = tensor("a", "F32", Float32Array.of(1));
  assert.throws(() => encodeSafetensors([one, one]), {
    name: "RangeError",
    message: 'Cannot write tensor "a": expected a name of its own',
  });
  assert.throws(() => encodeSafetensors([{ ...one, name: "__metadata__" }]), RangeError);
  assert.throws(() => encodeSafetensors([{ ...one, shape: [2, 3] }]), {
    name: "RangeError",
    message: 'Cannot write tensor "a": expected 6 values for F32 [2,3], found 1',
  });
  assert.throws(() => encodeSafetensors([{ ...one, dtype: "I32" }]), TypeError);
  const short = streamSafetensors([{ ...one, values: () => new Float32Array(0) }]);
  await assert.rejects(Array.fromAsync(short.chunks()), RangeError);
});

kitTest("encodeSafetensors() repeats the reference's files byte for byte", async () => {
  for (const name of ["model", "model.f16", "model.bf16", "expected", "inputs"]) {
    const bytes = await Deno.readFile(kitPath("wav2vec2-group", `${name}.safetensors`));
    const file = await openSafetensors(bytesSource(name, bytes));
    const tensors: TensorToWrite[] = [];
    for (const [key, { dtype, shape }] of file.entries) {
      tensors.push({ name: key, dtype: dtype as Dtype, shape, values: await file.readValues(key) });
    }
    const written = encodeSafetensors(tensors.reverse(), Object.fromEntries(file.metadata));
    assert.ok(written.every((byte, i) => byte === bytes[i]), name);
    assert.equal(written.byteLength, bytes.byteLength, name);
  }
});
