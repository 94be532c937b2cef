import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { useDevice } from "../../src/devices.ts";
import {
  cli,
  cliOk,
  jsonLines,
  taskRights,
  toneFile,
  withFolder,
  writeFile,
} from "../commands/_command_line.ts";
import { saveTinyModel, TINY_LABELS } from "../tiny_model.ts";
import { folderFiles, TOKEN } from "./hub.ts";
import { type HubTest, hubTest } from "./_fixtures.ts";

interface Prepared {
  env: Record<string, string>;
  folder: string;
}

/** A private model on the hub, a clip on the disk, and the variables of a user who may read it. */
async function withModel(test: HubTest, use: (prepared: Prepared) => Promise<void>): Promise<void> {
  const { hub, cacheDirectory } = test;
  await withFolder(async (folder) => {
    await useDevice();
    await saveTinyModel(`${folder}/saved`);
    const files = await folderFiles(`${folder}/saved`);
    hub.addRepository("acme/tiny", { ...files, "extra.safetensors": "x" }, { isPrivate: true });
    await writeFile(`${folder}/clip.wav`, toneFile("mid"));
    const env = { HF_ENDPOINT: hub.url, HF_HOME: cacheDirectory, HF_TOKEN: TOKEN };
    await use({ env, folder });
  });
}

const PREDICT = ["predict", "--model", "acme/tiny", "--json", "clip.wav"];

/** The command that brings something into the cache, out of a message of one line. */
function pullIn(stderr: string): string[] {
  const [, command] = stderr.match(
    /^Cannot use .*; bring it with: (?:npx --yes )?deno task (.*)\n$/,
  )!;
  return command!.split(" ");
}

hubTest("a model is pulled once, and then used offline", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const missing = await cli(PREDICT, { cwd: folder, env });
    equal(missing.code, 1);
    deepEqual(pullIn(missing.stderr), ["pull", "acme/tiny"]);
    equal(test.hub.requests.length, 0, "predict asks nothing of the hub");
    await cliOk(pullIn(missing.stderr), { cwd: folder, env });
    // No more than the one form of the weights.
    const large = test.hub.requests.filter(({ server }) => server === "storage");
    equal(large.length, 1);
    const asked = test.hub.requests.length;
    const [line] = jsonLines<{ predictions: { label: string }[] }>(
      await cliOk(PREDICT, { cwd: folder, env }),
    );
    deepEqual(line?.predictions.map(({ label }) => label).sort(), [...TINY_LABELS].sort());
    equal(test.hub.requests.length, asked);
  });
});

hubTest(
  "no command but train, pull, push and login asks the hub, whatever it is given",
  async (test) => {
    await withModel(test, async ({ env, folder }) => {
      const model = ["--model", "acme/tiny@v1"];
      const commands: string[][] = [
        ["predict", ...model, "clip.wav"],
        ["eval", ...model, "--data", "acme/clips"],
        ["report", ...model, "--data", "acme/clips"],
        ["data", "inspect", "acme/clips", "--data-name", "en"],
        ["info", ...model],
        ["serve", ...model],
        ["export", ...model, "--output", "out"],
        ["bundle", ...model, "--output", "out"],
      ];
      for (const rights of [undefined, ["--quiet", "-A"]]) {
        for (const args of commands) {
          const { code, stderr } = await cli(args, { cwd: folder, env, rights });
          equal(code, 1, args.join(" "));
          const isData = args[0] === "data";
          const pull = isData ? "acme/clips --dataset --data-name en" : "acme/tiny@v1";
          equal(pullIn(stderr).join(" "), `pull ${pull}`);
        }
      }
      equal(test.hub.requests.length, 0);
    });
  },
);

