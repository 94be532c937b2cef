import { deepEqual, equal, ok } from "node:assert/strict";
import { syntheticNoise } from "../../src/heads/synthetic_noise.ts";

const OPTIONS = { rateHz: 8_000, count: 8, seed: 3 };

function rootMeanSquare(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
}

/** How much of the difference from sample to sample there is, for its size: 2 for white noise, 0 for a low tone. */
function roughness(samples: Float32Array): number {
  const steps = samples.slice(1).map((x, i) => x - samples[i]!);
  return (rootMeanSquare(steps) / rootMeanSquare(samples)) ** 2;
}

Deno.test("syntheticNoise() draws the same from one seed, and other clips from another", () => {
  deepEqual([...syntheticNoise(OPTIONS)], [...syntheticNoise(OPTIONS)]);
  const [one] = syntheticNoise(OPTIONS);
  const [other] = syntheticNoise({ ...OPTIONS, seed: 4 });
  ok(one!.length !== other!.length || one!.some((x, i) => x !== other![i]));
});

Deno.test("syntheticNoise() gives silence, white and coloured noise and hum by turns, within full scale", () => {
  const clips = [...syntheticNoise({ ...OPTIONS, count: 40 })];
  for (const [i, clip] of clips.entries()) {
    ok(clip.every((x) => Math.abs(x) <= 1));
    ok(clip.length >= 4_000 && clip.length <= 24_000);
    const level = rootMeanSquare(clip);
    if (i % 4 === 0) ok(level < 0.03, `silence of ${level}`);
    if (i % 4 === 1) ok(roughness(clip) > 1.7 && roughness(clip) < 2.3, `white ${roughness(clip)}`);
    if (i % 4 === 2) ok(roughness(clip) < 1.5, `coloured ${roughness(clip)}`);
    if (i % 4 === 3) ok(roughness(clip) < 1, `hum ${roughness(clip)}`);
  }
});

Deno.test("syntheticNoise() makes no clip shorter than a model takes", () => {
  const clips = [...syntheticNoise({ ...OPTIONS, minSamples: 30_000 })];
  equal(clips.every(({ length }) => length === 30_000), true);
});
