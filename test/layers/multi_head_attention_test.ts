import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { linear } from "../../src/layers/linear.ts";
import { loadAttention, multiHeadAttention } from "../../src/layers/multi_head_attention.ts";
import { constant, normal } from "../../src/layers/parameters.ts";
import { assertClose, freshReader, layerTest, noiseTensor, numbers } from "./_layer_case.ts";

layerTest("loadAttention() asks for four square maps under the hub's names", async () => {
  const reader = freshReader();
  await loadAttention(reader, { size: 4, heads: 2 }, { weight: normal(1) });
  const maps = ["k_proj", "out_proj", "q_proj", "v_proj"];
  const names = maps.flatMap((map) => [`${map}.bias`, `${map}.weight`]);
  assert.deepEqual([...reader.parameters.keys()].sort(), names);
});

layerTest("multiHeadAttention() of equal keys is the mean of the values, mapped", async () => {
  const params = await loadAttention(freshReader(), { size: 4, heads: 2 }, { weight: normal(1) });
  const zeros = { weight: tensor(new Float32Array(16), [4, 4]), bias: params.key.bias };
  const x = noiseTensor([1, 3, 4]);
  const values = numbers(linear(params.value, x));
  const mean = [0, 1, 2, 3].map((i) => (values[i]! + values[4 + i]! + values[8 + i]!) / 3);
  const context = tensor([...mean, ...mean, ...mean], [1, 3, 4]);
  const found = multiHeadAttention({ ...params, key: zeros }, x, { dropoutRate: 0 });
  assertClose(found, linear(params.output, context));
});

layerTest("multiHeadAttention() lets heads attend apart", async () => {
  const square = { size: 2, heads: 2 };
  const params = await loadAttention(freshReader(), square, { weight: constant(0) });
  const identity = { weight: tensor([1, 0, 0, 1], [2, 2]), bias: params.key.bias };
  const sharp = { weight: tensor([50, 0, 0, 50], [2, 2]), bias: params.key.bias };
  const all = { ...params, query: sharp, key: identity, value: identity, output: identity };
  // Each head looks for the frame that is like itself in its own channel.
  const x = tensor([1, -1, -1, 1], [1, 2, 2]);
  assertClose(multiHeadAttention(all, x, { dropoutRate: 0 }), x);
  const opposed = tensor([1, 1, -1, 1], [1, 2, 2]);
  assertClose(multiHeadAttention(all, opposed, { dropoutRate: 0 }), opposed);
});
