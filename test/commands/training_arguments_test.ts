import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import {
  configFile,
  givenTrainingOptions,
  trainingOptionSpecs,
} from "../../src/commands/_training_arguments.ts";
import { camelCase, refusalOf } from "../../src/train/options/arguments.ts";
import reference from "../train/options/reference_arguments.json" with { type: "json" };

Deno.test("every argument of the reference is an option, or refused with a reason", () => {
  const specs = trainingOptionSpecs();
  for (const name of Object.keys(reference.defaults)) {
    if (name === "output_dir" || name === "hub_token") continue;
    const isThere = Object.hasOwn(specs, name.replaceAll("_", "-"));
    equal(isThere, refusalOf(camelCase(name)) === undefined, name);
  }
  ok(!Object.hasOwn(specs, "hub-token"));
});

Deno.test("options without an effect are taken, and not shown in the help", () => {
  const specs = trainingOptionSpecs();
  equal(specs["ddp-timeout"]!.isHidden, true);
  equal(specs["log-on-each-node"]!.isHidden, true);
  equal(specs["learning-rate"]!.isHidden, undefined);
  deepEqual(givenTrainingOptions({ "ddp-timeout": 60 }), { ddpTimeout: 60 });
});

Deno.test("configFile() takes names without an effect, and no token", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, '{"dataloader_num_workers": 4, "optim": "sgd"}');
    deepEqual(await configFile(file), { dataloaderNumWorkers: 4, optim: "sgd" });
    await Deno.writeTextFile(file, '{"hub_token": "hf_secret"}');
    await rejects(configFile(file), /"hub_token": a token is not kept beside the arguments/);
  } finally {
    await Deno.remove(file);
  }
});
