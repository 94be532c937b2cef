import assert from "node:assert/strict";
import { engine, tensor } from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { Wav2Vec2FeatureExtractor } from "../src/features/mod.ts";
import { directoryFiles } from "../src/files.ts";
import { type AudioClassificationModel, buildModel } from "../src/models/mod.ts";
import {
  AutoFeatureExtractor,
  fingerprintOfFiles,
  loadFingerprinted,
  loadPretrained,
  savePretrained,
} from "../src/pretrained.ts";
import { TrainingArguments } from "../src/train/options/arguments.ts";
import { Trainer } from "../src/train/loop/trainer.ts";
import type { FileReader } from "../src/weights/byte_source.ts";
import { assertAllClose } from "./compare.ts";
import { deviceTest, startTestWasm } from "./devices.ts";
import { saveTinyModel, TINY_CONFIG, tinyExtractor, tinyModel, tone } from "./tiny_model.ts";
import { QUIET, tinySource } from "./train/_tiny_run.ts";

const CLIP = tone(700);

async function scoresOf(model: AudioClassificationModel): Promise<number[]> {
  const inputs = tensor(CLIP, [1, CLIP.length]);
  const { logits, pooled } = model.forward({ inputs });
  const scores = Array.from(await logits.data());
  for (const part of [inputs, logits, pooled]) part.dispose();
  return scores;
}

