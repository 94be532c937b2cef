import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { isUntouchedCard } from "../../src/card/mod.ts";
import { pushDirectory, pushToHub, type PushToHubOptions } from "../../src/share/mod.ts";
import { useDevice } from "../../src/devices.ts";
import { type HubTest, hubTest } from "../hub/_fixtures.ts";
import { folderFiles } from "../hub/hub.ts";
import { saveTinyModel, tinyExtractor, tinyModel } from "../tiny_model.ts";

const RUN = {
  "training_args.json": JSON.stringify({
    data: "/home/someone/calls",
    model: "/home/someone/base",
    outputDir: "/home/someone/runs",
    learningRate: 1e-3,
    seed: 7,
    origin: { baseModel: "acme/base" },
  }),
  "trainer_state.json": JSON.stringify({
    global_step: 4,
    log_history: [{ step: 4, epoch: 2, loss: 1.5 }, { step: 4, epoch: 2, eval_loss: 1.25 }],
  }),
  "all_results.json": JSON.stringify({
    train_loss: 1.5,
    test_accuracy: 0.75,
    test_accuracy_low: 0.5,
    test_accuracy_high: 1,
    test_loss: 0.5,
    test_samples: 8,
    test_runtime: 0.1,
  }),
  "report.html": `<h1>Report</h1><audio controls src="data:audio/wav;base64,QUJD"></audio><p>End`,
};

/** Lies beside a model, and is for nobody else. */
const PRIVATE = { "notes.txt": "secret", "optimizer.pt": "x", ".env": "HF_TOKEN=x" };

const WASM = { backend: "wasm", threads: 1 } as const;

interface Prepared {
  folder: string;
  push(changes?: PushToHubOptions): ReturnType<typeof pushDirectory>;
  notes: string[];
  /** The text of a file at the head of the repository. */
  text(name: string): string | undefined;
}

