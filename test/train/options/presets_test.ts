import assert from "node:assert/strict";
import { featureExtractorFromConfig } from "../../../src/features/mod.ts";
import { buildModel } from "../../../src/models/mod.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import { FINE_TUNING, isPreset, presetOf, PRESETS } from "../../../src/train/options/presets.ts";
import { useReference } from "../../reference/backend.ts";

for (const [name, { config, preprocessor, args }] of Object.entries(PRESETS)) {
  Deno.test(`preset ${name} has an extractor and arguments that go together`, () => {
    const extractor = featureExtractorFromConfig(preprocessor);
    assert.deepEqual(extractor.toConfig(), preprocessor);
    assert.equal(extractor.samplingRate, name === "tiny" ? 8_000 : 16_000);
    assert.doesNotThrow(() => new TrainingArguments({ outputDir: "out", ...args }));
    const seesSpectrograms = name === "tiny-sound" || name === "wake-word";
    const type = seesSpectrograms ? "audio-spectrogram-transformer" : "wav2vec2";
    assert.equal(config.model_type, type);
    for (const field of seesSpectrograms ? ["num_mel_bins", "max_length"] : []) {
      assert.equal(config[field], preprocessor[field]);
    }
  });
}

const SIZES = [["tiny", 1e6], ["tiny-sound", 1e6], ["wake-word", 100_000], ["small", 5e6]] as const;

Deno.test("presets are models of their size", async () => {
  await useReference();
  for (const [name, most] of SIZES) {
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

Deno.test("presetOf() makes a model of spectrograms for clips of another length", () => {
  const { config, preprocessor, args } = presetOf("tiny-sound", 1);
  assert.deepEqual([config.max_length, preprocessor.max_length], [100, 100]);
  const extractor = featureExtractorFromConfig(preprocessor);
  assert.ok(extractor.fixedSamples! >= 16_000 && extractor.fixedSamples! < 16_400);
  assert.equal(args.augmentShiftSeconds, PRESETS["tiny-sound"].args.augmentShiftSeconds! / 5);
  for (const [name, seconds] of [["tiny-sound", 5], ["wake-word", 1]] as const) {
    assert.deepEqual(presetOf(name, seconds), PRESETS[name]);
  }
});

Deno.test("presetOf() refuses clips that are shorter than a patch, and models of any length", () => {
  assert.throws(() => presetOf("tiny-sound", 0.3), {
    name: "RangeError",
    message: 'Cannot make a model of "tiny-sound" for clips of 0.3 s: expected 0.32 s or more',
  });
  assert.throws(() => presetOf("tiny", 1), {
    name: "RangeError",
    message: 'Cannot set the seconds of a clip of "tiny": its model takes clips of any length',
  });
});

Deno.test("the arguments of fine-tuning go together", () => {
  assert.doesNotThrow(() => new TrainingArguments({ outputDir: "out", ...FINE_TUNING }));
});
