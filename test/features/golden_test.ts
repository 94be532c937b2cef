import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { featureExtractorFromConfig } from "../../src/features/registry.ts";
import { assertAllClose } from "../compare.ts";
import { GOLDEN_DIR, goldenCases } from "../golden_cases.ts";
import { type KitTensor, readJson, readTensors } from "../kit.ts";

/** Of inputs whose largest values are about 4. */
const LIMITS: Record<string, number> = {
  Wav2Vec2FeatureExtractor: 2e-6,
  ASTFeatureExtractor: 1e-5,
  CedFeatureExtractor: 2e-3,
  EfficientATFeatureExtractor: 5e-5,
  SeamlessM4TFeatureExtractor: 5e-5,
  WhisperFeatureExtractor: 1e-4,
};

/** The clips that lie one after the other in `samples`. */
function clipsOf({ values }: KitTensor, lengths: number[]): Float32Array[] {
  let at = 0;
  return lengths.map((length) => (values as Float32Array).subarray(at, at += length));
}

/** Bands of each frame in a row, as ours are. **Shape** `[B, C, T]` -> `[B, T, C]` */
function framesFirst({ shape, values }: KitTensor): { shape: number[]; values: number[] } {
  const [clips, bands, frames] = shape as [number, number, number];
  const turned = Array.from({ length: values.length }, (_, i) => {
    const [row, band] = [Math.floor(i / bands), i % bands];
    return values[(Math.floor(row / frames) * bands + band) * frames + row % frames]!;
  });
  return { shape: [clips, frames, bands], values: turned };
}

/** How many samples of each row are real. **Shape** `[B, S]` -> `[B]` */
function rowSums({ shape, values }: KitTensor): Int32Array {
  const [rows, width] = shape as [number, number];
  return Int32Array.from({ length: rows }, (_, row) => {
    return Array.from(values.subarray(row * width, (row + 1) * width)).reduce((a, b) => a + b, 0);
  });
}

interface Case {
  name: string;
  config: Record<string, unknown>;
  stored: Map<string, KitTensor>;
  lengths: number[];
}

async function openCase(name: string): Promise<Case> {
  const file = (part: string) => join(GOLDEN_DIR, name, part);
  return {
    name,
    config: await readJson(file("preprocessor_config.json")),
    stored: await readTensors(file("inputs.safetensors")),
    lengths: (await readJson<{ lengths: number[] }>(file("meta.json"))).lengths,
  };
}

const CASES = await Promise.all(goldenCases().map(openCase));

/** The two oldest cases keep no samples. */
const WITH_SAMPLES = CASES.filter(({ stored }) => stored.has("samples"));

Deno.test("test/golden keeps the samples of all cases but two", () => {
  equal(WITH_SAMPLES.length, CASES.length - 2);
});

for (const [type, atol] of Object.entries(LIMITS)) {
  Deno.test(`extract() makes the inputs of the golden cases (${type})`, () => {
    const cases = WITH_SAMPLES.filter(({ config }) => config.feature_extractor_type === type);
    ok(cases.length >= 2);
    for (const { name, config, stored, lengths } of cases) {
      const extractor = featureExtractorFromConfig(config);
      const padding = extractor.fixedSamples === undefined ? true : "max_length";
      const batch = extractor.extract(clipsOf(stored.get("samples")!, lengths), { padding });
      const features = stored.get("input_values") ?? stored.get("input_features")!;
      const expected = type === "WhisperFeatureExtractor" ? framesFirst(features) : features;
      const actual = { shape: batch.shape, values: batch.inputValues };
      assertAllClose(actual, expected, { atol, label: name });
      const mask = stored.get("attention_mask");
      if (mask) deepEqual(batch.lengths, rowSums(mask));
    }
  });
}

Deno.test("toConfig() writes the extractors of the golden cases as transformers does", () => {
  for (const { name, config } of CASES) {
    const written = featureExtractorFromConfig(config).toConfig();
    equal(JSON.stringify(written), JSON.stringify(config), name);
  }
});
