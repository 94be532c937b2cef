/**
 * How `serve` and a bundle end: as processes of their own, with clients that do not finish.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { endService } from "../../edge/ending.ts";
import { withFolder } from "../commands/_command_line.ts";
import { tone } from "../tiny_model.ts";
import { BUNDLE_COMMANDS, serveCommand, type ServiceCommand, whileRunning } from "./_processes.ts";

const MODEL = "models/voice_menu";
const SHORT = encodeWav(tone(8_000), 8_000).slice();
const LONG = encodeWav(tone(30 * 8_000), 8_000).slice();

/** A client that sends the beginning of a clip and no more; gives what it gets. */
async function halfASender(url: string): Promise<{ answer: Promise<string> }> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `POST / HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 90000\r\n\r\nRIFF`;
  await connection.write(new TextEncoder().encode(head));
  const answer = new Response(connection.readable).text().catch(() => "");
  return { answer };
}

/** The figure of `/metrics`, or none where the service no longer answers. */
async function figureOf(url: string, name: string): Promise<number | undefined> {
  const text = await fetch(`${url}metrics`).then((response) => response.text(), () => "");
  const found = new RegExp(`^${name} (\\S+)$`, "m").exec(text);
  return found ? Number(found[1]) : undefined;
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!await isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function finishesWhatItHas(command: ServiceCommand): Promise<void> {
  await whileRunning(command, async (url, { end }) => {
    const { answer } = await halfASender(url);
    const taken = fetch(url, { method: "POST", body: LONG });
    await until(async () => (await figureOf(url, "earshot_queue_length"))! > 0);
    const status = end("SIGTERM");
    await until(async () => {
      const response = await fetch(`${url}readyz`);
      return (await response.json()).status === "ending";
    });
    const late = await fetch(url, { method: "POST", body: SHORT });
    equal(late.status, 503);
    match((await late.json()).error, /the service is ending/);
    const response = await taken;
    equal(response.status, 200);
    await response.body?.cancel();
    match(await answer, /^HTTP\/1.1 503 |^$/);
    deepEqual(await status, { success: true, code: 0, signal: null });
  });
}

async function endsAtOnceTheSecondTime(command: ServiceCommand): Promise<void> {
  await whileRunning(command, async (url, { end }) => {
    const { answer } = await halfASender(url);
    await until(async () => await figureOf(url, "earshot_bodies_in_flight") === 1);
    end("SIGINT");
    await until(async () => {
      const response = await fetch(`${url}readyz`);
      return (await response.json()).status === "ending";
    });
    const { code } = await end("SIGINT");
    equal(code, 130);
    await answer;
  });
}

Deno.test("serve answers what it has, refuses the rest and ends, also with half a body", async () => {
  await finishesWhatItHas(serveCommand(MODEL, ["--port", "0"]));
});

Deno.test("serve ends at once at the second signal", async () => {
  await endsAtOnceTheSecondTime(serveCommand(MODEL, ["--port", "0"]));
});

Deno.test("a bundle ends as serve does, and at once where its model is broken", async () => {
  await withFolder(async (folder) => {
    const cwd = `${folder}/bundle`;
    await bundle({ model: MODEL, output: cwd });
    const command = { args: BUNDLE_COMMANDS[1]!, cwd };
    await finishesWhatItHas(command);
    await endsAtOnceTheSecondTime(command);
    const name = [...Deno.readDirSync(`${cwd}/model`)].find((file) =>
      /safetensors/.test(file.name)
    );
    await Deno.truncate(`${cwd}/model/${name!.name}`, 1_000);
    const options = { args: [...command.args], cwd, env: { NO_COLOR: "1" } };
    const { code, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    equal(code, 1);
    match(new TextDecoder().decode(stderr).trimEnd(), /^CheckpointError: Cannot .*$/m);
  });
});

Deno.test("endService() does not wait longer than it is told to", async () => {
  let hasShutDown = false;
  const app = { close: () => new Promise<void>(() => {}) };
  await endService(app, () => Promise.resolve(void (hasShutDown = true)), 0.01);
  equal(hasShutDown, false);
});
