import assert from "node:assert/strict";
import { CheckpointError } from "../../src/errors.ts";
import { type ByteSource, bytesSource } from "../../src/weights/byte_source.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { encodeSafetensors } from "../../src/weights/safetensors_writer.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, kitTest, readJson, readTensors } from "../kit.ts";
import { craftSafetensors } from "./craft.ts";

const U8_4 = '{"dtype":"U8","shape":[4],"data_offsets":[0,4]}';

function open(bytes: Uint8Array) {
  return openSafetensors(bytesSource("x.safetensors", bytes));
}

async function refused(bytes: Uint8Array, message: RegExp, key?: string): Promise<void> {
  await assert.rejects(open(bytes), (error: unknown) => {
    assert.ok(error instanceof CheckpointError, `${error}`);
    assert.match(error.message, message);
    assert.match(error.message, /"x\.safetensors"/);
    assert.deepEqual([error.file, error.key], ["x.safetensors", key]);
    return true;
  });
}

Deno.test("openSafetensors() gives names, shapes, types and places in file order", async () => {
  const json = '{"b":{"dtype":"U8","shape":[],"data_offsets":[4,5]},' +
    `"__metadata__":{"format":"pt"},"a":${U8_4}}`;
  const file = await open(craftSafetensors(json, Uint8Array.of(1, 2, 3, 4, 5)));
  assert.deepEqual([...file.names()], ["a", "b"]);
  assert.deepEqual(file.shape("b"), []);
  assert.equal(file.dtype("b"), "U8");
  assert.equal(file.shape("c"), undefined);
  assert.equal(file.origin("a"), "x.safetensors");
  assert.deepEqual([...file.metadata], [["format", "pt"]]);
  const dataStart = 8 + json.length;
  assert.deepEqual(file.entries.get("a"), {
    dtype: "U8",
    shape: [4],
    start: dataStart,
    end: dataStart + 4,
  });
  assert.deepEqual(await file.readValues("b"), Uint8Array.of(5));
  assert.deepEqual(await file.read("b"), Float32Array.of(5));
});

Deno.test("openSafetensors() accepts no tensors, empty tensors, scalars, padding, more fields", async () => {
  const empty = '"dtype":"F32","shape":[0,3],"data_offsets":[0,0]';
  for (
    const [json, dataBytes] of [
      ["{}", 0],
      ["{}      \n\t", 0],
      ['{"__metadata__":{}}', 0],
      [`{"e":{${empty}},"f":{${empty}},"a":${U8_4.replace("[4]", "[2,2]")}}`, 4],
      ['{"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}', 8],
      [`{"":${U8_4}}`, 4],
      [`{"a":{"shape":[4],"new":[{"x":1}],"data_offsets":[0,4],"dtype":"U8"}}`, 4],
      ['{"q":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}', 2],
    ] as const
  ) {
    const file = await open(craftSafetensors(json, dataBytes));
    for (const [name, { dtype }] of file.entries) {
      if (dtype !== "F4") await file.read(name);
    }
  }
});

