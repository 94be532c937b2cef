import { deepEqual, equal, match, ok } from "node:assert/strict";
import { useDevice } from "../../src/devices.ts";
import { type HubTest, hubTest } from "../hub/_fixtures.ts";
import { folderFiles, READ_TOKEN, TOKEN } from "../hub/hub.ts";
import { saveTinyModel } from "../tiny_model.ts";
import {
  cli,
  cliOk,
  jsonLines,
  toneFile,
  withFolder,
  writeFile,
  writeTones,
} from "./_command_line.ts";

interface Prepared {
  /** Holds `saved` and `clip.wav`. */
  folder: string;
  env: Record<string, string>;
}

/** A model, a clip and a user who has logged in. */
function pushTest(name: string, fn: (test: HubTest & Prepared) => Promise<void>): void {
  hubTest(name, async (test) => {
    await withFolder(async (folder) => {
      await useDevice({ backend: "wasm", threads: 1 });
      await saveTinyModel(`${folder}/saved`);
      await writeFile(`${folder}/clip.wav`, toneFile("mid"));
      const env = { HF_ENDPOINT: test.hub.url, HF_HOME: test.cacheDirectory, HF_TOKEN: TOKEN };
      await fn({ ...test, folder, env });
    });
  });
}

const TWO_EPOCHS = [
  "train",
  "--data",
  "tones",
  "--backend",
  "wasm",
  "--threads",
  "1",
  "--num-train-epochs",
  "2",
];
const PUSH = ["push", "--model", "saved", "--repo", "acme/tiny"];

pushTest("what push sends, predict uses and pull gives back byte by byte", async (test) => {
  const { folder, env, hub } = test;
  const pushed = await cliOk([...PUSH, "--private", "--license", "mit"], { cwd: folder, env });
  match(
    pushed.stdout,
    /^Pushed .*model\.safetensors.* to http:\S+\/acme\/tiny, which is new\nCommit: [0-9a-f]{40}\n$/,
  );
  equal(hub.repository("acme/tiny")!.isPrivate, true);
  ok(!(pushed.stdout + pushed.stderr).includes(TOKEN));

  // The cache knows the commit now, and none of its files.
  const predict = ["predict", "--json", "clip.wav", "--model"];
  const missing = await cli([...predict, "acme/tiny"], { cwd: folder, env });
  match(missing.stderr, /bring it with: .*deno task pull acme\/tiny$/m);

  const pulled = await cliOk(["pull", "acme/tiny", "--output", "back"], { cwd: folder, env });
  equal(pulled.stdout, "The model is in back\n");
  const predicted = async (model: string) =>
    (await cliOk([...predict, model], { cwd: folder, env })).stdout;
  equal(await predicted("acme/tiny"), await predicted("saved"));
  const [before, after] = [
    await folderFiles(`${folder}/saved`),
    await folderFiles(`${folder}/back`),
  ];
  deepEqual(Object.keys(after).sort(), [...Object.keys(before), "README.md"].sort());
  for (const [name, bytes] of Object.entries(before)) deepEqual(after[name], bytes, name);

  const again = await cliOk(["push", "--model", "back", "--repo", "acme/tiny", "--json"], {
    cwd: folder,
    env,
  });
  const [event] = jsonLines<{ sent: string[]; unchanged: string[] }>(again);
  deepEqual(event?.sent, []);
  match(again.stderr, /Nothing to push: .* has these 4 files already/);
});

