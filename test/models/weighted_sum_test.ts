import { deepEqual, equal, match, notDeepEqual } from "node:assert/strict";
import { buildModel } from "../../src/models/mod.ts";
import type { InferenceModel } from "../../src/models/inference_model.ts";
import { disposeGradients, lossAndGradients } from "../../src/train/step/step.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_SPEECH } from "./_architecture_case.ts";

const TINY = {
  ...TINY_SPEECH,
  model_type: "wav2vec2",
  feat_extract_norm: "layer",
  do_stable_layer_norm: true,
  use_weighted_layer_sum: true,
};
const CLIP = {
  inputValues: Float32Array.from({ length: 100 }, (_, i) => Math.sin(i * i)),
  shape: [1, 100],
};

async function scoresOf(model: InferenceModel): Promise<number[]> {
  const [scores] = await model.logits(CLIP);
  return [...scores!];
}

/** Silent, unless something is said that was not asked about. */
async function build(version: string, warnings: string[] = []) {
  const onWarning = (message: string) => warnings.push(message);
  return await buildModel({ ...TINY, transformers_version: version }, { onWarning });
}

Deno.test("a model of version 4 warns, answers as version 4 did, and is trained as version 5", async () => {
  const device = await startTestWasm({ threads: 1 });
  const [warnings, none]: [string[], string[]] = [[], []];
  const [newer, older] = [await build("5.18.0", none), await build("4.30.0", warnings)];
  const [expected, before] = [await scoresOf(newer), await scoresOf(older)];
  deepEqual(none, []);
  equal(warnings.length, 1);
  match(warnings[0]!, /^"config.json" was written by transformers 4\.30\.0, and its weighted sum/);
  notDeepEqual(before, expected);
  equal(older.toConfig().transformers_version, "4.30.0");
  const prepared = await older.prepare();
  const batch = { inputs: CLIP.inputValues, shape: CLIP.shape, labels: Int32Array.of(1) };
  const [ofNewer, ofOlder] = [newer, older].map((model) => lossAndGradients(model, [batch]));
  deepEqual(await ofOlder!.loss.data(), await ofNewer!.loss.data());
  deepEqual(await scoresOf(older), expected);
  equal(older.toConfig().transformers_version, "5.18.0");
  deepEqual(await scoresOf(prepared), before);
  for (const each of [ofNewer!, ofOlder!]) disposeGradients(each);
  for (const model of [newer, older, prepared]) model.dispose();
  device.dispose();
});

Deno.test("a weighted sum that the final norm does not reach is the same in both versions", async () => {
  const device = await startTestWasm({ threads: 1 });
  const warnings: string[] = [];
  const json = { ...TINY, do_stable_layer_norm: false, transformers_version: "4.30.0" };
  const model = await buildModel(json, { onWarning: (message) => warnings.push(message) });
  const before = await scoresOf(model);
  model.startTraining();
  deepEqual(await scoresOf(model), before);
  deepEqual(warnings, []);
  model.dispose();
  device.dispose();
});
