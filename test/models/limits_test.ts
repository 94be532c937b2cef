import assert from "node:assert/strict";
import { join } from "node:path";
import { ConfigReader, type JsonObject } from "../../src/models/_config_reader.ts";
import { architectureOf } from "../../src/models/registry.ts";
import { GOLDEN_DIR } from "../golden_cases.ts";
import { readJson } from "../kit.ts";

const DEFAULTS = await readJson<Record<string, JsonObject>>(join(GOLDEN_DIR, "defaults.json"));

/** Numbers of a config that are used, by what they may be; `model_type.field` where architectures differ. */
const LIMITS: Readonly<Record<string, string>> = {
  "a value between 1 and 16384":
    "hidden_size classifier_proj_size num_conv_pos_embeddings feature_projection_input_dim embed_dim",
  "a value between 4 and 16384": "d_model",
  "a value between 0 and 256":
    "num_hidden_layers encoder_layers depth data2vec-audio.num_conv_pos_embeddings",
  "a value between 1 and 1024":
    "se_r input_dim_f num_attention_heads encoder_attention_heads num_heads patch_size patch_stride frequency_stride time_stride conv_pos_kernel_size " +
    "num_conv_pos_embedding_groups conv_depthwise_kernel_size num_mel_bins",
  "a value between 1 and 65536": "intermediate_size encoder_ffn_dim max_position_embeddings",
  "a value between 0 and 65536": "left_max_position_embeddings right_max_position_embeddings",
  "a value between 4 and 65536": "num_buckets",
  "a value between -1 and 65536": "position_buckets",
  "a value between 81 and 1000000": "max_bucket_distance",
  "a value between 0 and 1":
    "hidden_dropout_prob attention_probs_dropout_prob layer_norm_eps feature_layer_norm_eps hidden_dropout " +
    "activation_dropout attention_dropout feat_proj_dropout conformer_conv_dropout dropout layerdrop " +
    "encoder_layerdrop mask_time_prob mask_feature_prob drop_rate attn_drop_rate drop_path_rate",
  "a value between 0 and 10": "initializer_range init_std",
  "a value between 16 and 100000": "max_length target_length",
  "a value between 0.01 and 64": "mlp_ratio",
  "a value between 1 and 100000": "outputdim num_classes",
  "a value between 16 and 1024": "audio-spectrogram-transformer.num_mel_bins n_mels",
  "a value between 1 and 15000": "whisper.max_source_positions",
  "a value between 1 and 1000000": "mask_time_length mask_feature_length",
  "a value between 0 and 1000000": "mask_time_min_masks mask_feature_min_masks",
  "a value between 1 and 64": "squeeze_factor",
  "a value between 1 and 1000000000": "rotary_embedding_base",
  "1 to 64 integers between 1 and 16384": "conv_dim",
  "1 to 64 integers between 1 and 1024": "conv_stride conv_kernel",
  "1 to 64 integers between 1 and 2": "strides",
  "a value between 0.001 and 16": "width_mult",
};

/** What the architectures' files have and classification does not use. */
const UNUSED = new Set([
  ..."mask_time_prob mask_time_length mask_time_min_masks".split(" ").map((key) =>
    `whisper.${key}`
  ),
  ..."mask_feature_prob mask_feature_length mask_feature_min_masks".split(" ")
    .map((key) => `whisper.${key}`),
  "sew-d.hidden_dropout",
]);

function limitOf(modelType: string, key: string): string | undefined {
  if (UNUSED.has(`${modelType}.${key}`)) return undefined;
  const holds = (name: string) =>
    Object.entries(LIMITS).find(([, keys]) => keys.split(" ").includes(name));
  return (holds(`${modelType}.${key}`) ?? holds(key))?.[0];
}

/** The same kind of value, far too large. */
function tooLarge(value: unknown): unknown {
  if (typeof value === "number") return 1e12;
  return Array.isArray(value) && typeof value[0] === "number" ? [1e12] : undefined;
}

for (const [modelType, fields] of Object.entries(DEFAULTS)) {
  Deno.test(`${modelType} says within which limits each number of its config must be`, () => {
    for (const [key, value] of Object.entries(fields)) {
      const changed = tooLarge(value);
      if (changed === undefined) continue;
      const reader = new ConfigReader({ ...fields, [key]: changed }, "config.json");
      const parse = () => architectureOf(modelType, "config.json").parseConfig(reader, 2);
      const limit = limitOf(modelType, key);
      if (limit) assert.throws(parse, { key, message: new RegExp(`expected ${limit}, found`) });
      else parse();
    }
  });
}
