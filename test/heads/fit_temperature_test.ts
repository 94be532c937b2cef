import { ok } from "node:assert/strict";
import { fitTemperature, fitVectorScaling } from "../../src/heads/_fit_temperature.ts";
import { near, scoresReference } from "./_scores_reference.ts";

const { temperatures } = await scoresReference();

for (const [i, { vector, temperature, ...data }] of temperatures.entries()) {
  Deno.test(`fitTemperature() finds PyTorch's optimum of case ${i}, ${data.kind}`, () => {
    near(fitTemperature(data), temperature, 1e-6 * temperature);
  });

  Deno.test(`fitVectorScaling() finds PyTorch's optimum of case ${i}, ${data.kind}`, () => {
    const found = fitVectorScaling(data);
    found.temperature.forEach((value, k) => near(value, vector.temperature[k]!, 1e-5 * value));
    found.bias.forEach((value, k) => near(value, vector.bias[k]!, 1e-5));
  });
}

Deno.test("fitTemperature() stays within its range where no temperature is best", () => {
  const certain = { logits: [[3, 1], [0, 2]], targets: [[1, 0], [0, 1]], kind: "softmax" } as const;
  const temperature = fitTemperature(certain);
  ok(temperature >= 0.001 && temperature < 0.1, String(temperature));
  const wrong = { ...certain, targets: [[0, 1], [1, 0]] };
  near(fitTemperature(wrong), 1000, 1e-3);
});

Deno.test("fitTemperature() takes outputs that no exponential can hold", () => {
  const data = { logits: [[9000, 0], [9000, 0], [0, 9000]], targets: [[1, 0], [0, 1], [0, 1]] };
  const temperature = fitTemperature({ ...data, kind: "softmax" });
  ok(temperature > 100 && Number.isFinite(temperature), String(temperature));
});
