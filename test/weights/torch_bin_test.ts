import assert from "node:assert/strict";
import { CheckpointError } from "../../src/errors.ts";
import { type ByteSource, bytesSource } from "../../src/weights/byte_source.ts";
import { encodeValues } from "../../src/weights/_dtypes.ts";
import type { TensorSource } from "../../src/weights/tensor_source.ts";
import { openTorchBin } from "../../src/weights/_torch_bin.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, kitTest, readJson, readTensors } from "../kit.ts";
import {
  craftLegacy,
  craftTorchZip,
  craftZip,
  joined,
  oneTensor,
  pickled,
  SIX,
} from "./craft_torch.ts";

function open(bytes: Uint8Array): Promise<TensorSource> {
  return openTorchBin(bytesSource("x.bin", bytes));
}

async function refused(bytes: Uint8Array, message: RegExp): Promise<void> {
  await assert.rejects(open(bytes), (error: unknown) => {
    assert.ok(error instanceof CheckpointError, `${error}`);
    assert.match(error.message, message);
    assert.match(error.message, /^Cannot read .*"x\.bin"/);
    assert.equal(error.file, "x.bin");
    return true;
  });
}

/** Both forms of the same pickle and its one storage. */
function bothForms(pickle: Uint8Array, bytes = SIX, length = 6): Uint8Array[] {
  return [craftTorchZip(pickle, bytes), craftLegacy(pickle, [["0", length, bytes]])];
}

Deno.test("openTorchBin() reads a tensor in both forms, whole, sliced and transposed", async () => {
  const cases: [Parameters<typeof oneTensor>[0], number[]][] = [
    [{}, [0, 1, 2, 3, 4, 5]],
    [{ shape: [2, 3], strides: [3, 1] }, [0, 1, 2, 3, 4, 5]],
    [{ shape: [3, 2], strides: [1, 3] }, [0, 3, 1, 4, 2, 5]],
    [{ shape: [1, 3, 1, 2], strides: [9, 1, 9, 3] }, [0, 3, 1, 4, 2, 5]],
    [{ shape: [2, 2], strides: [3, 1], offset: 1 }, [1, 2, 4, 5]],
    [{ shape: [3], strides: [2] }, [0, 2, 4]],
    [{ shape: [], strides: [], offset: 4 }, [4]],
    [{ shape: [0, 5], strides: [5, 1] }, []],
  ];
  for (const [layout, expected] of cases) {
    for (const bytes of bothForms(oneTensor(layout))) {
      const file = await open(bytes);
      assert.deepEqual([...file.names()], ["a"]);
      assert.deepEqual([file.dtype("a"), file.shape("a")], ["F32", layout?.shape ?? [6]]);
      assert.equal(file.origin("a"), "x.bin");
      assert.deepEqual(await file.read("a"), Float32Array.from(expected), JSON.stringify(layout));
    }
  }
});

Deno.test("openTorchBin() reads every kind of storage", async () => {
  const stored = [
    ["DoubleStorage", "F64", Float64Array.of(1, -2)],
    ["HalfStorage", "F16", Float32Array.of(1, -2)],
    ["BFloat16Storage", "BF16", Float32Array.of(1, -2)],
    ["LongStorage", "I64", BigInt64Array.of(1n, -2n)],
    ["IntStorage", "I32", Int32Array.of(1, -2)],
    ["ShortStorage", "I16", Int16Array.of(1, -2)],
    ["CharStorage", "I8", Int8Array.of(1, -2)],
    ["ByteStorage", "U8", Uint8Array.of(1, 254)],
    ["BoolStorage", "BOOL", Uint8Array.of(1, 0)],
  ] as const;
  for (const [type, dtype, values] of stored) {
    const pickle = oneTensor({ type, length: 2, shape: [2] });
    for (const bytes of bothForms(pickle, encodeValues(dtype, values), 2)) {
      const file = await open(bytes);
      assert.equal(file.dtype("a"), dtype);
      assert.deepEqual(await file.read("a"), Float32Array.from(values, Number), type);
    }
  }
});

