/** Adapters as peft wrote them (`adapters/make.py`), on the models of `test/golden`. */
import { equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { AutoModelForAudioClassification } from "../../mod.ts";
import { channelsLast } from "../../src/commands/_golden_case.ts";
import type { AudioClassificationModel, InferenceModel } from "../../src/models/mod.ts";
import { CheckpointError, UnsupportedOpError } from "../../src/errors.ts";
import { directoryFiles, fileSource } from "../../src/files.ts";
import { exportModel } from "../../src/export/export_model.ts";
import { loadInferenceModel } from "../../src/pretrained.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { encodeSafetensors, type TensorToWrite } from "../../src/weights/safetensors_writer.ts";
import { assertAllClose } from "../compare.ts";
import { GOLDEN_DIR } from "../golden_cases.ts";

const ADAPTERS = join(import.meta.dirname!, "adapters");

const CASES = ["ast", "sew-d", "wav2vec2-conformer-relative", "wav2vec2-group", "whisper"];

/** Logits of a golden case's inputs, unmasked. */
async function scoresOf(model: InferenceModel, name: string): Promise<Float32Array> {
  using file = await fileSource(`${GOLDEN_DIR}/${name}/inputs.safetensors`);
  const stored = await openSafetensors(file);
  const features = stored.shape("input_features") as [number, number, number] | undefined;
  const batch = features
    ? {
      inputValues: channelsLast(await stored.read("input_features"), ...features),
      shape: [features[0], features[2], features[1]],
    }
    : {
      inputValues: await stored.read("input_values"),
      shape: [...stored.shape("input_values")!],
    };
  const rows = await model.logits(batch);
  return Float32Array.from(rows.flatMap((row) => Array.from(row)));
}

function expectedOf(name: string): { logits: number[][]; base: number[][] } {
  return JSON.parse(Deno.readTextFileSync(join(ADAPTERS, name, "expected.json")));
}

for (const name of CASES) {
  Deno.test(`an adapter of ${name} gives the scores that peft gives`, async () => {
    const { logits, base } = expectedOf(name);
    const adapter = join(ADAPTERS, name);
    const model = await AutoModelForAudioClassification.fromPretrained(join(GOLDEN_DIR, name), {
      adapter,
    });
    const own = await AutoModelForAudioClassification.fromPretrained(join(GOLDEN_DIR, name));
    try {
      assertAllClose(await scoresOf(model, name), Float32Array.from(logits.flat()), { atol: 1e-5 });
      assertAllClose(await scoresOf(own, name), Float32Array.from(base.flat()), { atol: 1e-5 });
      equal(model.loading.missing.length, 0);
    } finally {
      model.dispose();
      own.dispose();
    }
  });
}

/** A copy of a case's adapter in a new folder, with fields of its config and tensors changed. */
async function changedAdapter(
  name: string,
  { fields = {}, rename = (key) => key, without, shape, files }: {
    fields?: Record<string, unknown>;
    rename?: (key: string) => string | undefined;
    without?: string;
    shape?: Record<string, number[]>;
    files?: Record<string, unknown>;
  } = {},
): Promise<string> {
  const folder = await Deno.makeTempDir();
  const from = join(ADAPTERS, name);
  const config = JSON.parse(await Deno.readTextFile(join(from, "adapter_config.json")));
  const write = (file: string, json: unknown) =>
    Deno.writeTextFile(join(folder, file), JSON.stringify(json));
  await write("adapter_config.json", { ...config, ...fields });
  for (const [file, json] of Object.entries(files ?? {})) await write(file, json);
  using stored = await fileSource(join(from, "adapter_model.safetensors"));
  const source = await openSafetensors(stored);
  const tensors: TensorToWrite[] = [];
  for (const key of source.names()) {
    const name = rename(key);
    if (name === undefined || key === without) continue;
    const [own] = Object.entries(shape ?? {}).filter(([end]) => key.endsWith(end));
    const values = await source.read(key);
    const size = own?.[1].reduce((product, length) => product * length, 1) ?? values.length;
    const kept = Float32Array.from({ length: size }, (_, i) => values[i % values.length]!);
    tensors.push({ name, dtype: "F32", shape: own?.[1] ?? source.shape(key)!, values: kept });
  }
  await Deno.writeFile(join(folder, "adapter_model.safetensors"), encodeSafetensors(tensors));
  return folder;
}

function load(base: string, adapter: string): Promise<AudioClassificationModel> {
  return AutoModelForAudioClassification.fromPretrained(join(GOLDEN_DIR, base), { adapter });
}

Deno.test("an adapter of layers as transformers 4 names them gives the same scores", async () => {
  const parts = { q_proj: "attention.query", v_proj: "attention.value" };
  const old = (key: string) =>
    key.replace(
      /\.layers\.(\d+)\.attention\.(q_proj|v_proj)\./,
      (_, layer, part) => `.encoder.layer.${layer}.attention.${parts[part as "q_proj"]}.`,
    );
  const target_modules = ["query", "value"];
  const adapter = await changedAdapter("ast", { rename: old, fields: { target_modules } });
  const model = await load("ast", adapter);
  const expected = Float32Array.from(expectedOf("ast").logits.flat());
  assertAllClose(await scoresOf(model, "ast"), expected, { atol: 1e-5 });
  model.dispose();
  await Deno.remove(adapter, { recursive: true });
});

Deno.test("an adapter that names its model is loaded by its own name", async () => {
  const base_model_name_or_path = join(GOLDEN_DIR, "wav2vec2-group");
  const adapter = await changedAdapter("wav2vec2-group", { fields: { base_model_name_or_path } });
  const model = await AutoModelForAudioClassification.fromPretrained(adapter);
  const expected = Float32Array.from(expectedOf("wav2vec2-group").logits.flat());
  assertAllClose(await scoresOf(model, "wav2vec2-group"), expected, { atol: 1e-5 });
  equal(model.labels[2], "high");

  const whole = `${adapter}/whole`;
  await model.savePretrained(whole);
  const merged = await AutoModelForAudioClassification.fromPretrained(whole);
  assertAllClose(await scoresOf(merged, "wav2vec2-group"), expected, { atol: 1e-5 });
  model.dispose();
  merged.dispose();
  await Deno.remove(adapter, { recursive: true });
});

Deno.test("an adapter of other classes than its model's has them by number, or by its own config", async () => {
  const shape = { "classifier.weight": [5, 12], "classifier.bias": [5] };
  const adapter = await changedAdapter("wav2vec2-group", { shape });
  const model = await load("wav2vec2-group", adapter);
  equal(model.labels.join(), "LABEL_0,LABEL_1,LABEL_2,LABEL_3,LABEL_4");
  equal((await scoresOf(model, "wav2vec2-group")).length, 10);
  model.dispose();

  const json = JSON.parse(await Deno.readTextFile(`${GOLDEN_DIR}/wav2vec2-group/config.json`));
  const id2label = { 0: "a", 1: "b", 2: "c", 3: "d", 4: "e" };
  await Deno.writeTextFile(
    `${adapter}/config.json`,
    JSON.stringify({ ...json, id2label, label2id: undefined }),
  );
  const named = await load("wav2vec2-group", adapter);
  equal(named.labels.join(), "a,b,c,d,e");
  named.dispose();
  await Deno.remove(adapter, { recursive: true });
});

const PREFIX = "base_model.model.wav2vec2.encoder.layers.1.attention.q_proj";

const BROKEN: { fault: string; message: RegExp; change: Parameters<typeof changedAdapter>[1] }[] = [
  {
    fault: "a change without its B",
    message:
      /tensor "[^"]+layers\.1\.attention\.q_proj\.lora_B\.weight" of .*: expected one, found none/,
    change: { without: `${PREFIX}.lora_B.weight` },
  },
  {
    fault: "a layer of its targets without a change",
    message:
      /tensor "[^"]+layers\.1\.attention\.q_proj\.lora_A\.weight" of .*: expected one, found none/,
    change: { rename: (key) => key.startsWith(PREFIX) ? undefined : key },
  },
  {
    fault: "a head that was trained whole and is not there",
    message: /tensor "base_model\.model\.classifier\.weight" of .*: expected one, found none/,
    change: { rename: (key) => key.includes("classifier") ? undefined : key },
  },
  {
    fault: "a change of another width",
    message: /lora_A\.weight" of .*: expected shape \[3,16\], found \[3,32\]/,
    change: { shape: { "layers.0.attention.q_proj.lora_A.weight": [3, 32] } },
  },
  {
    fault: "a rank that its config does not state",
    message: /lora_A\.weight" of .*: expected shape \[4,16\], found \[3,16\]/,
    change: { fields: { r: 4 } },
  },
  {
    fault: "a layer that the model has not",
    message: /expected a layer "wav2vec2\.encoder\.layers\.7\.attention\.q_proj", found none/,
    change: { rename: (key) => key.replace("layers.1", "layers.7") },
  },
  {
    fault: "a tensor that the model has not",
    message: /"base_model\.model\.score\.\w+" of .*: expected a tensor of the model, found none/,
    change: { rename: (key) => key.replace("projector", "score") },
  },
  {
    fault: "a class of another family",
    message: /expected a model of class "HubertForSequenceClassification", found "Wav2Vec2For/,
    change: { fields: { auto_mapping: { base_model_class: "HubertForSequenceClassification" } } },
  },
  {
    fault: "a config of another type",
    message: /expected a model of type "hubert", found "wav2vec2"/,
    change: { files: { "config.json": { model_type: "hubert" } } },
  },
  {
    fault: "an alpha that is none",
    message: /field "lora_alpha" of .*: expected a number above 0, found "7"/,
    change: { fields: { lora_alpha: "7" } },
  },
];

