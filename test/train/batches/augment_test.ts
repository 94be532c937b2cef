import assert from "node:assert/strict";
import { Random } from "../../../src/random.ts";
import {
  addNoise,
  augmentation,
  changeGain,
  changeSpeed,
  shift,
} from "../../../src/train/batches/_augment.ts";

Deno.test("changeSpeed() shortens and lengthens by its factor", () => {
  const ramp = Float32Array.from({ length: 100 }, (_, i) => i);
  const fast = changeSpeed(ramp, 1.25);
  assert.equal(fast.length, 80);
  assert.ok(Math.abs(fast[40]! - 50) < 1e-4);
  const slow = changeSpeed(ramp, 0.5);
  assert.equal(slow.length, 200);
  assert.ok(Math.abs(slow[21]! - 10.5) < 1e-4);
  assert.equal(changeSpeed(Float32Array.of(3), 4).length, 1);
});

Deno.test("augmentation() draws speeds within its range, evenly", () => {
  const change = augmentation({ speed: 0.2 })!;
  const random = new Random(1);
  const clip = new Float32Array(1000);
  const lengths = Array.from({ length: 500 }, () => change(clip, random).length);
  assert.ok(Math.min(...lengths) >= 833 && Math.max(...lengths) <= 1250);
  assert.ok(Math.min(...lengths) < 850 && Math.max(...lengths) > 1220);
  assert.equal(augmentation({}), undefined);
});

/** A tone of so many samples. */
function clipOf(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i / 3));
}

function powerOf(samples: Float32Array): number {
  return samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length;
}

Deno.test("shift() moves a clip either way, and out of itself", () => {
  const clip = Float32Array.of(1, 2, 3, 4);
  assert.deepEqual(shift(clip, 1), Float32Array.of(0, 1, 2, 3));
  assert.deepEqual(shift(clip, -3), Float32Array.of(4, 0, 0, 0));
  assert.deepEqual(shift(clip, 0), clip);
  assert.deepEqual(shift(clip, 9), new Float32Array(4));
  assert.deepEqual(shift(clip, -9), new Float32Array(4));
});

Deno.test("changeGain() counts in decibels of amplitude", () => {
  const [louder] = changeGain(Float32Array.of(0.1), 20);
  assert.ok(Math.abs(louder! - 1) < 1e-6);
});

Deno.test("addNoise() puts noise so many decibels below the clip", () => {
  const clip = clipOf(3000);
  const random = new Random(2);
  const noise = Float32Array.from({ length: 700 }, () => 5 * random.normal());
  for (const snrDb of [-10, 0, 20]) {
    const noisy = addNoise(clip, noise, snrDb);
    const added = noisy.map((sample, i) => sample - clip[i]!);
    const found = 10 * Math.log10(powerOf(clip) / powerOf(added));
    assert.ok(Math.abs(found - snrDb) < 0.5, `${found} dB for ${snrDb}`);
  }
  assert.deepEqual(addNoise(new Float32Array(5), noise, 0), new Float32Array(5));
  assert.deepEqual(addNoise(clip, new Float32Array(5), 0), clip);
});

Deno.test("augmentation() adds noise to its share of the clips, within its range", () => {
  const noise = { share: 0.3, minSnrDb: 10, maxSnrDb: 20 };
  const change = augmentation({ noise })!;
  const random = new Random(3);
  const clip = clipOf(400);
  const ratios = Array.from({ length: 500 }, () => {
    const added = change(clip, random).map((sample, i) => sample - clip[i]!);
    return 10 * Math.log10(powerOf(clip) / powerOf(added));
  });
  const noisy = ratios.filter(Number.isFinite);
  assert.ok(noisy.length > 110 && noisy.length < 190, `${noisy.length} of 500`);
  assert.ok(Math.min(...noisy) > 9.9 && Math.max(...noisy) < 20.1);
  assert.equal(augmentation({ noise: { ...noise, share: 0 } }), undefined);
});

Deno.test("augmentation() puts a clip at every place of a window, and takes parts of a longer one", () => {
  const change = augmentation({ windowSamples: 6 })!;
  const random = new Random(7);
  const windowsOf = (...clip: number[]) =>
    new Set(Array.from({ length: 100 }, () => change(Float32Array.from(clip), random).join("")));
  assert.deepEqual(windowsOf(1, 2, 3, 4), new Set(["123400", "012340", "001234"]));
  assert.deepEqual(windowsOf(1, 2, 3, 4, 5, 6, 7), new Set(["123456", "234567"]));
});

Deno.test("addNoise() measures a clip without the silence around it", () => {
  const clip = clipOf(400);
  const window = new Float32Array(1_600);
  window.set(clip, 800);
  const noise = new Float32Array(100).fill(0.5);
  const [bare, placed] = [addNoise(clip, noise, 10), addNoise(window, noise, 10)];
  assert.ok(Math.abs(placed[0]! - (bare[0]! - clip[0]!)) < 1e-6);
});

Deno.test("augmentation() takes noise from recordings, from any place of them", () => {
  const recordings = [Float32Array.of(1, 2), Float32Array.of(3)];
  const noise = { share: 1, minSnrDb: 0, maxSnrDb: 0, recordings };
  const change = augmentation({ noise })!;
  const random = new Random(4);
  const clip = new Float32Array(2).fill(1);
  const seen = new Set(
    Array.from({ length: 100 }, () => change(clip, random).map((sample) => sample - 1).join(" ")),
  );
  assert.equal(seen.size, 3);
});

Deno.test("augmentation() draws shifts and gains within their ranges, the same from a seed", () => {
  const change = augmentation({ speed: 0.1, shiftSamples: 50, gainDb: 6 })!;
  const clip = clipOf(500);
  assert.deepEqual(change(clip, new Random(5)), change(clip, new Random(5)));
  assert.notDeepEqual(change(clip, new Random(5)), change(clip, new Random(6)));
  const gain = augmentation({ gainDb: 6 })!;
  const shifted = augmentation({ shiftSamples: 50 })!;
  const random = new Random(7);
  for (let i = 0; i < 200; i++) {
    const decibels = 20 * Math.log10(gain(clip, random)[100]! / clip[100]!);
    assert.ok(Math.abs(decibels) <= 6.001);
    const silent = shifted(clip, random).filter((sample) => sample === 0).length;
    assert.ok(silent <= 51);
  }
});