Deno.test("openTorchBin() takes parameters, ordered dictionaries, shared storages and extras", async () => {
  const storage = pickled.storage("FloatStorage", "0", 6);
  const parameter = pickled.call(
    pickled.global("torch._utils", "_rebuild_parameter"),
    pickled.tensor(storage, 0, [2], [1]),
    joined([0x88]),
    pickled.call(pickled.global("collections", "OrderedDict")),
  );
  const items = joined(
    joined(pickled.text("p"), parameter),
    joined(pickled.text("__proto__"), pickled.tensor(storage, 4, [2], [1])),
    joined(pickled.text("steps"), pickled.int(7)),
    joined(pickled.int(3), pickled.tensor(storage, 0, [1], [1])),
  );
  const ordered = pickled.call(pickled.global("collections", "OrderedDict"));
  const state = joined("}(", pickled.text("_metadata"), ordered, "u");
  const pickle = pickled.whole(joined(ordered, "(", items, "u", state, "b"));
  for (const bytes of bothForms(pickle)) {
    const file = await open(bytes);
    assert.deepEqual([...file.names()], ["p", "__proto__"]);
    assert.deepEqual(await file.read("p"), Float32Array.of(0, 1));
    assert.deepEqual(await file.read("__proto__"), Float32Array.of(4, 5));
    assert.equal(file.shape("constructor"), undefined);
    await assert.rejects(file.read("steps"), { name: "CheckpointError", key: "steps" });
  }
});

Deno.test("openTorchBin() refuses any other class or function by its name", async () => {
  const names = [
    ["os", "system"],
    ["posix", "system"],
    ["__builtin__", "eval"],
    ["builtins", "exec"],
    ["builtins", "getattr"],
    ["torch", "load"],
    ["torch._utils", "_rebuild_tensor_v2 "],
    ["torch.storage", "_load_from_bytes"],
    ["collections", "OrderedDict.__init__"],
    ["__proto__", "constructor"],
  ] as const;
  for (const [module, name] of names) {
    const attack = pickled.call(pickled.global(module, name), pickled.text("exit 1"));
    const pickle = pickled.whole(pickled.dictionary(pickled.text("a"), attack));
    const shown = `${module.replace("__builtin__", "builtins")}.${name}`;
    const message = new RegExp(`refused global "${shown.replaceAll(".", "\\.")}"`);
    for (const bytes of bothForms(pickle)) await refused(bytes, message);
  }
});

Deno.test("openTorchBin() refuses calls that are no tensor's", async () => {
  const storage = pickled.storage("FloatStorage", "0", 6);
  const rebuild = pickled.global("torch._utils", "_rebuild_tensor_v2");
  const type = pickled.global("torch", "FloatStorage");
  const bad: [Uint8Array, RegExp][] = [
    [pickled.call(type), /expected a function to call, found a StorageType/],
    [pickled.call(pickled.text("x")), /expected a function to call, found "x"/],
    [pickled.call(rebuild), /expected the storage of a tensor, found undefined/],
    [pickled.call(rebuild, storage), /expected a size or position, found undefined/],
    [pickled.call(rebuild, storage, pickled.int(0), pickled.int(6)), /tuple of sizes, found 6/],
    [pickled.tensor(storage, 0, [-1], [1]), /size or position, found -1/],
    [pickled.tensor(storage, 0, [6], [-1]), /size or position, found -1/],
    [pickled.tensor(storage, 0, [6], []), /a stride per axis of \[6\]/],
    [pickled.call(pickled.global("torch._utils", "_rebuild_parameter"), storage), /of a parameter/],
    [pickled.call(pickled.global("collections", "OrderedDict"), pickled.int(1)), /filled later/],
    [
      joined(pickled.tuple(pickled.text("module"), type, pickled.text("0")), "Q"),
      /id of a storage/,
    ],
    [joined(pickled.text("storage"), "Q"), /id of a storage/],
    [joined(storage, pickled.storage("FloatStorage", "0", 7)), /found two that differ/],
    [joined(storage, pickled.storage("IntStorage", "0", 6)), /found two that differ/],
    [pickled.storage("FloatStorage", "0", -6), /size or position/],
  ];
  for (const [body, message] of bad) {
    for (const bytes of bothForms(pickled.whole(body))) await refused(bytes, message);
  }
});

