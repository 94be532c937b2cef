/**
 * Every architecture, drawn at random and saved here, through transformers: no key missing, none left over, the same
 * scores. It runs where `EARSHOT_PYTHON` names a Python with PyTorch and transformers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import {
  type AudioClassificationModel,
  buildModel,
  type JsonObject,
  type SavedDtype,
} from "../src/models/mod.ts";
import { savePretrained } from "../src/pretrained.ts";
import { Random } from "../src/random.ts";
import { assertAllClose } from "./compare.ts";
import { startTestWasm } from "./devices.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyInputs } from "./tiny_architectures.ts";

/** What changes the tensors of an architecture, or how they are used. */
const VARIANTS: Readonly<Record<string, readonly JsonObject[]>> = {
  "audio-spectrogram-transformer": [
    { qkv_bias: false, problem_type: "multi_label_classification" },
    { interpolate_positions: true },
  ],
  "ced": [
    { pooling: "mean", qkv_bias: false },
    { target_length: 10, pad_last: false },
  ],
  "efficientat": [
    { reduced_tail: true, se_r: 2 },
    { se_dims: "none", strides: [2, 2, 2, 2] },
  ],
  "hubert": [
    { use_weighted_layer_sum: true, do_stable_layer_norm: true },
    { conv_pos_batch_norm: true },
    { feat_proj_layer_norm: false },
  ],
  "sew": [{ use_weighted_layer_sum: true }, { hidden_size: 8 }],
  "sew-d": [{ use_weighted_layer_sum: true }, { share_att_key: false }],
  "unispeech": [{ feat_extract_norm: "layer", conv_bias: true, do_stable_layer_norm: true }],
  "unispeech-sat": [{ use_weighted_layer_sum: true }],
  "wav2vec2": [
    { use_weighted_layer_sum: true, do_stable_layer_norm: true, adapter_attn_dim: 4 },
    { mask_time_prob: 0 },
  ],
  "wav2vec2-bert": [
    { position_embeddings_type: "relative", use_weighted_layer_sum: true },
    { position_embeddings_type: "rotary" },
    { position_embeddings_type: null, mask_time_prob: 0 },
  ],
  "wav2vec2-conformer": [
    { position_embeddings_type: "rotary" },
    { position_embeddings_type: null },
    { use_weighted_layer_sum: true },
  ],
  "wavlm": [{
    do_stable_layer_norm: true,
    feat_extract_norm: "layer",
    use_weighted_layer_sum: true,
  }],
  "whisper": [{ use_weighted_layer_sum: true }, { pool_mask: true }],
};

/** Architectures that transformers has with heads for speakers and for frames, by what their classes begin with. */
const OTHER_HEADS: Readonly<Record<string, string>> = {
  "data2vec-audio": "Data2VecAudio",
  "unispeech-sat": "UniSpeechSat",
  "wav2vec2": "Wav2Vec2",
  "wav2vec2-bert": "Wav2Vec2Bert",
  "wav2vec2-conformer": "Wav2Vec2Conformer",
  "wavlm": "WavLM",
};

/** The head's fields, and another sum of layers for each. */
function otherHeads(name: string): JsonObject[] {
  const base = OTHER_HEADS[name];
  if (base === undefined) return [];
  const speakers = {
    ...{ tdnn_dim: [5, 4], tdnn_kernel: [2, 1], tdnn_dilation: [2, 1], xvector_output_dim: 6 },
    use_weighted_layer_sum: true,
  };
  return [
    { architectures: [`${base}ForXVector`], ...speakers },
    { architectures: [`${base}ForAudioFrameClassification`] },
  ];
}

const EXTRACTORS: Readonly<Record<string, JsonObject>> = {
  "audio-spectrogram-transformer": {
    feature_extractor_type: "ASTFeatureExtractor",
    num_mel_bins: 10,
    max_length: 22,
  },
  "ced": { feature_extractor_type: "CedFeatureExtractor", feature_size: 10 },
  "efficientat": { feature_extractor_type: "EfficientATFeatureExtractor", feature_size: 10 },
  "wav2vec2-bert": {
    feature_extractor_type: "SeamlessM4TFeatureExtractor",
    num_mel_bins: 4,
    feature_size: 4,
  },
  "whisper": {
    feature_extractor_type: "WhisperFeatureExtractor",
    feature_size: 4,
    chunk_length: 1,
  },
};

