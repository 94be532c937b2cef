import { deepEqual, throws } from "node:assert/strict";
import {
  ASTFeatureExtractor,
  featureColumns,
  Wav2Vec2FeatureExtractor,
} from "../../src/features/mod.ts";
import { tone } from "../tiny_model.ts";

Deno.test("featureColumns() gives each clip as it is extracted alone", () => {
  const extractor = new Wav2Vec2FeatureExtractor({ samplingRate: 8_000 });
  const clips = [tone(900), tone(300, 2)];
  const { input_values: rows } = featureColumns(extractor, clips, {
    samplingRate: 8_000,
    maxLength: 500,
    truncation: true,
  });
  deepEqual(rows, [
    extractor.extract([clips[0]!.subarray(0, 500)]).inputValues,
    extractor.extract([clips[1]!]).inputValues,
  ]);
  const padded = featureColumns(extractor, clips, { padding: "max_length", maxLength: 1_000 });
  deepEqual(padded.input_values!.map(({ length }) => length), [1_000, 1_000]);
});

Deno.test("featureColumns() names the column as the model does, and checks the rate", () => {
  const extractor = new ASTFeatureExtractor({ maxLength: 20 });
  const columns = featureColumns(extractor, [tone(4_000)]);
  deepEqual(Object.keys(columns), [extractor.inputName]);
  throws(() => featureColumns(extractor, [tone(4_000)], { samplingRate: 8_000 }), RangeError);
});
