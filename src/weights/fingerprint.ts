/**
 * One short text that stands for the weights of a checkpoint, or of a part of it.
 *
 * Two checkpoints have the same one exactly if the same tensors are in them: names, types, shapes and numbers. The
 * order in the file, the number of shards and notes do not count. A copy in another precision is another model.
 *
 * @module
 */
import type { TensorSource } from "./tensor_source.ts";

/** What is read of a checkpoint for its fingerprint. */
export interface FingerprintSource
  extends Pick<TensorSource, "names" | "shape" | "dtype" | "read" | "form" | "readHeld"> {
  /** The hash of a tensor's numbers, where they were read before; they are not read again then. */
  hash?(name: string): string | undefined;
}

/**
 * The same tensors, whose numbers are hashed as they are read: a fingerprint then needs no second reading.
 *
 * @param source closed with the result.
 */
export function hashedReads(
  source: TensorSource,
): TensorSource & Required<Pick<FingerprintSource, "hash">> {
  const hashes = new Map<string, string>();
  return {
    ...source,
    hash: (name) => hashes.get(name),
    read: async (name) => {
      const values = await source.read(name);
      hashes.set(name, await hashOf(values));
      return values;
    },
  };
}

/**
 * SHA-256 over the tensors of a checkpoint, sorted by name: 64 hexadecimal digits.
 *
 * One tensor is in memory at a time.
 *
 * @param source stays open.
 * @param part which tensors count; all where it is left out.
 * @throws {CheckpointError} if a tensor cannot be read.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import { weightsFingerprint } from "./fingerprint.ts";
 * import { openSafetensors } from "./safetensors.ts";
 * import { encodeSafetensors } from "./safetensors_writer.ts";
 * import assert from "node:assert/strict";
 *
 * const tensor = (name: string, value: number) =>
 *   ({ name, dtype: "F32", shape: [1], values: Float32Array.of(value) }) as const;
 * const open = (head: number) =>
 *   openSafetensors(
 *     bytesSource("m", encodeSafetensors([tensor("base.weight", 1), tensor("classifier.bias", head)])),
 *   );
 * const [a, b] = [await open(2), await open(3)];
 * assert.notEqual(await weightsFingerprint(a), await weightsFingerprint(b));
 * const isBase = (name: string) => name.startsWith("base.");
 * assert.equal(await weightsFingerprint(a, isBase), await weightsFingerprint(b, isBase));
 * ```
 */
export async function weightsFingerprint(
  source: FingerprintSource,
  part: (name: string) => boolean = () => true,
): Promise<string> {
  const lines: string[] = [];
  for (const name of [...source.names()].filter(part).sort()) {
    const facts = [name, source.dtype(name), source.shape(name), await contentOf(source, name)];
    lines.push(JSON.stringify(facts));
  }
  return await sha256(new TextEncoder().encode(lines.join("\n")));
}

/** The hash of a tensor's numbers, and what form they lie in where it is a device's. */
async function contentOf(source: FingerprintSource, name: string): Promise<unknown> {
  if (source.form?.(name) === undefined) {
    return source.hash?.(name) ?? await hashOf(await source.read(name));
  }
  const { form, shape, parts } = await source.readHeld!(name);
  const content: unknown[] = [form, shape];
  for (const { values, ...facts } of parts) {
    content.push([facts.name, facts.dtype, facts.shape, await hashOf(values)]);
  }
  return content;
}

async function hashOf(values: Float32Array | Int8Array): Promise<string> {
  const { buffer, byteOffset, byteLength } = values;
  return await sha256(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
