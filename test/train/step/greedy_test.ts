import assert from "node:assert/strict";
import { assertAllClose } from "../../compare.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import { greedyRate } from "../../../src/train/step/greedy.ts";
import reference from "./greedy_reference.json" with { type: "json" };

Deno.test("greedyRate() goes where the reference's rate goes", async (t) => {
  for (const { kwargs, rates } of reference.cases) {
    await t.step(JSON.stringify(kwargs), () => {
      const { lrSchedulerKwargs } = new TrainingArguments({
        outputDir: "out",
        lrSchedulerKwargs: kwargs as object,
      });
      const { peak, metrics } = reference;
      const found = metrics.map((_, n) =>
        greedyRate(peak, metrics.slice(0, n + 1), lrSchedulerKwargs)
      );
      assertAllClose(found, rates, { rtol: 1e-12 });
    });
  }
});

Deno.test("the cases of greedyRate() rise, fall and start anew", () => {
  const all = reference.cases.slice(1).flatMap(({ rates }) => rates);
  assert.ok(Math.max(...all) > 1 && Math.min(...all) < 0.2);
  const anew = reference.cases[5]!.rates;
  assert.ok(anew.some((rate, n) => rate === 0.5 && anew[n - 1]! < 0.3));
});
