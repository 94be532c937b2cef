/**
 * Pages of other origins, asked of `serve` and of a bundle as processes of their own.
 *
 * @module
 */
import { deepEqual, equal, match, throws } from "node:assert/strict";
import { createApp } from "../../edge/mod.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { cli, withFolder } from "../commands/_command_line.ts";
import { BUNDLE_COMMANDS, serveCommand, type ServiceCommand, whileRunning } from "./_processes.ts";
import { CLIP, fakeClassifier } from "./_served.ts";

const MODEL = "models/voice_menu";
const PAGE = "http://localhost:3000";
const STRANGER = "https://stranger.example";

/** The headers of an answer that browsers look at, by the part of their name that differs. */
function sharing({ headers }: Response): Record<string, string> {
  const found = [...headers].filter(([name]) => /^access-control-|^vary$/.test(name));
  return Object.fromEntries(found.map(([name, value]) => [name.replace(/.*control-/, ""), value]));
}

async function ask(url: string, headers: HeadersInit, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...init, headers });
  await response.body?.cancel();
  return response;
}

function preflight(url: string, origin: string): Promise<Response> {
  const headers = {
    "Origin": origin,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
  };
  return ask(url, headers, { method: "OPTIONS" });
}

/** Whether a page of an origin gets a WebSocket. */
function opens(url: string, origin: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options = { headers: { Origin: origin } } as unknown as string[];
  const socket = new WebSocket(`${url.replace("http", "ws")}stream`, options);
  socket.onopen = () => socket.close();
  socket.onclose = ({ wasClean }) => resolve(wasClean);
  socket.onerror = () => resolve(false);
  return promise;
}

const SHARED = {
  "allow-origin": PAGE,
  "expose-headers": "Retry-After, X-Earshot-Warning, X-Request-Id",
  "vary": "Origin",
};

async function sharesWithOnePage(command: ServiceCommand): Promise<void> {
  await whileRunning(command, async (url) => {
    const asked = await preflight(url, PAGE);
    equal(asked.status, 204);
    deepEqual(sharing(asked), {
      ...SHARED,
      "allow-headers": "content-type",
      "allow-methods": "GET, HEAD, POST, DELETE",
      "max-age": "7200",
      "vary": "Access-Control-Request-Headers, Origin",
    });
    const clip = await ask(url, { Origin: PAGE }, { method: "POST", body: CLIP });
    deepEqual([clip.status, sharing(clip)], [200, SHARED]);
    for (const [path, method] of [["?top_k=0", "POST"], ["none", "GET"], ["detect", "GET"]]) {
      deepEqual(sharing(await ask(url + path, { Origin: PAGE }, { method })), SHARED);
    }

    const strange = await preflight(url, STRANGER);
    deepEqual([strange.status, sharing(strange)], [403, { vary: "Origin" }]);
    deepEqual(sharing(await ask(url, { Origin: STRANGER })), { vary: "Origin" });
    deepEqual(sharing(await ask(url, {})), { vary: "Origin" });

    const own = new URL(url).origin;
    deepEqual(
      await Promise.all([PAGE, own, STRANGER, "null"].map((origin) => opens(url, origin))),
      [true, true, false, false],
    );
    equal((await ask(`${url}stream`, { Origin: STRANGER })).status, 403);
  });
}

Deno.test("serve --cors shares answers with the pages that it names, and no others", async () => {
  await sharesWithOnePage(
    serveCommand(MODEL, ["--port", "0", "--cors", `https://a.example,${PAGE}`]),
  );
});

Deno.test("serve takes EARSHOT_CORS from the environment, and a flag before it", async () => {
  const env = { EARSHOT_CORS: PAGE };
  await sharesWithOnePage({ ...serveCommand(MODEL, ["--port", "0"]), env });
  const open = serveCommand(MODEL, ["--port", "0", "--cors", "*"]);
  await whileRunning({ ...open, env }, async (url) => {
    const { vary: _, ...shared } = SHARED;
    deepEqual(sharing(await ask(url, { Origin: STRANGER })), { ...shared, "allow-origin": "*" });
    equal(await opens(url, STRANGER), true);
  });
});

Deno.test("serve shares with no page where nothing is said", async () => {
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    const asked = await preflight(url, PAGE);
    deepEqual([asked.status, sharing(asked)], [403, {}]);
    deepEqual(sharing(await ask(url, { Origin: PAGE })), {});
    equal(await opens(url, PAGE), false);
  });
});

Deno.test("a bundle shares as bundle --cors and its environment say", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/bundle`;
    const { files } = await bundle({ model: MODEL, output, settings: { cors: [PAGE] } });
    equal(files.some(({ name }) => name === "settings.json"), true);
    for (const args of BUNDLE_COMMANDS) await sharesWithOnePage({ args, cwd: output });
    await bundle({ model: MODEL, output, overwrite: true });
    const [, ...rest] = BUNDLE_COMMANDS[1]!;
    const args = ["run", "--allow-env=EARSHOT_CORS", ...rest];
    await sharesWithOnePage({ args, cwd: output, env: { EARSHOT_CORS: PAGE } });
  });
});

Deno.test("serve and createApp() refuse what is no origin", async () => {
  for (const text of ["localhost:3000", "http://a.example/page", "null", "file:///x", "a b"]) {
    throws(() => createApp(fakeClassifier(), { cors: [text] }), RangeError, text);
  }
  createApp(fakeClassifier(), { cors: ["HTTPS://A.example:443/", "*"] });
  const { code, stderr } = await cli(["serve", "--cors", "localhost:3000"]);
  equal(code, 2);
  match(stderr, /^Cannot allow origin "localhost:3000": expected scheme:\/\/host/);
});
