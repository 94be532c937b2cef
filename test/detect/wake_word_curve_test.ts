/**
 * The curve of a wake word, on accepts counted by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { wakeWordCurve, wakeWordPoint } from "../../src/detect/mod.ts";

/** Windows of 1 s, one every half second. */
function windowsOf(scores: number[]) {
  return scores.map((score, at) => ({ start: at / 2, end: at / 2 + 1, score }));
}

function pointOf(scores: number[], words: { start: number; end: number }[], pauseSeconds = 1) {
  const recording = { windows: windowsOf(scores), words, durationSeconds: 3600 };
  const [point] = wakeWordCurve([recording], { thresholds: [0.5], pauseSeconds });
  return [point!.falseAccepts, point!.misses];
}

Deno.test("wakeWordCurve() takes an accept that overlaps a word as the word's", () => {
  const words = [{ start: 2.2, end: 2.4 }];
  assert.deepEqual(pointOf([0, 0, 0, 0, 0.5, 0, 0], words), [0, 0]);
  // The window from 1 to 2 ends before the word, that from 2.5 on begins behind it.
  assert.deepEqual(pointOf([0, 0, 0.9, 0, 0, 0, 0], words), [1, 1]);
  assert.deepEqual(pointOf([0, 0, 0, 0, 0, 0.9, 0], words), [1, 1]);
  assert.deepEqual(pointOf([0, 0, 0, 0, 0.49, 0, 0], words), [0, 1]);
});

Deno.test("wakeWordCurve() counts no second accept in the pause behind one", () => {
  assert.deepEqual(pointOf([0.9, 0.9, 0.9, 0.9, 0.9], []), [3, 0]);
  assert.deepEqual(pointOf([0.9, 0.9, 0.9, 0.9, 0.9], [], 2), [2, 0]);
  // A false accept makes deaf for the word behind it.
  assert.deepEqual(pointOf([0, 0.9, 0, 0, 0.9, 0], [{ start: 2.2, end: 2.4 }], 2), [1, 1]);
});

Deno.test("wakeWordCurve() counts words once, and both where one window has two", () => {
  const words = [{ start: 2.1, end: 2.3 }, { start: 2.6, end: 2.8 }];
  assert.deepEqual(pointOf([0, 0, 0, 0, 0.9, 0, 0.9], words), [1, 0]);
  assert.deepEqual(pointOf([0, 0, 0, 0.9, 0, 0.9, 0], words), [0, 0]);
});

Deno.test("wakeWordCurve() counts over all recordings, for each threshold", () => {
  const first = { windows: windowsOf([0.3, 0, 0.8]), words: [], durationSeconds: 3600 };
  const words = [{ start: 0.2, end: 0.4 }, { start: 3, end: 3.1 }];
  const second = { windows: windowsOf([0.6]), words, durationSeconds: 3600 };
  assert.deepEqual(wakeWordCurve([first, second], { thresholds: [0.1, 0.7, 0.9] }), [
    { threshold: 0.1, falseAccepts: 2, falseAcceptsPerHour: 1, misses: 1, missRate: 0.5 },
    { threshold: 0.7, falseAccepts: 1, falseAcceptsPerHour: 0.5, misses: 2, missRate: 1 },
    { threshold: 0.9, falseAccepts: 0, falseAcceptsPerHour: 0, misses: 2, missRate: 1 },
  ]);
  assert.equal(wakeWordCurve([first]).length, 99);
  assert.throws(() => wakeWordCurve([]), /expected recordings above 0 s, found 0 h$/);
});

Deno.test("wakeWordCurve() leaves out what a median filter takes away", () => {
  const windows = windowsOf([0, 0.9, 0, 0, 0.9, 0.9, 0, 0]);
  const recording = { windows, words: [], durationSeconds: 3600 };
  const accepts = (medianWindows: number) => {
    return wakeWordCurve([recording], { thresholds: [0.5], medianWindows })[0]!.falseAccepts;
  };
  assert.deepEqual([1, 3, 7].map(accepts), [2, 1, 0]);
});

Deno.test("wakeWordCurve() takes the mean of neighbouring windows", () => {
  const windows = windowsOf([0, 0.9, 0, 0, 0.9, 0.9, 0, 0]);
  const recording = { windows, words: [], durationSeconds: 3600 };
  const [point] = wakeWordCurve([recording], { thresholds: [0.5], meanWindows: 3 });
  assert.equal(point!.falseAccepts, 1);
});

Deno.test("wakeWordPoint() misses least within what can be borne", () => {
  const point = (threshold: number, falseAcceptsPerHour: number, misses: number) => {
    return { threshold, falseAccepts: 0, falseAcceptsPerHour, misses, missRate: misses / 100 };
  };
  const curve = [point(0.1, 9, 1), point(0.4, 2, 3), point(0.5, 1, 3), point(0.8, 0, 7)];
  assert.equal(wakeWordPoint(curve, 2)!.threshold, 0.5);
  assert.equal(wakeWordPoint(curve, 0)!.threshold, 0.8);
  assert.equal(wakeWordPoint(curve.slice(0, 2), 1), undefined);
});
