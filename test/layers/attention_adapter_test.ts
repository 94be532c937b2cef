import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { attentionAdapter, loadAttentionAdapter } from "../../src/layers/_attention_adapter.ts";
import { constant } from "../../src/layers/parameters.ts";
import { assertClose, freshReader, layerTest } from "./_layer_case.ts";

layerTest("loadAttentionAdapter() asks for the hub's names", async () => {
  const reader = freshReader();
  await loadAttentionAdapter(reader.at("adapter_layer"), { size: 6, width: 2 }, {
    weight: constant(0),
  });
  assert.deepEqual([...reader.parameters].map(([name, { shape }]) => [name, shape]), [
    ["adapter_layer.norm.weight", [6]],
    ["adapter_layer.norm.bias", [6]],
    ["adapter_layer.linear_1.weight", [2, 6]],
    ["adapter_layer.linear_1.bias", [2]],
    ["adapter_layer.linear_2.weight", [6, 2]],
    ["adapter_layer.linear_2.bias", [6]],
  ]);
});

layerTest("attentionAdapter() adds norm, narrow, ReLU, widen to its input", () => {
  const params = {
    norm: { weight: tensor([1, 1]), bias: tensor([0, 0]), eps: 0 },
    down: { weight: tensor([1, 0, 0, 1], [2, 2]), bias: tensor([0, 0]) },
    up: { weight: tensor([10, 20, 30, 40], [2, 2]), bias: tensor([1, 2]) },
  };
  // The normalised input is [-1, 1]; ReLU leaves [0, 1].
  const y = attentionAdapter(params, tensor([3, 7], [1, 1, 2]));
  assertClose(y, tensor([3 + 20 + 1, 7 + 40 + 2], [1, 1, 2]));
});
