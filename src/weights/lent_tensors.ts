/**
 * Memory of tensors given back as soon as it is no longer needed, instead of when the garbage collector comes.
 *
 * A checkpoint passes through memory once, tensor by tensor; left to the collector, tens of megabytes of
 * tensors that are long on the device would stand in it at any time.
 *
 * @module
 */
import type { TensorSource } from "./tensor_source.ts";

/**
 * The same tensors, each good only until the next is read or the source is closed.
 *
 * @param source closed with the result.
 *
 * @example
 * ```ts
 * import { bytesSource } from "./byte_source.ts";
 * import { lendTensors } from "./lent_tensors.ts";
 * import { openSafetensors } from "./safetensors.ts";
 * import { encodeSafetensors } from "./safetensors_writer.ts";
 * import assert from "node:assert/strict";
 *
 * const bias = { name: "bias", dtype: "F32", shape: [2], values: Float32Array.of(1, 2) } as const;
 * const bytes = bytesSource("model.safetensors", encodeSafetensors([bias]));
 * const source = lendTensors(await openSafetensors(bytes));
 * const lent = await source.read("bias");
 * assert.deepEqual(lent, Float32Array.of(1, 2));
 * source.close();
 * assert.equal(lent.length, 0);
 * ```
 */
export function lendTensors(source: TensorSource): TensorSource {
  let lent: ArrayBufferView[] = [];
  const takeBack = () => {
    lent.forEach(freeValues);
    lent = [];
  };
  const { readHeld } = source;
  return {
    ...source,
    async read(name) {
      takeBack();
      const values = await source.read(name);
      lent = [values];
      return values;
    },
    readHeld: readHeld && (async (name) => {
      takeBack();
      const held = await readHeld(name);
      lent = held.parts.map(({ values }) => values);
      return held;
    }),
    close() {
      takeBack();
      source.close();
    },
  };
}

/** Gives an array's memory back at once, where the array is all that lies in it; its length is 0 then. */
export function freeValues({ buffer, byteLength }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}
