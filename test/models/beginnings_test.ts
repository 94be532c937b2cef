import assert from "node:assert/strict";
import { join } from "node:path";
import type { JsonObject } from "../../src/models/mod.ts";
import { GOLDEN_DIR } from "../golden_cases.ts";
import { readJson } from "../kit.ts";
import { withModel } from "./_architecture_case.ts";

/** A model of the reference as it starts. */
interface Beginning {
  config: JsonObject;
  /** By name: mean, deviation and largest absolute value. */
  parameters: Record<string, string>;
}

const BEGINNINGS = await readJson<Record<string, Beginning>>(join(GOLDEN_DIR, "beginnings.json"));

/** How far two draws of a mean, or of a deviation, may lie apart: in standard errors of one. */
const STANDARD_ERRORS = 6;

function describe(values: ArrayLike<number>): [mean: number, deviation: number, largest: number] {
  const numbers = Array.from(values);
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  return [mean, Math.sqrt(variance), numbers.reduce((top, x) => Math.max(top, Math.abs(x)), 0)];
}

for (const [name, { config, parameters }] of Object.entries(BEGINNINGS)) {
  Deno.test(`a model of "${name}" starts as the reference does, each parameter`, async () => {
    await withModel(config, (model) => {
      assert.deepEqual([...model.parameters.keys()].sort(), Object.keys(parameters).sort());
      for (const [key, values] of model.parameters) {
        const [mean, deviation, largest] = describe(values.dataSync());
        const [wantedMean, wantedDeviation, wantedLargest] = parameters[key]!.split(" ").map(
          Number,
        );
        const error = STANDARD_ERRORS * wantedDeviation! / Math.sqrt(values.size) + 1e-6;
        assert.ok(Math.abs(mean - wantedMean!) <= error, `${key}: mean ${mean}`);
        assert.ok(
          Math.abs(deviation - wantedDeviation!) <= error,
          `${key}: deviation ${deviation}`,
        );
        assert.ok(largest <= 1.5 * wantedLargest! + 1e-6, `${key}: largest ${largest}`);
      }
    }, { seed: 1 });
  });
}
