import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Wav2Vec2FeatureExtractor } from "../../src/features/mod.ts";
import { buildModel } from "../../src/models/mod.ts";
import { savePretrained } from "../../src/pretrained.ts";
import type { ModelInfo } from "../../src/commands/info.ts";
import { startTestWasm } from "../devices.ts";
import { exists, kitPath, kitTest } from "../kit.ts";
import { saveTinyModel, TINY_CONFIG, TINY_LABELS } from "../tiny_model.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../tiny_spectrogram_models.ts";
import { cli, cliOk, jsonLines, withFolder } from "./_command_line.ts";

async function infoOf(directory: string): Promise<ModelInfo> {
  const [info] = jsonLines<ModelInfo>(await cliOk(["info", "--model", directory, "--json"]));
  return info!;
}

/** Runs a body with the directories of tiny models. */
async function withModels(body: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const device = await startTestWasm({ threads: 1 });
    await saveTinyModel(`${folder}/wav2vec2`);
    for (const tiny of TINY_SPECTROGRAM_MODELS) {
      const { model, extractor } = await tinySpectrogramModel(tiny);
      await savePretrained(`${folder}/${tiny.config.model_type}`, model, extractor);
      model.dispose();
    }
    device.dispose();
    await body(folder);
  });
}

Deno.test("info tells architecture, parameters, memory, labels and rate", async () => {
  await withModels(async (folder) => {
    const { weights, gflop, ...info } = await infoOf(`${folder}/wav2vec2`);
    const parameters = weights.reduce((sum, group) => sum + group.parameters, 0);
    deepEqual(info, {
      model: `${folder}/wav2vec2`,
      modelType: "wav2vec2",
      architecture: "Wav2Vec2ForSequenceClassification",
      parameters,
      memoryBytes: {
        float32: 4 * parameters,
        float16: 2 * parameters,
        fineTuning: 16 * parameters,
      },
      exported: null,
      problemType: "single_label_classification",
      head: "clips",
      labels: [...TINY_LABELS],
      samplingRate: 8_000,
      scores: null,
      windowsShareWork: { work: null, reason: "each is normalised by itself" },
      newlyInitialised: [],
      mismatched: [],
      unexpected: [],
    });
    ok(gflop!.clip > 1e-3 && gflop!.perSecond === gflop!.clip && gflop!.clipSeconds === 1);
    const file = `${folder}/wav2vec2/model.safetensors`;
    const classifier = weights.find(({ group }) => group === "classifier");
    deepEqual(classifier, {
      ...{ group: "classifier", file, dtype: "F32", form: "rows" },
      ...{ tensors: 2, parameters: 65 },
    });
    ok(weights.some(({ group }) => group === "wav2vec2.encoder.layers"));
  });
});

Deno.test("info tells what windows of detection share, and at which hops", async () => {
  await withModels(async (folder) => {
    for (const { config: { model_type } } of TINY_SPECTROGRAM_MODELS) {
      const { windowsShareWork } = await infoOf(`${folder}/${model_type}`);
      deepEqual(windowsShareWork, { work: "mel frames", stepSeconds: 0.02 });
    }
    const { stdout } = await cliOk(["info", "--model", `${folder}/whisper`]);
    match(stdout, /^ {2}detection +windows .* share mel frames, .* a multiple of 0\.02 s$/m);
    const alone = await cliOk(["info", "--model", `${folder}/wav2vec2`]);
    match(alone.stdout, /^ {2}detection +windows .* share no work: each is normalised/m);
    const device = await startTestWasm({ threads: 1 });
    const model = await buildModel({ ...TINY_CONFIG, feat_extract_norm: "layer" }, { seed: 1 });
    const extractor = new Wav2Vec2FeatureExtractor({ samplingRate: 8_000, doNormalize: false });
    await savePretrained(`${folder}/layer`, model, extractor);
    model.dispose();
    device.dispose();
    const { windowsShareWork } = await infoOf(`${folder}/layer`);
    deepEqual(windowsShareWork, { work: "convolutions", stepSeconds: 50 / 8_000 });
  });
});

Deno.test("info prints sizes in megabytes of a million bytes", async () => {
  const { memoryBytes } = await infoOf("models/voice_menu");
  const { stdout } = await cliOk(["info", "--model", "models/voice_menu"]);
  const [, size] = stdout.match(/^ {2}memory +(\S+) MB in f32, /m)!;
  equal(size, (memoryBytes.float32 / 1e6).toFixed(2));
});

Deno.test("info tells what an export holds its weights in", async () => {
  await withModels(async (folder) => {
    await cliOk([
      "export",
      "--model",
      `${folder}/wav2vec2`,
      "--output",
      `${folder}/f16`,
      "--dtype",
      "f16",
    ]);
    const { exported, weights } = await infoOf(`${folder}/f16`);
    equal(exported, "f16");
    const found = weights.filter(({ group }) => group === "classifier");
    deepEqual(found.map(({ dtype, form }) => [dtype, form]), [["F16", "panels"], ["F16", "rows"]]);
    const { stdout } = await cliOk(["info", "--model", `${folder}/f16`]);
    match(stdout, /^ {2}exported +in f16, for inference$/m);
    match(stdout, /^classifier +1 +60 +F16 panels /m);
  });
});

