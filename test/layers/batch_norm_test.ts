import assert from "node:assert/strict";
import { engine, grad, type Tensor, tensor } from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import { batchNorm, type BatchNormParams, loadBatchNorm } from "../../src/layers/batch_norm.ts";
import { Noise } from "../../src/layers/noise.ts";
import { ParameterReader, storedTensor } from "../../src/layers/parameters.ts";
import { Random } from "../../src/random.ts";
import { assertAllClose } from "../compare.ts";
import { freshReader, layerTest, noiseTensor, numbers, tensorsLeft } from "./_layer_case.ts";

/** Two clips of two frames: channels 1, 3, 5, 7 and 0, 0, 4, 4. */
function twoClips(): Tensor {
  return tensor([1, 0, 3, 0, 5, 4, 7, 4], [2, 2, 2]);
}

async function params(): Promise<BatchNormParams> {
  const loaded = await loadBatchNorm(freshReader(), 2);
  loaded.mean.assign(tensor([1, 2]));
  loaded.variance.assign(tensor([4, 1]));
  loaded.weight.assign(tensor([2, 1]));
  loaded.bias.assign(tensor([0, 10]));
  return loaded;
}

layerTest("loadBatchNorm() asks for five tensors, of which two are trained", async () => {
  const reader = freshReader();
  await loadBatchNorm(reader.at("norm"), 3);
  const found = [...reader.parameters].map(([name, { dtype, shape, trainable }]) => {
    return [name, dtype, shape, trainable];
  });
  assert.deepEqual(found, [
    ["norm.weight", "float32", [3], true],
    ["norm.bias", "float32", [3], true],
    ["norm.running_mean", "float32", [3], false],
    ["norm.running_var", "float32", [3], false],
    ["norm.num_batches_tracked", "int32", [], false],
  ]);
});

layerTest("loadBatchNorm() keeps the count of batches as PyTorch's 64-bit integer", async () => {
  const reader = freshReader();
  await loadBatchNorm(reader, 3);
  const count = storedTensor("count", reader.parameters.get("num_batches_tracked")!);
  assert.equal(count.dtype, "I64");
  assert.deepEqual(await count.values(), Int32Array.of(0));
});

layerTest("loadBatchNorm() misses no count where an old file has none", async () => {
  const ones = ["weight", "bias", "running_mean", "running_var"];
  const source = {
    file: "old.bin",
    names: () => ones,
    shape: (name: string) => ones.includes(name) ? [3] : undefined,
    read: () => Promise.resolve(Float32Array.of(1, 1, 1)),
  };
  const reader = new ParameterReader({ source, basePrefix: "hubert", random: new Random(1) });
  await loadBatchNorm(reader, 3);
  assert.deepEqual(reader.report(), { missing: [], mismatched: [], unexpected: [] });
});

layerTest("batchNorm() uses and leaves the running statistics in evaluation", async () => {
  const norm = await params();
  const y = batchNorm(norm, twoClips());
  const expected = [0, 8, 2, 8, 4, 12, 6, 12];
  assertAllClose(numbers(y), expected, { atol: 1e-4 });
  assert.deepEqual([numbers(norm.mean), numbers(norm.variance)], [[1, 2], [4, 1]]);
});

layerTest("batchNorm() uses the batch's statistics in training, over all clips", async () => {
  const norm = await params();
  const y = batchNorm(norm, twoClips(), new Noise(1));
  const [outer, inner] = [6 / Math.sqrt(5), 2 / Math.sqrt(5)];
  const expected = [-outer, 9, -inner, 9, inner, 11, outer, 11];
  assertAllClose(numbers(y), expected, { atol: 1e-4 });
});

layerTest("batchNorm() moves the running statistics in training by a tenth", async () => {
  const norm = await params();
  batchNorm(norm, twoClips(), new Noise(1));
  assertAllClose(numbers(norm.mean), [1.3, 2], { atol: 1e-6 });
  assertAllClose(numbers(norm.variance), [3.6 + 2 / 3, 0.9 + 16 / 30], { atol: 1e-6 });
});

layerTest("batchNorm() lets no gradient through a shift of the batch in training", async () => {
  const norm = await params();
  const slopes = noiseTensor([2, 2, 2]);
  const through = (noise?: Noise) =>
    grad((x: Tensor) => batchNorm(norm, x, noise))(twoClips(), slopes);
  const sumOf = (x: Tensor) => numbers(x).reduce((sum, value, i) => i % 2 ? sum : sum + value, 0);
  assert.ok(Math.abs(sumOf(through(new Noise(1)))) < 1e-5);
  assert.ok(Math.abs(sumOf(through())) > 0.1);
});

layerTest("batchNorm() leaves nothing behind, in evaluation and in training", async () => {
  const norm = await params();
  // The first step parts the statistics from the tensors that they were set to.
  batchNorm(norm, twoClips(), new Noise(1));
  for (const noise of [undefined, new Noise(1)]) {
    const x = twoClips();
    const buffers = engine().memory().numDataBuffers;
    assert.equal(tensorsLeft(() => batchNorm(norm, x, noise) ? 1 : 0), 0);
    assert.equal(engine().memory().numDataBuffers, buffers + 1);
  }
});
