/** `saveAdapter`: what a run leaves is a small directory that loads onto the model that it began with. */
import assert from "node:assert/strict";
import { buildModel } from "../../../src/models/mod.ts";
import { loadPretrained, savePretrained } from "../../../src/pretrained.ts";
import { TrainingArguments, type TrainingOptions } from "../../../src/train/options/arguments.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { assertAllClose } from "../../compare.ts";
import { saveTinyModel, TINY_CONFIG, tinyExtractor, tone } from "../../tiny_model.ts";
import { QUIET, runTest, tinyRun, tinySource } from "../_tiny_run.ts";

const ARGS = { loraRank: 2, loraAlpha: 3, loraDropout: 0.1, saveAdapter: true, maxSteps: 3 };
const CLIP = { inputValues: tone(900), shape: [1, 900] };

async function trainOn(
  base: string,
  outputDir: string,
  args: Partial<TrainingOptions> = ARGS,
): Promise<Float32Array[]> {
  const model = await loadPretrained(base);
  const trainer = new Trainer({
    model,
    args: new TrainingArguments({ outputDir, learningRate: 1e-2, ...args }),
    trainDataset: tinySource(10),
    featureExtractor: tinyExtractor(),
    callbacks: [QUIET],
  });
  await trainer.train();
  const scores = await model.logits(CLIP);
  model.dispose();
  return scores;
}

const names = (folder: string) =>
  Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => /\.(safetensors)$|config\.json$/.test(name)).sort();

runTest("Trainer saves changes apart, which load onto their model", async (folder) => {
  const [base, output] = [`${folder}/base`, `${folder}/adapter`];
  await saveTinyModel(base);
  const scores = await trainOn(base, output);
  assert.deepEqual(names(output), [
    "adapter_config.json",
    "adapter_model.safetensors",
    "config.json",
    "preprocessor_config.json",
  ]);
  const model = await loadPretrained(output);
  assertAllClose((await model.logits(CLIP))[0]!, scores[0]!, { atol: 1e-6 });
  const before = await loadPretrained(base);
  assert.notDeepEqual(await before.logits(CLIP), scores);
  model.dispose();
  before.dispose();
  const size = (file: string) => Deno.statSync(file).size;
  assert.ok(size(`${output}/adapter_model.safetensors`) < size(`${base}/model.safetensors`) / 2);
  const { r, lora_alpha, lora_dropout, base_model_name_or_path, ...config } = JSON.parse(
    Deno.readTextFileSync(`${output}/adapter_config.json`),
  );
  assert.deepEqual([r, lora_alpha, lora_dropout], [2, 3, 0.1]);
  assert.equal(base_model_name_or_path, base);
  assert.deepEqual(config.target_modules, ["q_proj", "v_proj"]);
  assert.deepEqual(config.modules_to_save, ["projector", "classifier"]);
  assert.equal(config.auto_mapping.base_model_class, "Wav2Vec2ForSequenceClassification");
});

runTest("Trainer leaves weights of one form alone in a directory", async (folder) => {
  const [base, output] = [`${folder}/base`, `${folder}/output`];
  await saveTinyModel(base);
  const whole = { ...ARGS, saveAdapter: false };
  await trainOn(base, output, whole);
  assert.ok(names(output).includes("model.safetensors"));
  await trainOn(base, output);
  assert.ok(!names(output).includes("model.safetensors"));
  await trainOn(base, output, whole);
  assert.deepEqual(names(output), ["config.json", "model.safetensors", "preprocessor_config.json"]);
});

runTest("Trainer refuses to save changes that nobody could use", async (folder) => {
  const base = `${folder}/base`;
  await saveTinyModel(base);
  const refused = (args: Partial<TrainingOptions>, message: RegExp, from = base) =>
    assert.rejects(trainOn(from, `${folder}/output`, { ...ARGS, ...args }), message);
  await refused({ loraRank: 0 }, /"saveAdapter": expected `loraRank` above 0, found 0/);
  await refused({ pushToHub: true, hubModelId: "a/b" }, /expected no `pushToHub`/);
  await trainOn(base, `${folder}/adapter`);
  await refused({}, /expected a whole model .* or another adapter/, `${folder}/adapter`);
  const run = tinyRun({ outputDir: `${folder}/output`, args: ARGS });
  await assert.rejects(run, /expected a whole model .*, found new weights/);

  const weighted = await buildModel({ ...TINY_CONFIG, use_weighted_layer_sum: true });
  await savePretrained(`${folder}/weighted`, weighted, tinyExtractor());
  weighted.dispose();
  await refused({}, /found weights of a sum, which peft has no place for/, `${folder}/weighted`);
});
