import { deepEqual, equal, ok } from "node:assert/strict";
import { Random } from "../../src/random.ts";
import { changed, LEAST } from "../../models/make_backbone/augment.ts";
import { BANDS } from "../../models/make_backbone/teachers.ts";

const STRENGTH = { speed: 0.2, warp: 0.1, noiseShare: 1 };

function noisy(frames: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: frames * BANDS }, () => -5 + random.normal());
}

Deno.test("changed() is the same for the same seed, and leaves its arguments as they are", () => {
  const [spectrogram, noise] = [noisy(50, 1), noisy(30, 2)];
  const once = changed(spectrogram, STRENGTH, { random: new Random(7), noise });
  const again = changed(spectrogram, STRENGTH, { random: new Random(7), noise });
  deepEqual(once, again);
  deepEqual(spectrogram, noisy(50, 1));
  deepEqual(noise, noisy(30, 2));
});

Deno.test("changed() keeps whole frames, near their number, and no energy below the least", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = new Random(seed);
    const { spectrogram: now, tempo } = changed(noisy(50, 1), STRENGTH, {
      random,
      noise: noisy(30, 2),
    });
    equal(now.length % BANDS, 0);
    const frames = now.length / BANDS;
    equal(frames, Math.round(50 / tempo));
    ok(frames >= 40 && frames <= 63, `${frames} frames`);
    ok(now.every((value) => Number.isFinite(value) && value >= LEAST - 1e-6));
  }
});
