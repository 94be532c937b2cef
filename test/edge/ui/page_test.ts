/** The page at `/ui`: its files, and how it is used. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { UI_FILES } from "../../../edge/ui_files.ts";
import { buildPages } from "../../../edge/ui_build.ts";
import { browserTest } from "../../chromium.ts";
import { whileServed } from "./_served_page.ts";

/** Of all files of the page together, each compressed. */
const MAX_GZIP_BYTES = 60_000;

const PAGE_FILES = Object.fromEntries(
  Object.entries(UI_FILES).map(([name, text]) => {
    return [name, gunzipSync(Uint8Array.fromBase64(text)).toString()];
  }),
);

// esbuild's process may end a moment after it was told to.
const UNWATCHED = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "ui_files.ts is what the sources of the page give, within its budget",
  UNWATCHED,
  async () => {
    const built = await buildPages();
    deepEqual(Object.keys(PAGE_FILES), Object.keys(built));
    for (const [name, text] of Object.entries(built)) {
      equal(PAGE_FILES[name] === text, true, `${name}: run "deno task build:ui"`);
      ok(!/https?:\/\//.test(text), `${name} names another host`);
    }
    const sizes = Object.values(built).map((text) => gzipSync(text).length);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    console.log(`${bytes} bytes compressed`);
    ok(bytes <= MAX_GZIP_BYTES, `${bytes} of ${MAX_GZIP_BYTES} bytes`);
  },
);

Deno.test("GET /ui is a page with a policy where it is on, and status 404 where it is not", async () => {
  await whileServed(async (url) => {
    const page = await fetch(`${url}ui`);
    match(page.headers.get("content-security-policy")!, /^default-src 'none'; script-src 'self';/);
    match(await page.text(), /<script type="module" src="ui\/page.js">/);
    const script = await fetch(`${url}ui/page.js`);
    match(script.headers.get("content-type")!, /^text\/javascript/);
    await script.body?.cancel();
    const slash = await fetch(`${url}ui/`, { redirect: "manual" });
    deepEqual([slash.status, slash.headers.get("location")], [308, "../ui"]);
    await slash.body?.cancel();
    const missing = await fetch(`${url}ui/server.js`);
    match((await missing.json()).error, /expected index.html, page.css/);
  });
  await whileServed(async (url) => {
    const missing = await fetch(`${url}ui`);
    equal(missing.status, 404);
    match((await missing.json()).error, /expected a service that has its page/);
  }, {});
});

browserTest(
  "the page hears a microphone and files by keyboard alone",
  new URL("./_page_cases.ts", import.meta.url),
);
