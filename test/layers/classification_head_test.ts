import assert from "node:assert/strict";
import { type Tensor, tensor, tensor1d } from "@tensorflow/tfjs-core";
import {
  classificationHead,
  headStates,
  loadClassificationHead,
  pooledStates,
} from "../../src/layers/classification_head.ts";
import { linear } from "../../src/layers/linear.ts";
import {
  assertClose,
  firstFrames,
  freshReader,
  layerTest,
  noiseTensor,
  numbers,
  tensorsLeft,
} from "./_layer_case.ts";

const SIZES = {
  hidden_size: 6,
  num_hidden_layers: 2,
  initializer_range: 1,
  classifier_proj_size: 5,
  classes: 3,
  use_weighted_layer_sum: false,
};
const WEIGHED = { ...SIZES, use_weighted_layer_sum: true };

/** The mean over the frames of `[B, T, C]`. */
function meanOfFrames(x: Tensor): Tensor {
  const [batch, frames, channels] = x.shape as [number, number, number];
  const values = numbers(x);
  const means = Array.from({ length: batch * channels }, (_, i) => {
    const [clip, channel] = [Math.floor(i / channels), i % channels];
    let sum = 0;
    for (let t = 0; t < frames; t++) sum += values[(clip * frames + t) * channels + channel]!;
    return sum / frames;
  });
  return tensor(means, [batch, channels]);
}

layerTest("classificationHead() projects each frame and takes the mean", async () => {
  const params = await loadClassificationHead(freshReader(), SIZES);
  const state = noiseTensor([2, 4, 6]);
  const { logits, pooled } = classificationHead(params, pooledStates([state]));
  const expected = meanOfFrames(linear(params.projector, state));
  assertClose(pooled, expected);
  assertClose(logits, linear(params.classifier, expected));
});

layerTest("classificationHead() takes the mean of real frames only", async () => {
  const params = await loadClassificationHead(freshReader(), SIZES);
  const state = noiseTensor([1, 7, 6]);
  const short = classificationHead(params, pooledStates([firstFrames(state, 3)]));
  assertClose(
    classificationHead(params, pooledStates([state], tensor1d([3], "int32"))).logits,
    short.logits,
  );
});

layerTest("classificationHead() weighs states by the softmax of its weights", async () => {
  const params = await loadClassificationHead(freshReader(), WEIGHED);
  assert.deepEqual(numbers(params.layerWeights!), new Array(3).fill(Math.fround(1 / 3)));
  const states = [1, 10, 100].map((value) => tensor(new Array(6).fill(value), [1, 1, 6]));
  const even = tensor(new Array(6).fill(37), [1, 1, 6]);
  const plain = { ...params, layerWeights: undefined };
  const expected = classificationHead(plain, pooledStates([even])).pooled;
  assert.ok(
    Math.abs(
      numbers(classificationHead(params, pooledStates(states)).pooled)[0]! - numbers(expected)[0]!,
    ) < 1e-4,
  );
  const layerWeights = tensor1d([-50, 50, -50]);
  assertClose(
    classificationHead({ ...params, layerWeights }, pooledStates(states)).pooled,
    classificationHead(plain, pooledStates([states[1]!])).pooled,
  );
});

layerTest("headStates() are all or the last, before or after the final norm", () => {
  const [first, second, last] = [1, 2, 3].map((value) => tensor1d([value])) as Tensor[];
  const encoded = { states: [first!, second!], last: last! };
  const all = { use_weighted_layer_sum: true };
  const of = (config: Parameters<typeof headStates>[1]) => headStates(encoded, config);
  assert.deepEqual(of({ use_weighted_layer_sum: false, weightedSumAfterNorm: true }), [last]);
  assert.deepEqual(of({ ...all, weightedSumAfterNorm: false }), [first, second]);
  assert.deepEqual(of({ ...all, weightedSumAfterNorm: true }), [first, last]);
});

layerTest("classificationHead() leaves two tensors and its arguments", async () => {
  const params = await loadClassificationHead(freshReader(), { ...WEIGHED, num_hidden_layers: 1 });
  const vectors = [noiseTensor([1, 6]), noiseTensor([1, 6])];
  const left = tensorsLeft(() => {
    classificationHead(params, vectors);
    return 2;
  });
  assert.equal(left, 0);
  assert.ok(vectors.every((vector) => !vector.isDisposed));
});
