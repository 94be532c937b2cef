import { deepEqual, equal, rejects } from "node:assert/strict";
import { memory } from "@tensorflow/tfjs-core";
import { encodeWav } from "../../src/audio/mod.ts";
import { loadClassifier } from "../../src/classify/classifier.ts";
import { pipeline, type PipelineOptions } from "../../src/classify/pipeline.ts";
import { CheckpointError, FileError } from "../../src/errors.ts";
import { directoryFiles } from "../../src/files.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { openCheckpoint } from "../../src/weights/checkpoint.ts";
import { useReference } from "../reference/backend.ts";
import { saveTinyModel, TINY_LABELS, tinyExtractor, tinyModel, tone } from "../tiny_model.ts";

Deno.test("pipeline() loads a directory, its files or a model in memory", async () => {
  await useReference();
  const directory = `${await Deno.makeTempDir()}/model`;
  await saveTinyModel(directory);
  const file = `${directory}/../clip.wav`;
  await Deno.writeFile(file, encodeWav(tone(800), 8_000));
  const fromPath = await pipeline("audio-classification", directory);
  const fromFiles = await pipeline("audio-classification", directoryFiles(directory));
  const fromModel = await pipeline("audio-classification", {
    model: await tinyModel(),
    extractor: tinyExtractor(),
  });
  const expected = await fromPath(file);
  deepEqual(await fromFiles(file), expected);
  deepEqual(await fromModel(file), expected);
  deepEqual(fromPath.labels, TINY_LABELS);
  await rejects(fromPath(`${directory}/none.wav`), FileError);
  for (const classifier of [fromPath, fromFiles, fromModel]) classifier.dispose();
  await Deno.remove(`${directory}/..`, { recursive: true });
});

Deno.test("pipeline() refuses another task and a missing directory", async () => {
  await useReference();
  await rejects(
    pipeline("text-classification" as "audio-classification", "x"),
    /expected task "audio-classification", found "text-classification"/,
  );
  await rejects(pipeline("audio-classification", "../no/such/place"), CheckpointError);
  await rejects(
    pipeline("audio-classification", null as unknown as string),
    /^TypeError: Cannot make a pipeline: expected a model directory, found null$/,
  );
});

Deno.test("pipeline() refuses a model without a trained classifier, and frees it", async () => {
  await useReference();
  const directory = await Deno.makeTempDir();
  const model = await tinyModel();
  const { parameters } = model;
  const encoder = [...parameters].filter(([name]) => !name.startsWith("classifier."));
  Object.assign(model, { parameters: new Map(encoder) });
  await savePretrained(directory, model, tinyExtractor());
  for (const parameter of parameters.values()) parameter.dispose();
  const before = memory().numTensors;
  const missing = /2 missing: classifier\.weight, classifier\.bias/;
  await rejects(pipeline("audio-classification", directory), missing);
  await rejects(loadClassifier(directoryFiles(directory), openCheckpoint), missing);
  equal(memory().numTensors, before);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("pipeline() refuses options that there are not, by name", async () => {
  const odd = { top_k: 3 } as PipelineOptions;
  const expected = { name: "TypeError", message: /, found option "top_k"$/ };
  await rejects(pipeline("audio-classification", "models/voice_menu", odd), expected);
});
