/**
 * What goes wrong around a service: one line and the right exit code or status, of real processes.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { useDevice } from "../../src/devices.ts";
import { cli, withFolder } from "../commands/_command_line.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import { BUNDLE_COMMANDS, serveCommand, type ServiceCommand, whileRunning } from "./_processes.ts";

const MODEL = "models/voice_menu";
const CLIP = encodeWav(tone(8_000), 8_000).slice();

/** How a service that does not start ends. */
async function ended({ args, cwd, env }: ServiceCommand): Promise<[number, string[]]> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd, env });
  const { code, stderr } = await command.output();
  return [code, new TextDecoder().decode(stderr).trimEnd().split("\n")];
}

Deno.test("a port that is taken, or an address of another machine, ends serve with a line and a hint", async () => {
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    const { port } = new URL(url);
    const taken = await cli(["serve", "--model", MODEL, "--port", port]);
    equal(taken.code, 1);
    deepEqual(taken.stderr.trimEnd().split("\n"), [
      `Cannot listen on port ${port}: expected a free one, found it in use`,
      "- Name another one with --port",
    ]);
  });
  const rights = ["--quiet", "--allow-read", "--allow-env", "--allow-net", "--allow-write"];
  const place = ["--hostname", "198.51.100.1", "--port", "0"];
  const strange = await cli(["serve", "--model", MODEL, ...place], { rights });
  deepEqual([strange.code, strange.stderr.trimEnd().split("\n")], [1, [
    'Cannot listen on "198.51.100.1": expected an address of this machine, found another',
    "- Name another one with --hostname",
  ]]);
});

Deno.test("a port that is taken ends the program of a bundle with one line", async () => {
  await withFolder(async (folder) => {
    const cwd = `${folder}/bundle`;
    await bundle({ model: MODEL, output: cwd });
    const [verb, ...rest] = BUNDLE_COMMANDS[1]!;
    const args = [verb!, "--allow-env=PORT", ...rest];
    await whileRunning({ args, cwd }, async (url) => {
      const { port } = new URL(url);
      deepEqual(await ended({ args, cwd, env: { PORT: port } }), [1, [
        `Cannot listen on port ${port}: expected a free one, found it in use`,
      ]]);
    });
  });
});

Deno.test("a model that is broken or not there ends serve at its start, and a bundle answers 503", async () => {
  await withFolder(async (folder) => {
    const broken = `${folder}/broken`;
    await Deno.mkdir(broken);
    await Deno.writeTextFile(`${broken}/config.json`, "{");
    const { code, stderr } = await cli(["serve", "--model", broken]);
    deepEqual([code, stderr.trimEnd().split("\n").length], [1, 1]);
    match(stderr, /^Cannot read ".*config.json": expected JSON/);

    const cwd = `${folder}/bundle`;
    await bundle({ model: MODEL, output: cwd });
    await Deno.truncate(`${cwd}/model/model.safetensors`, 1_000).catch(() =>
      Deno.truncate(`${cwd}/model/model.packed.safetensors`, 1_000)
    );
    const lines: string[] = [];
    const command = { args: BUNDLE_COMMANDS[0]!, cwd, onLine: (line: string) => lines.push(line) };
    await whileRunning(command as ServiceCommand, async (url) => {
      const answer = await fetch(url, { method: "POST", body: CLIP });
      deepEqual([answer.status, await answer.json()], [503, {
        error: "The model cannot be loaded",
      }]);
      equal((await fetch(`${url}readyz`).then((r) => (r.body?.cancel(), r))).status, 503);
      equal((await fetch(`${url}livez`).then((r) => (r.body?.cancel(), r))).status, 200);
    });
    match(
      lines.find((line) => line.startsWith('{"requestId"'))!,
      /"error":"CheckpointError: Cannot/,
    );
  });
});

Deno.test("serve goes on with the model that it has where another takes its place on the disk", async () => {
  await useDevice({ backend: "wasm" });
  await withFolder(async (folder) => {
    const model = `${folder}/model`;
    await saveTinyModel(model);
    await whileRunning(serveCommand(model, ["--port", "0"]), async (url) => {
      const ask = async () => await (await fetch(url, { method: "POST", body: CLIP })).json();
      const before = await ask();
      await Deno.remove(model, { recursive: true });
      deepEqual(await ask(), before);
      await Deno.mkdir(model);
      for await (const { name, isFile } of Deno.readDir(MODEL)) {
        if (isFile) await Deno.copyFile(`${MODEL}/${name}`, `${model}/${name}`);
      }
      deepEqual(await ask(), before);
      equal((await fetch(`${url}healthz`).then((r) => (r.body?.cancel(), r))).status, 200);
    });
  });
});

Deno.test("serve answers 404 to a head that there is not", async () => {
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    for (
      const [path, method] of [["heads/x", "POST"], ["?head=x", "POST"], ["detect?head=x", "POST"]]
    ) {
      const answer = await fetch(url + path, { method, body: CLIP });
      const { error } = await answer.json();
      equal(answer.status, 404, path);
      match(error, /^Cannot find head: expected .*, found "x"$/);
    }
  });
});
