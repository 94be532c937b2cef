import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { Noise } from "../../src/models/mod.ts";
import { namesWith, noiseInputs, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = { ...TINY_SPEECH, model_type: "hubert" };

Deno.test("HuBERT has no norm before the projection where the config says so", async () => {
  const norm = "feature_projection.layer_norm";
  await withModel(TINY, (model) => assert.equal(namesWith(model, norm).length, 2));
  const distilled = { ...TINY, feat_proj_layer_norm: false };
  await withModel(distilled, (model) => assert.deepEqual(namesWith(model, norm), []));
});

Deno.test("HuBERT has a batch norm in place of the weight norm where the config says so", async () => {
  const json = { ...TINY, feat_extract_norm: "layer" };
  const ofPositions = "pos_conv_embed";
  await withModel(json, (model) => {
    assert.equal(namesWith(model, ofPositions).length, 3);
    assert.equal(model.paddingInvariant, true);
  });
  await withModel({ ...json, conv_pos_batch_norm: true }, (model) => {
    const names = namesWith(model, ofPositions).map((name) => name.split(`${ofPositions}.`)[1]);
    const ofNorm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
    const expected = [...ofNorm.map((name) => `batch_norm.${name}`), "conv.weight", "conv.bias"];
    assert.deepEqual(names, expected);
    assert.equal(model.paddingInvariant, false);
  });
});

Deno.test("HuBERT has adapters in stable layers only", async () => {
  const json = { ...TINY, adapter_attn_dim: 3 };
  await withModel(json, (model) => assert.deepEqual(namesWith(model, "adapter_layer"), []));
  const stable = { ...json, do_stable_layer_norm: true };
  await withModel(stable, (model) => assert.equal(namesWith(model, "adapter_layer").length, 12));
});

Deno.test("HuBERT starts with convolutions without bias values, as the reference does", async () => {
  await withModel({ ...TINY, conv_bias: true }, (model) => {
    const biases = namesWith(model, "conv.bias").map((name) => model.parameters.get(name)!);
    assert.equal(biases.length, 3);
    for (const bias of biases) assert.ok(bias.dataSync().every((value) => value === 0));
  });
});

Deno.test("HuBERT leaks no tensor in a training pass with masks and padding", async () => {
  const json = { ...TINY, mask_time_prob: 0.5, mask_time_length: 2 };
  await withModel(json, (model) => {
    const inputs = noiseInputs(2, 200);
    const before = engine().memory().numTensors;
    const options = { noise: new Noise(1), outputHiddenStates: true };
    const output = model.forward({ inputs, lengths: Int32Array.of(200, 120) }, options);
    assert.deepEqual(output.logits.shape, [2, 3]);
    const tensors = [output.logits, output.pooled, ...output.hiddenStates!, output.convFeatures];
    for (const part of [...tensors, output.lastHiddenState]) part?.dispose();
    assert.equal(engine().memory().numTensors, before);
    inputs.dispose();
  });
});
