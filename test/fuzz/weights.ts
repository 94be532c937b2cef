/**
 * Inputs for the readers of weights: files that are sound or broken by design, and sound ones with random damage.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { DTYPE_BITS } from "../../src/weights/_dtypes.ts";
import { openPacked, type PackedTensor, streamPacked } from "../../src/weights/packed.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { encodeSafetensors, type TensorToStream } from "../../src/weights/safetensors_writer.ts";
import { openSharded } from "../../src/weights/_sharded.ts";
import type { TensorSource } from "../../src/weights/tensor_source.ts";
import { openTorchBin } from "../../src/weights/_torch_bin.ts";
import { craftSafetensors } from "../weights/craft.ts";
import { craftLegacy, craftTorchZip, pickled } from "../weights/craft_torch.ts";
import type { Dice } from "./dice.ts";
import { broken, brokenJson } from "./json.ts";
import type { FuzzInput, FuzzTarget } from "./target.ts";

type Open = (source: ReturnType<typeof bytesSource>) => Promise<TensorSource>;

/** Opens a file and reads every tensor, none of which may be larger than its bytes allow. */
function readAll(open: Open): FuzzTarget["parse"] {
  return async (bytes) => {
    const file = await open(bytesSource("fuzz", bytes));
    for (const name of file.names()) {
      const size = file.shape(name)!.reduce((product, length) => product * length, 1);
      if (file.form?.(name)) {
        await file.readHeld!(name);
        continue;
      }
      ok(size <= bytes.length * 8, `${size} numbers out of ${bytes.length} bytes`);
      // Types that this package does not compute with are listed, and not read.
      if (/^(C64|F[468])/.test(file.dtype(name)!) && file.dtype(name) !== "F64") continue;
      equal((await file.read(name)).length, size);
    }
  };
}

interface Part {
  name: string;
  dtype: string;
  shape: (number | string)[];
  offsets: (number | string)[];
}

/** Tensors back to back, as a sound header lists them. */
function soundParts(dice: Dice): Part[] {
  let at = 0;
  return Array.from({ length: 1 + dice.roll(4) }, (_, i) => {
    const dtype = dice.pick([...DTYPE_BITS.keys()].filter((name) => !/^F[46]/.test(name)));
    const shape = Array.from({ length: dice.roll(4) }, () => dice.pick([0, 1, 1, 2, 3]));
    const size = shape.reduce((product, length) => product * length, 1);
    const start = at;
    at += size * DTYPE_BITS.get(dtype)! / 8;
    return {
      name: dice.pick(["a", "__proto__", "é", "x.y"]) + i,
      dtype,
      shape,
      offsets: [start, at],
    };
  });
}

function partJson({ name, dtype, shape, offsets }: Part, dice: Dice): string {
  const fields = [
    `"dtype":${JSON.stringify(dtype)}`,
    `"shape":[${shape}]`,
    `"data_offsets":[${offsets}]`,
    ...dice.pick([[], [], ['"more":{"x":[1,null,"]"]}']]),
  ];
  return `${JSON.stringify(name)}:{${dice.shuffle(fields).join()}}`;
}

const SOUND_CHANGES: readonly ((header: string, dice: Dice) => string)[] = [
  (header) => header,
  (header, dice) => header + " ".repeat(dice.roll(9)),
  (header, dice) => header.replaceAll(",", dice.pick([", ", ",\n", "\t,"])),
  (header) => header.replace("{", '{"__metadata__":{"format":"pt"},'),
  (header) => header.replace(/"a(\d)":/, '"\\u0061$1":'),
];

const PART_FAULTS: readonly ((parts: Part[], dice: Dice) => void)[] = [
  (parts, dice) => shift(dice.pick(parts), 0, dice.pick([1, -1, 1e6])),
  (parts, dice) => shift(dice.pick(parts), 1, dice.pick([1, -1, 1e6])),
  (parts) => parts.forEach((part) => [0, 1].forEach((i) => shift(part, i, 1))),
  (parts, dice) =>
    void dice.pick(parts).shape.push(dice.pick(["-1", "1.0", "1e0", "null", '"1"', 2 ** 53])),
  (parts, dice) => void dice.pick(parts).offsets.push(0),
  (parts, dice) => void dice.pick(parts).offsets.pop(),
  (parts, dice) => void (dice.pick(parts).dtype = dice.pick(["F12", "f32", "", "constructor"])),
  (parts, dice) => void parts.push(dice.pick(parts)),
];

function shift(part: Part, index: number, by: number): void {
  part.offsets[index] = Number(part.offsets[index]) + by;
}

const HEADER_FAULTS: readonly ((header: string) => string)[] = [
  (header) => " " + header,
  (header) => header + "x",
  (header) => header.slice(0, -1),
  (header) => header.replace("{", "["),
  (header) => header.replace("{", '{"__metadata__":{"a":1},'),
  (header) => header.replace("{", '{"__metadata__":{},"__metadata__":{},'),
  (header) => header.replace("{", "{,"),
  (header) => header.replace(/}$/, ",}"),
];

