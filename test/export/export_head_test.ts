/**
 * Heads in directories of their own, and their use on a backbone.
 *
 * @module
 */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { pipeline, type PipelineOptions } from "../../src/classify/pipeline.ts";
import { exportHead, exportModel } from "../../src/export/mod.ts";
import { directoryFiles } from "../../src/files.ts";
import { loadPretrained, savePretrained } from "../../src/pretrained.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { encodeSafetensors, type TensorToWrite } from "../../src/weights/safetensors_writer.ts";
import { startTestWasm } from "../devices.ts";
import { saveTinyHead, tinyOnSameBase } from "../tiny_heads.ts";
import { saveTinyModel, tinyExtractor, tinyModel, tone } from "../tiny_model.ts";

const COLOURS = ["red", "green", "blue"];
const CLIP = { samples: tone(4_000), samplingRate: 8_000 };

/** A folder with the model `backbone`, the model `colours` on its base, and `colours-head`. */
function headTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const device = await startTestWasm({ threads: 1 });
    const folder = await Deno.makeTempDir();
    try {
      await saveTinyModel(`${folder}/backbone`);
      await saveTinyHead(folder, "colours", COLOURS);
      await body(folder);
    } finally {
      device.dispose();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function answerOf(model: string, options: PipelineOptions = {}) {
  const classifier = await pipeline("audio-classification", model, options);
  const answer = await classifier(CLIP, { functionToApply: "none" });
  classifier.dispose();
  return answer;
}

async function changeJson(
  file: string,
  change: (json: Record<string, unknown>) => void,
): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(file));
  change(json);
  await Deno.writeTextFile(file, JSON.stringify(json));
}

/** Rewrites the tensors of a model's directory. */
async function changeTensors(
  directory: string,
  change: (tensors: TensorToWrite[]) => TensorToWrite[],
): Promise<void> {
  const file = await openSafetensors((await directoryFiles(directory).open("model.safetensors"))!);
  const tensors: TensorToWrite[] = [];
  for (const [name, { dtype, shape }] of file.entries) {
    tensors.push({ name, dtype, shape, values: await file.readValues(name) } as TensorToWrite);
  }
  file.close();
  await Deno.writeFile(`${directory}/model.safetensors`, encodeSafetensors(change(tensors)));
}

headTest("exportHead() writes the head alone, which answers as the whole model", async (folder) => {
  const names = [...Deno.readDirSync(`${folder}/colours-head`)].map(({ name }) => name).sort();
  deepEqual(names, ["config.json", "head.safetensors"]);
  const config = JSON.parse(await Deno.readTextFile(`${folder}/colours-head/config.json`));
  match(config.earshot.backbone.fingerprint, /^[0-9a-f]{64}$/);
  const expected = await answerOf(`${folder}/colours`);
  equal(expected.length, 3);
  const before = engine().memory().numTensors;
  deepEqual(await answerOf(`${folder}/backbone`, { head: `${folder}/colours-head` }), expected);
  equal(engine().memory().numTensors, before);
});

headTest("a head directory that names its backbone is a model by itself", async (folder) => {
  const { model, backbone } = { model: `${folder}/colours`, backbone: `${folder}/backbone` };
  const report = await exportHead({ model, output: `${folder}/named`, backbone });
  equal(report.backbone.name, backbone);
  deepEqual(await answerOf(`${folder}/named`), await answerOf(model));
  const loaded = await loadPretrained(`${folder}/named`);
  deepEqual(loaded.labels, COLOURS);
  loaded.dispose();
  await rejects(pipeline("audio-classification", `${folder}/colours-head`), {
    name: "CheckpointError",
    message: /expected a whole model, found a head that does not name its backbone/,
  });
});

headTest("a head goes on a bare encoder, whatever stands for masked frames", async (folder) => {
  const expected = await answerOf(`${folder}/colours`);
  const head = { head: `${folder}/colours-head` };
  await changeTensors(
    `${folder}/backbone`,
    (tensors) =>
      tensors.filter(({ name }) => name.startsWith("wav2vec2.")).map((tensor) => {
        const values = /masked/.test(tensor.name) ? new Float32Array(16) : tensor.values;
        return { ...tensor, values, name: tensor.name.slice("wav2vec2.".length) } as TensorToWrite;
      }),
  );
  deepEqual(await answerOf(`${folder}/backbone`, head), expected);
});

