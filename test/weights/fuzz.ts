/**
 * Seeded, structure-aware fuzzing of the weight readers: files that are sound or broken by design,
 * and files with a few random bytes.
 *
 * `fuzz_test.ts` runs some thousands of cases; the case functions take any seed, so a longer run
 * needs only a loop.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CheckpointError } from "../../src/errors.ts";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { DTYPE_BITS } from "../../src/weights/dtypes.ts";
import { openPacked, type PackedTensor, streamPacked } from "../../src/weights/packed.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import type { TensorToStream } from "../../src/weights/safetensors_writer.ts";
import type { TensorSource } from "../../src/weights/tensor_source.ts";
import { openTorchBin } from "../../src/weights/torch_bin.ts";
import { craftSafetensors, seededRandom } from "./craft.ts";
import { craftLegacy, craftTorchZip, pickled } from "./craft_torch.ts";

/** What became of a case. */
export type Outcome = "read" | "refused";

/** Integers and choices out of a seed. */
class Dice {
  readonly #random: () => number;
  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** 0 to `sides - 1`. */
  roll(sides: number): number {
    return Math.floor(this.#random() * sides);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)]!;
  }

  shuffle<T>(items: readonly T[]): T[] {
    return items.map((item) => [this.#random(), item] as const)
      .sort(([a], [b]) => a - b).map(([, item]) => item);
  }

  /** The same bytes with up to `most` of them changed, removed or put in. */
  damage(bytes: Uint8Array, most: number, before = bytes.length): Uint8Array {
    const items = [...bytes];
    for (let times = 1 + this.roll(most); times > 0; times--) {
      const at = this.roll(before);
      const byte = this.pick([0, 1, 0x20, 0x2d, 0x30, 0x39, 0x7f, 0xff, this.roll(256)]);
      this.pick([
        () => void (items[at] = byte),
        () => void (items[at]! ^= 1 << this.roll(8)),
        () => void items.splice(at, 1),
        () => void items.splice(at, 0, byte),
      ])();
    }
    return Uint8Array.from(items);
  }
}

/** Opens a file and reads every tensor; anything but success or a CheckpointError fails. */
async function exercise(
  open: () => Promise<TensorSource>,
  sizeBytes: number,
  label: string,
): Promise<Outcome> {
  try {
    const file = await open();
    for (const name of file.names()) {
      const size = file.shape(name)!.reduce((product, length) => product * length, 1);
      if (file.form?.(name)) {
        await file.readHeld!(name);
        continue;
      }
      assert.ok(size <= sizeBytes * 8, `${label}: ${size} numbers out of ${sizeBytes} bytes`);
      if (/^(C64|F[468])/.test(file.dtype(name)!) && file.dtype(name) !== "F64") continue;
      assert.equal((await file.read(name)).length, size, label);
    }
    return "read";
  } catch (error) {
    assert.ok(error instanceof CheckpointError, `${label}: ${error}\n${(error as Error).stack}`);
    assert.ok(error.message.length < 600, label);
    return "refused";
  }
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

/**
 * One safetensors file that has to be read, one that has to be refused, and one that may be either.
 *
 * @returns what became of the last.
 */
export async function safetensorsCase(seed: number): Promise<Outcome> {
  const dice = new Dice(seed);
  const parts = soundParts(dice);
  const dataBytes = Number(parts.at(-1)!.offsets[1]);
  const headerOf = (list: readonly Part[]) =>
    `{${dice.shuffle(list).map((part) => partJson(part, dice)).join()}}`;
  const run = (bytes: Uint8Array) =>
    exercise(() => openSafetensors(bytesSource("x", bytes)), bytes.length, `seed ${seed}`);

  const header = dice.pick(SOUND_CHANGES)(headerOf(parts), dice);
  const sound = craftSafetensors(header, dataBytes);
  assert.equal(await run(sound), "read", `seed ${seed}: ${header}`);

  const faulty = structuredClone(parts);
  dice.pick(PART_FAULTS)(faulty, dice);
  const broken = dice.pick([
    craftSafetensors(headerOf(faulty), dataBytes),
    craftSafetensors(dice.pick(HEADER_FAULTS)(headerOf(parts)), dataBytes),
    craftSafetensors(headerOf(parts), dataBytes + 1),
  ]);
  assert.equal(await run(broken), "refused", `seed ${seed}: ${new TextDecoder().decode(broken)}`);

  return await run(dice.damage(sound, 3, 8 + header.length));
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

/**
 * One torch file that has to be read or refused as its layout says, and the same file damaged.
 *
 * @returns what became of the damaged one.
 */
export async function torchCase(seed: number): Promise<Outcome> {
  const dice = new Dice(seed);
  const values = Float32Array.from({ length: 1 + dice.roll(24) }, (_, i) => i);
  const rank = dice.roll(4);
  const axes = Array.from({ length: rank }, () => dice.roll(5));
  const layout = {
    offset: dice.pick([0, 0, 1, 5]),
    shape: axes,
    strides: axes.map(() => dice.roll(7)),
  };
  const storage = pickled.storage("FloatStorage", "0", values.length);
  const tensor = pickled.tensor(storage, layout.offset, layout.shape, layout.strides);
  const pickle = pickled.whole(pickled.dictionary(pickled.text("a"), tensor));
  const bytes = new Uint8Array(values.buffer);
  const file = dice.pick([
    craftTorchZip(pickle, bytes),
    craftLegacy(pickle, [["0", values.length, bytes]]),
  ]);
  const label = `seed ${seed}: ${JSON.stringify({ ...layout, length: values.length })}`;
  const open = (whole: Uint8Array) => openTorchBin(bytesSource("x", whole));
  const sound = isSound(layout, values.length);
  assert.equal(
    await exercise(() => open(file), file.length, label),
    sound ? "read" : "refused",
    label,
  );
  if (sound) {
    const read = await (await open(file)).read("a");
    assert.deepEqual([...read], places(layout), label);
  }
  const damaged = dice.damage(file, 3);
  return await exercise(() => open(damaged), damaged.length, label);
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

/** An exported file with one byte changed. */
export function packedCase(seed: number): Promise<Outcome> {
  const dice = new Dice(seed);
  const bytes = dice.damage(PACKED, 1);
  const open = () => openPacked(bytesSource("f", bytes));
  return exercise(open, bytes.length, `packed ${seed}`);
}
