import assert from "node:assert/strict";
import { Neighbours, readNeighbours } from "../../src/models/neighbours.ts";
import type { ParameterSource } from "../../src/layers/parameters.ts";

const EXAMPLES = {
  vectors: Float32Array.of(0, 0, 1, 0, 0, 100, 10, 0, 11, 0),
  labels: Int32Array.of(0, 0, 0, 1, 1),
  classes: 3,
};

/** A checkpoint with these tensors. */
function sourceOf(tensors: Record<string, { shape: number[]; values: number[] }>): ParameterSource {
  return {
    file: "model.safetensors",
    names: () => Object.keys(tensors),
    shape: (name) => tensors[name]?.shape,
    read: (name) => Promise.resolve(Float32Array.from(tensors[name]!.values)),
  };
}

async function asSource(neighbours: Neighbours, change: Record<string, number[]> = {}) {
  const tensors: Parameters<typeof sourceOf>[0] = {};
  for (const { name, shape, values } of neighbours.tensors()) {
    const own = change[name.split(".").at(-1)!] ?? Array.from(await values());
    tensors[name] = { shape: own.length === 1 ? [1] : [...shape], values: own };
  }
  return sourceOf(tensors);
}

Deno.test("Neighbours give the shares of the nearest, each number by its deviation", () => {
  const one = new Neighbours({ ...EXAMPLES, count: 1 });
  const best = (logits: Float32Array) => logits.indexOf(Math.max(...logits));
  assert.equal(best(one.logits([0.5, 0])), 0);
  assert.equal(best(one.logits([9, 0])), 1);
  // By its deviation a step of 40 in the second number is a small one.
  assert.equal(best(one.logits([9, 40])), 1);
  const three = new Neighbours({ ...EXAMPLES, count: 3 }).logits([10.4, 0]);
  const shares = Array.from(three, Math.exp);
  assert.ok(Math.abs(shares.reduce((a, b) => a + b) - 1) < 1e-6);
  assert.ok(shares[1]! > shares[0]! && shares[0]! > shares[2]! && shares[2]! > 0);
});

Deno.test("of two votes that differ the nearer counts more", () => {
  const shares = new Neighbours({ ...EXAMPLES, count: 2 }).logits([5, 0]);
  const nearer = new Neighbours({ ...EXAMPLES, count: 2 }).logits([6, 0]);
  assert.ok(nearer[1]! > shares[1]!);
});

Deno.test("readNeighbours() gives back what tensors() wrote", async () => {
  const neighbours = new Neighbours({ ...EXAMPLES, count: 3 });
  const asked = { classes: 3, isAsked: false };
  const read = await readNeighbours(await asSource(neighbours), asked);
  assert.deepEqual(read!.examples, neighbours.examples);
  assert.equal(await readNeighbours(sourceOf({}), asked), undefined);
});

Deno.test("readNeighbours() refuses what is broken, and leaves out what is of other classes", async () => {
  const neighbours = new Neighbours({ ...EXAMPLES, count: 3 });
  const read = async (change: Record<string, number[]>, isAsked = false) =>
    await readNeighbours(await asSource(neighbours, change), { classes: 3, isAsked });
  await assert.rejects(read({ labels: [1] }), /expected as many labels as vectors/);
  await assert.rejects(read({ labels: [0, 0, 0, 0, 3] }), /expected labels below 3/);
  await assert.rejects(read({ count: [6] }), /expected a count from 1 to 5/);
  assert.equal(await read({ labels: [0, 0, 0, 0, 3] }, true), undefined);
});
