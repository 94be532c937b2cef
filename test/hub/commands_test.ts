import { deepEqual, equal, match, ok } from "node:assert/strict";
import { useDevice } from "../../src/devices.ts";
import {
  cli,
  cliOk,
  jsonLines,
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

hubTest("predict --model org/name loads from the hub, and offline again", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const online = await cliOk(PREDICT, { cwd: folder, env });
    const [line] = jsonLines<{ predictions: { label: string }[] }>(online);
    deepEqual(line?.predictions.map(({ label }) => label).sort(), [...TINY_LABELS].sort());
    // No more than the one form of the weights.
    const large = test.hub.requests.filter(({ server }) => server === "storage");
    equal(large.length, 1);
    const offline = { ...env, HF_ENDPOINT: "http://127.0.0.1:9", HF_HUB_OFFLINE: "1" };
    const again = await cliOk(PREDICT, { cwd: folder, env: offline });
    equal(again.stdout, online.stdout);
  });
});

hubTest("a command names what the hub refuses, and never the token", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const asked = ["predict", "--model", "acme/none@v2", "clip.wav", "--verbose"];
    const { code, stderr } = await cli(asked, { cwd: folder, env });
    equal(code, 1);
    match(
      stderr,
      /^Cannot find model "acme\/none": expected a repository of http.*\n- Check the name/,
    );
    const wrong = "hf_wrongTokenOfSomeone";
    const refused = await cli([...PREDICT, "--verbose"], {
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
    const both = [cliOk(PREDICT, { cwd: folder, env }), cliOk(PREDICT, { cwd: folder, env })];
    const [one, other] = await Promise.all(both);
    equal(one?.stdout, other?.stdout);
    equal(test.hub.requests.filter(({ server }) => server === "storage").length, 1);
  });
});

hubTest("a model without its extractor is named as it was asked for", async (test) => {
  await withModel(test, async ({ env, folder }) => {
    const { "preprocessor_config.json": _, ...files } = await folderFiles(`${folder}/saved`);
    test.hub.addRepository("acme/deaf", files);
    const asked = ["predict", "--model", "acme/deaf", "clip.wav"];
    const { code, stderr } = await cli(asked, { cwd: folder, env });
    equal(code, 1);
    match(
      stderr,
      /^Cannot use model "acme\/deaf": expected "preprocessor_config\.json" in it, found none\n- /,
    );
    await cliOk(["info", "--model", "acme/deaf"], { cwd: folder, env });
  });
});