Deno.test("openSafetensors() refuses a wrong length or a header that is no JSON text", async () => {
  await refused(new Uint8Array(0), /expected 8 bytes of length, found 0/);
  await refused(new Uint8Array(7), /expected 8 bytes of length, found 7/);
  await refused(new Uint8Array(8), /expected it to begin with \{/);
  await refused(craftSafetensors("{}", 0, 3n), /expected 2 bytes or less, found a length of 3/);
  await refused(
    craftSafetensors("{}", 0, 2n ** 64n - 1n),
    /found a length of 18446744073709551615/,
  );
  await refused(craftSafetensors(" {}"), /begin with \{/);
  await refused(craftSafetensors("\ufeff{}"), /begin with \{/);
  await refused(craftSafetensors("[]"), /begin with \{/);
  await refused(craftSafetensors("{} x"), /expected the end at character 3, found "x"/);
  await refused(craftSafetensors("{}\0"), /expected the end/);
  await refused(craftSafetensors("{"), /found the end/);
  await refused(craftSafetensors('{"a'), /end of a string/);
  await refused(craftSafetensors(Uint8Array.of(0x7b, 0xff, 0x7d)), /expected UTF-8/);
});

Deno.test("openSafetensors() refuses a header above the format's limit without reading it", async () => {
  const source: ByteSource = {
    name: "x.safetensors",
    sizeBytes: 2 ** 40,
    read(start, end) {
      assert.deepEqual([start, end], [0, 8]);
      return Promise.resolve(new Uint8Array(BigUint64Array.of(100_000_001n).buffer));
    },
  };
  await assert.rejects(openSafetensors(source), /expected 100000000 bytes or less/);
});

Deno.test("openSafetensors() refuses a tensor that comes twice or lacks a field", async () => {
  await refused(craftSafetensors(`{"a":${U8_4},"a":${U8_4}}`, 4), /"a" twice/);
  await refused(craftSafetensors(`{"a":${U8_4},"\\u0061":${U8_4}}`, 4), /"a" twice/);
  await refused(craftSafetensors(`{"a":${U8_4.replace("{", '{"dtype":"U8",')}}`, 4), /twice/, "a");
  await refused(craftSafetensors('{"a":{"dtype":"U8","shape":[0]}}'), /two data_offsets/, "a");
  await refused(craftSafetensors(`{"a":${U8_4.replace("[0,4]", "[0,4,4]")}}`, 4), /two data/, "a");
  await refused(craftSafetensors('{"a":null}'), /expected \{/, "a");
  await refused(craftSafetensors('{"a":[]}'), /expected \{/, "a");
});

Deno.test("openSafetensors() refuses types and shapes that have no size", async () => {
  const scalar = (dtype: string, shape: string) =>
    craftSafetensors(`{"a":{"dtype":${dtype},"shape":${shape},"data_offsets":[0,4]}}`, 4);
  await refused(scalar('"F12"', "[1]"), /known dtype, found "F12"/, "a");
  await refused(scalar('"constructor"', "[1]"), /known dtype/, "a");
  await refused(scalar("4", "[1]"), /expected "/, "a");
  await refused(scalar('"F32"', "[-1]"), /non-negative integer/, "a");
  await refused(scalar('"F32"', "[1.0]"), /non-negative integer/, "a");
  await refused(scalar('"F32"', "[1e0]"), /non-negative integer/, "a");
  await refused(scalar('"F32"', "1"), /expected \[/, "a");
  await refused(scalar('"F32"', "[18446744073709551615]"), /below 2\^53/, "a");
  await refused(scalar('"F32"', "[4294967296,4294967296]"), /below 2\^53 bits/, "a");
  await refused(scalar('"F4"', "[7]"), /whole bytes, found 28 bits/, "a");
  await refused(scalar('"F32"', "[2]"), /expected 8 bytes for F32 \[2\]/, "a");
});

Deno.test("openSafetensors() refuses data that is not covered exactly once", async () => {
  const two = (first: string, second: string, dataBytes: number) => {
    const entry = (offsets: string) => `{"dtype":"U8","shape":[4],"data_offsets":${offsets}}`;
    return craftSafetensors(`{"a":${entry(first)},"b":${entry(second)}}`, dataBytes);
  };
  await open(two("[4,8]", "[0,4]", 8));
  await refused(two("[0,4]", "[0,4]", 8), /an overlap/, "b");
  await refused(two("[0,4]", "[3,7]", 8), /an overlap/, "b");
  await refused(two("[0,4]", "[5,9]", 9), /a hole/, "b");
  await refused(two("[1,5]", "[5,9]", 9), /a hole/, "a");
  await refused(two("[0,4]", "[4,8]", 7), /the file ends before/, "b");
  await refused(two("[0,4]", "[4,8]", 9), /expected tensors up to byte \d+, found \d+/);
  await refused(two("[4,0]", "[4,8]", 8), /expected 4 bytes for U8 \[4\]/, "a");
  await refused(two("[-4,0]", "[0,4]", 4), /non-negative/, "a");
  await refused(craftSafetensors("{}", 1), /expected tensors up to/);
});

Deno.test("openSafetensors() refuses metadata that is not text by name", async () => {
  for (
    const metadata of [
      "null",
      "[]",
      '{"a":1}',
      '{"a":null}',
      '{"a":{"b":"c"}}',
      '{"a":"1","a":"2"}',
    ]
  ) {
    await refused(craftSafetensors(`{"__metadata__":${metadata}}`), /expected/, "__metadata__");
  }
  const twice = '{"__metadata__":{},"__metadata__":{}}';
  await refused(craftSafetensors(twice), /"__metadata__" twice/);
});

Deno.test("openSafetensors() treats __proto__ as a name like any other", async () => {
  const json = `{"__proto__":${U8_4},"__metadata__":{"__proto__":"x","constructor":"y"}}`;
  const file = await open(craftSafetensors(json, 4));
  assert.deepEqual([...file.names()], ["__proto__"]);
  assert.equal(file.shape("constructor"), undefined);
  assert.equal(file.shape("toString"), undefined);
  assert.deepEqual([...file.metadata.keys()], ["__proto__", "constructor"]);
  assert.equal(({} as Record<string, unknown>)["dtype"], undefined);
});

Deno.test("openSafetensors() keeps hostile names and shapes out of the message", async () => {
  const shape = `[${"1,".repeat(50_000)}1]`;
  const long = `{"a":{"dtype":"F32","shape":${shape},"data_offsets":[0,9]}}`;
  for (
    const json of [`{"${"n\\n".repeat(50_000)}":1}`, long, "{}\u2028\n\u0007", '{"a"\n\u0007}']
  ) {
    await assert.rejects(open(craftSafetensors(json)), (error: Error) => {
      assert.ok(error.message.length < 500 && !/\p{Cc}/u.test(error.message), error.message);
      return true;
    });
  }
});

Deno.test("read() names the tensor that is missing or of a type without numbers", async () => {
  const json = '{"q":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}';
  const file = await open(craftSafetensors(json, 4));
  for (const [name, message] of [["q", /found F8_E4M3/], ["z", /no such name/]] as const) {
    await assert.rejects(file.read(name), (error: unknown) => {
      assert.ok(error instanceof CheckpointError);
      assert.deepEqual([error.file, error.key], ["x.safetensors", name]);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("read() touches the tensor's own bytes only, and keeps none of them", async () => {
  const ranges: [number, number][] = [];
  const bytes = encodeSafetensors([
    { name: "a", dtype: "F32", shape: [4], values: Float32Array.of(1, 2, 3, 4) },
    { name: "b", dtype: "F16", shape: [2], values: Float32Array.of(5, 6) },
  ]);
  let closed = 0;
  const inner = bytesSource("x.safetensors", bytes);
  const file = await openSafetensors({
    ...inner,
    read: (start, end) => (ranges.push([start, end]), inner.read(start, end)),
    close: () => void closed++,
  });
  const end = bytes.byteLength;
  const first = await file.read("a");
  first.fill(0);
  assert.deepEqual(await file.read("a"), Float32Array.of(1, 2, 3, 4));
  assert.deepEqual(await file.read("b"), Float32Array.of(5, 6));
  assert.deepEqual(ranges, [[0, 8], [8, end - 20], [end - 20, end - 4], [end - 20, end - 4], [
    end - 4,
    end,
  ]]);
  file.close();
  assert.equal(closed, 1);
});

Deno.test("read() refuses a source that gives fewer bytes than it has", async () => {
  const bytes = craftSafetensors(`{"a":${U8_4}}`, 4);
  const inner = bytesSource("x.safetensors", bytes);
  const file = await openSafetensors({
    ...inner,
    read: async (start, end) => (await inner.read(start, end)).subarray(0, start < 10 ? end : 3),
  });
  await assert.rejects(file.read("a"), /expected bytes \d+ to \d+, found 3 of them/);
});

kitTest(
  "openSafetensors() reads every tensor of the kit as the kit's own reader does",
  async () => {
    const names = ["model", "model.f16", "model.bf16", "expected", "inputs", "formats"];
    for (const name of names) {
      const path = kitPath("wav2vec2-group", `${name}.safetensors`);
      const expected = await readTensors(path);
      const file = await open(await Deno.readFile(path));
      assert.deepEqual(new Set(file.names()), new Set(expected.keys()), name);
      for (const [key, tensor] of expected) {
        assert.deepEqual([file.dtype(key), file.shape(key)], [tensor.dtype, tensor.shape], key);
        assertAllClose(await file.read(key), tensor.values, { label: `${name} ${key}` });
      }
    }
  },
);

kitTest("openSafetensors() refuses each broken file of the kit", async () => {
  const bad = await readJson<Record<string, { must: string }>>(
    kitPath("wav2vec2-group", "bad", "expected.json"),
  );
  const names = Object.keys(bad).filter((name) => name.endsWith(".safetensors"));
  assert.ok(names.length >= 13);
  for (const name of names) {
    const bytes = await Deno.readFile(kitPath("wav2vec2-group", "bad", name));
    if (bad[name]!.must !== "error") {
      assert.ok([...(await open(bytes)).names()].includes("__proto__"), name);
    } else {
      await assert.rejects(open(bytes), CheckpointError, name);
    }
  }
});
