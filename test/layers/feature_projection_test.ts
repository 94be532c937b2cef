import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { featureProjection, loadFeatureProjection } from "../../src/layers/feature_projection.ts";
import { Noise } from "../../src/layers/noise.ts";
import { assertClose, distance, freshReader, layerTest, noiseTensor } from "./_layer_case.ts";

layerTest("loadFeatureProjection() asks for the hub's names and starts uniform", async () => {
  const reader = freshReader();
  await loadFeatureProjection(reader.at("feature_projection"), {
    conv_dim: [8, 16],
    hidden_size: 64,
    layer_norm_eps: 0,
  });
  assert.deepEqual([...reader.parameters].map(([name, { shape }]) => [name, shape]), [
    ["feature_projection.layer_norm.weight", [16]],
    ["feature_projection.layer_norm.bias", [16]],
    ["feature_projection.projection.weight", [64, 16]],
    ["feature_projection.projection.bias", [64]],
  ]);
  for (const name of ["weight", "bias"]) {
    const values = reader.parameters.get(`feature_projection.projection.${name}`)!.dataSync();
    const largest = Math.max(...values.map(Math.abs));
    assert.ok(largest <= 0.25 && largest > 0.22, `largest ${name} is ${largest}`);
  }
});

layerTest("featureProjection() normalises, then maps", () => {
  const params = {
    norm: { weight: tensor([2, 1]), bias: tensor([0, 1]), eps: 0 },
    projection: { weight: tensor([1, 0, 0, 1, 1, 1], [3, 2]), bias: tensor([0, 0, 5]) },
  };
  const y = featureProjection(params, tensor([3, 7], [1, 1, 2]), { dropoutRate: 0.5 });
  assertClose(y, tensor([-2, 2, 5], [1, 1, 3]));
});

layerTest("featureProjection() drops only in training", async () => {
  const config = { conv_dim: [4], hidden_size: 8, layer_norm_eps: 1e-5 };
  const params = await loadFeatureProjection(freshReader(), config);
  const x = noiseTensor([2, 5, 4]);
  const plain = featureProjection(params, x, { dropoutRate: 0.5 });
  const noise = new Noise(1);
  assert.ok(distance(featureProjection(params, x, { dropoutRate: 0.5, noise }), plain) > 1);
  assertClose(featureProjection(params, x, { dropoutRate: 0, noise }), plain);
});
