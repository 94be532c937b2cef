import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import {
  convFeatureEncoder,
  type ConvFeatureEncoderConfig,
  featureFrames,
  loadConvFeatureEncoder,
  receptiveFieldSamples,
} from "../../src/layers/conv_feature_encoder.ts";
import {
  distance,
  firstFrames,
  freshReader,
  layerTest,
  noiseTensor,
  tensorsLeft,
} from "./_layer_case.ts";

const CONFIG: ConvFeatureEncoderConfig = {
  conv_dim: [4, 6, 5],
  conv_kernel: [10, 3, 2],
  conv_stride: [5, 2, 2],
  conv_bias: false,
  feat_extract_norm: "group",
  feat_extract_activation: "gelu",
};
const BASE = {
  ...CONFIG,
  conv_dim: new Array(7).fill(512),
  conv_kernel: [10, 3, 3, 3, 3, 2, 2],
  conv_stride: [5, 2, 2, 2, 2, 2, 2],
};

layerTest("featureFrames() is what convFeatureEncoder() gives", async () => {
  const params = await loadConvFeatureEncoder(freshReader(), CONFIG);
  const least = receptiveFieldSamples(CONFIG);
  for (const samples of [least, least + 1, least + 19, least + 20, 333]) {
    const { shape } = convFeatureEncoder(params, noiseTensor([2, samples]));
    assert.deepEqual(shape, [2, featureFrames(CONFIG, samples), 5]);
  }
});

layerTest("receptiveFieldSamples() is the shortest clip that gives a frame", () => {
  for (const [config, samples] of [[CONFIG, 30], [BASE, 400]] as const) {
    assert.equal(receptiveFieldSamples(config), samples);
    assert.equal(featureFrames(config, samples), 1);
    assert.ok(featureFrames(config, samples - 1) < 1);
  }
  assert.equal(featureFrames(BASE, 16_000), 49);
});

layerTest("loadConvFeatureEncoder() has a norm after the first, or after each", async () => {
  const namesOf = async (config: ConvFeatureEncoderConfig): Promise<string[]> => {
    const reader = freshReader();
    await loadConvFeatureEncoder(reader, config);
    return [...reader.parameters.keys()];
  };
  assert.deepEqual(await namesOf(CONFIG), [
    "conv_layers.0.conv.weight",
    "conv_layers.0.layer_norm.weight",
    "conv_layers.0.layer_norm.bias",
    "conv_layers.1.conv.weight",
    "conv_layers.2.conv.weight",
  ]);
  const full = await namesOf({ ...CONFIG, feat_extract_norm: "layer", conv_bias: true });
  assert.equal(full.length, 3 * 4);
});

for (const [kind, sees] of [["group", true], ["layer", false]] as const) {
  const does = sees ? "sees" : "does not see";
  layerTest(
    `convFeatureEncoder() of kind "${kind}" ${does} what a clip is padded with`,
    async () => {
      const params = await loadConvFeatureEncoder(freshReader(), {
        ...CONFIG,
        feat_extract_norm: kind,
      });
      const clip = noiseTensor([1, 100]);
      const padded = tensor([...clip.dataSync(), ...new Array(60).fill(0)], [1, 160]);
      const alone = convFeatureEncoder(params, clip);
      const first = firstFrames(convFeatureEncoder(params, padded), alone.shape[1]!);
      assert.equal(distance(first, alone) > 1e-3, sees);
    },
  );
}

layerTest("convFeatureEncoder() leaves one tensor and its argument", async () => {
  const params = await loadConvFeatureEncoder(freshReader(), CONFIG);
  const x = noiseTensor([1, 100]);
  const left = tensorsLeft(() => {
    convFeatureEncoder(params, x);
    return 1;
  });
  assert.equal(left, 0);
  assert.equal(x.isDisposed, false);
});
