import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { namesWith, noiseInputs, scoresOf, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = { ...TINY_SPEECH, model_type: "sew" };

Deno.test("SEW projects features of another size only", async () => {
  const projection = "feature_projection";
  await withModel(TINY, (model) => assert.equal(namesWith(model, projection).length, 2));
  const fitting = { ...TINY, conv_dim: [6, 8] };
  await withModel(fitting, (model) => assert.deepEqual(namesWith(model, projection), []));
});

Deno.test("SEW needs as many frames as become one", async () => {
  for (const squeeze_factor of [1, 2, 3]) {
    await withModel({ ...TINY, squeeze_factor }, (model) => {
      const { minSamples } = model;
      assert.equal(model.frames(minSamples), squeeze_factor);
      assert.equal(model.frames(minSamples - 1), squeeze_factor - 1);
      assert.ok(scoresOf(model, noiseInputs(1, minSamples)).every(Number.isFinite));
    });
  }
});

Deno.test("SEW weighs squeezed states, whichever version wrote the checkpoint", async () => {
  for (const transformers_version of ["4.57.6", "5.18.0"]) {
    const json = { ...TINY, use_weighted_layer_sum: true, transformers_version };
    await withModel(json, (model) => {
      const weight = model.parameters.get("sew.encoder.upsample.projection.weight")!;
      const before = scoresOf(model, noiseInputs(2, 210), Int32Array.of(210, 150));
      const other = noiseInputs(...weight.shape);
      weight.assign(other);
      other.dispose();
      assert.deepEqual(scoresOf(model, noiseInputs(2, 210), Int32Array.of(210, 150)), before);
    });
  }
});

Deno.test("SEW leaks no tensor in a training pass with masks and padding", async () => {
  await withModel({ ...TINY, mask_time_prob: 0.5, mask_time_length: 2 }, (model) => {
    const inputs = noiseInputs(2, 210);
    const before = engine().memory().numTensors;
    const options = { noise: new Noise(1), outputHiddenStates: true };
    const output = model.forward({ inputs, lengths: Int32Array.of(210, 120) }, options);
    const frames = model.frames(210);
    assert.deepEqual(output.lastHiddenState!.shape, [2, frames, 8]);
    assert.deepEqual(output.hiddenStates![0]!.shape, [2, Math.floor(frames / 2), 8]);
    const tensors = [output.logits, output.pooled, ...output.hiddenStates!, output.convFeatures];
    for (const part of [...tensors, output.lastHiddenState]) part?.dispose();
    assert.equal(engine().memory().numTensors, before);
    inputs.dispose();
  });
});

Deno.test("SEW's own convolutions stand in for those that a config leaves out", async () => {
  const json = { ...TINY, conv_dim: null, conv_kernel: null, conv_stride: null };
  await withModel(json, (model) => {
    assert.equal(namesWith(model, "conv.weight").length, 13);
    assert.equal(model.frames(16_000), 49);
  });
});

Deno.test("SEW refuses to squeeze nothing", async () => {
  await assert.rejects(buildModel({ ...TINY, squeeze_factor: 0 }), /"squeeze_factor"/);
});
