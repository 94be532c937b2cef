/**
 * A checkpoint in several files, held together by an index that says which file has which tensor.
 *
 * The index is the authority: a tensor that a shard holds beyond it is not seen, and a shard or a
 * tensor that it promises must be there. Names lead to files beside the index and nowhere else.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { JsonReader } from "./_json_reader.ts";
import { quoted } from "./_shown.ts";
import { type ByteSource, type FileReader, readExactly } from "./byte_source.ts";
import type { TensorSource } from "./tensor_source.ts";

const MAX_INDEX_BYTES = 2 ** 26;
/** All shards are open at once; the largest public models have fewer than 200. */
const MAX_SHARDS = 1000;
const MAX_NAMED = 5;

/** Reads one shard. */
export type OpenShard = (source: ByteSource) => Promise<TensorSource>;

/**
 * Reads an index and the headers of the shards that it names.
 *
 * @param index kept until `close()`, as the shards are.
 * @param files where the shards are.
 * @param openShard the reader of their format.
 * @throws {CheckpointError} if the index is broken, names a file elsewhere, or a shard or a tensor
 * is missing.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import { openSafetensors } from "./safetensors.ts";
 * import { encodeSafetensors } from "./safetensors_writer.ts";
 * import { openSharded } from "./_sharded.ts";
 * import assert from "node:assert/strict";
 *
 * const values = Float32Array.of(1, 2);
 * const shard = encodeSafetensors([{ name: "bias", dtype: "F32", shape: [2], values }]);
 * const files = { open: (name: string) => Promise.resolve(bytesSource(name, shard)) };
 * const json = new TextEncoder().encode('{"weight_map":{"bias":"model-1.safetensors"}}');
 * const source = await openSharded(bytesSource("index.json", json), files, openSafetensors);
 * assert.equal(source.origin("bias"), "model-1.safetensors");
 * assert.deepEqual(await source.read("bias"), values);
 * ```
 */
export async function openSharded(
  index: ByteSource,
  files: FileReader,
  openShard: OpenShard,
): Promise<TensorSource> {
  const shardNames = await readIndex(index);
  const shards = await openShards(index, files, { names: new Set(shardNames.values()), openShard });
  const shardOf = (name: string) => shards.get(shardNames.get(name) ?? "");
  for (const [name, shardName] of shardNames) {
    if (shardOf(name)?.shape(name)) continue;
    shards.forEach((shard) => shard.close());
    throw indexError(index, `expected it in "${shardName}", found no such tensor there`, name);
  }
  return {
    file: index.name,
    names: () => shardNames.keys(),
    shape: (name) => shardOf(name)?.shape(name),
    dtype: (name) => shardOf(name)?.dtype(name),
    origin: (name) => shardNames.get(name) ?? index.name,
    close() {
      shards.forEach((shard) => shard.close());
      index.close?.();
    },
    async read(name) {
      const shard = shardOf(name);
      if (shard) return await shard.read(name);
      throw indexError(index, `expected one of ${shardNames.size} tensors`, name);
    },
  };
}

/** The shard of each tensor. */
async function readIndex(index: ByteSource): Promise<Map<string, string>> {
  const shardNames = new Map<string, string>();
  try {
    if (index.sizeBytes > MAX_INDEX_BYTES) {
      throw indexError(
        index,
        `expected ${MAX_INDEX_BYTES} bytes or less, found ${index.sizeBytes}`,
      );
    }
    const reader = new JsonReader(
      new TextDecoder().decode(await readExactly(index, 0, index.sizeBytes)),
    );
    reader.object((key) => {
      if (key !== "weight_map") reader.skip();
      else reader.object((name) => void shardNames.set(name, reader.string()));
    });
    reader.end();
  } catch (error) {
    if (error instanceof CheckpointError || !(error instanceof SyntaxError)) throw error;
    throw indexError(index, error.message);
  }
  requireNames(index, shardNames);
  return shardNames;
}

/** Shards must be plain names of files in the directory of the index. */
function requireNames(index: ByteSource, shardNames: ReadonlyMap<string, string>): void {
  if (shardNames.size === 0) throw indexError(index, "expected a weight_map with tensors");
  for (const [name, shardName] of shardNames) {
    if (/^[\w.-]+\.(safetensors|bin)$/.test(shardName) && !shardName.startsWith(".")) continue;
    const found = quoted(shardName);
    throw indexError(index, `expected the name of a weight file beside it, found ${found}`, name);
  }
}

async function openShards(
  index: ByteSource,
  files: FileReader,
  { names, openShard }: { names: ReadonlySet<string>; openShard: OpenShard },
): Promise<Map<string, TensorSource>> {
  if (names.size > MAX_SHARDS) {
    throw indexError(index, `expected ${MAX_SHARDS} shards or fewer, found ${names.size}`);
  }
  const shards = new Map<string, TensorSource>();
  const missing: string[] = [];
  try {
    for (const name of names) {
      const source = await files.open(name);
      if (source) shards.set(name, await openOrClose(source, openShard));
      else missing.push(`"${name}"`);
    }
    if (missing.length === 0) return shards;
    const rest = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : "";
    const named = missing.slice(0, MAX_NAMED).join(", ");
    throw indexError(index, `expected ${names.size} shards beside it, missing ${named}${rest}`);
  } catch (error) {
    shards.forEach((shard) => shard.close());
    throw error;
  }
}

/** Opens a reader over a source, which is closed again if that fails. */
export async function openOrClose(source: ByteSource, open: OpenShard): Promise<TensorSource> {
  try {
    return await open(source);
  } catch (error) {
    source.close?.();
    throw error;
  }
}

function indexError(index: ByteSource, fault: string, key?: string): CheckpointError {
  const where = key === undefined ? "" : ` for ${quoted(key)}`;
  return new CheckpointError(`Cannot read index "${index.name}"${where}: ${fault}`, {
    file: index.name,
    key,
  });
}
