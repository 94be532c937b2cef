import { deepEqual, equal, ok } from "node:assert/strict";
import { duration, paceCounter, progressLine, progressText } from "../src/progress_bar.ts";

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

Deno.test("an estimate is within a factor of two from the tenth step on", () => {
  let ms = 0;
  const pace = paceCounter(() => ms);
  // A device starts in the first step, and a pause comes with each evaluation.
  const stepMs = (step: number) =>
    (step === 1 ? 20_000 : 400 + 100 * Math.sin(step)) +
    (step % 25 === 0 ? 2_000 : 0);
  const total = 100;
  const steps = Array.from({ length: total }, (_, i) => stepMs(i + 1));
  for (let done = 1; done <= total; done++) {
    ms += steps[done - 1]!;
    const text = progressText({ label: "", done, total, ...pace(done) });
    const [, minutes = 0, seconds] = text.match(/(?:(\d+) min )?(\d+) s left/) ?? [];
    if (done <= 10) equal(seconds, undefined, text);
    const left = steps.slice(done).reduce((sum, step) => sum + step, 0) / 1000;
    if (done <= 10 || left < 4) continue;
    const estimate = 60 * Number(minutes) + Number(seconds);
    ok(estimate >= left / 2 && estimate <= 2 * left, `${text}, ${left} s were left`);
  }
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
