/**
 * Files of `torch.save` made by hand: pickles from opcodes, and zip archives of any honesty.
 *
 * @module
 */

import { encodeValues } from "../../src/weights/_dtypes.ts";

/** The bytes of several pieces; a string stands for its UTF-8. */
export function joined(
  ...pieces: readonly (Uint8Array | readonly number[] | string)[]
): Uint8Array {
  const parts = pieces.map((piece) =>
    typeof piece === "string" ? new TextEncoder().encode(piece) : Uint8Array.from(piece)
  );
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Pickled values, as bytes. */
export const pickled = {
  int: (value: number): Uint8Array => joined("J", u32(value)),
  text: (value: string): Uint8Array =>
    joined("X", u32(new TextEncoder().encode(value).length), value),
  global: (module: string, name: string): Uint8Array => joined(`c${module}\n${name}\n`),
  tuple: (...items: Uint8Array[]): Uint8Array => joined("(", ...items, "t"),
  ints: (...values: number[]): Uint8Array => pickled.tuple(...values.map(pickled.int)),
  dictionary: (...items: Uint8Array[]): Uint8Array => joined("}(", ...items, "u"),
  call: (callable: Uint8Array, ...args: Uint8Array[]): Uint8Array =>
    joined(callable, pickled.tuple(...args), "R"),
  storage: (type: string, key: string, length: number): Uint8Array => {
    const words = [pickled.text("storage"), pickled.global("torch", type), pickled.text(key)];
    return joined(pickled.tuple(...words, pickled.text("cpu"), pickled.int(length)), "Q");
  },
  tensor: (storage: Uint8Array, offset: number, shape: number[], strides: number[]): Uint8Array =>
    pickled.call(
      pickled.global("torch._utils", "_rebuild_tensor_v2"),
      storage,
      pickled.int(offset),
      pickled.ints(...shape),
      pickled.ints(...strides),
      joined([0x89]),
      pickled.call(pickled.global("collections", "OrderedDict")),
    ),
  whole: (body: Uint8Array): Uint8Array => joined([0x80, 2], body, "."),
};

/** A state dict with one tensor `a` of the numbers 0 to 5, laid out as the options say. */
export function oneTensor(
  layout: {
    type?: string;
    length?: number;
    offset?: number;
    shape?: number[];
    strides?: number[];
  } = {},
): Uint8Array {
  const { type = "FloatStorage", length = 6, offset = 0, shape = [6], strides = [1] } = layout;
  const storage = pickled.storage(type, "0", length);
  const tensor = pickled.tensor(storage, offset, shape, strides);
  return pickled.whole(pickled.dictionary(pickled.text("a"), tensor));
}

/** The numbers 0 to 5 as float32. */
export const SIX: Uint8Array = encodeValues("F32", Float32Array.of(0, 1, 2, 3, 4, 5));

/** What an archive says of an entry, where that is not the truth. */
export interface ZipLies {
  method?: number;
  flags?: number;
  sizeBytes?: number;
  storedBytes?: number;
  start?: number;
  localMethod?: number;
  localSignature?: number;
  /** @default 0 */
  checksum?: number;
  localExtraBytes?: number;
}

/** What the end of an archive says, and how its directory is ordered. */
export interface ZipEndLies {
  count?: number;
  sizeBytes?: number;
  start?: number;
  comment?: string;
  reversed?: boolean;
}

/** A zip file of stored entries; `lies` stand in the headers of the entries that they name. */
export function craftZip(
  entries: readonly (readonly [name: string, data: Uint8Array, lies?: ZipLies])[],
  end: ZipEndLies = {},
): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, data, lies = {}] of entries) {
    const { method = 0, flags = 0, sizeBytes = data.length, storedBytes = sizeBytes } = lies;
    const common = [
      u16(0),
      u16(0),
      u32(lies.checksum ?? 0),
      u32(storedBytes),
      u32(sizeBytes),
      u16(name.length),
    ];
    const local = joined(
      u32(lies.localSignature ?? 0x04034b50),
      u16(20),
      u16(flags),
      u16(lies.localMethod ?? method),
      ...common,
      u16(lies.localExtraBytes ?? 0),
      name,
      data,
    );
    const versions = [u32(0x02014b50), u16(20), u16(20), u16(flags), u16(method)];
    const tail = [u16(0), u16(0), u16(0), u16(0), u32(0), u32(lies.start ?? at)];
    directory.push(joined(...versions, ...common, ...tail, name));
    locals.push(local);
    at += local.length;
  }
  const list = joined(...end.reversed ? directory.reverse() : directory);
  const count = u16(end.count ?? entries.length);
  const { comment = "" } = end;
  return joined(
    ...locals,
    list,
    joined(u32(0x06054b50), u16(0), u16(0), count, count),
    joined(u32(end.sizeBytes ?? list.length), u32(end.start ?? at), u16(comment.length), comment),
  );
}

/** A `.bin` file in zip form: the pickle, and the bytes of its storages. */
export function craftTorchZip(pickle: Uint8Array, ...storages: Uint8Array[]): Uint8Array {
  return craftZip([
    ["archive/data.pkl", pickle],
    ...storages.map((bytes, i) => [`archive/data/${i}`, bytes] as const),
  ]);
}

/** A `.bin` file as torch before 1.6 wrote it. */
export function craftLegacy(
  pickle: Uint8Array,
  storages: readonly (readonly [key: string, length: number, bytes: Uint8Array])[],
  head: { magic?: string; protocol?: number; littleEndian?: boolean } = {},
): Uint8Array {
  const { magic = "6cfc9c46f9206aa85019", protocol = 1001, littleEndian = true } = head;
  const order = joined([littleEndian ? 0x88 : 0x89]);
  return joined(
    pickled.whole(joined([0x8a, 10], hex(magic))),
    pickled.whole(pickled.int(protocol)),
    pickled.whole(pickled.dictionary(pickled.text("little_endian"), order)),
    pickle,
    pickled.whole(joined("](", ...storages.map(([key]) => pickled.text(key)), "e")),
    ...storages.map(([, length, bytes]) => joined(u32(length), u32(0), bytes)),
  );
}

/** A 16-bit little-endian number. */
export function u16(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

/** A 32-bit little-endian number. */
export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