pushTest("the program of the card runs as it stands", async ({ folder, env, hub }) => {
  await cliOk(PUSH, { cwd: folder, env });
  const { files } = hub.repository("acme/tiny")!.resolve("main")!;
  const card = new TextDecoder().decode(files.get("README.md")!.bytes);
  const [, program = ""] = card.match(/```ts\n([\s\S]*?)\n```/) ?? [];
  await Deno.rename(`${folder}/clip.wav`, `${folder}/recording.wav`);
  await Deno.writeTextFile(`${folder}/program.ts`, program);
  const root = new URL("../../", import.meta.url);
  const imports = { "@earshot/earshot": new URL("mod.ts", root).href };
  const { imports: packages } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  await Deno.writeTextFile(
    `${folder}/imports.json`,
    JSON.stringify({ imports: { ...packages, ...imports } }),
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", "--import-map=imports.json", "program.ts"],
    cwd: folder,
    env: { ...env, NO_COLOR: "1" },
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  match(new TextDecoder().decode(stdout), /label: "(zero|one|two|three|four)"/);
});

pushTest("pull takes a revision, fills the cache, and replaces nothing unasked", async (test) => {
  const { folder, env, hub } = test;
  await cliOk(PUSH, { cwd: folder, env });
  const first = hub.repository("acme/tiny")!.resolve("main")!.sha;
  hub.repository("acme/tiny")!.commit({ "README.md": "# Later\n" });
  const pull = ["pull", `acme/tiny@${first}`, "--output", "old"];
  await cliOk(pull, { cwd: folder, env });
  ok(!(await Deno.readTextFile(`${folder}/old/README.md`)).includes("# Later"));
  const twice = await cli(pull, { cwd: folder, env });
  match(twice.stderr, /^Cannot write "old": it is there already/);
  await cliOk([...pull, "--overwrite"], { cwd: folder, env });
  const { stdout } = await cliOk(["pull", "acme/tiny"], { cwd: folder, env });
  match(stdout, /^The model is in .*\/snapshots\/[0-9a-f]{40}\n$/);
  const wrong = await cli(["pull", "not-a-name"], { cwd: folder, env });
  equal(wrong.code, 2);
  match(wrong.stderr, /^Cannot pull: expected one name like "org\/name", found "not-a-name"/);
});

pushTest("a push that is cut off is repeated, and sends what is missing", async (test) => {
  const { folder, env, hub } = test;
  hub.misbehave({ path: "/commit/", method: "POST", fault: { kind: "status", status: 403 } });
  const failed = await cli([...PUSH, "--verbose"], { cwd: folder, env });
  equal(failed.code, 1);
  match(failed.stderr, /^Cannot use model "acme\/tiny": access is forbidden\n- Check what/m);
  ok(!failed.stderr.includes(TOKEN));
  equal(hub.repository("acme/tiny")!.resolve("main")!.files.size, 0);
  hub.behave();
  await cliOk(PUSH, { cwd: folder, env });
  const sent = hub.requests.filter(({ method, server }) =>
    method === "PUT" && server === "storage"
  );
  equal(sent.length, 1);
});

pushTest("push says who may not write, and what is missing", async ({ folder, env, hub }) => {
  const refused = await cli(PUSH, { cwd: folder, env: { ...env, HF_TOKEN: READ_TOKEN } });
  equal(refused.code, 1);
  match(refused.stderr, /^Cannot write model "acme\/tiny": expected a token that may write/);
  const nobody = await cli(PUSH, { cwd: folder, env: { ...env, HF_TOKEN: "" } });
  match(nobody.stderr, /^Cannot ask the hub who you are: expected a token, found none\n- .*login/);
  const missing = await cli(["push", "--repo", "acme/tiny"], { cwd: folder, env });
  equal(missing.code, 2);
  match(missing.stderr, /^Cannot run command "push": expected argument "--model DIR", found none/);
  const elsewhere = await cli(["push", "--model", "none", "--repo", "acme/tiny"], {
    cwd: folder,
    env,
  });
  match(elsewhere.stderr, /^Cannot list "none": no such file or folder/);
  equal(hub.repository("acme/tiny"), undefined);
});

hubTest(
  "train --push-to-hub pushes model, figures, report and card",
  async ({ hub, cacheDirectory }) => {
    await withFolder(async (folder) => {
      await writeTones(`${folder}/tones`);
      const env = { HF_ENDPOINT: hub.url, HF_HOME: cacheDirectory, HF_TOKEN: TOKEN };
      const push = ["--push-to-hub", "--hub-model-id", "acme/tones", "--hub-private-repo"];
      const { stdout } = await cliOk([...TWO_EPOCHS, "--output", "model", ...push], {
        cwd: folder,
        env,
      });
      match(stdout, /^Pushed .*report\.html.* to http\S+\/acme\/tones\n/m);
      const { files } = hub.repository("acme/tones")!.resolve("main")!;
      const text = (name: string) => new TextDecoder().decode(files.get(name)!.bytes);
      match(text("README.md"), /It was trained from scratch\./);
      match(text("README.md"), /On the test split, 6 clips:/);
      match(text("README.md"), /The accuracy lies between/);
      for (const name of files.keys()) ok(!text(name).includes(folder), name);
      const again = await cliOk(["push", "--model", "model", "--repo", "acme/tones"], {
        cwd: folder,
        env,
      });
      match(again.stdout, /^Nothing to push/);
    });
  },
);
