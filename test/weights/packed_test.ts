import assert from "node:assert/strict";
import { CheckpointError } from "../../src/errors.ts";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { lendTensors } from "../../src/weights/lent_tensors.ts";
import { openCheckpoint } from "../../src/weights/checkpoint.ts";
import {
  openPacked,
  PACKED_FILE,
  PACKED_VERSION,
  type PackedDtype,
  type PackedTensor,
  streamPacked,
} from "../../src/weights/packed.ts";
import { encodeSafetensors, type TensorToStream } from "../../src/weights/safetensors_writer.ts";

const BYTES = Int8Array.of(1, -2, 3, -128, 5, 6, 7, 127);
const SCALES = Float32Array.of(0.5, 0.25);
const BIAS = Float32Array.of(1, 2);

const WEIGHT: PackedTensor = {
  name: "layer.weight",
  form: "int8-panels",
  shape: [2, 3],
  parts: [
    { name: "", dtype: "I8", shape: [8], values: () => BYTES },
    { name: "scale", dtype: "F32", shape: [2], values: () => SCALES },
  ],
};
const PLAIN: TensorToStream = {
  name: "layer.bias",
  dtype: "F32",
  shape: [2],
  values: () => BIAS,
};

async function packed(
  tensors: (PackedTensor | TensorToStream)[],
  dtype: PackedDtype = "q8",
): Promise<Uint8Array> {
  const chunks = await Array.fromAsync(streamPacked(tensors, dtype).chunks());
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function open(bytes: Uint8Array) {
  return openPacked(bytesSource(PACKED_FILE, bytes));
}

/** A file with notes of one's own. */
function withNotes(notes: Record<string, string>): Uint8Array {
  const tensor = { name: "a", dtype: "F32", shape: [2], values: BIAS } as const;
  return encodeSafetensors([tensor], {
    format: "earshot-packed",
    version: String(PACKED_VERSION),
    dtype: "q8",
    ...notes,
  });
}

async function refused(bytes: Uint8Array, message: RegExp, hint: RegExp = /./): Promise<void> {
  await assert.rejects(open(bytes), (error: unknown) => {
    assert.ok(error instanceof CheckpointError, `${error}`);
    assert.match(error.message, message);
    assert.match(error.message, /"model\.packed\.safetensors"/);
    assert.match(error.hint ?? "", hint);
    return true;
  });
}

Deno.test("openPacked() gives weights in their form, and the rest as numbers", async () => {
  const file = await open(await packed([WEIGHT, PLAIN]));
  assert.equal(file.exported, "q8");
  assert.deepEqual([...file.names()], ["layer.weight", "layer.bias"]);
  assert.deepEqual(file.shape("layer.weight"), [2, 3]);
  assert.equal(file.shape("layer.weight.scale"), undefined);
  assert.equal(file.form?.("layer.weight"), "int8-panels");
  assert.equal(file.form?.("layer.bias"), undefined);
  assert.equal(file.dtype("layer.weight"), "I8");
  assert.deepEqual(await file.readHeld!("layer.weight"), {
    form: "int8-panels",
    shape: [2, 3],
    parts: [
      { name: "", dtype: "I8", shape: [8], values: BYTES },
      { name: "scale", dtype: "F32", shape: [2], values: SCALES },
    ],
  });
  assert.deepEqual(await file.read("layer.bias"), BIAS);
});

Deno.test("openPacked() gives a weight's own shape, and the one that it is held as", async () => {
  const part = {
    name: "",
    dtype: "F32",
    shape: [1, 1, 3, 8],
    values: () => new Float32Array(24),
  } as const;
  const tensor: PackedTensor = {
    ...{ name: "w", form: "panels", shape: [2, 3, 1], heldAs: [2, 3] },
    parts: [part],
  };
  const file = await open(await packed([tensor], "f32"));
  assert.deepEqual(file.shape("w"), [2, 3, 1]);
  assert.deepEqual((await file.readHeld!("w")).shape, [2, 3]);
});

Deno.test("openPacked() widens parts that are stored as float16", async () => {
  const values = () => Float32Array.of(1.5, -2);
  const half = { name: "", dtype: "F16", shape: [2], values } as const;
  const tensor: PackedTensor = {
    name: "w",
    form: "panels",
    shape: [1, 2],
    parts: [half],
  };
  const file = await open(await packed([tensor], "f16"));
  assert.equal(file.dtype("w"), "F16");
  const { parts: [part] } = await file.readHeld!("w");
  assert.deepEqual([part!.dtype, part!.values], ["F32", Float32Array.of(1.5, -2)]);
});

Deno.test("openPacked() refuses a newer version, with both versions", async () => {
  await refused(
    withNotes({ version: String(PACKED_VERSION + 1) }),
    RegExp(`expected an export of version ${PACKED_VERSION}, found version ${PACKED_VERSION + 1}`),
    /newer Earshot wrote it: update/,
  );
  for (const version of ["0", "-1", "1.5", "v1", ""]) {
    await refused(withNotes({ version }), /found version "/, /Export the model again/);
  }
});

Deno.test("openPacked() refuses notes that are missing or wrong", async () => {
  await refused(encodeSafetensors([]), /expected format "earshot-packed", found "pt"/);
  await refused(encodeSafetensors([], {}), /expected format/);
  await refused(withNotes({ dtype: "q4" }), /expected dtype q8 or f16 or f32, found "q4"/);
  const entry = (name: string, changed: object) =>
    JSON.stringify([name, { form: "panels", shape: [2], parts: [""], ...changed }]);
  const wrong: [string, RegExp][] = [
    ["{", /forms in JSON/],
    ["{}", /a list of forms/],
    ["[1]", /known forms/],
    ['[["a",null]]', /known forms/],
    [`[${entry("a", { parts: ["", "scale"] })}]`, /at "a": expected tensor "a\.scale"/],
    [`[${entry("b", {})}]`, /at "b": expected tensor "b", found none/],
    [`[${entry("a", {})},${entry("a", {})}]`, /at "a": expected one form/],
  ];
  for (
    const changed of [
      { form: "rows" },
      { shape: [-1] },
      { shape: [1.5] },
      { shape: 2 },
      { heldAs: [3] },
      { heldAs: [-2] },
      { parts: [] },
      { parts: ["zero"] },
    ]
  ) wrong.push([`[${entry("a", changed)}]`, /known forms/]);
  for (const [forms, message] of wrong) await refused(withNotes({ forms }), message);
});

Deno.test("openPacked() refuses parts of other numbers", async () => {
  const part = { name: "", dtype: "I64", shape: [1], values: () => BigInt64Array.of(1n) } as const;
  const odd: PackedTensor = { name: "w", form: "panels", shape: [1], parts: [part] };
  const file = await open(await packed([odd], "f32"));
  await assert.rejects(
    file.readHeld!("w"),
    /at "w": expected numbers of F32, F16 or I8, found I64/,
  );
});

Deno.test("openPacked() refuses a file that ends before, at any byte", async () => {
  const whole = await packed([WEIGHT, PLAIN]);
  for (let length = 0; length < whole.length; length += 7) {
    await assert.rejects(open(whole.subarray(0, length)), CheckpointError);
  }
  await assert.rejects(open(whole.subarray(0, whole.length - 1)), /the file ends before/);
});

Deno.test("openPacked() gives a form's bytes for no plain numbers", async () => {
  const file = await open(await packed([WEIGHT, PLAIN]));
  await assert.rejects(file.read("layer.weight"), /expected plain numbers, found a device's form/);
  await assert.rejects(file.readHeld!("layer.bias"), /expected a form for "layer\.bias"/);
});

Deno.test("streamPacked() refuses parts that would take another tensor's name", () => {
  const taken = { ...PLAIN, name: "layer.weight.scale" };
  assert.throws(() => streamPacked([WEIGHT, taken], "q8"), /expected a name of its own/);
});

Deno.test("openCheckpoint() reads an exported file where there is no other", async () => {
  const bytes = await packed([WEIGHT, PLAIN]);
  const checkpoint = await openCheckpoint({
    open: (name) => Promise.resolve(name === PACKED_FILE ? bytesSource(name, bytes) : undefined),
  });
  assert.equal(checkpoint.exported, "q8");
  assert.equal(checkpoint.form?.("layer.weight"), "int8-panels");
});

Deno.test("lendTensors() takes a form's memory back too", async () => {
  const source = lendTensors(await open(await packed([WEIGHT, PLAIN])));
  const { parts } = await source.readHeld!("layer.weight");
  assert.deepEqual(parts.map(({ values }) => values.length), [8, 2]);
  await source.read("layer.bias");
  assert.deepEqual(parts.map(({ values }) => values.length), [0, 0]);
});
