import { deepEqual, equal, ok } from "node:assert/strict";
import { meanState } from "../../models/make_backbone/student_state.ts";
import { rateAt } from "../../models/make_backbone/training.ts";

Deno.test("meanState() is the mean of each number", () => {
  const state = (...values: number[]) =>
    new Map([["a", { shape: [2], values: Float32Array.from(values) }]]);
  const mean = meanState([state(1, 2), state(3, 6)]);
  deepEqual(mean.get("a"), { shape: [2], values: Float32Array.of(2, 4) });
});

Deno.test("rateAt() rises, is level, and falls to nearly nothing", () => {
  const rates = [1, 100, 200, 700, 1000].map((step) => rateAt(step, 1000));
  equal(rates[1], rates[2]);
  ok(rates[0]! < rates[1]! && rates[3]! < rates[2]! && rates[4]! < rates[3]!);
  ok(rates[4]! < 1e-5);
});
