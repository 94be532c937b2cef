/**
 * `train --recipe`: the data and the checkpoint of the hub, or those that are named in their place.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { withRecipe } from "../../src/commands/_recipe.ts";
import { useDevice } from "../../src/devices.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { addStandIns, INTENTS } from "../docs/stand_ins.ts";
import { hubTest } from "../hub/_fixtures.ts";
import { TOKEN } from "../hub/hub.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../tiny_spectrogram_models.ts";
import { cli, cliOk, jsonLines, withFolder, writeTones } from "./_command_line.ts";

hubTest("train --recipe minds14 learns from the hub", async ({ hub, cacheDirectory }) => {
  await addStandIns(hub);
  const env = { HF_ENDPOINT: hub.url, HF_HOME: cacheDirectory, HF_TOKEN: TOKEN };
  await withFolder(async (cwd) => {
    const run = await cliOk(
      ["train", "--recipe", "minds14", "--output", "model", "--backend", "wasm", "--json"],
      { cwd, env },
    );
    const events = jsonLines<{ event: string; labels?: string[]; metrics?: { accuracy: number } }>(
      run,
    );
    deepEqual(events[0]?.labels, INTENTS);
    const done = events.at(-1)!;
    equal(done.event, "done");
    ok(done.metrics!.accuracy > 0.5, `accuracy ${done.metrics!.accuracy}`);
    const args = JSON.parse(await Deno.readTextFile(`${cwd}/model/training_args.json`));
    deepEqual(
      [args.data, args.model, args.learningRate, args.perDeviceTrainBatchSize],
      ["PolyAI/minds14", "facebook/wav2vec2-base", 5e-5, 8],
    );
    const config = JSON.parse(await Deno.readTextFile(`${cwd}/model/config.json`));
    equal(config.id2label[2], "app_error");
  });
});

Deno.test("train --recipe takes data, model and arguments that are named", async () => {
  await withFolder(async (cwd) => {
    await writeTones(`${cwd}/tones`);
    const named = ["--data", "tones", "--model", "tiny", "--num-train-epochs", "1"];
    const { stdout } = await cliOk(
      ["train", "--recipe", "keyword-spotting", ...named, "--output", "model", "--backend", "wasm"],
      { cwd },
    );
    match(stdout, /^Recipe: keyword-spotting \(single words.*by its source, not measured here/m);
    match(stdout, /^Data: tones, 3 classes/m);
    const args = JSON.parse(await Deno.readTextFile(`${cwd}/model/training_args.json`));
    deepEqual(
      [args.numTrainEpochs, args.perDeviceTrainBatchSize, args.maxLengthSeconds],
      [1, 16, 1],
    );
  });
});

Deno.test("train --recipe freezes convolutions where there are some", async () => {
  await withFolder(async (cwd) => {
    await writeTones(`${cwd}/tones`, { train: 6, validation: 2 });
    await useDevice();
    const { model, extractor } = await tinySpectrogramModel(TINY_SPECTROGRAM_MODELS[1]!);
    await savePretrained(`${cwd}/ast`, model, extractor);
    model.dispose();
    const train = ["train", "--recipe", "keyword-spotting", "--data", "tones", "--model", "ast"];
    const short = ["--num-train-epochs", "1", "--output", "model", "--backend", "wasm"];
    await cliOk([...train, ...short], { cwd });
    const args = JSON.parse(await Deno.readTextFile(`${cwd}/model/training_args.json`));
    equal(args.freezeFeatureEncoder, false);
    const asked = [...train, ...short, "--overwrite", "--freeze-feature-encoder"];
    const { code, stderr } = await cli(asked, { cwd });
    equal(code, 1);
    match(stderr, /Cannot freeze the feature encoder/);
  });
});

Deno.test("train --recipe names those there are", async () => {
  const { code, stderr } = await cli(["train", "--recipe", "esc50"]);
  equal(code, 2);
  match(
    stderr,
    /"--recipe": expected one of minds14, keyword-spotting, language-id, environment, found "esc50"/,
  );
});

Deno.test("withRecipe() leaves the columns of other data alone", () => {
  deepEqual(withRecipe({ recipe: "minds14", data: "DIR" }), {
    recipe: "minds14",
    data: "DIR",
    model: "facebook/wav2vec2-base",
  });
  deepEqual(withRecipe({ recipe: "minds14", model: "DIR", "data-name": "fr-FR" }), {
    recipe: "minds14",
    data: "PolyAI/minds14",
    "data-name": "fr-FR",
    "label-column": "intent_class",
    model: "DIR",
  });
  deepEqual(withRecipe({ data: "DIR" }), { data: "DIR" });
});
