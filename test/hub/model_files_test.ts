import assert from "node:assert/strict";
import { AutoFeatureExtractor, filesOf, loadPretrained } from "../../src/pretrained.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { useDevice } from "../../src/devices.ts";
import { hubModelDirectory, hubModelFiles, parseHubName } from "../../src/hub/mod.ts";
import { saveTinyModel, TINY_LABELS, tone } from "../tiny_model.ts";
import { folderFiles, type TestHub } from "./hub.ts";
import { filesBelow, hubTest, noise } from "./_fixtures.ts";

const BOT = { title: "Adding `safetensors` variant of this model", author: "SFconvertbot" };
const TORCH = { "config.json": "{}", "pytorch_model.bin": noise(3000) };
const CONVERTED = { "model.safetensors": noise(3000, 2) };

async function names(
  files: Awaited<ReturnType<typeof hubModelFiles>>,
  ...wanted: string[]
): Promise<string[]> {
  const found: string[] = [];
  for (const name of wanted) {
    const source = await files.open(name);
    source?.close?.();
    if (source) found.push(name);
  }
  return found;
}

const SAFETENSORS = "model.safetensors";
const BIN = "pytorch_model.bin";

hubTest("a model of torch alone takes the bot's safetensors", async ({ hub, options }) => {
  hub.addRepository("acme/old", TORCH).openPullRequest(CONVERTED, BOT);
  const files = await hubModelFiles("acme/old", options);
  const source = await files.open(SAFETENSORS);
  assert.deepEqual(await source?.read(0, 3000), CONVERTED[SAFETENSORS]);
  source?.close?.();
  // Of the weights, no more than the safetensors were fetched.
  const large = hub.requests.filter(({ server }) => server === "storage");
  assert.equal(large.length, 1);
  // Offline, the cache has them.
  const offline = await hubModelFiles("acme/old", { ...options, offline: true });
  assert.deepEqual(await names(offline, SAFETENSORS), [SAFETENSORS]);
});

hubTest("a sharded conversion is found by its index", async ({ hub, options }) => {
  const shards = { "model.safetensors.index.json": "{}", "model-00001-of-00001.safetensors": "x" };
  hub.addRepository("acme/old", TORCH).openPullRequest(shards, BOT);
  const files = await hubModelFiles("acme/old", options);
  const found = await names(files, SAFETENSORS, ...Object.keys(shards));
  assert.deepEqual(found, Object.keys(shards));
});

const UNTRUSTED: Record<string, (hub: TestHub) => void> = {
  "there is none": (hub) => void hub.addRepository("acme/old", TORCH),
  "someone else made it": (hub) =>
    void hub.addRepository("acme/old", TORCH)
      .openPullRequest(CONVERTED, { ...BOT, author: "mallory" }),
  "it is closed": (hub) =>
    void hub.addRepository("acme/old", TORCH)
      .openPullRequest(CONVERTED, { ...BOT, status: "closed" }),
  "it has another title": (hub) =>
    void hub.addRepository("acme/old", TORCH).openPullRequest(CONVERTED, { ...BOT, title: "x" }),
  "it converts other weights": (hub) => {
    const remote = hub.addRepository("acme/old", TORCH);
    remote.openPullRequest(CONVERTED, BOT);
    remote.commit({ "pytorch_model.bin": noise(3000, 3) });
  },
  "the hub cannot say": (hub) => {
    hub.addRepository("acme/old", TORCH).openPullRequest(CONVERTED, BOT);
    hub.misbehave({ path: "/discussions", fault: { kind: "status", status: 404 } });
  },
};

for (const [why, prepare] of Object.entries(UNTRUSTED)) {
  hubTest(`a conversion is not taken where ${why}`, async ({ hub, options }) => {
    prepare(hub);
    const files = await hubModelFiles("acme/old", options);
    assert.deepEqual(await names(files, SAFETENSORS, BIN), [BIN]);
  });
}

hubTest("nobody is asked for a conversion where main has safetensors", async (test) => {
  test.hub.addRepository("acme/new", { ...TORCH, ...CONVERTED });
  const files = await hubModelFiles("acme/new", test.options);
  assert.deepEqual(await names(files, SAFETENSORS, "none.json"), [SAFETENSORS]);
  assert.ok(!test.hub.requests.some(({ path }) => path.includes("discussions")));
});

const INDEX = "model.safetensors.index.json";
const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const BIN_INDEX = "pytorch_model.bin.index.json";
const BIN_SHARDS = ["pytorch_model-00001-of-00001.bin"];
const PACKED = "model.packed.safetensors";
const ADAPTER = "adapter_model.safetensors";

/** Weights that a repository has, and those of them that are fetched. */
const FORMS: readonly (readonly [has: string[], fetches: string[]])[] = [
  [[SAFETENSORS, BIN, INDEX, ...SHARDS, "other.safetensors", PACKED], [SAFETENSORS]],
  [[INDEX, ...SHARDS, BIN, BIN_INDEX, ...BIN_SHARDS], [INDEX, ...SHARDS]],
  [[BIN, "training_args.bin", "optimizer.bin"], [BIN]],
  [[BIN_INDEX, ...BIN_SHARDS], [BIN_INDEX, ...BIN_SHARDS]],
  [[PACKED], [PACKED]],
  [[ADAPTER, "adapter_config.json", BIN], [BIN]],
  [[ADAPTER, "adapter_config.json", "other.safetensors"], ["adapter_config.json", ADAPTER]],
];

