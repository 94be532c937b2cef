import assert from "node:assert/strict";
import { freeValues, lendTensors } from "../../src/weights/lent_tensors.ts";
import type { TensorSource } from "../../src/weights/tensor_source.ts";

/** Tensors `a` and `b`, a new array at each reading. */
function twoTensors(closed: string[] = []): TensorSource {
  const values: Record<string, number[]> = { a: [1, 2], b: [3] };
  return {
    file: "model.safetensors",
    names: () => Object.keys(values),
    shape: (name) => values[name] && [values[name].length],
    dtype: () => "F32",
    origin: () => "model.safetensors",
    close: () => void closed.push("closed"),
    read(name) {
      if (!values[name]) throw new RangeError(`no ${name}`);
      return Promise.resolve(Float32Array.from(values[name]));
    },
  };
}

Deno.test("lendTensors() takes a tensor back when the next is read, and the last at the end", async () => {
  const closed: string[] = [];
  const source = lendTensors(twoTensors(closed));
  const a = await source.read("a");
  assert.deepEqual([...a], [1, 2]);
  const b = await source.read("b");
  assert.deepEqual([a.length, [...b]], [0, [3]]);
  const again = await source.read("a");
  assert.deepEqual([b.length, [...again]], [0, [1, 2]]);
  source.close();
  assert.deepEqual([again.length, closed], [0, ["closed"]]);
});

Deno.test("lendTensors() passes everything else on, failures too", async () => {
  const source = lendTensors(twoTensors());
  assert.deepEqual([...source.names()], ["a", "b"]);
  assert.deepEqual([source.shape("a"), source.dtype("a"), source.file], [
    [2],
    "F32",
    "model.safetensors",
  ]);
  await assert.rejects(source.read("c"), { message: "no c" });
  assert.deepEqual([...await source.read("b")], [3]);
});

Deno.test("freeValues() leaves memory alone that others use", () => {
  const shared = new Float32Array(4);
  freeValues(shared.subarray(1));
  freeValues(shared.subarray(0, 3));
  assert.equal(shared.length, 4);
  const threads = new Float32Array(new SharedArrayBuffer(8));
  freeValues(threads);
  assert.equal(threads.length, 2);
  freeValues(shared);
  assert.equal(shared.length, 0);
});
