import assert from "node:assert/strict";
import { CheckpointError } from "../../src/errors.ts";
import { bytesSource, type FileReader } from "../../src/weights/byte_source.ts";
import { openCheckpoint } from "../../src/weights/checkpoint.ts";
import { encodeSafetensors } from "../../src/weights/safetensors_writer.ts";
import { assertAllClose } from "../compare.ts";
import { exists, kitPath, kitTest, readTensors } from "../kit.ts";
import { craftTorchZip, oneTensor, SIX } from "./craft_torch.ts";

const SIX_VALUES = Float32Array.of(0, 1, 2, 3, 4, 5);

/** A directory in memory, which counts the files that are open. */
class MemoryFiles implements FileReader {
  readonly name = "models/x";
  openCount = 0;
  asked: string[] = [];
  constructor(readonly files: Record<string, Uint8Array>) {}

  open(name: string) {
    this.asked.push(name);
    const bytes = Object.hasOwn(this.files, name) ? this.files[name] : undefined;
    if (!bytes) return Promise.resolve(undefined);
    this.openCount++;
    return Promise.resolve({ ...bytesSource(name, bytes), close: () => void this.openCount-- });
  }
}

function safetensors(...names: string[]): Uint8Array {
  return encodeSafetensors(
    names.map((name) => ({ name, dtype: "F32", shape: [6], values: SIX_VALUES })),
  );
}

function index(weightMap: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ metadata: {}, weight_map: weightMap }));
}

async function refused(files: Record<string, Uint8Array>, message: RegExp, key?: string) {
  const memory = new MemoryFiles(files);
  await assert.rejects(openCheckpoint(memory), (error: unknown) => {
    assert.ok(error instanceof CheckpointError, `${error}`);
    assert.match(error.message, message);
    assert.equal(error.key, key);
    return true;
  });
  assert.equal(memory.openCount, 0, "a file was left open");
  return memory;
}

const BIN = craftTorchZip(oneTensor(), SIX);
const FORM_NAMES = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
const ONE_OF_TWO = { a: "m-1.safetensors", b: "m-2.safetensors" };

Deno.test("openCheckpoint() prefers safetensors to shards to torch's file", async () => {
  const files: Record<string, Uint8Array> = {
    "pytorch_model.bin.index.json": index({ a: "s.bin" }),
    "s.bin": BIN,
    "pytorch_model.bin": BIN,
    "model.safetensors.index.json": index({ a: "s.safetensors" }),
    "s.safetensors": safetensors("a"),
    "model.safetensors": safetensors("a"),
  };
  const found: string[] = [];
  for (const name of FORM_NAMES) {
    const memory = new MemoryFiles(files);
    const checkpoint = await openCheckpoint(memory);
    found.push(`${checkpoint.file} ${checkpoint.origin("a")}`);
    assert.deepEqual(await checkpoint.read("a"), SIX_VALUES);
    assert.equal(memory.openCount, name.includes("index") ? 2 : 1);
    checkpoint.close();
    assert.equal(memory.openCount, 0);
    delete files[name];
  }
  assert.deepEqual(found, [
    "model.safetensors model.safetensors",
    "model.safetensors.index.json s.safetensors",
    "pytorch_model.bin pytorch_model.bin",
    "pytorch_model.bin.index.json s.bin",
  ]);
});

Deno.test("openCheckpoint() names what it looked for when there is nothing", async () => {
  const { asked } = await refused(
    { "tf_model.h5": SIX },
    /weights of model "models\/x": expected model\.safetensors, model\.safetensors\.index\.json, pytorch_model\.bin, pytorch_model\.bin\.index\.json or model\.packed\.safetensors, found none/,
  );
  assert.equal(asked.length, 5);
});

Deno.test("openCheckpoint() stops at a broken file instead of trying the next form", async () => {
  const files = { "model.safetensors": new Uint8Array(3), "pytorch_model.bin": BIN };
  const { asked } = await refused(files, /safetensors header of "model\.safetensors"/);
  assert.deepEqual(asked, ["model.safetensors"]);
});

