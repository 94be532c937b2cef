/**
 * Where the golden reference kit lies, and a reader of its files for tests.
 *
 * The kit stands beside the repository, in `../shared/reference/golden`; the environment variable
 * `EARSHOT_SHARED` names another `shared` folder. Where it is absent, its tests show as ignored.
 * The safetensors reader here is not the one of `src/weights`, so that neither can excuse the other.
 *
 * @module
 */

import { join } from "node:path";

/** A tensor of the kit; 16-bit numbers are widened, 64-bit integers are plain numbers. */
export interface KitTensor {
  dtype: string;
  shape: number[];
  values: Float32Array | Float64Array | Int32Array | Uint8Array;
}

const SHARED_DIR = Deno.env.get("EARSHOT_SHARED") ??
  join(import.meta.dirname!, "..", "..", "shared");

/** A path inside the folder that holds the kit and the data sets. */
export function sharedPath(...parts: string[]): string {
  return join(SHARED_DIR, ...parts);
}

/** A path inside the golden files. */
export function kitPath(...parts: string[]): string {
  return sharedPath("reference", "golden", ...parts);
}

/** True where the file or folder exists. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Registers a test that needs the kit: ignored, with the reason in its name, where there is none. */
export function kitTest(name: string, fn: (t: Deno.TestContext) => void | Promise<void>): void {
  const ignore = !exists(kitPath());
  const shown = ignore ? `${name} [skipped: no reference kit at ${kitPath()}]` : name;
  Deno.test({ name: shown, ignore, fn });
}

/** Reads a JSON file of the kit, whose content the caller knows. */
export async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(file)) as T;
}

/** Reads every tensor of a safetensors file that is known to be sound. */
export async function readTensors(file: string): Promise<Map<string, KitTensor>> {
  const bytes = await Deno.readFile(file);
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  const tensors = new Map<string, KitTensor>();
  for (const [name, entry] of Object.entries<HeaderEntry>(header)) {
    if (name === "__metadata__") continue;
    const [start, end] = entry.data_offsets;
    const raw = bytes.slice(8 + headerBytes + start, 8 + headerBytes + end).buffer;
    tensors.set(name, { dtype: entry.dtype, shape: entry.shape, values: widen(entry.dtype, raw) });
  }
  return tensors;
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

function widen(dtype: string, raw: ArrayBuffer): KitTensor["values"] {
  switch (dtype) {
    case "F32":
      return new Float32Array(raw);
    case "F64":
      return new Float64Array(raw);
    case "I32":
      return new Int32Array(raw);
    case "I64":
      return Float64Array.from(new BigInt64Array(raw), Number);
    case "U8":
    case "BOOL":
      return new Uint8Array(raw);
    case "F16":
      return Float32Array.from(new Float16Array(raw));
    case "BF16":
      return new Float32Array(Uint32Array.from(new Uint16Array(raw), (bits) => bits << 16).buffer);
    default:
      throw new TypeError(`Cannot read kit tensor: expected a known dtype, found ${dtype}`);
  }
}
