import { deepEqual, equal, rejects } from "node:assert/strict";
import { kitPath, kitTest, readJson, readTensors } from "./kit.ts";

async function tensorFile(entries: [string, string, number[], Uint8Array][]): Promise<string> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let at = 0;
  for (const [name, dtype, shape, data] of entries) {
    header[name] = { dtype, shape, data_offsets: [at, at += data.length] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const size = new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer);
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  await Deno.writeFile(
    path,
    new Blob([size, text, ...entries.map((entry) => entry[3] as Uint8Array<ArrayBuffer>)]).stream(),
  );
  return path;
}

Deno.test("readTensors() widens every type to plain numbers", async () => {
  const path = await tensorFile([
    ["f32", "F32", [2], new Uint8Array(Float32Array.of(1.5, -2).buffer)],
    ["f16", "F16", [1], Uint8Array.of(0x00, 0x3e)],
    ["bf16", "BF16", [1, 1], Uint8Array.of(0xc0, 0x3f)],
    ["i64", "I64", [1], new Uint8Array(BigInt64Array.of(-7n).buffer)],
    ["bool", "BOOL", [2], Uint8Array.of(1, 0)],
  ]);
  const tensors = await readTensors(path);
  await Deno.remove(path);
  deepEqual([...tensors.keys()], ["f32", "f16", "bf16", "i64", "bool"]);
  deepEqual(tensors.get("f32"), { dtype: "F32", shape: [2], values: Float32Array.of(1.5, -2) });
  deepEqual(tensors.get("f16")?.values, Float32Array.of(1.5));
  deepEqual(tensors.get("bf16"), { dtype: "BF16", shape: [1, 1], values: Float32Array.of(1.5) });
  deepEqual(tensors.get("i64")?.values, Float64Array.of(-7));
  deepEqual(tensors.get("bool")?.values, Uint8Array.of(1, 0));
});

Deno.test("readTensors() refuses a type it does not know", async () => {
  const path = await tensorFile([["x", "Q4", [1], Uint8Array.of(1)]]);
  await rejects(readTensors(path), /found Q4/);
  await Deno.remove(path);
});

kitTest("readTensors() reads the kit's features", async () => {
  const { runs } = await readJson<{ runs: { name: string; outputs: Record<string, number[]> }[] }>(
    kitPath("features", "meta.json"),
  );
  const tensors = await readTensors(kitPath("features", "expected.safetensors"));
  for (const { name, outputs } of runs) {
    for (const [output, shape] of Object.entries(outputs)) {
      deepEqual(tensors.get(`${name}.${output}`)?.shape, shape);
      equal(tensors.get(`${name}.${output}`)?.values.length, shape.reduce((a, b) => a * b));
    }
  }
});
