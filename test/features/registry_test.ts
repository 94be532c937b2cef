import { equal, ok, throws } from "node:assert/strict";
import { featureExtractorFromConfig } from "../../src/features/registry.ts";
import { Wav2Vec2FeatureExtractor } from "../../src/features/wav2vec2.ts";

const WAV2VEC2 = { feature_extractor_type: "Wav2Vec2FeatureExtractor", sampling_rate: 8000 };

Deno.test("featureExtractorFromConfig() picks the extractor that the file names", () => {
  const extractor = featureExtractorFromConfig(WAV2VEC2);
  ok(extractor instanceof Wav2Vec2FeatureExtractor);
  equal(extractor.type, WAV2VEC2.feature_extractor_type);
  equal(extractor.samplingRate, 8000);
});

Deno.test("featureExtractorFromConfig() builds the extractors of spectrograms", () => {
  for (
    const type of [
      "ASTFeatureExtractor",
      "CedFeatureExtractor",
      "EfficientATFeatureExtractor",
      "SeamlessM4TFeatureExtractor",
      "WhisperFeatureExtractor",
    ]
  ) {
    const extractor = featureExtractorFromConfig({ feature_extractor_type: type });
    equal(extractor.type, type);
    equal(extractor.toConfig().feature_extractor_type, type);
  }
});

Deno.test("featureExtractorFromConfig() takes the default of the architecture for old files", () => {
  const defaultType = "Wav2Vec2FeatureExtractor";
  ok(featureExtractorFromConfig({}, { defaultType }) instanceof Wav2Vec2FeatureExtractor);
  ok(featureExtractorFromConfig(WAV2VEC2, { defaultType: "Other" }));
});

Deno.test("featureExtractorFromConfig() names an unknown extractor and those supported", () => {
  const refuses = (config: unknown, message: RegExp) =>
    throws(() => featureExtractorFromConfig(config, { file: "p.json" }), {
      name: "CheckpointError",
      message,
      file: "p.json",
    });
  const named = (type: unknown) => ({ feature_extractor_type: type });
  const known =
    "ASTFeatureExtractor or CedFeatureExtractor or EfficientATFeatureExtractor or SeamlessM4TFeatureExtractor or " +
    "Wav2Vec2FeatureExtractor or WhisperFeatureExtractor";
  refuses(named("ClapFeatureExtractor"), new RegExp(`${known}, found ClapFeatureExtractor$`));
  refuses({}, new RegExp(`${known}, found none$`));
  refuses(named("__proto__"), /found __proto__$/);
  refuses(named(7), /expected feature_extractor_type a text, found 7$/);
  refuses("Wav2Vec2FeatureExtractor", /expected a JSON object/);
});

Deno.test("featureExtractorFromConfig() passes the file's name on", () => {
  const config = { ...WAV2VEC2, padding_side: "up" };
  throws(() => featureExtractorFromConfig(config, { file: "p.json" }), {
    file: "p.json",
    key: "padding_side",
  });
});