/** A directory as a run leaves it, and pushes of it to `acme/run`. */
function pushTest(name: string, fn: (test: HubTest & Prepared) => Promise<void>): void {
  hubTest(name, async (test) => {
    const folder = await Deno.makeTempDir();
    const notes: string[] = [];
    const push = (changes: PushToHubOptions = {}) =>
      pushDirectory("acme/run", folder, {
        ...test.options,
        onNote: (note) => void notes.push(note),
        ...changes,
      });
    const text = (file: string) => {
      const found = test.hub.repository("acme/run")!.resolve("main")!.files.get(file);
      return found && new TextDecoder().decode(found.bytes);
    };
    try {
      await useDevice(WASM);
      await saveTinyModel(folder);
      for (const [file, content] of Object.entries({ ...RUN, ...PRIVATE })) {
        await Deno.writeTextFile(`${folder}/${file}`, content);
      }
      await Deno.mkdir(`${folder}/checkpoint-4`);
      await Deno.writeTextFile(`${folder}/checkpoint-4/config.json`, "{}");
      await fn({ ...test, folder, push, notes, text });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

pushTest(
  "pushDirectory() pushes the model, its figures and a card, and nothing else",
  async (test) => {
    const { push, hub, folder, text } = test;
    const { sent } = await push();
    deepEqual([...sent].sort(), [
      "README.md",
      "all_results.json",
      "config.json",
      "model.safetensors",
      "preprocessor_config.json",
      "report.html",
      "trainer_state.json",
      "training_args.json",
    ]);
    const local = await folderFiles(folder);
    const held = hub.repository("acme/run")!.resolve("main")!.files;
    for (const name of ["config.json", "model.safetensors", "all_results.json"]) {
      deepEqual(held.get(name)!.bytes, local[name], name);
    }
    equal(held.get("model.safetensors")!.sha256!.length, 64);
    ok(await isUntouchedCard(text("README.md")!));
  },
);

pushTest("nothing that is pushed names a place of this machine", async ({ push, hub, text }) => {
  await push();
  for (const [name, { bytes }] of hub.repository("acme/run")!.resolve("main")!.files) {
    ok(!new TextDecoder().decode(bytes).includes("/home/someone"), name);
  }
  deepEqual(JSON.parse(text("training_args.json")!), {
    learningRate: 1e-3,
    seed: 7,
    origin: { baseModel: "acme/base" },
  });
});

pushTest("the card says what the directory knows", async ({ push, text, hub, notes }) => {
  hub.addRepository("acme/base", { "README.md": "---\nlicense: apache-2.0\n---\n# Base\n" });
  await push({ language: "en", datasetTags: "acme/calls" });
  const card = text("README.md")!;
  for (
    const part of [
      /^# run$/m,
      /^license: apache-2\.0$/m,
      /^base_model: acme\/base$/m,
      /^datasets:\n {2}- acme\/calls$/m,
      /- seed: 7/,
      /\| 1\.5 +\| 2 +\| 4 +\| 1\.25 +\|/,
      /On the test split, 8 clips/,
      /between 50\.00 and 100\.00 %/,
      /`zero`, `one`, `two`, `three`, `four`/,
      /pipeline\("audio-classification", "acme\/run"\)/,
    ]
  ) match(card, part);
  ok(notes.includes("The card names the license of acme/base: apache-2.0"));
});

pushTest("a second push keeps what the card says", async ({ push, text }) => {
  await push({
    language: ["en", "no"],
    license: "mit",
    tags: ["calls"],
    datasetTags: "acme/calls",
  });
  const first = text("README.md");
  const { sent } = await push();
  deepEqual(sent, []);
  equal(text("README.md"), first);
});

pushTest("the report goes without recordings unless they are asked for", async (test) => {
  const { push, text, notes } = test;
  await push();
  equal(text("report.html"), "<h1>Report</h1><p>End");
  ok(notes.includes("report.html goes without its recording"));
  await push({ recordings: true });
  equal(text("report.html"), RUN["report.html"]);
});

pushTest("a card that was edited on the hub stays, and that is said", async (test) => {
  const { push, text, notes, hub } = test;
  await push();
  const edited = text("README.md")!.replace("## Limits", "## What I think\n\nFine.\n\n## Limits");
  hub.repository("acme/run")!.commit({ "README.md": edited });
  const { sent } = await push({ license: "mit" });
  deepEqual(sent, []);
  equal(text("README.md"), edited);
  ok(notes.some((note) => /^README.md of "acme\/run" was edited on the hub, and stays/.test(note)));
  await push({ replaceCard: true, license: "mit" });
  match(text("README.md")!, /^license: mit$/m);
});

pushTest("a card of nothing but metadata is completed", async ({ push, text, hub }) => {
  hub.addRepository("acme/run", { "README.md": "---\nlicense: cc-by-4.0\n---\n" });
  await push();
  match(text("README.md")!, /^license: cc-by-4\.0$/m);
  match(text("README.md")!, /^# run$/m);
});

pushTest(
  "a card that a person wrote beside the model goes as it is",
  async ({ push, text, folder }) => {
    const card = "---\nlicense: mit\n---\n# Mine\n";
    await Deno.writeTextFile(`${folder}/README.md`, card);
    await push();
    equal(text("README.md"), card);
  },
);

pushTest(
  "what is no whole model is refused before the hub is asked",
  async ({ push, folder, hub }) => {
    await Deno.truncate(`${folder}/model.safetensors`, 500);
    await rejects(push(), { name: "CheckpointError" });
    await Deno.remove(`${folder}/config.json`);
    await rejects(push(), /expected a model directory, found no config\.json in it/);
    equal(hub.requests.length, 0);
  },
);

hubTest("pushToHub() pushes a model from memory", async ({ hub, options }) => {
  const device = await useDevice(WASM);
  const model = await tinyModel();
  try {
    const { sent, url } = await pushToHub("acme/memory", model, tinyExtractor(), options);
    equal(url, `${hub.url}/acme/memory`);
    deepEqual([...sent].sort(), [
      "README.md",
      "config.json",
      "model.safetensors",
      "preprocessor_config.json",
    ]);
  } finally {
    model.dispose();
    device.dispose();
  }
});
