/**
 * What the guide loads from the hub, tiny and made here, under the names that it uses: a data set of tones in place of
 * spoken intents, and a small random Wav2Vec2 in place of the pre-trained one.
 *
 * Both are laid out as the real ones: Parquet by configuration; weights of torch alone, and the conversion
 * bot's safetensors in a pull request.
 *
 * @module
 */
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { useDevice } from "../../src/devices.ts";
import { jsonBytes } from "../../src/pretrained.ts";
import { Wav2Vec2FeatureExtractor } from "../../src/features/mod.ts";
import { buildModel } from "../../src/models/mod.ts";
import { encodeValues } from "../../src/weights/_dtypes.ts";
import { encodeSafetensors, type TensorToWrite } from "../../src/weights/safetensors_writer.ts";
import type { TestHub } from "../hub/hub.ts";
import { craftTorchZip, pickled } from "../weights/craft_torch.ts";
import { parquetFile } from "./parquet_file.ts";

/** The intents of MInDS-14 in its order. */
export const INTENTS: readonly string[] = [
  "abroad",
  "address",
  "app_error",
  "atm_limit",
  "balance",
  "business_loan",
  "card_issues",
  "cash_deposit",
  "direct_debit",
  "freeze",
  "high_value_payment",
  "joint_account",
  "latest_transactions",
  "pay_bill",
];

const RATE_HZ = 8_000;
const CLIPS_PER_INTENT = 10;

/** Puts both on the hub. */
export async function addStandIns(hub: TestHub): Promise<void> {
  hub.addRepository("PolyAI/minds14", {
    "README.md": CARD,
    "en-US/train-00000-of-00001.parquet": minds(),
    "fr-FR/train-00000-of-00001.parquet": minds(),
  }, { type: "dataset" });
  const tensors = await encoder();
  hub.addRepository("facebook/wav2vec2-base", {
    "README.md": "---\nlicense: apache-2.0\n---\n",
    "config.json": jsonBytes(CONFIG),
    "preprocessor_config.json": jsonBytes(new Wav2Vec2FeatureExtractor().toConfig()),
    "pytorch_model.bin": torchFile(tensors),
  }).openPullRequest(
    { "model.safetensors": encodeSafetensors(tensors) },
    { title: "Adding `safetensors` variant of this model", author: "SFconvertbot" },
  );
}

const CARD = `---
language: [en, fr]
license: cc-by-4.0
configs:
- config_name: en-US
  data_files:
  - split: train
    path: en-US/train-*
- config_name: fr-FR
  data_files:
  - split: train
    path: fr-FR/train-*
---
`;

/** The columns of MInDS-14: a tone for each intent, with noise, about a second long. */
function minds(): Uint8Array {
  const classes = Array.from(
    { length: CLIPS_PER_INTENT * INTENTS.length },
    (_, i) => i % INTENTS.length,
  );
  const paths = classes.map((intent, i) => `en-US~${INTENTS[intent]!.toUpperCase()}/${i}.wav`);
  const spoken = classes.map((intent) => INTENTS[intent]!.replaceAll("_", " "));
  const columns = {
    path: paths,
    audio: { bytes: classes.map(toneWav), path: paths },
    transcription: spoken,
    english_transcription: spoken,
    intent_class: classes,
    lang_id: classes.map(() => 4),
  };
  const text = { dtype: "string", _type: "Value" };
  const features = {
    path: text,
    audio: { sampling_rate: RATE_HZ, _type: "Audio" },
    transcription: text,
    english_transcription: text,
    intent_class: { names: INTENTS, _type: "ClassLabel" },
    lang_id: { names: ["cs-CZ", "de-DE", "en-AU", "en-GB", "en-US"], _type: "ClassLabel" },
  };
  return parquetFile(columns, { huggingface: JSON.stringify({ info: { features } }) });
}

function toneWav(intent: number, take: number): Uint8Array {
  const pitchHz = 200 * 1.22 ** intent;
  const samples = Float32Array.from({ length: RATE_HZ * (0.8 + 0.05 * (take % 9)) }, (_, i) => {
    return 0.5 * Math.sin(2 * Math.PI * pitchHz * i / RATE_HZ) +
      0.05 * Math.sin(i * i * (take + 1));
  });
  return encodeWav(samples, RATE_HZ);
}

/** As pre-training leaves it: no classes, and parts that a classifier has no use for. */
const CONFIG: Readonly<Record<string, unknown>> = {
  architectures: ["Wav2Vec2ForPreTraining"],
  model_type: "wav2vec2",
  conv_dim: [32, 32, 32],
  conv_kernel: [20, 8, 8],
  conv_stride: [10, 8, 4],
  num_feat_extract_layers: 3,
  feat_extract_norm: "group",
  hidden_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 32,
  num_conv_pos_embeddings: 8,
  num_conv_pos_embedding_groups: 2,
  layerdrop: 0,
  hidden_dropout: 0,
  attention_dropout: 0,
  activation_dropout: 0,
  feat_proj_dropout: 0,
  mask_time_prob: 0,
};

/** The last norm is made loud, so that a classifier learns from random features in seconds. */
const LOUDNESS = 100;

async function encoder(): Promise<TensorToWrite[]> {
  await useDevice();
  const model = await buildModel({ ...CONFIG, initializer_range: 0.2 }, { seed: 5 });
  const tensors: TensorToWrite[] = [
    { name: "quantizer.codevectors", dtype: "F32", shape: [1, 2, 2], values: new Float32Array(4) },
  ];
  for (const { name, dtype, shape, values } of model.tensors()) {
    if (/^(projector|classifier)\./.test(name)) continue;
    const isLast = /layers\.0\.final_layer_norm\.weight$/.test(name);
    const numbers = Float32Array.from(await values() as Float32Array);
    tensors.push({ name, dtype, shape, values: isLast ? numbers.fill(LOUDNESS) : numbers });
  }
  model.dispose();
  return tensors;
}

/** The same tensors as torch saves them. */
function torchFile(tensors: readonly TensorToWrite[]): Uint8Array {
  const items = tensors.flatMap(({ name, shape, values }, i) => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((all, n) => all * n, 1));
    const storage = pickled.storage("FloatStorage", String(i), values.length);
    return [pickled.text(name), pickled.tensor(storage, 0, [...shape], strides)];
  });
  const storages = tensors.map(({ values }) => encodeValues("F32", values));
  return craftTorchZip(pickled.whole(pickled.dictionary(...items)), ...storages);
}
