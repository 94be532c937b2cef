import { deepEqual, equal } from "node:assert/strict";
import { EventFinder, type EventOptions, type FoundEvent } from "../../src/detect/mod.ts";

const HOP = 10;
const PLAIN = {
  classes: [{ index: 0, on: 0.5, off: 0.5 }],
  meanWindows: 1,
  medianWindows: 1,
  minEventSamples: 0,
  minGapSamples: 0,
  minApartSamples: 0,
};

/** A line for each event: after how many spans it was told, and what. */
function told(scores: readonly number[][], options: Partial<EventOptions> = {}): string[] {
  const finder = new EventFinder({ ...PLAIN, ...options });
  const lines = scores.flatMap((row, i) =>
    finder.push({ start: i * HOP, end: (i + 1) * HOP, scores: row }).map((found) =>
      line(i + 1, found)
    )
  );
  const end = scores.length * HOP + 5;
  return [...lines, ...finder.finish(end).map((found) => line("end", found))];
}

function line(after: number | "end", { index, start, end, score, state }: FoundEvent): string {
  return `${after}: ${state} ${index} ${start}-${end} ${score}`;
}

function oneClass(scores: readonly number[]): number[][] {
  return scores.map((score) => [score]);
}

Deno.test("EventFinder() tells of a sound at once, and of its end when it is over", () => {
  deepEqual(told(oneClass([0.1, 0.5, 0.9, 0.4])), ["2: began 0 10-20 0.5", "4: ended 0 10-30 0.9"]);
});

Deno.test("EventFinder() ends what is still heard with the recording", () => {
  deepEqual(told(oneClass([0, 0.7])), ["2: began 0 10-20 0.7", "end: ended 0 10-25 0.7"]);
  deepEqual(told(oneClass([0.7, 0]), { minGapSamples: 100 }), [
    "1: began 0 0-10 0.7",
    "end: ended 0 0-10 0.7",
  ]);
});

Deno.test("EventFinder() keeps a sound above the lower threshold, and starts none there", () => {
  const classes = [{ index: 0, on: 0.6, off: 0.3 }];
  const scores = oneClass([0.4, 0.6, 0.3, 0.29, 0.4]);
  deepEqual(told(scores, { classes }), ["2: began 0 10-20 0.6", "4: ended 0 10-30 0.6"]);
});

Deno.test("EventFinder() closes shorter gaps, and waits as long before it ends an event", () => {
  const scores = oneClass([1, 0, 1, 0, 0, 1]);
  deepEqual(told(scores, { minGapSamples: 20 }), [
    "1: began 0 0-10 1",
    "5: ended 0 0-30 1",
    "6: began 0 50-60 1",
    "end: ended 0 50-65 1",
  ]);
  equal(told(scores, { minGapSamples: 21 }).length, 2);
});

Deno.test("EventFinder() leaves out what is too short, and tells of the rest when it is long enough", () => {
  const scores = oneClass([1, 0, 1, 1, 0]);
  deepEqual(told(scores, { minEventSamples: 20 }), ["4: began 0 20-40 1", "5: ended 0 20-40 1"]);
});

Deno.test("EventFinder() counts the recording's end for an event that is only then long enough", () => {
  const options = { minEventSamples: 15 };
  deepEqual(told(oneClass([0, 1]), options), ["end: began 0 10-25 1", "end: ended 0 10-25 1"]);
});

Deno.test("EventFinder() closes gaps before it leaves out what is short", () => {
  const options = { minGapSamples: 11, minEventSamples: 30 };
  deepEqual(told(oneClass([1, 0, 1, 0, 0]), options), [
    "3: began 0 0-30 1",
    "5: ended 0 0-30 1",
  ]);
});

Deno.test("EventFinder() filters by the median of neighbours, fewer at the ends", () => {
  const scores = oneClass([0.9, 0.1, 0.9, 0.2, 0.8, 0.1, 0.1]);
  const rows = [0.9, 0.9, 0.2, 0.8, 0.2, 0.1, 0.1];
  const options = { classes: [{ index: 0, on: 0.15, off: 0.15 }], medianWindows: 3 };
  deepEqual(told(scores, options), ["1: began 0 0-10 0.9", "7: ended 0 0-50 0.9"]);
  deepEqual(told(oneClass(rows)).length, 4);
  deepEqual(told(scores, { medianWindows: 3 }), [
    "1: began 0 0-10 0.9",
    "4: ended 0 0-20 0.9",
    "5: began 0 30-40 0.8",
    "6: ended 0 30-40 0.8",
  ]);
});

