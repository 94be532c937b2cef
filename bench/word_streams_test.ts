/**
 * Streams with words: levels, places, and that the same seed gives the same stream.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Random } from "../src/random.ts";
import { BACKGROUND_LEVEL, backgroundSound } from "./_background_sound.ts";
import { addWord, drawnPlaces } from "./_word_stream.ts";

const RATE = 8_000;

function rootMeanSquare(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length);
}

function recordings(): Float32Array[] {
  const random = new Random(1);
  return [1, 5].map((seconds) => {
    return Float32Array.from({ length: seconds * RATE }, () => seconds * random.normal());
  });
}

function background(seed: number): Float32Array {
  const options = { recordings: recordings(), sampleRateHz: RATE, random: new Random(seed) };
  return backgroundSound(60 * RATE, options);
}

Deno.test("backgroundSound() has one loudness, and depends on its seed", () => {
  const sound = background(1);
  assert.equal(sound.length, 60 * RATE);
  for (let second = 0; second < 60; second += 10) {
    const level = rootMeanSquare(sound.subarray(second * RATE, (second + 10) * RATE));
    assert.ok(Math.abs(20 * Math.log10(level / BACKGROUND_LEVEL)) < 1, `${level}`);
  }
  assert.deepEqual(background(1), sound);
  assert.notDeepEqual(background(2), sound);
});

Deno.test("addWord() adds a word ten decibels above the background, and says where", () => {
  const sound = new Float32Array(RATE);
  const samples = Float32Array.from({ length: 2_000 }, (_, i) => Math.sin(i));
  const word = { label: "seven", samples };
  const event = addWord(sound, word, { at: 4_000, sampleRateHz: RATE });
  assert.deepEqual(event, { start: 0.5, end: 0.75, label: "seven" });
  const level = rootMeanSquare(sound.subarray(4_000, 6_000));
  assert.ok(Math.abs(20 * Math.log10(level / BACKGROUND_LEVEL) - 10) < 1e-3);
  assert.equal(rootMeanSquare(sound.subarray(0, 4_000)), 0);
});

Deno.test("drawnPlaces() keeps all gaps within bounds, those at both ends too", () => {
  const lengths = Array.from({ length: 40 }, (_, i) => 2_000 + 100 * i);
  const [least, most, count] = [2 * RATE, 60 * RATE, 600 * RATE];
  const places = drawnPlaces(lengths, count, { least, most, random: new Random(3) });
  let end = 0;
  for (const [at, place] of places.entries()) {
    assert.ok(place - end >= least && place - end <= most);
    end = place + lengths[at]!;
  }
  assert.ok(count - end >= least && count - end <= most);
  assert.throws(
    () => drawnPlaces(lengths, 40 * RATE, { least, most, random: new Random(3) }),
    /expected 41 gaps of 16000 to 480000 samples/,
  );
});