const SPEECH_EXTRACTOR = { feature_extractor_type: "Wav2Vec2FeatureExtractor" };

/** How far the reference's scores may be, for weights of this type. */
const LIMITS: Readonly<Record<SavedDtype, number>> = { float32: 1e-4, float16: 3e-2 };

interface Saved {
  directory: string;
  dtype: SavedDtype;
  className: string;
  extractor: string;
  scores: Float32Array;
}

/** Writes a model and one clip for it, and gives the scores that the reference is to find. */
async function save(
  directory: string,
  tiny: TinyArchitecture,
  dtype: SavedDtype,
): Promise<Saved> {
  const name = String(tiny.config.model_type);
  const model = await buildModel(tiny.config, { seed: 3 });
  disturb(model);
  const extractor = featureExtractorFromConfig(EXTRACTORS[name] ?? SPEECH_EXTRACTOR);
  await savePretrained(directory, model, extractor, { dtype });
  const inputs = tinyInputs(tiny);
  const { logits, pooled } = model.forward({ inputs });
  const json = { shape: inputs.shape, values: Array.from(await inputs.data()) };
  await Deno.writeTextFile(`${directory}/inputs.json`, JSON.stringify(json));
  const scores = await logits.data() as Float32Array;
  const [className] = model.toConfig().architectures as string[];
  for (const part of [inputs, logits, pooled]) part.dispose();
  model.dispose();
  return { directory, dtype, className: className!, extractor: extractor.type, scores };
}

/** Moves every parameter, so that biases that begin at 0 and norms that begin at 1 are distinguished too. */
function disturb(model: AudioClassificationModel): void {
  const random = new Random(9);
  for (const parameter of model.trainable().values()) {
    const values = Float32Array.from(
      parameter.dataSync(),
      (value) => value + 0.1 * random.normal(),
    );
    const moved = tensor(values, parameter.shape);
    parameter.assign(moved);
    moved.dispose();
  }
}

interface Loaded {
  class: string;
  extractor: string;
  labels: string[];
  keys: string[];
  scores: number[];
}

async function loadWithTransformers(python: string, directories: string[]): Promise<Loaded[]> {
  const command = new Deno.Command(python, {
    args: [join(import.meta.dirname!, "python", "load_saved.py"), ...directories],
    env: { OMP_NUM_THREADS: "1", HF_HUB_OFFLINE: "1" },
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

const PYTHON = Deno.env.get("EARSHOT_PYTHON");
const shown = PYTHON ? "" : " [skipped: EARSHOT_PYTHON names no Python with transformers]";

Deno.test({
  name: `transformers scores every saved architecture as it is scored here${shown}`,
  ignore: !PYTHON,
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "earshot-saved-" });
    const device = await startTestWasm({ threads: 1 });
    const all: Saved[] = [];
    for (const [name, tiny] of Object.entries(TINY_ARCHITECTURES)) {
      for (const [i, change] of [{}, ...VARIANTS[name] ?? [], ...otherHeads(name)].entries()) {
        const config = { ...tiny.config, ...change };
        for (const dtype of ["float32", "float16"] as const) {
          all.push(await save(`${folder}/${name}-${i}-${dtype}`, { ...tiny, config }, dtype));
        }
      }
    }
    const loaded = await loadWithTransformers(PYTHON!, all.map(({ directory }) => directory));
    for (const [i, { directory, dtype, className, extractor, scores }] of all.entries()) {
      await t.step(directory.slice(folder.length + 1), () => {
        const found = loaded[i]!;
        assert.deepEqual(found.keys, []);
        assert.deepEqual([found.class, found.extractor], [className, extractor]);
        assert.deepEqual(found.labels, ["low", "middle", "high"]);
        assertAllClose(found.scores, scores, { atol: LIMITS[dtype] });
      });
    }
    assert.equal(loaded.length, all.length);
    device.dispose();
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("there is a config to save for each architecture", () => {
  assert.equal(Object.keys(TINY_ARCHITECTURES).length, 14);
});
