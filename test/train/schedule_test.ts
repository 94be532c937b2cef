import assert from "node:assert/strict";
import { learningRateAt, warmupStepsOf } from "../../src/train/schedule.ts";

Deno.test("warmupStepsOf() prefers a number of steps, and rounds a share up", () => {
  assert.equal(warmupStepsOf({ warmupSteps: 0, warmupRatio: 0.1 }, 24), 3);
  assert.equal(warmupStepsOf({ warmupSteps: 7, warmupRatio: 0.1 }, 24), 7);
  assert.equal(warmupStepsOf({ warmupSteps: 0, warmupRatio: 0 }, 24), 0);
});

Deno.test("learningRateAt() starts at 0 with a rise and at the peak without", () => {
  const plan = { type: "linear", peak: 4, totalSteps: 10 } as const;
  assert.equal(learningRateAt({ ...plan, warmupSteps: 2 }, 0), 0);
  assert.equal(learningRateAt({ ...plan, warmupSteps: 0 }, 0), 4);
});

Deno.test("learningRateAt() ends at 0 for linear and cosine, and nowhere for constant", () => {
  const plan = { peak: 4, warmupSteps: 2, totalSteps: 10 };
  assert.equal(learningRateAt({ ...plan, type: "linear" }, 10), 0);
  assert.ok(Math.abs(learningRateAt({ ...plan, type: "cosine" }, 10)) < 1e-12);
  assert.equal(learningRateAt({ ...plan, type: "constant" }, 10), 4);
  assert.equal(learningRateAt({ ...plan, type: "cosine" }, 6), 2);
  assert.equal(learningRateAt({ ...plan, type: "linear" }, 4), 3);
});
