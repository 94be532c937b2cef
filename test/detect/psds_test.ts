/**
 * The PSDS, on curves drawn by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { psds, type SoundEvent } from "../../src/detect/mod.ts";

const HOUR = 3600;

function event(label: string, start: number, end: number): SoundEvent {
  return { label, start, end };
}

/** Events where nothing is. */
function wrong(label: string, count: number): SoundEvent[] {
  return Array.from({ length: count }, (_, i) => event(label, 1000 + 10 * i, 1001 + 10 * i));
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);
}

Deno.test("psds() is the area under the steps of the operating points", () => {
  const truth = [event("dog", 0, 10), event("dog", 20, 30)];
  // Three thresholds: both with 40 false ones, one with 10, one with none but that one.
  const detected = [
    [...truth, ...wrong("dog", 40)],
    [truth[0]!, ...wrong("dog", 10)],
    [truth[0]!],
  ];
  const { score, curve } = psds([{ truth, detected, durationSeconds: HOUR }]);
  assert.deepEqual(curve, [
    { falsePositivesPerHour: 0, truePositiveRate: 0.5 },
    { falsePositivesPerHour: 10, truePositiveRate: 0.5 },
    { falsePositivesPerHour: 40, truePositiveRate: 1 },
  ]);
  near(score, (0.5 * 40 + 1 * 60) / 100);
});

Deno.test("psds() counts a detection where 70 % of it are events of the class", () => {
  const truth = [event("dog", 0, 7), event("cat", 7, 10)];
  const score = (end: number) => {
    const detected = [[event("dog", 0, end), event("cat", 7, 10)]];
    return psds([{ truth, detected, durationSeconds: HOUR }], { instabilityCost: 0 }).score;
  };
  near(score(10), 1);
  // A false positive, and a dog that was not found.
  near(score(10.1), 0.5);
});

Deno.test("psds() counts an event that relevant detections cover by 70 %, together", () => {
  const truth = [event("dog", 0, 10)];
  const score = (...detected: SoundEvent[]) => {
    return psds([{ truth, detected: [detected], durationSeconds: HOUR }]).score;
  };
  near(score(event("dog", 1, 4), event("dog", 5, 9)), 1);
  near(score(event("dog", 1, 4), event("dog", 5, 8.9)), 0);
  // What covers the rest is no relevant detection: most of it lies outside.
  near(score(event("dog", 1, 7), event("dog", 9, 14)), 0);
});

Deno.test("psds() subtracts what the classes differ by", () => {
  const truth = [event("dog", 0, 10), event("cat", 20, 30)];
  const recording = { truth, detected: [[truth[0]!]], durationSeconds: HOUR };
  // Rates 1 and 0: mean 0.5, standard deviation 0.5.
  near(psds([recording]).score, 0);
  near(psds([recording], { instabilityCost: 0.5 }).score, 0.25);
  near(psds([recording], { instabilityCost: 0 }).score, 0.5);
});

Deno.test("psds() counts false positives by the hours of all recordings", () => {
  const truth = [event("dog", 0, 10)];
  const first = { truth, detected: [[...truth, ...wrong("dog", 30)]], durationSeconds: HOUR };
  const second = { truth: [], detected: [wrong("dog", 30)], durationSeconds: 2 * HOUR };
  near(psds([first, second]).score, 0.8);
  near(psds([first, second], { maxFalsePositivesPerHour: 40 }).score, 0.5);
  near(psds([first, second], { maxFalsePositivesPerHour: 10 }).score, 0);
});

Deno.test("psds() leaves out classes that are nowhere annotated, and is nothing without any", () => {
  const truth = [event("dog", 0, 10)];
  const detected = [[...truth, ...wrong("cat", 50)]];
  near(psds([{ truth, detected, durationSeconds: HOUR }]).score, 1);
  assert.ok(Number.isNaN(psds([{ truth: [], detected, durationSeconds: HOUR }]).score));
});

Deno.test("psds() refuses recordings that do not fit together", () => {
  const one = { truth: [], detected: [[]], durationSeconds: HOUR };
  assert.throws(() => psds([one, { ...one, detected: [] }]), /expected 1 thresholds .* found 0$/);
  assert.throws(() => psds([{ ...one, durationSeconds: 0 }]), /longer than 0 s, found 0$/);
});
