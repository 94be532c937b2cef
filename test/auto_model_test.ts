import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { AutoConfig, AutoModelForAudioClassification } from "../src/auto_model.ts";
import { CheckpointError } from "../src/errors.ts";
import { Wav2Vec2FeatureExtractor } from "../src/features/mod.ts";
import { withFolder } from "./commands/_command_line.ts";
import { startHub, TOKEN } from "./hub/hub.ts";
import { useReference } from "./reference/backend.ts";
import { saveTinyModel, TINY_CONFIG, TINY_LABELS } from "./tiny_model.ts";

const FILES = ["config.json", "model.safetensors", "preprocessor_config.json"];

/** A tiny model in `folder/tiny`, loaded. */
async function tinyIn(folder: string) {
  await useReference();
  await saveTinyModel(`${folder}/tiny`);
  return await AutoModelForAudioClassification.fromPretrained(`${folder}/tiny`);
}

async function rateIn(directory: string): Promise<number> {
  const text = await Deno.readTextFile(`${directory}/preprocessor_config.json`);
  return JSON.parse(text).sampling_rate;
}

Deno.test("model.savePretrained() takes along the extractor that the model came with", async () => {
  await withFolder(async (folder) => {
    const model = await tinyIn(folder);
    await model.savePretrained(`${folder}/copy`);
    deepEqual(Array.from(Deno.readDirSync(`${folder}/copy`), ({ name }) => name).sort(), FILES);
    deepEqual(
      await Deno.readFile(`${folder}/copy/model.safetensors`),
      await Deno.readFile(`${folder}/tiny/model.safetensors`),
    );
    equal(await rateIn(`${folder}/copy`), 8_000);
    const extractor = new Wav2Vec2FeatureExtractor({ samplingRate: 16_000 });
    await model.savePretrained(`${folder}/copy`, { extractor, replace: true, dtype: "float16" });
    equal(await rateIn(`${folder}/copy`), 16_000);
    model.dispose();
  });
});

Deno.test("model.pushToHub() pushes model, extractor and card", async () => {
  await using hub = startHub();
  await withFolder(async (folder) => {
    const model = await tinyIn(folder);
    const { id } = await model.pushToHub("acme/tiny", { endpoint: hub.url, token: TOKEN });
    equal(id, "acme/tiny");
    const { files } = hub.repository("acme/tiny")!.resolve("main")!;
    for (const name of [...FILES, "README.md"]) ok(files.has(name), `${name} was not pushed`);
    model.dispose();
  });
});

Deno.test("AutoConfig gives the fields of config.json, and refuses a foreign architecture", async () => {
  await withFolder(async (folder) => {
    const write = (config: object) =>
      Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
    await write(TINY_CONFIG);
    const config = await AutoConfig.fromPretrained(folder);
    equal(config.model_type, "wav2vec2");
    deepEqual(Object.values(config.id2label as object), TINY_LABELS);
    await write({ ...TINY_CONFIG, model_type: "bert" });
    await rejects(AutoConfig.fromPretrained(folder), CheckpointError);
  });
});
