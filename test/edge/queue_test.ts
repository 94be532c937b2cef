import { deepEqual, equal, match } from "node:assert/strict";
import { createApp } from "../../edge/mod.ts";
import { type Call, CLIP, fakeClassifier, post } from "./_served.ts";

/** A classifier that works until it is let go, and counts how many work at once. */
function held() {
  const calls: Call[] = [];
  const releases: (() => void)[] = [];
  let most = 0;
  let working = 0;
  const classifier = fakeClassifier(calls, async () => {
    most = Math.max(most, ++working);
    await new Promise<void>((resolve) => releases.push(resolve));
    working--;
  });
  return { classifier, calls, releases, most: () => most };
}

/** Lets pending requests come as far as they can. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

Deno.test("createApp() turns a request away when too many are in hand, and takes the next one", async () => {
  const { classifier, releases, calls } = held();
  const app = createApp(classifier, { maxPending: 2, log: () => {} });
  const taken = [app.fetch(post(CLIP)), app.fetch(post(CLIP))];
  await settle();
  const refused = await app.fetch(post(CLIP));
  equal(refused.status, 503);
  equal(refused.headers.get("retry-after"), "1");
  match((await refused.json()).error, /expected at most 2 at a time/);
  equal((await app.fetch(new Request("http://localhost/healthz"))).status, 200);
  for (let done = 1; done <= 2; done++) {
    releases.shift()!();
    await settle();
  }
  deepEqual((await Promise.all(taken)).map(({ status }) => status), [200, 200]);
  const next = app.fetch(post(CLIP));
  await settle();
  releases.shift()!();
  equal((await next).status, 200);
  equal(calls.length, 3);
});

Deno.test("createApp() counts a request whose body is still on its way", async () => {
  const app = createApp(fakeClassifier(), { maxPending: 1, bodyTimeoutMs: 50, log: () => {} });
  const slow = app.fetch(post(new ReadableStream({ start: () => {} })));
  equal((await app.fetch(post(CLIP))).status, 503);
  equal((await slow).status, 408);
  equal((await app.fetch(post(CLIP))).status, 200);
});

Deno.test("createApp() runs one inference at a time, in the order of arrival", async () => {
  const { classifier, releases, calls, most } = held();
  const app = createApp(classifier);
  const taken = [3, 2, 1].map((k) => app.fetch(post(CLIP, "audio/wav", `?top_k=${k}`)));
  for (let done = 1; done <= 3; done++) {
    await settle();
    equal(calls.length, done);
    releases.shift()!();
  }
  await Promise.all(taken);
  equal(most(), 1);
  deepEqual(calls.map(({ options }) => options?.topK), [3, 2, 1]);
});

Deno.test("createApp() goes on after an inference that failed", async () => {
  let calls = 0;
  const app = createApp(
    fakeClassifier([], () => calls++ === 0 ? Promise.reject(new TypeError()) : Promise.resolve()),
    { log: () => {} },
  );
  const answers = await Promise.all([app.fetch(post(CLIP)), app.fetch(post(CLIP))]);
  deepEqual(answers.map(({ status }) => status), [500, 200]);
});

Deno.test("createApp() spares the work for a client that went away while it waited", async () => {
  const { classifier, releases, calls } = held();
  const app = createApp(classifier);
  const first = app.fetch(post(CLIP));
  await settle();
  const controller = new AbortController();
  const left = app.fetch(new Request(post(CLIP), { signal: controller.signal }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  controller.abort();
  releases.shift()!();
  equal((await first).status, 200);
  equal((await left).status, 400);
  equal(calls.length, 1);
});
