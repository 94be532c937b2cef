import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { conv1d, conv1dFrames, loadConv1d } from "../../src/layers/conv1d.ts";
import { assertClose, freshReader, layerTest, noiseTensor, numbers } from "./_layer_case.ts";

const SIZES = { inputs: 40, outputs: 30, width: 5, stride: 2, bias: true };

layerTest("loadConv1d() starts by the fan-in: the weight normal, the bias uniform", async () => {
  const reader = freshReader();
  const { bias } = await loadConv1d(reader, SIZES);
  const weight = reader.parameters.get("weight")!;
  assert.deepEqual([weight.shape, bias!.shape], [[30, 40, 5], [30]]);
  const squares = numbers(weight).reduce((sum, value) => sum + value * value, 0);
  assert.ok(Math.abs(Math.sqrt(squares / weight.size) / Math.sqrt(2 / 200) - 1) < 0.05);
  const largest = Math.max(...numbers(bias!).map(Math.abs));
  assert.ok(largest > 0.5 / Math.sqrt(200) && largest <= 1 / Math.sqrt(200), `bias ${largest}`);
});

layerTest("loadConv1d() has no bias where `bias` is false", async () => {
  const reader = freshReader();
  const { bias } = await loadConv1d(reader.at("conv"), { ...SIZES, bias: false });
  assert.equal(bias, undefined);
  assert.deepEqual([...reader.parameters.keys()], ["conv.weight"]);
});

layerTest("conv1d() gives conv1dFrames() frames, the bias added", async () => {
  const params = await loadConv1d(freshReader(), SIZES);
  for (const frames of [5, 6, 7, 20]) {
    const y = conv1d(params, noiseTensor([1, frames, 40]));
    assert.deepEqual(y.shape, [1, conv1dFrames(frames, 5, 2), 30]);
  }
  const silence = tensor(new Float32Array(200), [1, 5, 40]);
  assertClose(conv1d(params, silence), tensor(numbers(params.bias!), [1, 1, 30]));
});
