import { deepEqual, equal, ok } from "node:assert/strict";
import { Random } from "../../src/random.ts";
import { changed, LEAST } from "../../models/make_backbone/augment.ts";
import { BANDS } from "../../models/make_backbone/teachers.ts";

const STRENGTH = { tempo: [0.8, 1.25], warp: 0.1, stretchShare: 0.8, noiseShare: 1 } as const;

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

/** In how many of 200 draws nothing is left of a place that has so much energy. */
function timesGone(place: number, level: number): number {
  const calm = { ...STRENGTH, stretchShare: 0, noiseShare: 0 };
  const spectrogram = noisy(20, 1).fill(level, place, place + 1);
  const draws = Array.from({ length: 200 }, (_, seed) => {
    const { spectrogram: now } = changed(spectrogram, calm, {
      random: new Random(seed),
      noise: spectrogram,
    });
    return Math.abs(now[place]! - LEAST) < 1e-5;
  });
  return draws.filter((isGone) => isGone).length;
}

Deno.test("changed() now and then leaves nothing of what is quiet, or of what is high", () => {
  const quiet = timesGone(BANDS * 10 + 10, -9.5);
  ok(quiet > 2 && quiet < 60, `${quiet} without what is quiet`);
  const high = timesGone(BANDS * 10 + BANDS - 1, 10);
  ok(high > 20 && high < 60, `${high} without what is high`);
  equal(timesGone(BANDS * 10 + 10, -4), 0);
});
