import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { type JsonObject, Noise } from "../../src/models/mod.ts";
import { readJson, readTensors } from "../kit.ts";
import { namesWith, noiseInputs, scoresOf, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY: JsonObject = { ...TINY_SPEECH, model_type: "wav2vec2" };
const GOLDEN = join(import.meta.dirname!, "..", "golden");

for (const name of ["wav2vec2-group", "wav2vec2-layer-weighted-adapter"]) {
  Deno.test(`Wav2Vec2 has the reference's parameters, and no others (${name})`, async () => {
    const stored = await readTensors(join(GOLDEN, name, "model.safetensors"));
    await withModel(await readJson(join(GOLDEN, name, "config.json")), (model) => {
      const shapesOf = (tensors: Iterable<[string, { shape: number[] }]>) =>
        new Map(Array.from(tensors, ([key, { shape }]): [string, number[]] => [key, shape]).sort());
      assert.deepEqual(shapesOf(model.parameters), shapesOf(stored));
    });
  });
}

Deno.test("Wav2Vec2 starts alike from one seed, otherwise from another", async () => {
  const scores: number[][] = [];
  for (const seed of [1, 1, 2]) {
    const keep = (found: number[]) => void scores.push(found);
    await withModel(TINY, (model) => keep(scoresOf(model, noiseInputs(1, 100))), { seed });
  }
  assert.deepEqual(scores[0], scores[1]);
  assert.notDeepEqual(scores[0], scores[2]);
});

Deno.test("Wav2Vec2 has a mask embedding only where the config masks anything", async () => {
  const name = "wav2vec2.masked_spec_embed";
  for (const [time, feature, there] of [[0.05, 0, true], [0, 0.1, true], [0, 0, false]] as const) {
    const json = { ...TINY, mask_time_prob: time, mask_feature_prob: feature };
    await withModel(json, (model) => assert.equal(model.parameters.has(name), there));
  }
});

Deno.test("Wav2Vec2 weighs states before the final norm, and after it as older versions", async () => {
  const json = { ...TINY, do_stable_layer_norm: true, use_weighted_layer_sum: true };
  const scores: number[][] = [];
  for (const transformers_version of [undefined, "5.18.0", "4.57.6", "4.9"]) {
    await withModel({ ...json, transformers_version }, (model) => {
      scores.push(scoresOf(model, noiseInputs(1, 100)));
    }, { onWarning: () => {} });
  }
  const [none, newer, older, oldest] = scores;
  assert.deepEqual(none, newer);
  assert.deepEqual(older, oldest);
  assert.notDeepEqual(newer, older);
});

Deno.test("Wav2Vec2 takes a positional convolution over 1,500 frames", async () => {
  await withModel({ ...TINY, num_conv_pos_embeddings: 1_500 }, (model) => {
    assert.ok(scoresOf(model, noiseInputs(1, 100)).every(Number.isFinite));
  });
});

Deno.test("Wav2Vec2 without layers, and of one frame, still classifies", async () => {
  await withModel({ ...TINY, num_hidden_layers: 0 }, (model) => {
    assert.equal(model.minSamples, 20);
    const scores = scoresOf(model, noiseInputs(2, 20));
    assert.ok(scores.length === 6 && scores.every(Number.isFinite));
  });
});

Deno.test("Wav2Vec2 scores a padded clip as alone, with its length and layer norms", async () => {
  const json = { ...TINY, feat_extract_norm: "layer", do_stable_layer_norm: true };
  await withModel(json, (model) => {
    assert.equal(model.paddingInvariant, true);
    const padded = noiseInputs(2, 300);
    const alone = scoresOf(model, noiseInputs(1, 180));
    const both = scoresOf(model, padded, Int32Array.of(180, 300));
    alone.forEach((score, i) =>
      assert.ok(Math.abs(score - both[i]!) < 1e-5, `${score}, ${both[i]}`)
    );
  });
  await withModel(TINY, (model) => assert.equal(model.paddingInvariant, false));
});

Deno.test("Wav2Vec2 leaks no tensor, in training with masks and padding either", async () => {
  await withModel({ ...TINY, mask_time_prob: 0.5, mask_time_length: 2 }, (model) => {
    const inputs = noiseInputs(2, 200);
    const before = engine().memory().numTensors;
    for (const noise of [undefined, new Noise(1)]) {
      const options = { noise, outputHiddenStates: true };
      const output = model.forward({ inputs, lengths: Int32Array.of(200, 120) }, options);
      const states = [...output.hiddenStates!, output.convFeatures, output.lastHiddenState];
      for (const part of new Set([output.logits, output.pooled, ...states])) part?.dispose();
      assert.equal(engine().memory().numTensors, before);
    }
    inputs.dispose();
  });
});

Deno.test("UniSpeech names its tensors as the hub does", async () => {
  await withModel({ ...TINY_SPEECH, model_type: "unispeech" }, (model) => {
    assert.deepEqual(namesWith(model, "masked_spec_embed"), ["unispeech.masked_spec_embed"]);
    model.freezeFeatureEncoder();
    assert.equal(
      model.trainable().has("unispeech.feature_extractor.conv_layers.0.conv.weight"),
      false,
    );
    model.freezeBaseModel();
    const head = ["projector.weight", "projector.bias", "classifier.weight", "classifier.bias"];
    assert.deepEqual([...model.trainable().keys()], head);
    assert.deepEqual(model.toConfig().architectures, ["UniSpeechForSequenceClassification"]);
  });
});

Deno.test("UniSpeech-SAT has the embedding of masked frames also where nothing is masked", async () => {
  const json = { ...TINY_SPEECH, model_type: "unispeech-sat", mask_time_prob: 0 };
  await withModel(json, (model) => {
    assert.deepEqual(namesWith(model, "masked"), ["unispeech_sat.masked_spec_embed"]);
    assert.deepEqual(model.toConfig().architectures, ["UniSpeechSatForSequenceClassification"]);
  });
});