headTest("a head is refused on another backbone", async (folder) => {
  const other = await tinyModel(2);
  await savePretrained(`${folder}/other`, other, tinyExtractor());
  other.dispose();
  const head = { head: `${folder}/colours-head` };
  const before = engine().memory().numTensors;
  await rejects(answerOf(`${folder}/other`, head), {
    name: "CheckpointError",
    message:
      /^Cannot use head ".*colours-head" on ".*other": expected a backbone of fingerprint [0-9a-f]{12}, found [0-9a-f]{12}$/,
  });
  await changeTensors(`${folder}/backbone`, (tensors) =>
    tensors.map((tensor) => {
      const isOne = tensor.name === "wav2vec2.encoder.layers.1.final_layer_norm.bias";
      return isOne ? { ...tensor, values: new Float32Array(16).fill(1e-7) } : tensor;
    }));
  await rejects(answerOf(`${folder}/backbone`, head), /expected a backbone of fingerprint/);
  equal(engine().memory().numTensors, before);
  const named = { model: `${folder}/colours`, output: `${folder}/x`, backbone: `${folder}/other` };
  await rejects(exportHead(named), /expected a backbone of fingerprint/);
  await rejects(Deno.stat(`${folder}/x`), Deno.errors.NotFound);
});

headTest("a head goes on an export of its backbone in 8 bits", async (folder) => {
  for (const dtype of ["f32", "q8"] as const) {
    const model = { model: `${folder}/backbone`, output: `${folder}/${dtype}`, dtype };
    await exportModel(model);
    const found = await answerOf(`${folder}/${dtype}`, { head: `${folder}/colours-head` });
    const expected = await answerOf(`${folder}/colours`);
    for (const { label, score } of found) {
      const wanted = expected.find((other) => other.label === label)!.score;
      equal(Math.abs(score - wanted) <= (dtype === "q8" ? 0.3 : 1e-4), true, `${dtype} ${label}`);
    }
  }
  await changeJson(`${folder}/q8/config.json`, (json) => delete json.earshot);
  await rejects(answerOf(`${folder}/q8`, { head: `${folder}/colours-head` }), {
    message: /expected a fingerprint in its config, found none/,
  });
});

headTest("a head that weighs layers goes on a backbone whose head does not", async (folder) => {
  const fields = { use_weighted_layer_sum: true, classifier_proj_size: 5 };
  await saveTinyHead(folder, "weighed", ["low", "high"], { fields });
  const found = await answerOf(`${folder}/backbone`, { head: `${folder}/weighed-head` });
  deepEqual(found, await answerOf(`${folder}/weighed`));
});

headTest("broken head directories are refused", async (folder) => {
  const use = () => answerOf(`${folder}/backbone`, { head: `${folder}/colours-head` });
  await rejects(
    answerOf(`${folder}/backbone`, { head: `${folder}/colours` }),
    /expected "head.safetensors", found none/,
  );
  const config = `${folder}/colours-head/config.json`;
  const text = await Deno.readTextFile(config);
  await changeJson(config, (json) => json.earshot = { backbone: { fingerprint: "ab" } });
  await rejects(use(), /field "earshot.backbone".*expected a fingerprint/);
  await Deno.writeTextFile(config, "{");
  await rejects(use(), /expected JSON/);
  await Deno.writeTextFile(config, text);
  const weights = `${folder}/colours-head/head.safetensors`;
  const bytes = await Deno.readFile(weights);
  await Deno.writeFile(weights, bytes.slice(0, -4));
  await rejects(use(), { name: "CheckpointError" });
  await Deno.writeFile(weights, encodeSafetensors([]));
  await rejects(use(), /missing: .*projector\.weight/);
  const model = await tinyOnSameBase(COLOURS);
  const loaded = { model, extractor: tinyExtractor() };
  await rejects(pipeline("audio-classification", loaded, { head: "x" }), /found a loaded model/);
  model.dispose();
});
