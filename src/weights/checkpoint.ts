/**
 * Finds the weights of a model directory, in whichever of the five forms they are there.
 *
 * The first form that is found is read; a file that turns out to be broken ends the search, so that
 * no file can make a reader of a safe format take another one.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import type { ByteSource, FileReader } from "./byte_source.ts";
import { openPacked, PACKED_FILE } from "./packed.ts";
import { openSafetensors } from "./safetensors.ts";
import { openOrClose, openSharded } from "./_sharded.ts";
import type { TensorSource } from "./tensor_source.ts";

type OpenForm = (source: ByteSource, files: FileReader) => Promise<TensorSource>;

/** Reads pickles; pages seldom meet one, and load its code then. */
async function openTorchBin(source: ByteSource): Promise<TensorSource> {
  return await (await import("./_torch_bin.ts")).openTorchBin(source);
}

/** Names as Hugging Face's libraries write them, in the order in which they look, then what `export` writes. */
const FORMS: readonly (readonly [file: string, open: OpenForm])[] = [
  ["model.safetensors", openSafetensors],
  ["model.safetensors.index.json", (index, files) => openSharded(index, files, openSafetensors)],
  ["pytorch_model.bin", openTorchBin],
  ["pytorch_model.bin.index.json", (index, files) => openSharded(index, files, openTorchBin)],
  [PACKED_FILE, openPacked],
];

/**
 * Opens the weights of a model directory: one safetensors file, a sharded one, torch's, or an exported one.
 *
 * @throws {CheckpointError} if there are none, or the first that is found is broken.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import { openCheckpoint } from "./checkpoint.ts";
 * import { encodeSafetensors } from "./safetensors_writer.ts";
 * import assert from "node:assert/strict";
 *
 * const bias = { name: "bias", dtype: "F32", shape: [2], values: Float32Array.of(1, 2) } as const;
 * const model = bytesSource("model.safetensors", encodeSafetensors([bias]));
 * const checkpoint = await openCheckpoint({
 *   open: (name) => Promise.resolve(name === model.name ? model : undefined),
 * });
 * assert.deepEqual([...checkpoint.names()], ["bias"]);
 * checkpoint.close();
 * ```
 */
export async function openCheckpoint(files: FileReader): Promise<TensorSource> {
  for (const [name, open] of FORMS) {
    const source = await files.open(name);
    if (source) return await openOrClose(source, (found) => open(found, files));
  }
  const [last, ...others] = FORMS.map(([name]) => name).reverse();
  const directory = files.name === undefined ? "model" : `model "${files.name}"`;
  throw new CheckpointError(
    `Cannot load weights of ${directory}: expected ${others.reverse().join(", ")} or ${last}, ` +
      "found none of them",
    { file: files.name, hint: "Weights of TensorFlow or Flax have to be converted first" },
  );
}

/** Whether a directory has weights, in any of the forms; nothing of them is read. */
export async function hasCheckpoint(files: FileReader): Promise<boolean> {
  for (const [name] of FORMS) {
    const source = await files.open(name);
    source?.close?.();
    if (source) return true;
  }
  return false;
}
