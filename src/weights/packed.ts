/**
 * The exported form of a model's weights: a safetensors file whose tensors are a device's own bytes.
 *
 * What `export` writes and a start at the edge reads: a weight goes from the file into the device's memory as it
 * lies there, in no other form between. Which tensors those are, and under which form, stands in the file's
 * notes; the forms themselves are the kernels' affair (`operations/weight_forms.ts`), here they are words.
 *
 * A weight of 32-bit floats may be stored as float16; it is widened while it is read.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { quoted } from "./_shown.ts";
import type { ByteSource } from "./byte_source.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors.ts";
import {
  type SafetensorsOutput,
  streamSafetensors,
  type TensorToStream,
} from "./safetensors_writer.ts";
import type { HeldForm, HeldTensor, TensorSource } from "./tensor_source.ts";

/** The name of the file in a model directory. */
export const PACKED_FILE = "model.packed.safetensors";

/** The version that is written and the last one that is read; it goes up with `WEIGHT_FORMS_VERSION`. */
export const PACKED_VERSION = 1;

/** How an exported model stores its weights: in 8, 16 or 32 bits. */
export type PackedDtype = "q8" | "f16" | "f32";
/** All of them, the smallest first. */
export const PACKED_DTYPES = ["q8", "f16", "f32"] as const satisfies readonly PackedDtype[];

/** A weight in a device's form. */
export interface PackedTensor extends Pick<HeldTensor, "form" | "shape"> {
  /** Its hub name. */
  name: string;
  /** The shape that the device's form is of, where the layer brings the weight into another first. @default `shape` */
  heldAs?: number[];
  /** What lies in memory, fetched when its turn comes. */
  parts: PackedPart[];
}

/** One stretch of memory of a weight. */
export interface PackedPart extends Omit<TensorToStream, "name"> {
  /** Empty for the weight itself; else what its name in the file ends with. */
  name: HeldTensor["parts"][number]["name"];
}

/** An exported file that is open. */
export interface PackedFile extends TensorSource {
  /** How the weights are stored. */
  readonly exported: PackedDtype;
}

/** A weight in the notes. */
interface Entry extends Pick<PackedTensor, "form" | "shape" | "heldAs"> {
  parts: HeldTensor["parts"][number]["name"][];
}

const FORMS: readonly HeldForm[] = ["panels", "int8-panels"];
const PARTS: readonly unknown[] = ["", "scale"];

const FORMAT = "earshot-packed";

/**
 * Lays out an exported file.
 *
 * @param tensors weights in a device's form, and what has none as any other file holds it.
 * @throws {RangeError} where two tensors of the file would have one name.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import { openPacked, streamPacked } from "./packed.ts";
 * import assert from "node:assert/strict";
 *
 * const part = { name: "", dtype: "F32", shape: [4], values: () => Float32Array.of(1, 3, 2, 4) } as const;
 * const weight = { name: "weight", form: "panels" as const, shape: [2, 2], parts: [part] };
 * const chunks = await Array.fromAsync(streamPacked([weight], "f32").chunks());
 * const bytes = new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
 * const file = await openPacked(bytesSource("model.packed.safetensors", bytes));
 * assert.deepEqual(file.shape("weight"), [2, 2]);
 * assert.equal(file.form?.("weight"), "panels");
 * ```
 */
export function streamPacked(
  tensors: Iterable<PackedTensor | TensorToStream>,
  dtype: PackedDtype,
): SafetensorsOutput {
  const entries: [string, Entry][] = [];
  const stored: TensorToStream[] = [];
  for (const tensor of tensors) {
    if (!("form" in tensor)) {
      stored.push(tensor);
      continue;
    }
    const { name, form, shape, heldAs, parts } = tensor;
    entries.push([name, { form, shape, heldAs, parts: parts.map((part) => part.name) }]);
    for (const part of parts) stored.push({ ...part, name: partName(name, part.name) });
  }
  return streamSafetensors(stored, {
    format: FORMAT,
    version: String(PACKED_VERSION),
    dtype,
    forms: JSON.stringify(entries),
  });
}

/**
 * Opens an exported file.
 *
 * @param source kept until `close()`.
 * @throws {CheckpointError} if it is no such file, is broken, or is of a newer version.
 */
export async function openPacked(source: ByteSource): Promise<PackedFile> {
  const file = await openSafetensors(source);
  const { exported, entries } = readNotes(file);
  const ofParts = new Set<string>();
  for (const [name, { parts }] of entries) {
    for (const part of parts) ofParts.add(partName(name, part));
  }
  const names = [...entries.keys(), ...[...file.names()].filter((name) => !ofParts.has(name))];
  return {
    file: file.file,
    exported,
    names: () => names,
    shape: (name) => entries.get(name)?.shape ?? (ofParts.has(name) ? undefined : file.shape(name)),
    dtype: (name) => file.dtype(name),
    form: (name) => entries.get(name)?.form,
    read: (name) => entries.has(name) ? Promise.reject(heldError(file, name)) : file.read(name),
    readHeld: (name) => readHeld(file, name, entries.get(name)),
    origin: () => source.name,
    close: () => file.close(),
  };
}

