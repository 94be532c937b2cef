/**
 * Segment-based F1, on segments counted by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { segmentF1 } from "../../src/detect/mod.ts";

const yard = {
  truth: [
    { start: 0.5, end: 2.5, label: "dog" }, // Segments 0, 1, 2.
    { start: 4.0, end: 5.0, label: "dog" }, // Segment 4, which ends where 5 begins.
    { start: 1.0, end: 3.0, label: "rain" }, // Segments 1, 2.
  ],
  detected: [
    { start: 1.2, end: 3.1, label: "dog" }, // Segments 1, 2, 3.
    { start: 4.9, end: 5.1, label: "dog" }, // Segments 4, 5.
    { start: 1.5, end: 1.6, label: "rain" }, // Segment 1.
    { start: 7.0, end: 8.0, label: "car" }, // Segment 7.
  ],
};

Deno.test("segmentF1() counts the segments of each class", () => {
  const { perClass, micro, macroF1 } = segmentF1([yard]);
  const counts = Object.entries(perClass).map(([label, one]) => [
    label,
    one.truePositives,
    one.falsePositives,
    one.falseNegatives,
  ]);
  assert.deepEqual(counts, [["car", 0, 1, 0], ["dog", 3, 2, 1], ["rain", 1, 0, 1]]);
  assert.equal(perClass.dog!.precision, 3 / 5);
  assert.equal(perClass.dog!.recall, 3 / 4);
  assert.equal(perClass.dog!.f1, 6 / 9);
  // 4 found, 3 of them too many, 2 missed; a class that is nowhere annotated has no part in the mean.
  assert.equal(micro.f1, 8 / 13);
  assert.ok(Math.abs(macroF1 - (6 / 9 + 2 / 3) / 2) < 1e-12);
});

Deno.test("segmentF1() counts a class once a segment, however many events it has there", () => {
  const truth = [{ start: 0, end: 0.2, label: "dog" }, { start: 0.5, end: 0.7, label: "dog" }];
  const { micro } = segmentF1([{ truth, detected: [{ start: 0.9, end: 1, label: "dog" }] }]);
  assert.deepEqual([micro.truePositives, micro.falsePositives, micro.falseNegatives], [1, 0, 0]);
});

Deno.test("segmentF1() keeps recordings apart, and takes other segments", () => {
  const event = [{ start: 0, end: 1, label: "dog" }];
  const apart = segmentF1([{ truth: event, detected: [] }, { truth: [], detected: event }]);
  assert.equal(apart.micro.f1, 0);
  const halves = segmentF1([{ truth: event, detected: event }], { segmentSeconds: 0.5 });
  assert.equal(halves.micro.truePositives, 2);
});

Deno.test("segmentF1() of nothing is not a number, and segments are longer than nothing", () => {
  assert.ok(Number.isNaN(segmentF1([{ truth: [], detected: [] }]).micro.f1));
  assert.ok(Number.isNaN(segmentF1([]).macroF1));
  assert.throws(
    () => segmentF1([], { segmentSeconds: 0 }),
    /expected segments above 0 s, found 0$/,
  );
});