hubTest("pull brings a data set with the recordings that its tables name", async (test) => {
  const { hub, cacheDirectory } = test;
  await withFolder(async (folder) => {
    const env = { HF_ENDPOINT: hub.url, HF_HOME: cacheDirectory, HF_TOKEN: TOKEN };
    hub.addRepository("acme/clips", {
      "train/metadata.csv": "file_name,label\na.wav,no\nb.wav,yes\n",
      "train/a.wav": toneFile("low"),
      "train/b.wav": toneFile("high"),
      "test/metadata.csv": "file_name,label\na.wav,no\n",
      "test/a.wav": toneFile("mid"),
      "notes.txt": "not needed",
    }, { type: "dataset" });
    const inspect = ["data", "inspect", "acme/clips", "--json"];
    const missing = await cli(inspect, { cwd: folder, env });
    deepEqual(pullIn(missing.stderr), ["pull", "acme/clips", "--dataset"]);
    // The name alone is enough where there is no model of that name.
    const pulled = await cliOk(["pull", "acme/clips", "--json"], { cwd: folder, env });
    const [event] = jsonLines<{ kind: string; files: number }>(pulled);
    deepEqual([event?.kind, event?.files], ["dataset", 5]);
    const asked = hub.requests.length;
    const [found] = jsonLines<{ splits: { split: string; clips: number }[] }>(
      await cliOk(inspect, { cwd: folder, env }),
    );
    const counts = found!.splits.map(({ split, clips }) => [split, clips]);
    deepEqual(Object.fromEntries(counts), { train: 2, test: 1 });
    equal(hub.requests.length, asked);
    ok(!hub.requests.some(({ path }) => path.includes("notes.txt")));
    await cliOk(["pull", "acme/clips", "--dataset", "--output", "here"], { cwd: folder, env });
    await cliOk(["data", "inspect", "here"], { cwd: folder, env });
  });
});

hubTest("pull brings one configuration, and the Parquet files that the hub made", async (test) => {
  const { hub, cacheDirectory } = test;
  await withFolder(async (folder) => {
    const env = { HF_ENDPOINT: hub.url, HF_HOME: cacheDirectory, HF_TOKEN: TOKEN };
    const rows = await Deno.readFile(
      new URL("../golden/datasets/several.parquet", import.meta.url),
    );
    const repository = hub.addRepository("acme/scripted", { "scripted.py": "pass" }, {
      type: "dataset",
    });
    repository.commit({ "en/train/0000.parquet": rows, "de/train/0000.parquet": rows }, {
      branch: "refs/convert/parquet",
    });
    const inspect = ["data", "inspect", "acme/scripted", "--data-name", "en", "--json"];
    const missing = await cli(inspect, { cwd: folder, env });
    await cliOk(pullIn(missing.stderr), { cwd: folder, env });
    ok(!hub.requests.some(({ path }) => path.includes("de/train")));
    await cliOk(inspect, { cwd: folder, env });
    const none = await cli(["pull", "acme/neither"], { cwd: folder, env });
    equal(none.code, 1);
    match(none.stderr, /^Cannot find model "acme\/neither"/);
  });
});

hubTest("a command names what the hub refuses, and never the token", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const asked = ["pull", "acme/none@v2", "--verbose"];
    const { code, stderr } = await cli(asked, { cwd: folder, env });
    equal(code, 1);
    match(
      stderr,
      /^Cannot find model "acme\/none": expected a repository of http.*\n- Check the name/,
    );
    const wrong = "hf_wrongTokenOfSomeone";
    const refused = await cli(["pull", "acme/tiny", "--verbose"], {
      cwd: folder,
      env: { ...env, HF_TOKEN: wrong },
    });
    match(
      refused.stderr,
      /^Cannot read model "acme\/tiny": expected a valid token.*\n- .*HF_TOKEN/,
    );
    ok(!refused.stderr.includes(wrong) && !stderr.includes(TOKEN));
  });
});

hubTest("two processes that want one model fetch it once", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const pull = () => cliOk(["pull", "acme/tiny"], { cwd: folder, env });
    const [one, other] = await Promise.all([pull(), pull()]);
    equal(one?.stdout, other?.stdout);
    equal(test.hub.requests.filter(({ server }) => server === "storage").length, 1);
  });
});