function partName(name: string, part: string): string {
  return part === "" ? name : `${name}.${part}`;
}

async function readHeld(
  file: SafetensorsFile,
  name: string,
  entry: Entry | undefined,
): Promise<HeldTensor> {
  if (!entry) throw notesError(file, `a form for ${quoted(name)}, found none`);
  const parts: HeldTensor["parts"] = [];
  for (const part of entry.parts) {
    const key = partName(name, part);
    const values = await file.readValues(key);
    const dtype = values instanceof Float32Array ? "F32" : values instanceof Int8Array && "I8";
    if (!dtype) {
      throw notesError(file, `numbers of F32, F16 or I8, found ${file.dtype(key)}`, key);
    }
    const ofPart = [...file.entries.get(key)!.shape];
    parts.push({ name: part, dtype, shape: ofPart, values: values as Float32Array | Int8Array });
  }
  return { form: entry.form, shape: entry.heldAs ?? entry.shape, parts };
}

function readNotes(
  file: SafetensorsFile,
): { exported: PackedDtype; entries: ReadonlyMap<string, Entry> } {
  const note = (key: string) => file.metadata.get(key);
  if (note("format") !== FORMAT) {
    throw notesError(file, `format "${FORMAT}", found ${quoted(note("format") ?? "none")}`);
  }
  expectVersion(file, note("version"));
  const exported = PACKED_DTYPES.find((dtype) => dtype === note("dtype"));
  if (!exported) {
    const expected = `dtype ${PACKED_DTYPES.join(" or ")}`;
    throw notesError(file, `${expected}, found ${quoted(note("dtype") ?? "none")}`);
  }
  return { exported, entries: readForms(file, note("forms")) };
}

function expectVersion({ file }: SafetensorsFile, version: string | undefined): void {
  const isNumber = version !== undefined && /^[1-9]\d{0,8}$/.test(version);
  if (isNumber && Number(version) <= PACKED_VERSION) return;
  const found = version === undefined ? "none" : isNumber ? version : quoted(version);
  throw new CheckpointError(
    `Cannot load "${file}": expected an export of version ${PACKED_VERSION}, found version ${found}`,
    {
      file,
      hint: isNumber
        ? "A newer Earshot wrote it: update this one, or export the model again with it"
        : "Export the model again",
    },
  );
}

function readForms(file: SafetensorsFile, text = "[]"): ReadonlyMap<string, Entry> {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw notesError(file, "forms in JSON, found other text");
  }
  if (!Array.isArray(list)) throw notesError(file, "a list of forms, found something else");
  const entries = new Map<string, Entry>();
  for (const item of list) {
    if (!isEntry(item)) throw notesError(file, "known forms, each with a shape, found others");
    const [name, entry] = item;
    const missing = entry.parts.find((part) => file.shape(partName(name, part)) === undefined);
    if (missing !== undefined) {
      throw notesError(file, `tensor ${quoted(partName(name, missing))}, found none`, name);
    }
    if (entries.has(name)) throw notesError(file, "one form, found two", name);
    entries.set(name, entry);
  }
  return entries;
}

function isEntry(item: unknown): item is [string, Entry] {
  if (!Array.isArray(item) || item.length !== 2 || typeof item[0] !== "string") return false;
  const { form, shape, heldAs = shape, parts } = (item[1] ?? {}) as Partial<
    Record<keyof Entry, unknown>
  >;
  return FORMS.includes(form as HeldForm) &&
    isShape(shape) && isShape(heldAs) && sizeOf(shape) === sizeOf(heldAs) &&
    Array.isArray(parts) && parts.length > 0 && parts.every((part) => PARTS.includes(part));
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function notesError({ file }: SafetensorsFile, fault: string, key?: string): CheckpointError {
  const where = key === undefined ? "" : ` at ${quoted(key)}`;
  return new CheckpointError(`Cannot read the notes of "${file}"${where}: expected ${fault}`, {
    file,
    key,
    hint: "Export the model again",
  });
}

function heldError({ file }: SafetensorsFile, key: string): CheckpointError {
  return new CheckpointError(
    `Cannot read tensor ${quoted(key)} of "${file}": expected plain numbers, found a device's form`,
    { file, key, hint: "Use the directory that it was exported from" },
  );
}
