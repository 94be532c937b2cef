import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { HubError } from "../../../src/errors.ts";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import { TrainingArguments, type TrainingOptions } from "../../../src/train/options/arguments.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { READ_TOKEN, startHub, type TestHub, TOKEN } from "../../hub/hub.ts";
import { TINY_CONFIG, tinyExtractor } from "../../tiny_model.ts";
import { checkpointsIn, QUIET, runTest, tinySource, weightsDigest } from "../_tiny_run.ts";

interface Prepared {
  hub: TestHub;
  /** The folder of the test, whose `digits` a run goes into where nothing else is said. */
  directory: string;
  trainer(args?: Partial<TrainingOptions>, token?: string, watched?: Watched): Promise<Trainer>;
}

/** What a test sees of a run. */
interface Watched {
  fetch?: typeof fetch;
  onNotice?: (message: string) => void;
  onStepEnd?: (step: number) => void;
}

/** A trainer of the tiny model, with a hub of its own. */
function pushTest(name: string, body: (prepared: Prepared) => Promise<void>): void {
  runTest(name, async (directory) => {
    await using hub = startHub();
    const models: AudioClassificationModel[] = [];
    const trainer: Prepared["trainer"] = async (args, token = TOKEN, watched = {}) => {
      const { fetch, onNotice = () => {}, onStepEnd } = watched;
      const model = await buildModel(TINY_CONFIG, { seed: 1 });
      models.push(model);
      return new Trainer({
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
        callbacks: [QUIET, { onStepEnd: (_args, { globalStep }) => onStepEnd?.(globalStep) }],
        hub: { endpoint: hub.url, token, cacheDirectory: `${directory}/cache`, fetch },
        onNotice,
      });
    };
    try {
      await body({ hub, directory, trainer });
    } finally {
      for (const model of models) model.dispose();
    }
  });
}

pushTest(
  "Trainer.pushToHub() pushes what train() left, with its arguments and log",
  async (test) => {
    const trainer = await test.trainer({ pushToHub: true, hubPrivateRepo: true });
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
  const trainer = await test.trainer({ pushToHub: true, hubModelId: "acme/digits" }, READ_TOKEN);
  await rejects(trainer.train(), (error: HubError) => {
    equal(error.reason, "forbidden");
    return true;
  });
  equal(trainer.state.globalStep, 0);
  equal(test.hub.repository("acme/digits"), undefined);
});

const EACH_SAVE = { pushToHub: true, hubStrategy: "every_save", hubAlwaysPush: true } as const;

/** All commits of the repository, the first one first. */
function titlesIn(hub: TestHub): string[] {
  const { commits } = hub.repository("acme/digits")!;
  return Array.from(commits.values(), ({ title }) => title);
}

pushTest("hubStrategy every_save pushes the model of each checkpoint", async (test) => {
  await (await test.trainer({ ...EACH_SAVE, numTrainEpochs: 2 })).train();
  const { title, files } = test.hub.repository("acme/digits")!.resolve("main")!;
  equal(title, "Training in progress, epoch 2");
  deepEqual(titlesIn(test.hub).slice(-2), [
    "Training in progress, epoch 1",
    "Training in progress, epoch 2",
  ]);
  ok(files.has("model.safetensors") && files.has("config.json"));
  ok(![...files.keys()].some((name) => /checkpoint|optimizer|resume/.test(name)));
});

