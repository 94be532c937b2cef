import assert from "node:assert/strict";
import { engine, tensor, tidy } from "@tensorflow/tfjs-core";
import { join } from "node:path";
import type { AudioClassificationModel, JsonObject } from "../../src/models/mod.ts";
import { assertAllClose } from "../compare.ts";
import { readJson } from "../kit.ts";
import { tone } from "../tiny_model.ts";
import { TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY: JsonObject = { ...TINY_SPEECH, model_type: "wav2vec2" };
const GOLDEN = join(import.meta.dirname!, "..", "golden");

function trainableNames(model: AudioClassificationModel): string[] {
  return [...model.trainable().keys()];
}

Deno.test("AudioClassificationModel trains everything unless it is frozen", async () => {
  await withModel(TINY, (model) => {
    assert.deepEqual(trainableNames(model), [...model.parameters.keys()]);
    const elements = [...model.parameters.values()].reduce((sum, { size }) => sum + size, 0);
    assert.equal(model.parameterCount, elements);
  });
});

Deno.test("freezeFeatureEncoder() keeps the convolutions, and not the projection", async () => {
  await withModel(TINY, (model) => {
    model.freezeFeatureEncoder();
    model.freezeFeatureEncoder();
    const frozen = [...model.parameters.keys()].filter((name) => !model.trainable().has(name));
    assert.deepEqual(frozen, [
      "wav2vec2.feature_extractor.conv_layers.0.conv.weight",
      "wav2vec2.feature_extractor.conv_layers.0.layer_norm.weight",
      "wav2vec2.feature_extractor.conv_layers.0.layer_norm.bias",
      "wav2vec2.feature_extractor.conv_layers.1.conv.weight",
    ]);
  });
});

Deno.test("freezeBaseModel() leaves the head, with its layer weights", async () => {
  await withModel({ ...TINY, use_weighted_layer_sum: true }, (model) => {
    model.freezeFeatureEncoder();
    model.freezeBaseModel();
    const [projector, classifier] = ["projector", "classifier"];
    const head = [projector, classifier].flatMap((map) => [`${map}.weight`, `${map}.bias`]);
    assert.deepEqual(trainableNames(model).sort(), ["layer_weights", ...head].sort());
  });
});

for (const name of ["wav2vec2-group", "wav2vec2-layer-weighted-adapter"]) {
  Deno.test(`toConfig() gives back the reference's own config (${name})`, async () => {
    const json = await readJson<JsonObject>(join(GOLDEN, name, "config.json"));
    await withModel(json, (model) => {
      assert.deepEqual(model.toConfig(), json);
      assert.deepEqual(Object.keys(model.toConfig()), Object.keys(json));
    });
  });
}

Deno.test("toConfig() names the class, the labels and the type of what is saved", async () => {
  const json = { ...TINY, architectures: ["Wav2Vec2ForPreTraining"], torch_dtype: "float16" };
  await withModel({ ...json, id2label: { 0: "x" }, label2id: { x: 0 } }, (model) => {
    const config = model.toConfig();
    assert.deepEqual(config.architectures, ["Wav2Vec2ForSequenceClassification"]);
    assert.deepEqual(config.id2label, { 0: "no", 1: "yes" });
    assert.deepEqual(config.label2id, { no: 0, yes: 1 });
    assert.deepEqual([config.dtype, config.hidden_size], ["float32", 8]);
    assert.ok(!("torch_dtype" in config) && !("num_labels" in config));
    assert.deepEqual(Object.keys(config), Object.keys(config).toSorted());
  }, { labels: ["no", "yes"] });
});

Deno.test("tensors() are the parameters, read when their turn comes", async () => {
  await withModel(TINY, async (model) => {
    const stored = [...model.tensors()];
    assert.deepEqual(stored.map(({ name }) => name), [...model.parameters.keys()]);
    const weight = stored.find(({ name }) => name === "classifier.weight")!;
    assert.deepEqual([weight.dtype, weight.shape], ["F32", [3, 4]]);
    const parameter = model.parameters.get("classifier.weight")!;
    assert.deepEqual(await weight.values(), parameter.dataSync());
  });
});

Deno.test("AudioClassificationModel knows its input", async () => {
  await withModel(TINY, (model) => {
    assert.deepEqual([model.modelType, model.minSamples], ["wav2vec2", 20]);
    assert.deepEqual([model.frames(19), model.frames(20), model.frames(200)], [0, 1, 19]);
  });
});

Deno.test("logits() gives each clip's scores, and knows padding by its mask", async () => {
  await withModel(TINY, async (model) => {
    const clips = [tone(200), tone(120, 3)];
    const alone = await Promise.all(clips.map(async (clip) => {
      return (await model.logits({ inputValues: clip, shape: [1, clip.length] }))[0]!;
    }));
    const inputValues = new Float32Array(400);
    clips.forEach((clip, i) => inputValues.set(clip, i * 200));
    const batch = { inputValues, shape: [2, 200], lengths: Int32Array.of(200, 120) };
    const [first, unmasked] = await model.logits(batch);
    assertAllClose(first!, alone[0]!, { atol: 1e-6 });
    assert.notDeepEqual(unmasked, alone[1]);
    const inputs = tensor(inputValues, [2, 200]);
    const plain = tidy(() => model.forward({ inputs }).logits);
    assert.deepEqual([...first!, ...unmasked!], [...await plain.data()]);
    plain.dispose();
    const { lengths } = batch;
    const logits = tidy(() => model.forward({ inputs, lengths }).logits);
    const attentionMask = Int32Array.from(inputValues, (_, i) => i < 320 ? 1 : 0);
    const masked = await model.logits({ ...batch, attentionMask });
    assert.deepEqual([...masked[0]!, ...masked[1]!], [...await logits.data()]);
    const { numTensors } = engine().memory();
    await model.logits(batch);
    assert.equal(engine().memory().numTensors, numTensors);
    logits.dispose();
    inputs.dispose();
  });
});

Deno.test("dispose() frees every parameter", async () => {
  let before = 0;
  await withModel(TINY, (model) => {
    before = engine().memory().numTensors - model.parameters.size;
  });
  assert.equal(engine().memory().numTensors, before);
});