for (const { fault, message, change } of BROKEN) {
  Deno.test(`an adapter is refused with ${fault}`, async () => {
    const adapter = await changedAdapter("wav2vec2-group", change);
    await rejects(load("wav2vec2-group", adapter), (error) => {
      ok(error instanceof CheckpointError, String(error));
      ok(message.test(error.message), error.message);
      return true;
    });
    await Deno.remove(adapter, { recursive: true });
  });
}

for (
  const fields of [
    { use_dora: true },
    { lora_bias: true },
    { layer_replication: [[0, 2]] },
    { peft_type: "IA3" },
    { init_lora_weights: "pissa" },
    { something_new: 3 },
  ]
) {
  const [[field, value]] = Object.entries(fields) as [[string, unknown]];
  Deno.test(`an adapter is refused with ${field} ${JSON.stringify(value)}, by its name`, async () => {
    const adapter = await changedAdapter("wav2vec2-group", { fields });
    await rejects(load("wav2vec2-group", adapter), (error) => {
      ok(error instanceof UnsupportedOpError, String(error));
      ok(error.message.includes(field), error.message);
      return true;
    });
    await Deno.remove(adapter, { recursive: true });
  });
}

Deno.test("an adapter goes on no other adapter, and on no export", async () => {
  const adapter = join(ADAPTERS, "wav2vec2-group");
  await rejects(
    AutoModelForAudioClassification.fromPretrained(adapter, { adapter }),
    /expected a whole model, found another adapter/,
  );
  const folder = await Deno.makeTempDir();
  await exportModel({ model: "models/voice_menu", output: `${folder}/f32`, dtype: "f32" });
  await rejects(
    AutoModelForAudioClassification.fromPretrained(`${folder}/f32`, { adapter }),
    /expected weights as they were trained, found an export of f32/,
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("an adapter that does not name its model is refused by its own name", async () => {
  const fields = { base_model_name_or_path: null };
  const adapter = await changedAdapter("wav2vec2-group", { fields });
  await rejects(
    AutoModelForAudioClassification.fromPretrained(adapter),
    /expected a whole model, found an adapter that does not name its model/,
  );
  await Deno.remove(adapter, { recursive: true });
});

Deno.test("an export of a model with an adapter has its changes in it", async () => {
  const name = "wav2vec2-group";
  const fields = { base_model_name_or_path: join(GOLDEN_DIR, name) };
  const adapter = await changedAdapter(name, { fields });
  const output = `${adapter}/exported`;
  await exportModel({ model: adapter, output, dtype: "f32" });
  const model = await loadInferenceModel(directoryFiles(output));
  const expected = Float32Array.from(expectedOf(name).logits.flat());
  // The adapter makes the rounding of the norm in the weight a hundred times as large; peft itself is 3e-6 off.
  assertAllClose(await scoresOf(model, name), expected, { atol: 2e-5 });
  model.dispose();
  await Deno.remove(adapter, { recursive: true });
});
