/**
 * Event-based F1, on pairs found by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { eventF1, type SoundEvent } from "../../src/detect/mod.ts";

function dog(start: number, end: number): SoundEvent {
  return { start, end, label: "dog" };
}

function pairs(truth: SoundEvent[], detected: SoundEvent[]): number {
  return eventF1([{ truth, detected }]).micro.truePositives;
}

Deno.test("eventF1() pairs beginnings within 200 ms", () => {
  assert.equal(pairs([dog(1, 2)], [dog(1.2, 2)]), 1);
  assert.equal(pairs([dog(1, 2)], [dog(0.8, 2)]), 1);
  assert.equal(pairs([dog(1, 2)], [dog(1.21, 2)]), 0);
  assert.equal(pairs([dog(1, 2)], [dog(0.79, 2)]), 0);
});

Deno.test("eventF1() pairs ends within 200 ms or 20 % of the event that is there", () => {
  assert.equal(pairs([dog(1, 1.5)], [dog(1, 1.7)]), 1);
  assert.equal(pairs([dog(1, 1.5)], [dog(1, 1.71)]), 0);
  assert.equal(pairs([dog(1, 6)], [dog(1, 7)]), 1);
  assert.equal(pairs([dog(1, 6)], [dog(1, 7.01)]), 0);
  // Not 20 % of the one that was detected: 1.2 s of 6 s.
  assert.equal(pairs([dog(1, 6)], [dog(1, 7.15)]), 0);
});

Deno.test("eventF1() pairs one to one, and finds most pairs", () => {
  assert.equal(pairs([dog(1, 2)], [dog(1, 2), dog(1.1, 2.1)]), 1);
  // The first event fits both; taken in order of nearness, it would leave the second one without.
  assert.equal(pairs([dog(1, 2), dog(1.25, 2.25)], [dog(1.1, 2.1), dog(0.9, 1.9)]), 2);
  assert.equal(pairs([dog(1, 2), dog(1.2, 2.2), dog(1.4, 2.4)], [dog(1.2, 2.2), dog(1.3, 2.3)]), 2);
});

Deno.test("eventF1() keeps classes and recordings apart", () => {
  const cat = { start: 1, end: 2, label: "cat" };
  const { perClass, micro, macroF1 } = eventF1([
    { truth: [dog(1, 2), cat], detected: [dog(1, 2), dog(1, 2)] },
    { truth: [dog(5, 6)], detected: [] },
    { truth: [], detected: [dog(5, 6)] },
  ]);
  const counts = ({ truePositives, falsePositives, falseNegatives }: typeof micro) => {
    return [truePositives, falsePositives, falseNegatives];
  };
  assert.deepEqual(counts(perClass.dog!), [1, 2, 1]);
  assert.deepEqual(counts(perClass.cat!), [0, 0, 1]);
  assert.equal(micro.f1, 2 / (2 + 2 + 2));
  assert.equal(macroF1, (2 / 5 + 0) / 2);
});

Deno.test("eventF1() takes other tolerances", () => {
  const recordings = [{ truth: [dog(1, 2)], detected: [dog(1.4, 2.9)] }];
  assert.equal(eventF1(recordings).micro.f1, 0);
  const wide = { onsetSeconds: 0.5, offsetSeconds: 0.2, offsetShare: 0.9 };
  assert.equal(eventF1(recordings, wide).micro.f1, 1);
});
