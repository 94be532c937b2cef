/**
 * Timelines: what meets what, and which part of a recording is shown large.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  eventsWithin,
  markedEvents,
  mistakesOf,
  worstStretch,
} from "../../src/report/_timeline.ts";

function event(label: string, start: number, end: number) {
  return { label, start, end };
}

const YARD = {
  file: "yard.wav",
  durationSec: 100,
  truth: [event("dog", 1, 2), event("dog", 50, 51), event("cat", 70, 71)],
  detected: [event("dog", 1.9, 3), event("cat", 50, 51), event("dog", 71, 72)],
};

Deno.test("markedEvents() lets events meet that are of one class and overlap", () => {
  const { truth, detected } = markedEvents(YARD);
  assert.deepEqual(truth.map(({ isMatched }) => isMatched), [true, false, false]);
  assert.deepEqual(detected.map(({ isMatched }) => isMatched), [true, false, false]);
  assert.deepEqual(mistakesOf(YARD).map(({ label, start }) => `${label} ${start}`), [
    "dog 50",
    "cat 70",
    "cat 50",
    "dog 71",
  ]);
});

Deno.test("worstStretch() shows where most went wrong, all of a short recording", () => {
  const { startSec, endSec } = worstStretch(YARD, 30);
  // From a second before the first of the four mistakes.
  assert.deepEqual([startSec, endSec], [49, 79]);
  const whole = worstStretch(YARD, 100);
  assert.deepEqual([whole.startSec, whole.endSec], [0, 100]);
  const late = worstStretch({ ...YARD, truth: [event("dog", 98, 99)], detected: [] }, 30);
  assert.deepEqual([late.startSec, late.endSec], [70, 100]);
  const silent = worstStretch({ ...YARD, truth: [], detected: [] }, 30);
  assert.deepEqual([silent.startSec, silent.endSec], [0, 30]);
});

Deno.test("worstStretch() prefers most events where nothing went wrong", () => {
  const truth = [event("dog", 5, 6), event("dog", 60, 61), event("dog", 65, 66)];
  assert.equal(worstStretch({ ...YARD, truth, detected: truth }, 30).startSec, 59);
});

Deno.test("eventsWithin() cuts events to the stretch", () => {
  const events = [event("a", 0, 10), event("b", 9, 12), event("c", 15, 30), event("d", 20, 21)];
  assert.deepEqual(eventsWithin(events, { startSec: 10, endSec: 20 }), [
    event("b", 10, 12),
    event("c", 15, 20),
  ]);
});
