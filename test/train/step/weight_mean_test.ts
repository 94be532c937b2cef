import assert from "node:assert/strict";
import { engine, tensor1d, variable } from "@tensorflow/tfjs-core";
import { WeightMean } from "../../../src/train/step/weight_mean.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";

deviceTest("WeightMean follows the weights, and changes places with them", async () => {
  const before = engine().memory().numTensors;
  const start = tensor1d([1, -2]);
  const weight = variable(start);
  start.dispose();
  const mean = new WeightMean(new Map([["w", weight]]), 0.5);
  const expected = [1, -2];
  for (let step = 1; step <= 20; step++) {
    const next = tensor1d([step, -step]);
    weight.assign(next);
    next.dispose();
    mean.add(step);
    const kept = Math.min(0.5, step / (step + 9));
    expected.forEach((old, i) => expected[i] = kept * old + (1 - kept) * (i === 0 ? step : -step));
  }
  await mean.inModel(async () => {
    assertAllClose(await weight.data() as Float32Array, expected, { rtol: 1e-5 });
  });
  assert.deepEqual([...await weight.data()], [20, -20]);
  mean.exchange();
  assertAllClose(await weight.data() as Float32Array, expected, { rtol: 1e-5 });
  mean.dispose();
  weight.dispose();
  assert.equal(engine().memory().numTensors, before);
});
