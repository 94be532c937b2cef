import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { dropout, Noise } from "../../src/layers/noise.ts";
import { assertClose, layerTest, noiseTensor, numbers } from "./_layer_case.ts";

layerTest("dropout() zeroes its share and scales the rest, in training", () => {
  const ones = tensor(new Array(40_000).fill(1), [200, 200]);
  const noise = new Noise(2);
  for (const rate of [0.05, 0.3, 0.9]) {
    const values = numbers(dropout(ones, rate, noise));
    const kept = values.filter((value) => value !== 0);
    const spread = 4 * Math.sqrt(rate * (1 - rate) / values.length);
    assert.ok(Math.abs(1 - kept.length / values.length - rate) < spread, `rate ${rate}`);
    assert.ok(kept.every((value) => Math.abs(value - 1 / (1 - rate)) < 1e-5));
  }
});

layerTest("dropout() is the identity without noise, and adds a residual last", () => {
  const [x, residual] = [noiseTensor([50, 20]), tensor(new Array(1000).fill(7), [50, 20])];
  assertClose(dropout(x, 0.5, undefined), x);
  assertClose(dropout(x, 0, new Noise(1)), x);
  const sum = tensor(numbers(x).map((value) => value + 7), [50, 20]);
  assertClose(dropout(x, 0.5, undefined, residual), sum);
  const sevens = numbers(dropout(x, 0.5, new Noise(1), residual)).filter((value) => value === 7);
  assert.ok(sevens.length > 400 && sevens.length < 600, `${sevens.length} of 1000 dropped`);
});

layerTest("dropout() draws anew each time, and the same from the same seed", () => {
  const x = noiseTensor([100]);
  const draw = (noise: Noise) => [1, 2].map(() => numbers(dropout(x, 0.5, noise)));
  const [first, second] = draw(new Noise(4));
  assert.notDeepEqual(first, second);
  assert.deepEqual(draw(new Noise(4)), [first, second]);
  assert.notDeepEqual(draw(new Noise(5)), [first, second]);
});

Deno.test("Noise.dropsLayer() drops its share, none at 0 and all at 1", () => {
  const noise = new Noise(1);
  const shareAt = (rate: number) =>
    Array.from({ length: 4000 }, () => noise.dropsLayer(rate)).filter(Boolean).length / 4000;
  assert.deepEqual([shareAt(0), shareAt(1)], [0, 1]);
  assert.ok(Math.abs(shareAt(0.1) - 0.1) < 0.02);
});

Deno.test("Noise goes on from a saved state", () => {
  const noise = new Noise(9);
  noise.seed();
  const { state } = noise.random;
  const rest = [noise.seed(), noise.seed(), noise.dropsLayer(0.5)];
  const again = new Noise(state);
  assert.deepEqual([again.seed(), again.seed(), again.dropsLayer(0.5)], rest);
});
