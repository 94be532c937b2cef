import assert from "node:assert/strict";
import { featureDirectory, featuresLine, makeRoom } from "../../src/commands/_feature_cache.ts";
import { buildModel } from "../../src/models/mod.ts";
import { TrainingArguments } from "../../src/train/options/arguments.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_CONFIG } from "../tiny_model.ts";

Deno.test("featureDirectory() is what was asked for, or none", async () => {
  assert.equal(await featureDirectory("there"), "there");
  assert.equal(await featureDirectory("none"), undefined);
});

Deno.test("makeRoom() removes the features that were written longest ago, and nothing else", async () => {
  const directory = await Deno.makeTempDir({ prefix: "earshot-features-" });
  const [old, middle, young] = ["a", "b", "c"].map((letter) => letter.repeat(64));
  for (const [at, name] of [old!, middle!, young!, "notes"].entries()) {
    await Deno.mkdir(`${directory}/${name}`);
    await Deno.writeFile(`${directory}/${name}/1.features`, new Uint8Array(100));
    await Deno.utime(`${directory}/${name}/1.features`, 1000 * (at + 1), 1000 * (at + 1));
  }
  const left = () => Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
  await makeRoom(directory, 300);
  assert.deepEqual(left(), [old, middle, young, "notes"]);
  await makeRoom(directory, 250);
  assert.deepEqual(left(), [middle, young, "notes"]);
  await makeRoom(`${directory}/none`, 0);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("featuresLine() says how often features are computed, and what would change that", async () => {
  const device = await startTestWasm({ threads: 1 });
  const model = await buildModel({ ...TINY_CONFIG, layerdrop: 0.2 });
  const line = (frozenBaseEval: boolean, isVaried = false) =>
    featuresLine(model, new TrainingArguments({ outputDir: ".", frozenBaseEval }), isVaried);
  assert.equal(line(true), undefined);
  model.freezeBaseModel();
  assert.match(
    line(false)!,
    /in each epoch, since the base model has .*layerdrop 0.2.*--frozen-base-eval/,
  );
  assert.match(line(true, true)!, /training clips are changed.*--feature-views/);
  assert.match(line(true)!, /computed once a clip/);
  model.dispose();
  device.dispose();
});
