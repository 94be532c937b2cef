import { deepEqual, notDeepEqual } from "node:assert/strict";
import { openStartingModel } from "../../src/commands/_starting_model.ts";
import type { AudioClassificationModel } from "../../src/models/mod.ts";
import { buildModel } from "../../src/models/mod.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";
import { TINY_CONFIG, tinyExtractor } from "../tiny_model.ts";

async function head(model: AudioClassificationModel): Promise<number[]> {
  return [...await model.parameters.get("classifier.weight")!.data()];
}

Deno.test("a model of one value keeps its head for a column of another name, one of classes does not", async () => {
  const device = await startTestWasm({ threads: 1 });
  const directory = `${await Deno.makeTempDir()}/model`;
  const options = { labels: ["LABEL_0"], problemType: "regression" } as const;
  const saved = await buildModel(TINY_CONFIG, options);
  await savePretrained(directory, saved, tinyExtractor());
  const starting = await openStartingModel(directory);
  const value = await starting.build(["quality"], 7, "regression");
  deepEqual(await head(value), await head(saved));
  deepEqual(value.labels, ["quality"]);
  const classes = await starting.build(["quality"], 7, "multi_label_classification");
  notDeepEqual(await head(classes), await head(saved));
  for (const model of [saved, value, classes]) model.dispose();
  device.dispose();
});

Deno.test("a starting model of other classes has a new classifier, whatever that is called", async () => {
  const device = await startTestWasm({ threads: 1 });
  for (const name of ["audio-spectrogram-transformer", "ced", "efficientat", "wav2vec2-bert"]) {
    const directory = `${await Deno.makeTempDir()}/model`;
    const saved = await buildModel(TINY_ARCHITECTURES[name]!.config, { seed: 1 });
    await savePretrained(directory, saved, tinyExtractor());
    const starting = await openStartingModel(directory);
    const built = await starting.build(["a", "b", "c", "d", "e"], 7);
    deepEqual(built.labels.length, 5);
    const ofBase = [...saved.parameters.keys()].filter((key) => saved.isOfBase(key));
    deepEqual(built.loading.missing.filter((key) => ofBase.includes(key)), []);
    for (const model of [saved, built]) model.dispose();
  }
  device.dispose();
});

Deno.test("a starting model names its classes as a loaded one does", async () => {
  const device = await startTestWasm({ threads: 1 });
  const directory = `${await Deno.makeTempDir()}/model`;
  const saved = await buildModel(TINY_CONFIG, { labels: ["no", "yes", "maybe"] });
  await savePretrained(directory, saved, tinyExtractor());
  const file = `${directory}/config.json`;
  const config = JSON.parse(await Deno.readTextFile(file));
  const gap = { ...config, id2label: { "0": "no", "1": "yes", "3": "maybe" } };
  await Deno.writeTextFile(file, JSON.stringify(gap));
  const starting = await openStartingModel(directory);
  deepEqual(starting.labels, ["no", "yes", "LABEL_2"]);
  const built = await starting.build(starting.labels!, 7);
  deepEqual(await head(built), await head(saved));
  for (const model of [saved, built]) model.dispose();
  device.dispose();
});
