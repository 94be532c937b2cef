/**
 * Answers that no hub gives, but whoever stands where one should: pages of HTML, `null`, bodies and listings without
 * end. Each ends in an error that names the hub.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hubAccount, hubFiles, type HubOptions } from "../../src/hub/mod.ts";

const ENDPOINT = "https://hub.example";
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** A hub whose answers a test makes, and how many it gave. */
async function asking<Result>(
  answer: (url: URL, count: number) => Response,
  ask: (options: HubOptions) => Promise<Result>,
): Promise<{ error: unknown; count: number }> {
  let count = 0;
  const cacheDirectory = await Deno.makeTempDir();
  const fetch = (input: string | URL | Request) =>
    Promise.resolve(answer(new URL(input instanceof Request ? input.url : input), count++));
  try {
    await ask({ endpoint: ENDPOINT, token: "hf_some", cacheDirectory, fetch });
    return { error: undefined, count };
  } catch (error) {
    return { error, count };
  } finally {
    await Deno.remove(cacheDirectory, { recursive: true });
  }
}

function repository(options: HubOptions): Promise<unknown> {
  return hubFiles("acme/tiny", options);
}

/** The commit, and after it whatever a listing is. */
function listing(page: (url: URL, count: number) => Response) {
  return (url: URL, count: number) =>
    url.pathname.includes("/tree/") ? page(url, count) : Response.json({ id: "x", sha: COMMIT });
}

function refusal(found: string) {
  return {
    name: "HubError",
    reason: "refused",
    message: `Cannot read model "acme/tiny": expected an answer of the hub from ${ENDPOINT}, ` +
      `found ${found}`,
    hint: "Check HF_ENDPOINT",
  };
}

const BODIES: readonly [body: string, found: string][] = [
  ["<!doctype html><title>Log in</title>", "HTML"],
  ["null", "null"],
  ["", "text that is no JSON"],
  ["7", "7"],
  ["[]", "another"],
  ['{"sha":["a"]}', "another"],
];

for (const [body, found] of BODIES) {
  Deno.test(`hubFiles() refuses ${JSON.stringify(body)} where a commit belongs`, async () => {
    const { error } = await asking(() => new Response(body), repository);
    assert.throws(() => {
      throw error;
    }, refusal(found));
  });
}

const PAGES: readonly [page: unknown, found: string][] = [
  [null, "null"],
  [{ files: 1 }, "another"],
  [[null], "another"],
  [[{ type: "file", path: 7, size: 1 }], "another"],
  [[{ type: "file", path: "a", size: -1 }], "another"],
];

for (const [page, found] of PAGES) {
  Deno.test(`hubFiles() refuses ${JSON.stringify(page)} where a listing belongs`, async () => {
    const { error } = await asking(listing(() => Response.json(page)), repository);
    assert.throws(() => {
      throw error;
    }, refusal(found));
  });
}

Deno.test("hubFiles() ends a listing whose pages go in a circle, or on for ever", async () => {
  const file = [{ type: "file", path: "a", size: 1, oid: COMMIT }];
  const page = (next: string) =>
    Response.json(file, { headers: { Link: `<${next}>; rel="next"` } });
  const circle = await asking(listing((url) => page(url.href)), repository);
  assert.match(String(circle.error), /found a list of files without end \(pages in a circle\)$/);
  assert.equal(circle.count, 2);
  const tree = `${ENDPOINT}/api/models/acme/tiny/tree/${COMMIT}`;
  const on = await asking(listing((_, count) => page(`${tree}?cursor=${count}`)), repository);
  assert.match(String(on.error), /found a list of files without end \(2000 pages\)$/);
  assert.equal(on.count, 2001);
  const away = await asking(listing(() => page("https://elsewhere.example/tree/")), repository);
  assert.throws(() => {
    throw away.error;
  }, refusal("another"));
});

Deno.test("hubFiles() reads the beginning of a refusal without end, and no more", async () => {
  let parts = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        parts++;
        controller.enqueue(new Uint8Array(2 ** 16).fill(120));
      },
    });
  const { error } = await asking(() => new Response(endless(), { status: 404 }), repository);
  assert.match(String(error), /expected a repository of https:\/\/hub\.example, found none/);
  assert.ok(parts <= 4, `${parts} parts`);
});

Deno.test("hubAccount() refuses what is no account", async () => {
  for (const body of ["null", "<html>", "[1]"]) {
    const { error } = await asking(() => new Response(body), hubAccount);
    assert.match(String(error), /^HubError: Cannot read .*https:\/\/hub\.example/, body);
  }
});
