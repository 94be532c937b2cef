import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  logGamma,
  pairedRuns,
  studentQuantile,
  summaryOfRuns,
} from "../../../src/train/metrics/repeated_runs.ts";
import golden from "../../golden/protocol_statistics.json" with { type: "json" };

function near(found: number, expected: number, what: string): void {
  ok(Math.abs(found - expected) <= 1e-9 * Math.abs(expected), `${what}: ${found}, not ${expected}`);
}

Deno.test("studentQuantile() is scipy's", () => {
  for (const [level, freedom, expected] of golden.t as [number, number, number][]) {
    near(studentQuantile(level, freedom), expected, `${level}, ${freedom}`);
  }
});

Deno.test("logGamma() is the logarithm of factorials", () => {
  let sum = 0;
  for (let n = 1; n < 40; n++) {
    near(logGamma(n + 1) + 1, sum + 1, String(n));
    sum += Math.log(n + 1);
  }
  near(logGamma(0.5), Math.log(Math.sqrt(Math.PI)), "0.5");
});

Deno.test("summaryOfRuns() has the interval after Nadeau and Bengio", () => {
  for (const { values, ratio, mean, sd, low, high } of golden.runs) {
    const found = summaryOfRuns(values, { testRatio: ratio });
    near(found.mean, mean, "mean");
    near(found.deviation!, sd, "deviation");
    near(found.low!, low, "low");
    near(found.high!, high, "high");
  }
  deepEqual(summaryOfRuns([0.5]), { mean: 0.5 });
  throws(() => summaryOfRuns([]), RangeError);
});

Deno.test("pairedRuns() is the t-test of pairs, corrected", () => {
  const { a, b, ratio, p, plain } = golden.pairedRuns;
  near(pairedRuns(a, b, { testRatio: ratio }).p!, p, "corrected");
  near(pairedRuns(a, b).p!, plain, "plain");
  equal(pairedRuns([0.5, 0.6], [0.5, 0.6]).p, undefined);
  throws(() => pairedRuns([1], [1, 2]), RangeError);
});
