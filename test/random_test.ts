import assert from "node:assert/strict";
import { Random } from "../src/random.ts";

Deno.test("Random repeats itself from the same seed, and differs between seeds", () => {
  const draw = (seed: number) =>
    Array.from({ length: 8 }, () => new Random(seed)).map((r) => r.uint32());
  const stream = (random: Random) => Array.from({ length: 16 }, () => random.uint32());
  assert.deepEqual(stream(new Random(5)), stream(new Random(5)));
  assert.notDeepEqual(stream(new Random(5)), stream(new Random(6)));
  assert.equal(new Set(draw(9)).size, 1);
});

Deno.test("Random goes on from a saved state", () => {
  const random = new Random(1);
  for (let i = 0; i < 100; i++) random.uint32();
  const copy = new Random(random.state);
  assert.deepEqual(
    Array.from({ length: 10 }, () => copy.normal()),
    Array.from({ length: 10 }, () => random.normal()),
  );
});

Deno.test("Random draws uniform and normal numbers with the right moments", () => {
  const random = new Random(2);
  const moments = (draw: () => number) => {
    const values = Float64Array.from({ length: 100_000 }, draw);
    const mean = values.reduce((a, b) => a + b) / values.length;
    return [mean, values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length];
  };
  const [uniformMean, uniformVariance] = moments(() => random.uniform()) as [number, number];
  assert.ok(Math.abs(uniformMean - 0.5) < 0.005 && Math.abs(uniformVariance - 1 / 12) < 0.002);
  const [normalMean, normalVariance] = moments(() => random.normal()) as [number, number];
  assert.ok(Math.abs(normalMean) < 0.02 && Math.abs(normalVariance - 1) < 0.03);
});

Deno.test("Random permutes every number once", () => {
  const order = new Random(3).permutation(1000);
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assert.notDeepEqual([...order], Array.from({ length: 1000 }, (_, i) => i));
});
