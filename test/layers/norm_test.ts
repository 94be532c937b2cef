import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { groupNormedConv1d, layerNorm, loadNorm } from "../../src/layers/norm.ts";
import { assertClose, freshReader, layerTest, numbers } from "./_layer_case.ts";

layerTest("loadNorm() starts with ones and zeros", async () => {
  const reader = freshReader();
  const params = await loadNorm(reader.at("layer_norm"), 3, 0.25);
  assert.deepEqual([...reader.parameters.keys()], ["layer_norm.weight", "layer_norm.bias"]);
  assert.deepEqual([numbers(params.weight), numbers(params.bias)], [[1, 1, 1], [0, 0, 0]]);
});

layerTest(
  "layerNorm() is over channels, groupNormedConv1d() over time, with the eps they are given",
  async () => {
    const params = await loadNorm(freshReader(), 2, 3);
    const x = tensor([0, 2, 4, 2], [1, 2, 2]);
    // Mean 1 and 3, variance 1, and 3 is added: the root is 2.
    assertClose(layerNorm(params, x), tensor([-0.5, 0.5, 0.5, -0.5], [1, 2, 2]));
    const root = Math.sqrt(4 + 3);
    const same = { weight: tensor([1, 0, 0, 1], [2, 2, 1]), stride: 1 };
    assertClose(groupNormedConv1d(params, same, x), tensor([-2 / root, 0, 2 / root, 0], [1, 2, 2]));
  },
);