/** A file that has to be read, one that has to be refused, or one that may be either. */
function safetensors(dice: Dice): FuzzInput {
  const parts = soundParts(dice);
  const dataBytes = Number(parts.at(-1)!.offsets[1]);
  const headerOf = (list: readonly Part[]) =>
    `{${dice.shuffle(list).map((part) => partJson(part, dice)).join()}}`;
  const header = dice.pick(SOUND_CHANGES)(headerOf(parts), dice);
  const sound = craftSafetensors(header, dataBytes);
  return dice.pick<() => FuzzInput>([
    () => ({ bytes: sound, expected: "read" }),
    () => {
      const faulty = structuredClone(parts);
      dice.pick(PART_FAULTS)(faulty, dice);
      const bytes = dice.pick([
        craftSafetensors(headerOf(faulty), dataBytes),
        craftSafetensors(dice.pick(HEADER_FAULTS)(headerOf(parts)), dataBytes),
        craftSafetensors(headerOf(parts), dataBytes + 1),
      ]);
      return { bytes, expected: "refused" };
    },
    () => ({ bytes: dice.damage(sound, 3, 8 + header.length) }),
  ])();
}

interface Layout {
  offset: number;
  shape: number[];
  strides: number[];
}

/** The places of a tensor's numbers in its storage, the plain way. */
function places({ offset, shape, strides }: Layout): number[] {
  return shape.reduce(
    (found, length, axis) =>
      found.flatMap((at) => Array.from({ length }, (_, i) => at + i * strides[axis]!)),
    [offset],
  );
}

/** Whether a reader may take the tensor: inside its storage, and not larger than what it spans. */
function isSound(layout: Layout, length: number): boolean {
  const at = places(layout);
  const span = at.length ? Math.max(...at) - layout.offset + 1 : 0;
  return layout.offset + span <= length && at.length <= span;
}

/** A tensor in one of torch's two forms: read or refused as its layout says, or damaged. */
function torch(dice: Dice, isZip: boolean): FuzzInput {
  const values = Float32Array.from({ length: 1 + dice.roll(24) }, (_, i) => i);
  const axes = Array.from({ length: dice.roll(4) }, () => dice.roll(5));
  const layout = {
    offset: dice.pick([0, 0, 1, 5]),
    shape: axes,
    strides: axes.map(() => dice.roll(7)),
  };
  const storage = pickled.storage("FloatStorage", "0", values.length);
  const tensor = pickled.tensor(storage, layout.offset, layout.shape, layout.strides);
  const pickle = pickled.whole(pickled.dictionary(pickled.text("a"), tensor));
  const bytes = new Uint8Array(values.buffer);
  const file = isZip
    ? craftTorchZip(pickle, bytes)
    : craftLegacy(pickle, [["0", values.length, bytes]]);
  if (dice.roll(2) === 0) return { bytes: dice.damage(file, 3) };
  return { bytes: file, expected: isSound(layout, values.length) ? "read" : "refused" };
}

const PACKED = await packedBytes();

/** An exported file of two weights in forms and one plain one. */
async function packedBytes(): Promise<Uint8Array> {
  const bytes = (size: number) => () => new Int8Array(size);
  const numbers = (size: number) => () => new Float32Array(size);
  const tensors: (PackedTensor | TensorToStream)[] = [
    {
      ...{ name: "a.weight", form: "int8-panels", shape: [2, 3] },
      parts: [
        { name: "", dtype: "I8", shape: [1, 1, 8, 4], values: bytes(32) },
        { name: "scale", dtype: "F32", shape: [1, 8], values: numbers(8) },
      ],
    },
    {
      ...{ name: "b.weight", form: "panels", shape: [2, 3] },
      parts: [{ name: "", dtype: "F16", shape: [1, 3, 8], values: numbers(24) }],
    },
    { name: "bias", dtype: "F32", shape: [2], values: numbers(2) },
  ];
  const chunks = await Array.fromAsync(streamPacked(tensors, "q8").chunks());
  return await new Blob(chunks.map((chunk) => chunk.slice())).bytes();
}

const SHARD = encodeSafetensors([
  { name: "a", dtype: "F32", shape: [2], values: Float32Array.of(1, 2) },
]);

const INDEX = {
  metadata: { total_size: 8 },
  weight_map: { a: "model-00001-of-00001.safetensors" },
};

async function parseIndex(bytes: Uint8Array): Promise<void> {
  const open = (name: string) =>
    Promise.resolve(name.startsWith("model-00001") ? bytesSource(name, SHARD) : undefined);
  const index = bytesSource("model.safetensors.index.json", bytes);
  const file = await openSharded(index, { open }, openSafetensors);
  deepEqual([...await file.read("a")], [1, 2]);
  file.close();
}

/** The readers of weights by the form of the file. */
export const WEIGHT_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  "safetensors": { make: safetensors, parse: readAll(openSafetensors), inputs: 18_000 },
  "torch-zip": { make: (dice) => torch(dice, true), parse: readAll(openTorchBin), inputs: 6_000 },
  "torch-legacy": {
    make: (dice) => torch(dice, false),
    parse: readAll(openTorchBin),
    inputs: 7_500,
  },
  "exported": {
    make: (dice) => ({ bytes: dice.damage(PACKED, 2) }),
    parse: readAll(openPacked),
    inputs: 15_000,
  },
  "index": {
    make: (dice) => ({ bytes: broken(brokenJson(INDEX, dice), dice) }),
    parse: parseIndex,
    inputs: 12_000,
  },
};
