import assert from "node:assert/strict";
import type { HubError } from "../../src/errors.ts";
import { request, textOf } from "../../src/hub/request.ts";
import { TOKEN } from "./hub.ts";
import { hubTest } from "./_fixtures.ts";

const SUBJECT = { type: "model", id: "acme/tiny" } as const;
const API = "/api/models/acme/tiny";

for (const status of [408, 429, 500, 502, 503, 504]) {
  hubTest(`request() tries again after ${status}`, async ({ hub, settings }) => {
    hub.addRepository("acme/tiny", {});
    hub.misbehave({ path: API, times: 2, fault: { kind: "status", status } });
    const used = await settings();
    const found = await request(used, hub.url + API, SUBJECT);
    assert.equal(JSON.parse(await textOf(used, found)).id, "acme/tiny");
    assert.equal(hub.requests.length, 3);
    // Twice as long each time, with some chance in it.
    const [first = 0, second = 0] = used.pauses;
    assert.ok(first >= 500 && first < 700 && second >= 1000 && second < 1300, `${used.pauses}`);
  });
}

/** Runs `body` while the clock stands still. */
async function atTime(ms: number, body: () => Promise<void>): Promise<void> {
  const { now } = Date;
  Date.now = () => ms;
  try {
    await body();
  } finally {
    Date.now = now;
  }
}

hubTest("request() waits as long as the hub asks", async ({ hub, settings }) => {
  hub.addRepository("acme/tiny", {});
  const now = Date.parse("2026-11-30T12:00:00Z");
  const later = new Date(now + 30_000).toUTCString();
  const asked: Record<string, string>[] = [{ "Retry-After": "7" }, { RateLimit: '"api";r=0;t=5' }, {
    "Retry-After": later,
  }];
  for (const headers of asked) {
    hub.misbehave({ path: API, times: 1, fault: { kind: "status", status: 429, headers } });
  }
  const used = await settings();
  await atTime(now, async () => {
    await textOf(used, await request(used, hub.url + API, SUBJECT));
  });
  assert.deepEqual(used.pauses, [7000, 5000, 30_000]);
});

hubTest(
  "request() has no timer left where more was sent behind the answer",
  async ({ settings }) => {
    let sendMore = () => {};
    const answer = () => Promise.resolve(new Response("{}"));
    const used = { ...await settings(), fetch: answer as typeof fetch };
    const body = (onPart: () => void) => {
      sendMore = onPart;
      return "";
    };
    const found = await request(used, `${used.endpoint}${API}`, SUBJECT, { method: "POST", body });
    assert.equal(await textOf(used, found), "{}");
    // A timer would be a leak of this test.
    sendMore();
  },
);

hubTest("request() does not wait for an hour", async ({ hub, settings }) => {
  const headers = { "Retry-After": "3600" };
  hub.misbehave({ path: API, fault: { kind: "status", status: 429, headers } });
  const used = await settings();
  await assert.rejects(request(used, hub.url + API, SUBJECT), {
    reason: "busy",
    status: 429,
    message: 'Cannot read model "acme/tiny": expected an answer, found "too many requests"',
    hint: "The hub asks to wait 3600 s; what has arrived is kept",
  });
  assert.deepEqual(used.pauses, []);
});

hubTest("request() gives up after five attempts", async ({ hub, settings }) => {
  hub.misbehave({ path: API, fault: { kind: "status", status: 503, body: '{"error":"asleep"}' } });
  await assert.rejects(request(await settings(), hub.url + API, SUBJECT), {
    reason: "busy",
    status: 503,
    message: 'Cannot read model "acme/tiny": expected an answer, found status 503 (asleep)',
  });
  assert.equal(hub.requests.length, 5);
});

hubTest("request() asks once for what is refused", async ({ hub, settings }) => {
  await assert.rejects(request(await settings(), hub.url + API, SUBJECT), { reason: "repository" });
  hub.misbehave({ path: API, fault: { kind: "status", status: 403, body: "no" } });
  await assert.rejects(request(await settings(), hub.url + API, SUBJECT), { reason: "forbidden" });
  assert.equal(hub.requests.length, 2);
});

hubTest("the token stays with the hub", async ({ hub, settings }) => {
  hub.addRepository("acme/tiny", {});
  const to = `${hub.storageUrl}/objects/elsewhere?signature=secret`;
  hub.misbehave({ path: API, fault: { kind: "redirect", to } });
  await assert.rejects(request(await settings(), hub.url + API, SUBJECT));
  const [atHub, elsewhere] = hub.requests;
  assert.equal(atHub?.headers.get("Authorization"), `Bearer ${TOKEN}`);
  assert.equal(elsewhere?.server, "storage");
  assert.equal(elsewhere?.headers.get("Authorization"), null);
});

hubTest("the token does not come back from elsewhere into messages", async (test) => {
  const body = JSON.stringify({ error: `no rights for ${TOKEN}\n\x1b[31m` });
  test.hub.misbehave({ path: API, fault: { kind: "status", status: 403, body } });
  const reading = request(await test.settings(), test.hub.url + API, SUBJECT);
  await assert.rejects(reading, (error: HubError) => {
    assert.match(error.message, /\(no rights for \[token\] \[31m\)$/);
    assert.ok(!Deno.inspect(error).includes(TOKEN));
    return true;
  });
});

hubTest("request() follows no circle and no step down from https", async ({ hub, settings }) => {
  hub.misbehave({ path: API, fault: { kind: "redirect", to: API, status: 307 } });
  await assert.rejects(request(await settings(), hub.url + API, SUBJECT), {
    reason: "refused",
    message: /expected at most 5 redirects, found more$/,
  });
  const secure = await settings({
    endpoint: "https://hub.example",
    fetch: () =>
      Promise.resolve(
        new Response(null, { status: 302, headers: { Location: "http://hub.example/x" } }),
      ),
  });
  await assert.rejects(request(secure, "https://hub.example/x", SUBJECT), {
    reason: "refused",
    message: /expected an address as safe as the hub's, found "http:\/\/hub.example"$/,
  });
});

hubTest("an address that nothing answers at is named without its signature", async (test) => {
  await test.hub.close();
  const used = await test.settings();
  const url = `${test.hub.url}/objects/x?signature=secret`;
  await assert.rejects(request(used, url, SUBJECT), (error: HubError) => {
    assert.equal(error.reason, "unreachable");
    assert.match(
      error.message,
      /^Cannot reach "http:.*": expected an answer, found Connection refused$/,
    );
    assert.ok(!Deno.inspect(error).includes("secret"), Deno.inspect(error));
    return true;
  });
  assert.equal(used.pauses.length, 4);
});

hubTest("a caller's signal ends a request", async ({ hub, settings }) => {
  hub.addRepository("acme/tiny", {});
  const reason = new Error("enough");
  const used = await settings({ signal: AbortSignal.abort(reason) });
  await assert.rejects(request(used, hub.url + API, SUBJECT), reason);
  assert.deepEqual(hub.requests, []);
});

hubTest("request() asks nothing offline", async ({ hub, settings }) => {
  const used = await settings({ offline: true });
  await assert.rejects(request(used, hub.url + API, SUBJECT), { reason: "offline" });
  assert.deepEqual(hub.requests, []);
});
