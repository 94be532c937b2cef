import assert from "node:assert/strict";
import { featureExtractorFromConfig } from "../../../src/features/mod.ts";
import { buildModel } from "../../../src/models/mod.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import { FINE_TUNING, isPreset, PRESETS } from "../../../src/train/options/presets.ts";
import { useReference } from "../../reference/backend.ts";

for (const [name, { config, preprocessor, args }] of Object.entries(PRESETS)) {
  Deno.test(`preset ${name} has an extractor and arguments that go together`, () => {
    const extractor = featureExtractorFromConfig(preprocessor);
    assert.deepEqual(extractor.toConfig(), preprocessor);
    assert.equal(extractor.samplingRate, name === "tiny" ? 8_000 : 16_000);
    assert.doesNotThrow(() => new TrainingArguments({ outputDir: "out", ...args }));
    assert.equal(config.model_type, "wav2vec2");
  });
}

Deno.test("presets tiny and small are models of their size", async () => {
  await useReference();
  for (const [name, most] of [["tiny", 1e6], ["small", 5e6]] as const) {
    const model = await buildModel(PRESETS[name].config, { labels: ["no", "yes"] });
    assert.ok(model.parameterCount < most, `${name}: ${model.parameterCount} parameters`);
    assert.ok(model.parameterCount > most / 10, `${name}: ${model.parameterCount} parameters`);
    assert.deepEqual(model.loading, { missing: [], mismatched: [], unexpected: [] });
    model.dispose();
  }
});

Deno.test("isPreset() knows the names of presets, and no inherited ones", () => {
  assert.deepEqual(["tiny", "small", "base"].map(isPreset), [true, true, true]);
  assert.deepEqual(["huge", "toString", "__proto__"].map(isPreset), [false, false, false]);
});

Deno.test("the arguments of fine-tuning go together", () => {
  assert.doesNotThrow(() => new TrainingArguments({ outputDir: "out", ...FINE_TUNING }));
});
