import { deepEqual, equal, ok } from "node:assert/strict";
import { duration, progressLine, progressText } from "../src/progress_bar.ts";

const HALF = { label: "Training", done: 50, total: 100, seconds: 25 };

Deno.test("progressText() estimates the rest from what was done in this run", () => {
  equal(progressText(HALF), "50/100  2.0/s  25 s left");
  equal(progressText({ ...HALF, first: 25 }), "50/100  1.0/s  50 s left");
  equal(progressText({ ...HALF, note: "epoch 1.0" }), "50/100  2.0/s  25 s left  epoch 1.0");
});

Deno.test("progressText() estimates nothing before ten steps", () => {
  equal(progressText({ ...HALF, done: 9 }), "9/100");
  equal(progressText({ ...HALF, done: 59, first: 50 }), "59/100");
  equal(progressText({ ...HALF, seconds: 0 }), "50/100");
});

Deno.test("progressLine() fits the terminal, whatever it has to say", () => {
  const long = { ...HALF, done: 99_999, total: 100_000, note: "epoch 29.9" };
  for (const columns of [0, 1, 10, 20, 30, 40, 60, 80, 200]) {
    const line = progressLine(long, columns);
    ok(line.length < Math.max(1, columns), `${columns} columns: ${line}`);
  }
  equal(progressLine(HALF, 80), "Training ████████████░░░░░░░░░░░░ 50/100  2.0/s  25 s left");
  equal(progressLine(HALF, 43), "Training ████░░░░ 50/100  2.0/s  25 s left");
  equal(progressLine(HALF, 36), "Training 50/100  2.0/s  25 s left");
});

Deno.test("duration() speaks of minutes and seconds", () => {
  deepEqual([0.4, 59.6, 125, Infinity, NaN].map(duration), [
    "0 s",
    "1 min 0 s",
    "2 min 5 s",
    "?",
    "?",
  ]);
});