Deno.test("openTorchBin() refuses tensors that leave their storage or outgrow it", async () => {
  const huge = Array.from({ length: 40 }, () => 2 ** 31 - 1);
  for (
    const layout of [
      { shape: [7] },
      { offset: 1 },
      { shape: [2, 3], strides: [4, 1] },
      { shape: [2 ** 30], strides: [0] },
      { shape: [2 ** 30, 6], strides: [0, 1] },
      { shape: huge, strides: huge },
      { shape: [...huge, 0], strides: [...huge, 0] },
    ]
  ) {
    for (const bytes of bothForms(oneTensor(layout))) await refused(bytes, /within the 6 numbers/);
  }
});

Deno.test("openTorchBin() says what it found instead of a dictionary of tensors", async () => {
  const nested = pickled.dictionary(pickled.text("state_dict"), joined("}"));
  for (const bytes of bothForms(pickled.whole(nested))) {
    await refused(bytes, /tensors by name, found the keys "state_dict"/);
  }
  await refused(craftTorchZip(pickled.whole(joined("N"))), /by name, found null/);
  await refused(craftTorchZip(pickled.whole(joined("]"))), /by name, found a Array/);
  const rebuild = pickled.whole(pickled.global("torch._utils", "_rebuild_tensor_v2"));
  await refused(craftTorchZip(rebuild), /of tensors by name, found a function$/);
});

Deno.test("openTorchBin() refuses archives that are not torch's", async () => {
  const pickle = oneTensor();
  const entries = (...names: string[]) => craftZip(names.map((name) => [name, pickle] as const));
  await refused(entries("a.txt"), /expected one data\.pkl in the archive, found 0/);
  await refused(entries("a/data.pkl", "b/data.pkl"), /found 2/);
  await refused(craftTorchZip(pickle), /at "a": expected 24 bytes, found none/);
  await refused(craftTorchZip(pickle, SIX.subarray(4)), /at "a": expected 24 bytes, found 20/);
  const big = [["x/data.pkl", pickle], ["x/byteorder", joined("big")], ["x/data/0", SIX]] as const;
  await refused(craftZip(big), /expected little-endian, found "big"/);
  const bomb = craftZip([["x/data.pkl", pickle], ["x/data/0", SIX, { method: 8 }]]);
  await refused(bomb, /"x\/data\/0": expected data without compression/);
  await refused(craftZip([["x/data.pkl", new Uint8Array(2 ** 24 + 1)]]), /16777216 bytes or less/);
});

Deno.test("openTorchBin() refuses legacy files with another head or other storages", async () => {
  const pickle = oneTensor();
  const storages = [["0", 6, SIX]] as const;
  await refused(craftLegacy(pickle, storages, { magic: "6cfc9c46f9206aa85018" }), /magic number/);
  await refused(craftLegacy(pickle, storages, { protocol: 1000 }), /protocol 1001, found 1000/);
  await refused(craftLegacy(pickle, storages, { littleEndian: false }), /little-endian machine/);
  await refused(craftLegacy(pickle, []), /expected 1 storages, found 0/);
  await refused(craftLegacy(pickle, [["1", 6, SIX]]), /each storage once, found "1"/);
  await refused(craftLegacy(pickle, [["0", 6, SIX], ["0", 6, SIX]]), /each storage once/);
  await refused(craftLegacy(pickle, [["0", 5, SIX]]), /expected 6 numbers of storage "0"/);
  await refused(craftLegacy(pickle, [["0", 6, SIX.subarray(1)]]), /expected 6 numbers/);
});

