import assert from "node:assert/strict";
import { namesWith, TINY_SPEECH, withModel } from "./_architecture_case.ts";

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
