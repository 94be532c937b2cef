import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { loadFeatureExtractor } from "../../src/features/load_extractor.ts";
import type { FeatureExtractor } from "../../src/features/mod.ts";
import { bytesSource, type FileReader } from "../../src/weights/byte_source.ts";

/** A directory in memory. */
function directory(files: Record<string, unknown>): FileReader {
  const open = (name: string) => {
    const bytes = new TextEncoder().encode(JSON.stringify(files[name]));
    return Promise.resolve(name in files ? bytesSource(name, bytes) : undefined);
  };
  return { name: "runs/a", open };
}

async function loaded(
  files: Record<string, unknown>,
): Promise<{ extractor: FeatureExtractor; warnings: string[] }> {
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  return { extractor: await loadFeatureExtractor(directory(files), { onWarning }), warnings };
}

const OF_8_KHZ = { feature_extractor_type: "Wav2Vec2FeatureExtractor", sampling_rate: 8_000 };
const OF_WHISPER = { feature_extractor_type: "WhisperFeatureExtractor", chunk_length: 2 };

Deno.test("loadFeatureExtractor() takes the one in processor_config.json before the other", async () => {
  for (const key of ["feature_extractor", "audio_processor"]) {
    const { extractor, warnings } = await loaded({
      "processor_config.json": { [key]: OF_8_KHZ, processor_class: "Wav2Vec2Processor" },
      "preprocessor_config.json": OF_WHISPER,
    });
    equal(extractor.samplingRate, 8_000, key);
    deepEqual(warnings, []);
  }
  const { extractor } = await loaded({
    "processor_config.json": { processor_class: "Wav2Vec2Processor" },
    "preprocessor_config.json": OF_WHISPER,
  });
  equal(extractor.type, "WhisperFeatureExtractor");
});

Deno.test("loadFeatureExtractor() takes the architecture's class where a file names none", async () => {
  const { extractor, warnings } = await loaded({
    "preprocessor_config.json": { do_normalize: false, return_attention_mask: true },
    "config.json": { model_type: "wav2vec2", feat_extract_norm: "group" },
  });
  deepEqual(warnings, []);
  equal(extractor.type, "Wav2Vec2FeatureExtractor");
  const { do_normalize, return_attention_mask } = extractor.toConfig();
  deepEqual([do_normalize, return_attention_mask], [false, true]);
});

Deno.test("loadFeatureExtractor() follows the model where there is no file, and says so", async () => {
  const cases = [
    [{ model_type: "hubert", feat_extract_norm: "layer" }, "Wav2Vec2FeatureExtractor", {
      return_attention_mask: true,
    }],
    [{ model_type: "wav2vec2" }, "Wav2Vec2FeatureExtractor", { return_attention_mask: false }],
    [{ model_type: "whisper", num_mel_bins: 128 }, "WhisperFeatureExtractor", {
      feature_size: 128,
      chunk_length: 30,
    }],
    [{ model_type: "whisper", max_source_positions: 50 }, "WhisperFeatureExtractor", {
      feature_size: 80,
      chunk_length: 1,
    }],
    [{ model_type: "efficientat", input_dim_f: 64 }, "EfficientATFeatureExtractor", {
      feature_size: 64,
      sampling_rate: 32_000,
    }],
    [{ model_type: "ced", n_mels: 40 }, "CedFeatureExtractor", { feature_size: 40, f_max: null }],
    [
      { model_type: "wav2vec2-bert", feature_projection_input_dim: 80 },
      "SeamlessM4TFeatureExtractor",
      { num_mel_bins: 40, stride: 2 },
    ],
    [
      { model_type: "audio-spectrogram-transformer", max_length: 128, num_mel_bins: 64 },
      "ASTFeatureExtractor",
      { max_length: 128, num_mel_bins: 64 },
    ],
  ] as const;
  for (const [model, type, fields] of cases) {
    const { extractor, warnings } = await loaded({ "config.json": model });
    equal(extractor.type, type);
    const config = extractor.toConfig();
    for (const [key, value] of Object.entries(fields)) equal(config[key], value, key);
    equal(warnings.length, 1);
    match(warnings[0]!, /^"runs\/a" does not say how its input is made: .* at (16|32)000 Hz$/);
  }
});

Deno.test("loadFeatureExtractor() names the file that is wrong", async () => {
  const wrong = {
    "processor_config.json": { feature_extractor: { ...OF_8_KHZ, feature_size: 2 } },
  };
  await rejects(loaded(wrong), { name: "CheckpointError", file: "runs/a/processor_config.json" });
  await rejects(loaded({}), /Cannot read "runs\/a\/config\.json": expected a file, found nothing$/);
});
