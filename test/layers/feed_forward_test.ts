import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { weightShape } from "../../src/kernels.ts";
import { feedForward, loadFeedForward } from "../../src/layers/feed_forward.ts";
import { linear } from "../../src/layers/linear.ts";
import { Noise } from "../../src/layers/noise.ts";
import { normal } from "../../src/layers/parameters.ts";
import { assertClose, freshReader, layerTest, noiseTensor, numbers } from "./_layer_case.ts";

const SIZES = { size: 4, intermediate: 6, activation: "relu" } as const;

layerTest("feedForward() widens, activates, narrows and adds the residual", async () => {
  const reader = freshReader();
  const params = await loadFeedForward(reader, SIZES, { weight: normal(1) });
  assert.deepEqual(weightShape(params.intermediate.weight), [6, 4]);
  assert.ok(reader.parameters.has("output_dense.bias"));
  const [x, residual] = [noiseTensor([2, 3, 4]), noiseTensor([2, 3, 4])];
  const wide = linear(params.intermediate, x);
  const active = tensor(numbers(wide).map((value) => Math.max(0, value)), wide.shape);
  const expected = linear(params.output, active, { residual });
  const options = { residual, activationDropout: 0, hiddenDropout: 0 };
  assertClose(feedForward(params, x, options), expected);
  assertClose(feedForward(params, x, { ...options, noise: new Noise(1) }), expected);
});