Deno.test("info counts the one length that a model of spectrograms takes", async () => {
  await withModels(async (folder) => {
    const seconds = { "whisper": 1, "audio-spectrogram-transformer": (400 + 97 * 160) / 16_000 };
    for (const [name, clipSeconds] of Object.entries(seconds)) {
      const { gflop, samplingRate } = await infoOf(`${folder}/${name}`);
      equal(samplingRate, 16_000);
      equal(gflop!.clipSeconds, clipSeconds);
      equal(gflop!.perSecond, gflop!.clip / clipSeconds);
    }
  });
});

Deno.test("info names what is newly initialised, misshapen and not used", async () => {
  await withModels(async (folder) => {
    const config = `${folder}/wav2vec2/config.json`;
    const labels = {
      id2label: { 0: "a", 1: "b" },
      num_hidden_layers: 1,
      use_weighted_layer_sum: true,
    };
    await Deno.writeTextFile(config, JSON.stringify({ ...TINY_CONFIG, ...labels }));
    const info = await infoOf(`${folder}/wav2vec2`);
    deepEqual(info.newlyInitialised, ["layer_weights"]);
    deepEqual(info.mismatched, ["classifier.weight", "classifier.bias"]);
    equal(info.unexpected.length, 16);
    ok(info.unexpected.every((name) => name.startsWith("wav2vec2.encoder.layers.1.")));
    const drawn = info.weights.filter(({ file }) => file === null);
    deepEqual(drawn.map(({ group, tensors }) => [group, tensors]), [["layer_weights", 1], [
      "classifier",
      2,
    ]]);
    const { stdout } = await cliOk(["info", "--model", `${folder}/wav2vec2`]);
    match(stdout, /^ {2}architecture +Wav2Vec2ForSequenceClassification \(wav2vec2\)$/m);
    match(stdout, /^ {2}labels +2: a, b$/m);
    match(stdout, /^wav2vec2.* F32 +model\.safetensors$/m);
    match(stdout, /^classifier +2 +26 +F32 +newly initialised$/m);
    match(stdout, /^Newly initialised: layer_weights$/m);
    match(stdout, /^In the file, and not used: wav2vec2\.encoder\.layers\.1\..* and 4 more$/m);
  });
});

Deno.test("info takes the architecture's extractor where the model has none, and says so", async () => {
  await withModels(async (folder) => {
    await Deno.remove(`${folder}/wav2vec2/preprocessor_config.json`);
    const { stdout, stderr } = await cliOk(["info", "--model", `${folder}/wav2vec2`]);
    match(stdout, /^ {2}sampling rate +16000 Hz$/m);
    match(
      stderr,
      /does not say how its input is made: .* a Wav2Vec2FeatureExtractor at 16000 Hz$/m,
    );
  });
});

Deno.test("info needs a model, and takes no files", async () => {
  const none = await cli(["info", "--model", "no-such-directory"]);
  equal(none.code, 1);
  match(none.stderr, /^Cannot load model "no-such-directory": expected a model directory/);
  equal((await cli(["info", "my-model"])).code, 2);
});

kitTest("info names the shard of each weight, and the names of older files", async () => {
  await withFolder(async (folder) => {
    for (const name of ["sharded-bin", "pretraining"]) {
      const from = kitPath("wav2vec2-group", name);
      await Deno.mkdir(`${folder}/${name}`);
      for (const { name: file } of Deno.readDirSync(from)) {
        await Deno.copyFile(`${from}/${file}`, `${folder}/${name}/${file}`);
      }
      for (const file of ["config.json", "preprocessor_config.json"]) {
        const there = exists(`${from}/${file}`) ? from : kitPath("wav2vec2-group");
        await Deno.copyFile(`${there}/${file}`, `${folder}/${name}/${file}`);
      }
    }
    const sharded = await infoOf(`${folder}/sharded-bin`);
    const shards = new Set(sharded.weights.map(({ file }) => file!.split("/").at(-1)));
    deepEqual([...shards].sort(), [1, 2].map((i) => `pytorch_model-0000${i}-of-00002.bin`));
    const pretraining = await infoOf(`${folder}/pretraining`);
    const expected = JSON.parse(await Deno.readTextFile(`${folder}/pretraining/expected.json`));
    deepEqual(pretraining.newlyInitialised.sort(), expected.missing_keys.toSorted());
    deepEqual(pretraining.unexpected.sort(), expected.unexpected_keys.toSorted());
  });
});

Deno.test("info --memory plans what a clip takes, by kernel, and more for a longer one", async () => {
  await withFolder(async (folder) => {
    const device = await startTestWasm({ threads: 1 });
    await saveTinyModel(folder);
    device.dispose();
    const planOf = async (seconds: string) => {
      const args = ["info", "--model", folder, "--memory", "--seconds", seconds, "--json"];
      return jsonLines<ModelInfo>(await cliOk(args))[0]!.memory!;
    };
    const [short, long] = [await planOf("0.5"), await planOf("20")];
    equal(long.seconds, 20);
    equal(short.weightBytes, long.weightBytes);
    ok(short.peakBytes > short.weightBytes && long.peakBytes > 2 * short.peakBytes);
    ok(long.kernels.some(({ kernel }) => kernel === "attention"));
    const most = Math.max(...long.kernels.map(({ usedBytes }) => usedBytes));
    equal(most, long.peakBytes);
  });
});
