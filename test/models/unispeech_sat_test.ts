import assert from "node:assert/strict";
import { namesWith, TINY_SPEECH, withModel } from "./_architecture_case.ts";

Deno.test("UniSpeech-SAT has the embedding of masked frames also where nothing is masked", async () => {
  const json = { ...TINY_SPEECH, model_type: "unispeech-sat", mask_time_prob: 0 };
  await withModel(json, (model) => {
    assert.deepEqual(namesWith(model, "masked"), ["unispeech_sat.masked_spec_embed"]);
    assert.deepEqual(model.toConfig().architectures, ["UniSpeechSatForSequenceClassification"]);
  });
});
