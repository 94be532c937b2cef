import { equal, match, ok, rejects } from "node:assert/strict";
import type { HubError } from "../../../src/errors.ts";
import { buildModel } from "../../../src/models/mod.ts";
import { TrainingArguments, type TrainingOptions } from "../../../src/train/options/arguments.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { READ_TOKEN, startHub, type TestHub, TOKEN } from "../../hub/hub.ts";
import { TINY_CONFIG, tinyExtractor } from "../../tiny_model.ts";
import { QUIET, runTest, tinySource } from "../_tiny_run.ts";

interface Prepared {
  hub: TestHub;
  trainer(args?: Partial<TrainingOptions>, token?: string): Trainer;
}

/** A trainer of the tiny model, with a hub of its own. */
function pushTest(name: string, body: (prepared: Prepared) => Promise<void>): void {
  runTest(name, async (directory) => {
    await using hub = startHub();
    const model = await buildModel(TINY_CONFIG, { seed: 1 });
    const trainer = (args: Partial<TrainingOptions> = {}, token = TOKEN) =>
      new Trainer({
        model,
        args: new TrainingArguments({
          outputDir: `${directory}/digits`,
          numTrainEpochs: 1,
          learningRate: 1e-2,
          ...args,
        }),
        trainDataset: tinySource(4),
        evalDataset: tinySource(5, 4),
        featureExtractor: tinyExtractor(),
        callbacks: [QUIET],
        hub: { endpoint: hub.url, token, cacheDirectory: `${directory}/cache` },
      });
    try {
      await body({ hub, trainer });
    } finally {
      model.dispose();
    }
  });
}

pushTest(
  "Trainer.pushToHub() pushes what train() left, with its arguments and log",
  async (test) => {
    const trainer = test.trainer({ pushToHub: true, hubPrivateRepo: true });
    await trainer.train();
    const { id } = await trainer.pushToHub({ language: "en", dataset: "Tones" });
    equal(id, "acme/digits");
    const repository = test.hub.repository("acme/digits")!;
    equal(repository.isPrivate, true);
    const { title, files } = repository.resolve("main")!;
    equal(title, "End of training");
    for (const name of ["config.json", "model.safetensors", "trainer_state.json"]) {
      ok(files.has(name), name);
    }
    ok(![...files.keys()].some((name) => name.startsWith("checkpoint-")));
    const card = new TextDecoder().decode(files.get("README.md")!.bytes);
    match(card, /- learning_rate: 0\.01\n/);
    match(card, /\| Training Loss \| Epoch \| Step \| Validation Loss \| Accuracy \|/);
    match(card, /On the validation split/);
    match(card, /on Tones\./);
  },
);

pushTest("train() with pushToHub tells before the first step who may not push", async (test) => {
  const trainer = test.trainer({ pushToHub: true, hubModelId: "acme/digits" }, READ_TOKEN);
  await rejects(trainer.train(), (error: HubError) => {
    equal(error.reason, "forbidden");
    return true;
  });
  equal(trainer.state.globalStep, 0);
  equal(test.hub.repository("acme/digits"), undefined);
});

pushTest("hubStrategy every_save pushes the model of each checkpoint", async (test) => {
  const trainer = test.trainer({ pushToHub: true, hubStrategy: "every_save", numTrainEpochs: 2 });
  await trainer.train();
  const { title, files } = test.hub.repository("acme/digits")!.resolve("main")!;
  match(title, /^Training in progress, step \d+$/);
  equal(title.split(" ").at(-1), String(trainer.state.globalStep));
  ok(files.has("model.safetensors") && files.has("config.json"));
  ok(![...files.keys()].some((name) => /checkpoint-|optimizer|resume/.test(name)));
});

pushTest("hubStrategy end pushes nothing while the run goes on", async (test) => {
  await test.trainer({ pushToHub: true }).train();
  const head = test.hub.repository("acme/digits")!.resolve("main");
  ok(!head?.files.has("model.safetensors"));
});

pushTest("hubToken is pushed with, in place of the environment's", async (test) => {
  const trainer = test.trainer({ pushToHub: true, hubToken: TOKEN }, READ_TOKEN);
  await trainer.train();
  const { id } = await trainer.pushToHub();
  equal(id, "acme/digits");
  const { files } = test.hub.repository("acme/digits")!.resolve("main")!;
  for (const [name, { bytes }] of files) {
    ok(!new TextDecoder().decode(bytes).includes(TOKEN), name);
  }
});