for (const [has, fetches] of FORMS) {
  hubTest(`hubModelDirectory() brings ${fetches.join(", ")} of ${has.length}`, async (test) => {
    const own = ["config.json", "preprocessor_config.json", "processor_config.json"];
    const others = ["vocab.json", "README.md", "onnx/model.safetensors"];
    const all = [...own, ...others, ...has];
    test.hub.addRepository("acme/one", Object.fromEntries(all.map((name) => [name, name])));
    const directory = await hubModelDirectory("acme/one", test.options);
    assert.deepEqual(await filesBelow(directory), [...own, ...fetches].sort());
  });
}

hubTest("hubModelDirectory() is the conversion's where there is one", async (test) => {
  const { hub, options } = test;
  const remote = hub.addRepository("acme/old", TORCH);
  remote.openPullRequest(CONVERTED, BOT);
  const directory = await hubModelDirectory("acme/old", options);
  assert.deepEqual(await filesBelow(directory), ["config.json", SAFETENSORS]);
  assert.ok(directory.endsWith(`/snapshots/${remote.refs.get("refs/pr/1")}`));
});

hubTest("hubModelDirectory() takes an adapter without the config of a model", async (test) => {
  const files = { [ADAPTER]: "A, B", "adapter_config.json": "{}", "README.md": "adapter" };
  test.hub.addRepository("acme/adapter", files);
  const directory = await hubModelDirectory("acme/adapter", test.options);
  assert.deepEqual(await filesBelow(directory), ["adapter_config.json", ADAPTER]);
});

hubTest("hubModelDirectory() refuses what is no model", async ({ hub, options }) => {
  hub.addRepository("acme/notes", { "README.md": "no model" });
  const expected = { name: "HubError", reason: "file", file: "config.json" };
  await assert.rejects(hubModelDirectory("acme/notes", options), expected);
});

Deno.test("parseHubName() knows ids from paths", () => {
  assert.deepEqual(parseHubName("acme/tiny"), { id: "acme/tiny" });
  const withRevision = { id: "acme/tiny", revision: "refs/pr/2" };
  assert.deepEqual(parseHubName("acme/tiny@refs/pr/2"), withRevision);
  for (const name of ["tiny", "./a/b", "a/b/c", "/a/b", "../a", "a/b@", "a/b@../c", "a/b.git"]) {
    assert.equal(parseHubName(name), undefined, name);
  }
});

/** A repository with the tiny model, with other labels on the branch `v2`. */
async function addTinyModel(hub: TestHub): Promise<string> {
  const directory = await Deno.makeTempDir();
  await useDevice();
  await saveTinyModel(directory);
  const files = await folderFiles(directory);
  const remote = hub.addRepository("acme/tiny", files);
  const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
  const id2label = Object.fromEntries(TINY_LABELS.map((label, i) => [i, label.toUpperCase()]));
  remote.commit({ "config.json": JSON.stringify({ ...config, id2label, label2id: undefined }) }, {
    branch: "v2",
  });
  return directory;
}

hubTest("fromPretrained() and pipeline() load models of the hub", async ({ hub, options }) => {
  const directory = await addTinyModel(hub);
  try {
    const clip = { samples: tone(4000), samplingRate: 8000 };
    const local = await pipeline("audio-classification", directory);
    const remote = await pipeline("audio-classification", "acme/tiny", options);
    assert.deepEqual(await remote(clip), await local(clip));
    local.dispose();
    remote.dispose();
    const at = { ...options, revision: "v2" };
    const model = await loadPretrained("acme/tiny", at);
    assert.equal(model.labels[0], TINY_LABELS[0]!.toUpperCase());
    model.dispose();
    const extractor = await AutoFeatureExtractor.fromPretrained("acme/tiny@v2", options);
    assert.equal(extractor.samplingRate, 8000);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

hubTest("a directory wins over a model of the same name", async ({ hub, options }) => {
  hub.addRepository("acme/tiny", { "config.json": "{}" });
  const before = Deno.cwd();
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/acme/tiny`, { recursive: true });
    await Deno.writeTextFile(`${folder}/acme/tiny/config.json`, "local");
    Deno.chdir(folder);
    const source = await (await filesOf("acme/tiny", options)).open("config.json");
    assert.equal(new TextDecoder().decode(await source?.read(0, 5)), "local");
    source?.close?.();
    assert.deepEqual(hub.requests, []);
  } finally {
    Deno.chdir(before);
    await Deno.remove(folder, { recursive: true });
  }
});

hubTest("filesOf() says what a name could be", async ({ options }) => {
  await assert.rejects(filesOf("models/no-such-model", options), {
    name: "HubError",
    reason: "repository",
  });
  await assert.rejects(filesOf("no-such-model", options), {
    name: "CheckpointError",
    message: 'Cannot load model "no-such-model": expected a model directory, found nothing',
    hint: 'A model of the hub is named "org/name"',
  });
});