/** Registers a test on one WASM thread, with a folder of its own. */
function savedTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir({ prefix: "earshot-saved-" });
    const device = await startTestWasm({ threads: 1 });
    try {
      await body(folder);
    } finally {
      device.dispose();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

savedTest(
  "a model saved as float16 is half as large, and loads with its numbers rounded",
  async (folder) => {
    const model = await tinyModel();
    const scores = await scoresOf(model);
    await savePretrained(`${folder}/wide`, model, tinyExtractor());
    await savePretrained(`${folder}/half`, model, tinyExtractor(), { dtype: "float16" });
    const config = JSON.parse(await Deno.readTextFile(`${folder}/half/config.json`));
    assert.equal(config.dtype, "float16");
    const sizes = ["wide", "half"].map((name) =>
      Deno.statSync(`${folder}/${name}/model.safetensors`).size
    );
    assert.ok(sizes[1]! < 0.75 * sizes[0]!, `${sizes[1]} of ${sizes[0]} bytes`);
    const again = await loadPretrained(`${folder}/half`);
    for (const [name, parameter] of model.parameters) {
      const rounded = Float16Array.from(await parameter.data());
      assert.deepEqual(
        await again.parameters.get(name)!.data(),
        Float32Array.from(rounded),
        name,
      );
    }
    assert.notDeepEqual(await scoresOf(again), scores);
    assertAllClose(await scoresOf(again), scores, { atol: 1e-2 });
    model.dispose();
    again.dispose();
  },
);

deviceTest("a saved model scores as before when it is loaded again", async () => {
  const folder = await Deno.makeTempDir();
  const before = engine().memory().numTensors;
  const model = await tinyModel();
  const scores = await scoresOf(model);
  await savePretrained(`${folder}/model`, model, tinyExtractor());
  model.dispose();
  const again = await loadPretrained(`${folder}/model`);
  assert.deepEqual(again.loading, { missing: [], mismatched: [], unexpected: [] });
  assert.deepEqual(await scoresOf(again), scores);
  assert.deepEqual(again.labels, Object.values(TINY_CONFIG.id2label as object));
  again.dispose();
  assert.equal(engine().memory().numTensors, before);
  await Deno.remove(folder, { recursive: true });
});

savedTest(
  "savePretrained() writes the three files of a model, and nothing else",
  async (folder) => {
    await saveTinyModel(`${folder}/model`);
    assert.deepEqual(namesIn(folder), ["model"]);
    const files = ["config.json", "model.safetensors", "preprocessor_config.json"];
    assert.deepEqual(namesIn(`${folder}/model`), files);
    const extractor = await AutoFeatureExtractor.fromPretrained(`${folder}/model`);
    assert.deepEqual(extractor.toConfig(), tinyExtractor().toConfig());
  },
);

savedTest("savePretrained() replaces a directory only where `replace` is set", async (folder) => {
  const path = `${folder}/model`;
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/notes.txt`, "mine");
  const model = await tinyModel();
  const run = savePretrained(path, model, tinyExtractor());
  await assert.rejects(run, { name: "FileError", file: path });
  assert.deepEqual(namesIn(path), ["notes.txt"]);
  await savePretrained(path, model, tinyExtractor(), { replace: true });
  assert.equal(namesIn(path).length, 3);
  assert.deepEqual(namesIn(folder), ["model"]);
  model.dispose();
});

savedTest("fromPretrained() reads any files, not only a directory's", async (folder) => {
  await saveTinyModel(`${folder}/model`);
  const opened: string[] = [];
  const files = directoryFiles(`${folder}/model`);
  const reader: FileReader = {
    open: (name) => {
      opened.push(name);
      return files.open(name);
    },
  };
  const model = await loadPretrained(reader);
  const extractor = await AutoFeatureExtractor.fromPretrained(reader);
  assert.equal(extractor.samplingRate, 8_000);
  const extractors = ["processor_config.json", "preprocessor_config.json"];
  assert.deepEqual(opened, ["config.json", "model.safetensors", ...extractors]);
  model.dispose();
});

savedTest("fromPretrained() adapts a model to other labels and settings", async (folder) => {
  await saveTinyModel(folder);
  const load = loadPretrained;
  const renamed = await load(folder, { labels: ["a", "b", "c", "d", "e"] });
  const plain = await load(folder);
  assert.deepEqual(await scoresOf(renamed), await scoresOf(plain));
  assert.deepEqual(renamed.toConfig().label2id, { a: 0, b: 1, c: 2, d: 3, e: 4 });
  const id2label = { 0: "a", 1: "b", 2: "c", 3: "d", 4: "e" };
  const mapped = await load(folder, { numLabels: 5, id2label });
  assert.deepEqual(mapped.id2label, id2label);
  mapped.dispose();
  await assert.rejects(load(folder, { labels: ["no", "yes"] }), {
    name: "CheckpointError",
    key: "classifier.weight",
    hint: /ignoreMismatchedSizes/,
  });
  const options = { labels: ["no", "yes"], ignoreMismatchedSizes: true };
  const scores: number[][] = [];
  for (const seed of [1, 1, 2]) {
    const fewer = await load(folder, { ...options, seed });
    assert.deepEqual(fewer.loading.mismatched, ["classifier.weight", "classifier.bias"]);
    scores.push(await scoresOf(fewer));
    fewer.dispose();
  }
  assert.deepEqual(scores[0], scores[1]);
  assert.notDeepEqual(scores[0], scores[2]);
  const still = await load(folder, { config: { layerdrop: 0, mask_time_prob: 0 } });
  assert.equal(still.toConfig().layerdrop, 0);
  assert.deepEqual(still.loading.unexpected, ["wav2vec2.masked_spec_embed"]);
  for (const model of [renamed, plain, still]) model.dispose();
});

savedTest("fromPretrained() says what is missing, with the path", async (folder) => {
  await saveTinyModel(folder);
  const load = (model: string) => loadPretrained(model);
  const none = `${folder}/none`;
  await assert.rejects(load(none), {
    name: "CheckpointError",
    message: `Cannot load model "${none}": expected a model directory, found nothing`,
    hint: undefined,
  });
  await assert.rejects(load(`${folder}/config.json`), /expected a model directory, found a file$/);
  await Deno.remove(`${folder}/model.safetensors`);
  await assert.rejects(load(folder), {
    name: "CheckpointError",
    message: /^Cannot load weights of/,
  });
  await Deno.writeTextFile(
    `${folder}/config.json`,
    '{"model_type": "wav2vec2", "hidden_size": "x"}',
  );
  await Deno.writeTextFile(`${folder}/model.safetensors`, "");
  await assert.rejects(load(folder), { name: "CheckpointError" });
  await Deno.remove(`${folder}/config.json`);
  await assert.rejects(load(folder), {
    message: `Cannot read "${folder}/config.json": expected a file, found nothing`,
  });
});

/** Configs whose saved models the reference must load. */
const SAVED: Record<string, Record<string, unknown>> = {
  "group norm": TINY_CONFIG,
  "layer norm, weighted, adapters": {
    ...TINY_CONFIG,
    conv_bias: true,
    feat_extract_norm: "layer",
    do_stable_layer_norm: true,
    use_weighted_layer_sum: true,
    adapter_attn_dim: 4,
  },
  "no masks": { ...TINY_CONFIG, mask_time_prob: 0 },
};

interface Loaded {
  class: string;
  labels: string[];
  keys: string[];
  samplingRate: number;
  scores: number[];
}

/** What transformers makes of model directories. */
async function loadWithTransformers(python: string, directories: string[]): Promise<Loaded[]> {
  const script = join(import.meta.dirname!, "python", "load_saved.py");
  const command = new Deno.Command(python, {
    args: [script, ...directories],
    env: { OMP_NUM_THREADS: "1", HF_HUB_OFFLINE: "1" },
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

const PYTHON = Deno.env.get("EARSHOT_PYTHON");
const shown = PYTHON ? "" : " [skipped: EARSHOT_PYTHON names no Python with transformers]";

Deno.test({
  name: `transformers loads what is saved here, tensor for tensor${shown}`,
  ignore: !PYTHON,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const device = await startTestWasm({ threads: 1 });
    const extractor = new Wav2Vec2FeatureExtractor({ samplingRate: 8_000, doNormalize: false });
    const expected: number[][] = [];
    const directories = Object.keys(SAVED).map((name) => `${folder}/${name}`);
    for (const [name, config] of Object.entries(SAVED)) {
      const model = await buildModel(config, { seed: 1 });
      await savePretrained(`${folder}/${name}`, model, extractor);
      expected.push(await scoresOf(model));
      model.dispose();
    }
    const trained = await tinyModel();
    const outputDir = `${folder}/trained`;
    const args = new TrainingArguments({ outputDir, maxSteps: 3, learningRate: 0.01 });
    const trainDataset = tinySource(10);
    const run = { model: trained, args, trainDataset, featureExtractor: extractor };
    await new Trainer({ ...run, callbacks: [QUIET] }).train();
    expected.push(await scoresOf(trained));
    directories.push(outputDir);
    for (const directory of directories) {
      await Deno.writeTextFile(`${directory}/samples.json`, JSON.stringify([...CLIP]));
    }
    const loaded = await loadWithTransformers(PYTHON!, directories);
    for (const [i, { keys, scores, labels, samplingRate, ...rest }] of loaded.entries()) {
      assert.equal(rest.class, "Wav2Vec2ForSequenceClassification");
      assert.deepEqual(keys, [], directories[i]);
      assert.deepEqual([labels, samplingRate], [Object.values(TINY_CONFIG.id2label!), 8_000]);
      assertAllClose(scores, expected[i]!, { atol: 5e-5, label: directories[i] });
    }
    assert.equal(loaded.length, 4);
    device.dispose();
    await Deno.remove(folder, { recursive: true });
  },
});

savedTest("the backbone loads by its name, and is as small as it is said to be", async () => {
  const model = await loadPretrained("backbone");
  const extractor = await AutoFeatureExtractor.fromPretrained("backbone");
  assert.ok(model.parameterCount <= 2.5e6, `${model.parameterCount} parameters`);
  assert.deepEqual(model.loading, { missing: [], mismatched: [], unexpected: [] });
  const [scores] = await model.logits(extractor.extract([new Float32Array(16_000)]));
  assert.equal(scores!.length, model.labels.length);
  const { size } = await Deno.stat(
    new URL("../models/backbone/model.safetensors", import.meta.url),
  );
  assert.ok(size <= 3e6, `${size} bytes`);
  model.dispose();
});

savedTest("a directory of the name comes before the backbone", async (folder) => {
  const before = Deno.cwd();
  const model = await tinyModel();
  await savePretrained(`${folder}/backbone`, model, tinyExtractor());
  Deno.chdir(folder);
  try {
    const again = await loadPretrained("backbone");
    assert.equal(again.parameterCount, model.parameterCount);
    again.dispose();
  } finally {
    Deno.chdir(before);
    model.dispose();
  }
});

savedTest(
  "loadFingerprinted() reads each weight once, and tells the fingerprint of the backbone",
  async () => {
    const files = directoryFiles("models/voice_menu");
    let bytes = 0;
    const counted: FileReader = {
      name: files.name,
      open: async (name) => {
        const source = await files.open(name);
        if (!source || name !== "model.safetensors") return source;
        return {
          name: source.name,
          sizeBytes: source.sizeBytes,
          read: (start, end) => {
            bytes += end - start;
            return source.read(start, end);
          },
          close: () => source.close?.(),
        };
      },
    };
    const { model, fingerprint } = await loadFingerprinted(counted);
    const { size } = await Deno.stat("models/voice_menu/model.safetensors");
    assert.ok(bytes <= size, `${bytes} of ${size}`);
    assert.equal(fingerprint, await fingerprintOfFiles(files, model));
    model.dispose();
  },
);
