import assert from "node:assert/strict";
import { tensor2d, variable, variableGrads } from "@tensorflow/tfjs-core";
import "../../../src/gradients.ts";
import { divergence, softmax } from "../../../src/train/step/_soft_targets.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";

const LOGITS = [[0.3, -1, 2], [0, 0, 0], [-2, 5, 1]];
const SHARES = [[0.2, 0.5, 0.3], [1, 0, 0], [0.1, 0.1, 0.8]];

deviceTest("divergence() is the mean of sum(t log(t / softmax)), with its gradient", async () => {
  const values = tensor2d(LOGITS);
  const logits = variable(values);
  const shares = Float32Array.from(SHARES.flat());
  const { value, grads } = variableGrads(() => divergence(logits, { shares, clips: 3 }), [logits]);
  const models = LOGITS.map((row) => softmax(row, 1));
  const expected = SHARES.flatMap((row, clip) =>
    row.map((share, k) => share === 0 ? 0 : share * Math.log(share / models[clip]![k]!))
  );
  assertAllClose(await value.data() as Float32Array, [expected.reduce((a, b) => a + b) / 3], {
    atol: 1e-6,
  });
  const slopes = models.flatMap((row, clip) => row.map((p, k) => (p - SHARES[clip]![k]!) / 3));
  const [found] = Object.values(grads);
  assertAllClose(await found!.data() as Float32Array, slopes, { atol: 1e-6 });
  for (const tensor of [values, logits, value, found!]) tensor.dispose();
});

Deno.test("softmax() softens with its temperature, and bears large scores", () => {
  assertAllClose(softmax([Math.log(1), Math.log(3)], 1), [0.25, 0.75], { atol: 1e-12 });
  assertAllClose(softmax([0, 2 * Math.log(3)], 2), [0.25, 0.75], { atol: 1e-12 });
  assert.deepEqual(softmax([5000, 0], 1), [1, 0]);
});
