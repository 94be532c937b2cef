/**
 * `/openapi.json` and `/docs`: valid, of the routes that there are, and of no other host.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { validate } from "@readme/openapi-parser";
import { createApp } from "../../edge/mod.ts";
import { ROUTES } from "../../edge/_routes.ts";
import { openapiOf } from "../../edge/openapi.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { withFolder } from "../commands/_command_line.ts";
import { tone } from "../tiny_model.ts";
import { BUNDLE_COMMANDS, serveCommand, type ServiceCommand, whileRunning } from "./_processes.ts";
import { fakeClassifier } from "./_served.ts";

const MODEL = "models/voice_menu";
const CLIP = encodeWav(tone(8_000), 8_000).slice();

// deno-lint-ignore no-explicit-any -- a document of JSON
type Document = any;

async function expectValid(document: Document): Promise<void> {
  const result = await validate(structuredClone(document));
  ok(result.valid, JSON.stringify(result));
}

/** Asks all that the document names, and looks at what it says of a clip. */
async function describesItself(command: ServiceCommand, hasPage: boolean): Promise<void> {
  await whileRunning(command, async (url) => {
    const answer = await fetch(`${url}openapi.json`);
    equal(answer.headers.get("content-type"), "application/json");
    const document: Document = await answer.json();
    await expectValid(document);
    const others = hasPage ? /^.heads/ : /^.(heads|ui)/;
    deepEqual(Object.keys(document.paths), Object.keys(ROUTES).filter((p) => !others.test(p)));
    for (const [path, item] of Object.entries<Document>(document.paths)) {
      for (const method of Object.keys(item)) {
        const asked = await fetch(url + path.slice(1), { method: method.toUpperCase() });
        await asked.body?.cancel();
        const status = path === "/stream" ? 426 : method === "post" ? 400 : 200;
        equal(asked.status, status, `${method} ${path}`);
      }
    }
    const statuses = Object.keys(document.paths["/"].post.responses);
    ok([413, 429, 431, 503].every((status) => statuses.includes(`${status}`)), `${statuses}`);
    ok(!("429" in document.paths["/livez"].get.responses), "probes are not counted");
    const classes = await (await fetch(`${url}?top_k=2`, { method: "POST", body: CLIP })).json();
    const { properties } = document.components.schemas.Classification;
    deepEqual(Object.keys(classes[0]), Object.keys(properties));
    const page = await fetch(`${url}docs`);
    match(page.headers.get("content-type")!, /^text\/html/);
    const text = await page.text();
    match(text, /POST<\/b> \/detect/);
    ok(!/https?:|src=|@import/.test(text), "it asks another host");
  });
}

Deno.test("serve and a bundle say in OpenAPI what they take and give", async () => {
  await describesItself(serveCommand(MODEL, ["--port", "0"]), true);
  await withFolder(async (folder) => {
    const cwd = `${folder}/bundle`;
    await bundle({ model: MODEL, output: cwd });
    for (const args of BUNDLE_COMMANDS) await describesItself({ args, cwd }, false);
  });
});

Deno.test("openapiOf() is valid with heads and several models", async () => {
  const document: Document = openapiOf({
    version: "1.0.0",
    hasHeads: true,
    hasPage: true,
    models: ["acme/birds", "acme/frogs.v2"],
  });
  await expectValid(document);
  ok("/heads/{name}/examples" in document.paths);
  ok("/models/acme/birds/detect" in document.paths);
  ok(!("/models/acme/birds/metrics" in document.paths));
});

Deno.test("createApp() without documents has none, and names what there is", async () => {
  const app = createApp(fakeClassifier());
  const statusOf = async (path: string, method = "GET") => {
    const answer = await app.fetch(new Request(`http://localhost${path}`, { method }));
    return [answer.status, answer.headers.get("allow"), (await answer.json()).error];
  };
  equal((await statusOf("/docs"))[0], 404);
  match((await statusOf("/nothing"))[2], /expected one of \/, \/detect, \/stream/);
  deepEqual((await statusOf("/heads/x", "PATCH")).slice(0, 2), [405, "POST, DELETE"]);
  deepEqual((await statusOf("/docs", "POST")).slice(0, 2), [405, "GET, HEAD"]);
});