pushTest("hubStrategy checkpoint keeps the newest one, and a run goes on from it", async (test) => {
  const args = { ...EACH_SAVE, hubStrategy: "checkpoint", saveStrategy: "steps" } as const;
  const { directory } = test;
  await (await test.trainer({ ...args, saveSteps: 2, maxSteps: 4 })).train();
  deepEqual(titlesIn(test.hub).slice(-4), [
    "Training in progress, step 2",
    "Training in progress, step 2, checkpoint",
    "Training in progress, step 4",
    "Training in progress, step 4, checkpoint",
  ]);
  const { files } = test.hub.repository("acme/digits")!.resolve("main")!;
  const pushed = [...files].filter(([name]) => name.startsWith("last-checkpoint/"));
  const local = `${directory}/digits/checkpoint-4`;
  deepEqual(
    pushed.map(([name]) => name.slice("last-checkpoint/".length)).sort(),
    Array.from(Deno.readDirSync(local), ({ name }) => name).sort(),
  );
  await Deno.mkdir(`${directory}/fetched`);
  for (const [name, { bytes }] of pushed) {
    ok(!new TextDecoder().decode(bytes).includes(directory), `${name} names a folder`);
    await Deno.writeFile(`${directory}/fetched/${name.split("/")[1]}`, bytes);
  }
  const elsewhere = await test.trainer({ maxSteps: 6, outputDir: `${directory}/elsewhere` });
  await elsewhere.train({ resumeFromCheckpoint: `${directory}/fetched` });
  equal(elsewhere.state.globalStep, 6);
});

pushTest("hubStrategy all_checkpoints keeps each, however few are kept here", async (test) => {
  const args = { ...EACH_SAVE, hubStrategy: "all_checkpoints", saveTotalLimit: 1 } as const;
  await (await test.trainer({ ...args, numTrainEpochs: 3 })).train();
  const { files } = test.hub.repository("acme/digits")!.resolve("main")!;
  const folders = new Set([...files.keys()].map((name) => name.match(/^(.*)\/resume\.json$/)?.[1]));
  folders.delete(undefined);
  deepEqual([...folders].sort(), ["checkpoint-1", "checkpoint-2", "checkpoint-3"]);
  deepEqual(checkpointsIn(`${test.directory}/digits`), ["checkpoint-3"]);
});

pushTest("a run does not wait for a push, which changes nothing of it", async (test) => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const during: string[] = [];
  const held: typeof fetch = async (...request) => {
    if (trainer.state.globalStep > 0) await released;
    return await fetch(...request);
  };
  const steps = { pushToHub: true, hubStrategy: "every_save", numTrainEpochs: 4 } as const;
  const trainer = await test.trainer({ ...steps, saveTotalLimit: 1 }, TOKEN, {
    fetch: held,
    // The first push is on its way while the checkpoints after it come and go.
    onStepEnd: (step) => {
      if (step < 4) return;
      during.push(...checkpointsIn(`${test.directory}/digits`));
      release();
    },
  });
  await trainer.train();
  deepEqual(during, ["checkpoint-1", "checkpoint-3"]);
  const { title } = test.hub.repository("acme/digits")!.resolve("main")!;
  match(title, /^Training in progress, epoch [14]$/);
  deepEqual(checkpointsIn(`${test.directory}/digits`), ["checkpoint-4"]);
  const outputDir = `${test.directory}/unpushed`;
  await (await test.trainer({ numTrainEpochs: 4, outputDir })).train();
  equal(await weightsDigest(`${test.directory}/digits`), await weightsDigest(outputDir));
});

pushTest("a push that fails is named, and the run goes on", async (test) => {
  const notices: string[] = [];
  const trainer = await test.trainer(EACH_SAVE, TOKEN, {
    fetch: (...request) => {
      if (trainer.state.globalStep === 0) return fetch(...request);
      return Promise.resolve(new Response("Not for you", { status: 403 }));
    },
    onNotice: (message) => notices.push(message),
  });
  await trainer.train();
  equal(notices.length, 1);
  match(notices[0]!, /^Cannot .*; the run goes on, and the next checkpoint is pushed$/);
});

pushTest("hubStrategy end pushes nothing while the run goes on", async (test) => {
  await (await test.trainer({ pushToHub: true })).train();
  const head = test.hub.repository("acme/digits")!.resolve("main");
  ok(!head?.files.has("model.safetensors"));
});

pushTest("hubToken is pushed with, in place of the environment's", async (test) => {
  const trainer = await test.trainer({ pushToHub: true, hubToken: TOKEN }, READ_TOKEN);
  await trainer.train();
  const { id } = await trainer.pushToHub();
  equal(id, "acme/digits");
  const { files } = test.hub.repository("acme/digits")!.resolve("main")!;
  for (const [name, { bytes }] of files) {
    ok(!new TextDecoder().decode(bytes).includes(TOKEN), name);
  }
});
