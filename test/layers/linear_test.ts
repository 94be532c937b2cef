import assert from "node:assert/strict";
import { tensor2d } from "@tensorflow/tfjs-core";
import { weightShape } from "../../src/kernels.ts";
import { linear, loadLinear } from "../../src/layers/linear.ts";
import { constant, normal } from "../../src/layers/parameters.ts";
import { assertClose, freshReader, layerTest, numbers } from "./_layer_case.ts";

layerTest("loadLinear() asks for weight [O, I] and bias [O], zeros at first", async () => {
  const reader = freshReader();
  const sizes = { inputs: 3, outputs: 2 };
  const params = await loadLinear(reader.at("q_proj"), sizes, { weight: normal(1) });
  assert.deepEqual([...reader.parameters.keys()], ["q_proj.weight", "q_proj.bias"]);
  assert.deepEqual([weightShape(params.weight), params.bias!.shape], [[2, 3], [2]]);
  assert.deepEqual(numbers(params.bias!), [0, 0]);
});

layerTest("linear() is activation(x W^T + b) + residual", async () => {
  const params = await loadLinear(freshReader(), { inputs: 2, outputs: 2 }, {
    weight: constant(1),
    bias: constant(-4),
  });
  const x = tensor2d([[1, 2], [3, 4]]);
  assertClose(linear(params, x), tensor2d([[-1, -1], [3, 3]]));
  const options = { activation: "relu", residual: x } as const;
  assertClose(linear(params, x, options), tensor2d([[1, 2], [6, 7]]));
});