Deno.test("openCheckpoint() reads each tensor from the shard that the index names", async () => {
  const memory = new MemoryFiles({
    "model.safetensors.index.json": index(ONE_OF_TWO),
    "m-1.safetensors": safetensors("a", "not-in-the-index"),
    "m-2.safetensors": safetensors("b", "a"),
  });
  const checkpoint = await openCheckpoint(memory);
  assert.deepEqual([...checkpoint.names()], ["a", "b"]);
  assert.deepEqual([checkpoint.origin("a"), checkpoint.origin("b")], Object.values(ONE_OF_TWO));
  assert.deepEqual([checkpoint.shape("b"), checkpoint.dtype("b")], [[6], "F32"]);
  assert.deepEqual(await checkpoint.read("b"), SIX_VALUES);
  assert.equal(checkpoint.shape("not-in-the-index"), undefined);
  await assert.rejects(checkpoint.read("not-in-the-index"), { key: "not-in-the-index" });
  assert.equal(memory.openCount, 3);
  checkpoint.close();
  assert.equal(memory.openCount, 0);
});

Deno.test("openCheckpoint() names missing shards, and tensors missing from their shard", async () => {
  const shards = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`t${i}`, `s${i}.bin`]));
  await refused(
    { "pytorch_model.bin.index.json": index(shards), "s0.bin": BIN },
    /expected 9 shards beside it, missing "s1\.bin", .*"s5\.bin" and 3 more/,
  );
  await refused(
    {
      "model.safetensors.index.json": index(ONE_OF_TWO),
      "m-1.safetensors": safetensors("a"),
      "m-2.safetensors": safetensors("a"),
    },
    /for "b": expected it in "m-2\.safetensors"/,
    "b",
  );
  await refused(
    {
      "model.safetensors.index.json": index(ONE_OF_TWO),
      "m-1.safetensors": safetensors("a"),
      "m-2.safetensors": new Uint8Array(9),
    },
    /header of "m-2\.safetensors"/,
  );
});

Deno.test("openCheckpoint() refuses an index that leads out of the directory", async () => {
  const names = ["../x.safetensors", "/etc/x.bin", "a/b.bin", "a\\b.bin", "..", "", ".hidden.bin"];
  names.push(
    "C:x.bin",
    "x.bin\0",
    "x.bin\n",
    "http://h/x.bin",
    "config.json",
    "x.py",
    "%2e%2e/x.bin",
  );
  for (const name of names) {
    const { asked } = await refused(
      { "model.safetensors.index.json": index({ ok: "m.safetensors", bad: name }) },
      /for "bad": expected the name of a weight file beside it/,
      "bad",
    );
    assert.equal(asked.length, 2, "nothing else was opened");
  }
});

Deno.test("openCheckpoint() refuses an index that is broken or says a thing twice", async () => {
  const text = (json: string) => ({
    "model.safetensors.index.json": new TextEncoder().encode(json),
  });
  await refused(text(""), /expected \{/);
  await refused(text("{}"), /expected a weight_map/);
  await refused(text('{"weight_map":{}}'), /expected a weight_map/);
  await refused(text('{"weight_map":{"a":"x.bin"}} x'), /expected the end/);
  await refused(text('{"weight_map":["a"]}'), /expected \{/);
  await refused(text('{"weight_map":{"a":1}}'), /expected "/);
  await refused(text('{"weight_map":{"a":"x.bin","a":"y.bin"}}'), /"a" twice/);
  await refused(text('{"weight_map":{"a":"x.bin"},"weight_map":{}}'), /twice/);
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`t${i}`, `s${i}.bin`]));
  await refused(
    { "model.safetensors.index.json": index(many) },
    /1000 shards or fewer, found 1001/,
  );
});

Deno.test("openCheckpoint() refuses a huge index without reading it", async () => {
  const huge = { name: "i.json", sizeBytes: 2 ** 27, read: () => assert.fail("read") };
  const files = {
    open: (name: string) => Promise.resolve(name.endsWith("s.index.json") ? huge : undefined),
  };
  await assert.rejects(openCheckpoint(files), /expected 67108864 bytes or less, found 134217728/);
});

kitTest("openCheckpoint() gives the same numbers from every form in the kit", async () => {
  const expected = await readTensors(kitPath("wav2vec2-group", "model.safetensors"));
  for (const folder of ["", "sharded", "sharded-bin", "legacy"]) {
    const checkpoint = await openCheckpoint({
      open: async (name) => {
        const path = kitPath("wav2vec2-group", folder, name);
        return exists(path) ? bytesSource(name, await Deno.readFile(path)) : undefined;
      },
    });
    let same = 0;
    for (const name of checkpoint.names()) {
      if (/\.weight_[gv]$/.test(name)) continue;
      const values = await checkpoint.read(name);
      assertAllClose(values, expected.get(name)!.values, { label: `${folder} ${name}` });
      same++;
    }
    assert.ok(same >= expected.size - 2, folder);
  }
});