hubTest("an extractor in processor_config.json comes with its model", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const { "preprocessor_config.json": own, ...files } = await folderFiles(`${folder}/saved`);
    const feature_extractor = JSON.parse(new TextDecoder().decode(own as Uint8Array));
    const processor = JSON.stringify({ feature_extractor, processor_class: "Wav2Vec2Processor" });
    test.hub.addRepository("acme/five", { ...files, "processor_config.json": processor });
    await cliOk(["pull", "acme/five"], { cwd: folder, env });
    const { stdout, stderr } = await cliOk(["info", "--model", "acme/five"], { cwd: folder, env });
    match(stdout, /^ {2}sampling rate +8000 Hz$/m);
    doesNotMatch(stderr, /does not say/);
  });
});

hubTest("what is here and cannot be read is never looked up on the hub", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    await Deno.mkdir(`${folder}/acme`);
    await Deno.mkdir(`${folder}/acme/locked`);
    await Deno.symlink("gone", `${folder}/acme/dangling`);
    await Deno.mkdir(`${folder}/acme/empty`);
    const expected = {
      "acme/locked": /^Cannot open "acme\/locked.*": (Deno was not given access|access is denied)/,
      "acme/dangling": /^Cannot open "acme\/dangling": no such file or folder/,
      "acme/empty": /^Cannot \w+ "acme\/empty/,
    };
    for (const [name, message] of Object.entries(expected)) {
      test.hub.addRepository(name, { "config.json": "{}" });
      test.hub.addRepository(name, { "a.csv": "a\n1\n" }, { type: "dataset" });
      for (
        const args of [
          ["train", "--model", name, "--data", "acme/empty", "--output", "new"],
          ["train", "--data", name, "--output", "new"],
          ["predict", "--model", name, "clip.wav"],
          ["data", "inspect", name],
        ]
      ) {
        const rights = [...taskRights(args[0]!), `--deny-read=${folder}/acme/locked`];
        const { code, stderr } = await cli(args, { cwd: folder, env, rights });
        equal(code, 1, args.join(" "));
        match(stderr, args.includes("--model") ? message : /^Cannot .*acme\//);
      }
    }
    equal(test.hub.requests.length, 0);
  });
});

hubTest("pull --verify finds a flipped bit in the cache, and mends it", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const pull = ["pull", "acme/tiny", "--json"];
    const [{ directory }] = jsonLines<{ directory: string }>(
      await cliOk(pull, { cwd: folder, env }),
    ) as [{ directory: string }];
    const weights = `${directory}/model.safetensors`;
    const sound = await Deno.readFile(weights);
    for (const name of ["model.safetensors", "config.json"]) {
      const path = await Deno.realPath(`${directory}/${name}`);
      const bytes = await Deno.readFile(path);
      bytes[bytes.length - 3]! ^= 1;
      await Deno.writeFile(path, bytes);
    }
    const asked = test.hub.requests.length;
    ok(!(await cliOk(pull, { cwd: folder, env })).stderr.includes("Warning"));
    const fetched = () =>
      test.hub.requests.slice(asked).filter(({ path }) => path.startsWith("/acme/tiny/resolve"));
    equal(fetched().length, 0);
    const { stderr } = await cliOk([...pull, "--verify"], { cwd: folder, env });
    match(stderr, /^Warning: "config\.json" in the cache has changed; fetching it again$/m);
    match(stderr, /^Warning: "model\.safetensors" in the cache has changed/m);
    deepEqual(await Deno.readFile(weights), sound);
    ok(!(await cliOk([...pull, "--verify"], { cwd: folder, env })).stderr.includes("Warning"));
    const names = fetched().map(({ path }) => path.split("/").at(-1)!.split("?")[0]);
    deepEqual(names.sort(), ["config.json", "model.safetensors"]);
  });
});