Deno.test("EventFinder() knows as many windows as there are with a long filter", () => {
  deepEqual(told(oneClass([0.9, 0.8, 0.1]), { medianWindows: 99 }), [
    "1: began 0 0-10 0.9",
    "end: ended 0 0-20 0.9",
  ]);
});

Deno.test("EventFinder() hears several classes at a time, each by its own thresholds", () => {
  const classes = [{ index: 2, on: 0.9, off: 0.9 }, { index: 0, on: 0.1, off: 0.1 }];
  const scores = [[0.2, 1, 0.8], [0.2, 1, 0.9], [0, 1, 0]];
  deepEqual(told(scores, { classes }), [
    "1: began 0 0-10 0.2",
    "2: began 2 10-20 0.9",
    "3: ended 2 10-20 0.9",
    "3: ended 0 0-20 0.2",
  ]);
});

Deno.test("EventFinder() takes the mean of neighbours, and the median of the means", () => {
  const scores = oneClass([0, 0, 0.75, 0.75, 0, 0, 0, 0.75, 0]);
  deepEqual(told(scores, { meanWindows: 3 }), ["4: began 0 20-30 0.5", "6: ended 0 20-40 0.5"]);
  deepEqual(told(oneClass([0.75, 0.75, 0]), { meanWindows: 3 }), [
    "1: began 0 0-10 0.75",
    "end: ended 0 0-20 0.75",
  ]);
  // The median of the scores themselves would be 0 everywhere.
  const classes = [{ index: 0, on: 0.25, off: 0.25 }];
  const options = { classes, meanWindows: 3, medianWindows: 3 };
  deepEqual(told(oneClass([0, 0, 0, 0.75, 0, 0, 0]), options), [
    "5: began 0 20-30 0.25",
    "end: ended 0 20-50 0.25",
  ]);
});

/** Classes 0 to 2, each with one threshold. */
const THREE = [0, 1, 2].map((index) => ({ index, on: 0.5, off: 0.5 }));

Deno.test("EventFinder() keeps the heavier of events of different classes that are too near", () => {
  const scores = [[0.9, 0, 0], [0, 0.6, 0], [0, 0.6, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0.5]];
  deepEqual(told(scores, { classes: THREE, minApartSamples: 10 }), [
    "4: began 1 10-30 0.6",
    "4: ended 1 10-30 0.6",
    "end: began 2 50-65 0.5",
    "end: ended 2 50-65 0.5",
  ]);
  // With 20 samples between them they are apart, with 21 they are not.
  const all = [[0.9, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0.6, 0], [0, 0.6, 0]];
  equal(told(all, { classes: THREE, minApartSamples: 20 }).length, 4);
  equal(told(all, { classes: THREE, minApartSamples: 21 }).length, 2);
});

Deno.test("EventFinder() compares no events of one class", () => {
  const scores = oneClass([1, 0, 1, 0, 0]);
  deepEqual(told(scores, { minApartSamples: 30 }), [
    "4: began 0 0-10 1",
    "4: ended 0 0-10 1",
    "end: began 0 20-30 1",
    "end: ended 0 20-30 1",
  ]);
});

Deno.test("EventFinder() waits with an event for what may outweigh it, and no longer", () => {
  const options = { classes: THREE, minApartSamples: 10 };
  // The second one weighs more from its third window on: the first is gone, and the second is told when it is over.
  const longer = [[0.9, 0, 0], [0, 0.5, 0], [0, 0.5, 0], [0, 0.5, 0], [0, 0, 0], [0, 0, 0]];
  deepEqual(told(longer, options), ["5: began 1 10-40 0.5", "5: ended 1 10-40 0.5"]);
  const shorter = [[0.9, 0, 0], [0.9, 0, 0], [0, 0.5, 0], [0, 0, 0], [0, 0, 0]];
  deepEqual(told(shorter, options), ["4: began 0 0-20 0.9", "4: ended 0 0-20 0.9"]);
});

Deno.test("EventFinder() leaves out what is near a long sound while that goes on", () => {
  const long = Array.from({ length: 40 }, (_, i) => [0.6, i % 4 === 3 ? 0.9 : 0, 0]);
  deepEqual(told(long, { classes: THREE, minApartSamples: 10 }), [
    "end: began 0 0-405 0.6",
    "end: ended 0 0-405 0.6",
  ]);
});

Deno.test("EventFinder() leaves nothing out for what is itself too short", () => {
  const scores = [[0.5, 0], [0.5, 0], [0, 1], [0, 0], [0, 0], [0, 0]];
  const options = { classes: THREE.slice(0, 2), minApartSamples: 10, minEventSamples: 20 };
  deepEqual(told(scores, options), ["4: began 0 0-20 0.5", "4: ended 0 0-20 0.5"]);
});