Deno.test("openTorchBin() refuses files that are cut anywhere, or something else", async () => {
  for (const bytes of bothForms(oneTensor())) {
    for (let length = 0; length < bytes.length; length += 1) {
      await refused(bytes.subarray(0, length), /./);
    }
  }
  await refused(joined("PK\x05\x06"), /expected a file of torch\.save, found "PK/);
  await refused(joined("\x93NUMPY"), /expected a file of torch\.save/);
});

Deno.test("openTorchBin() reads a legacy pickle longer than its first piece", async () => {
  const filler = pickled.text("x".repeat(600_000));
  const tensor = pickled.tensor(pickled.storage("FloatStorage", "0", 6), 0, [6], [1]);
  const pickle = pickled.whole(pickled.dictionary(filler, joined("N"), pickled.text("a"), tensor));
  const file = await open(craftLegacy(pickle, [["0", 6, SIX]]));
  assert.deepEqual(await file.read("a"), Float32Array.of(0, 1, 2, 3, 4, 5));
});

Deno.test("openTorchBin() reads no further than the fault in a legacy pickle", async () => {
  const start = craftLegacy(pickled.whole(pickled.global("os", "system")), []);
  const source: ByteSource = {
    name: "x.bin",
    sizeBytes: 2 ** 30,
    read(from, to) {
      assert.ok(to <= 2 ** 18);
      const piece = new Uint8Array(to);
      piece.set(start.subarray(0, to));
      return Promise.resolve(piece.subarray(from));
    },
  };
  await assert.rejects(openTorchBin(source), /refused global "os\.system"/);
});

Deno.test("openTorchBin() refuses storages cut out of others, as torch 0.3 wrote them", async () => {
  const words = [
    pickled.text("storage"),
    pickled.global("torch", "FloatStorage"),
    pickled.text("0"),
  ];
  const view = pickled.tuple(pickled.text("1"), pickled.int(0), pickled.int(6));
  const id = pickled.tuple(...words, pickled.text("cpu"), pickled.int(6), view);
  await refused(craftLegacy(pickled.whole(joined(id, "Q")), []), /expected a whole storage/);
});

Deno.test("read() takes from a torch file the tensor's own bytes", async () => {
  const bytes = craftTorchZip(oneTensor({ shape: [2], offset: 3 }), SIX);
  const inner = bytesSource("x.bin", bytes);
  const sizes: number[] = [];
  let closed = 0;
  const source: ByteSource = {
    ...inner,
    read: (start, end) => (sizes.push(end - start), inner.read(start, end)),
    close: () => void closed++,
  };
  const file = await openTorchBin(source);
  sizes.length = 0;
  assert.deepEqual(await file.read("a"), Float32Array.of(3, 4));
  assert.deepEqual(sizes, [30, 8]); // the entry's header, the numbers
  file.close();
  assert.equal(closed, 1);
});

/** The names of today for those of weight norm in older files. */
function todaysName(name: string): string {
  return name.replace(/\.weight_g$/, ".parametrizations.weight.original0")
    .replace(/\.weight_v$/, ".parametrizations.weight.original1");
}

kitTest("openTorchBin() gives the numbers of the safetensors file beside it", async () => {
  const pairs = [
    ["pytorch_model.bin", "model.safetensors"],
    ["legacy/pytorch_model.bin", "model.safetensors"],
    ["pretraining/pytorch_model.bin", "pretraining/model.safetensors"],
  ] as const;
  for (const [bin, safetensors] of pairs) {
    const file = await open(await Deno.readFile(kitPath("wav2vec2-group", bin)));
    const expected = await readTensors(kitPath("wav2vec2-group", safetensors));
    const names = [...file.names()];
    assert.deepEqual(new Set(names.map(todaysName)), new Set(expected.keys()), bin);
    for (const name of names) {
      const { dtype, shape, values } = expected.get(todaysName(name))!;
      assert.deepEqual([file.dtype(name), file.shape(name)], [dtype, shape], name);
      assertAllClose(await file.read(name), values, { label: `${bin} ${name}` });
    }
  }
});

kitTest("openTorchBin() refuses each broken file of the kit, and runs nothing", async () => {
  const folder = kitPath("wav2vec2-group", "bad");
  const bad = Object.keys(await readJson<object>(`${folder}/expected.json`));
  const names = bad.filter((name) => name.endsWith(".bin"));
  assert.ok(names.length >= 4);
  for (const name of names) {
    const message = name === "unsafe-global.bin" ? /refused global "builtins\.print"/ : /./;
    await refused(await Deno.readFile(`${folder}/${name}`), message);
  }
});
