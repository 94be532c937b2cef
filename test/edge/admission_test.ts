/**
 * Who is taken, who goes first, and who is turned away.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type AppOptions, createApp, type ServedClassifier } from "../../edge/mod.ts";
import { TooLongError } from "../../src/audio/too_long.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import type { ClassifyOptions } from "../../src/classify/pipeline.ts";
import { type Call, CLIP, fakeClassifier, post } from "./_served.ts";

const RATE_HZ = 1_000;

function clipOf(seconds: number): Uint8Array<ArrayBuffer> {
  return encodeWav(new Float32Array(seconds * RATE_HZ), RATE_HZ).slice();
}

/** A service that computes when the test lets it, at a pace that it has seen. */
function heldService(pace: number, options: AppOptions = {}) {
  const calls: Call[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const classifier = fakeClassifier(calls, () => {
    begun.resolve();
    return released;
  });
  const app = createApp(Object.assign(classifier, { pace }), { log: () => {}, ...options });
  const seconds = () => calls.map(({ bytes }) => (bytes.length - 44) / 2 / RATE_HZ);
  return { app, release, begun: begun.promise, seconds };
}

/** Waits until a service knows of so many clips. */
async function untilInHand(app: ReturnType<typeof createApp>, count: number): Promise<void> {
  for (;;) {
    const response = await app.fetch(new Request("http://localhost/metrics"));
    if ((await response.text()).includes(`earshot_queue_length ${count}\n`)) return;
  }
}

Deno.test("createApp() computes short clips before long ones", async () => {
  const { app, release, begun, seconds } = heldService(0.1);
  const answers = [app.fetch(post(clipOf(2)))];
  await begun;
  for (const length of [59, 30, 1, 3]) {
    answers.push(app.fetch(post(clipOf(length))));
    await untilInHand(app, answers.length);
  }
  release();
  deepEqual((await Promise.all(answers)).map(({ status }) => status), Array(5).fill(200));
  deepEqual(seconds(), [2, 1, 3, 59, 30]);
});

Deno.test("createApp() lets a long clip yield for some time, and no longer", async () => {
  const { app, release, begun, seconds } = heldService(0.001);
  const answers = [app.fetch(post(clipOf(2)))];
  await begun;
  answers.push(app.fetch(post(clipOf(20))));
  await untilInHand(app, 2);
  // It yields for ten times of what it takes, 20 ms.
  const later = performance.now() + 300;
  while (performance.now() < later) await untilInHand(app, 2);
  answers.push(app.fetch(post(clipOf(1))));
  await untilInHand(app, 3);
  release();
  await Promise.all(answers);
  deepEqual(seconds(), [2, 20, 1]);
});

Deno.test("createApp() refuses at once what could not be begun in time, and says when to come again", async () => {
  const { app, release, begun } = heldService(1, { deadlineMs: 30_000 });
  const first = app.fetch(post(clipOf(14)));
  await begun;
  const refused = await app.fetch(post(clipOf(1)));
  equal(refused.status, 503);
  equal(refused.headers.get("retry-after"), "4");
  match((await refused.json()).error, /can be begun within 10 s, found too many before it/);
  const ready = await app.fetch(new Request("http://localhost/readyz"));
  deepEqual(await ready.json(), { status: "full" });
  release();
  equal((await first).status, 200);
  equal((await app.fetch(post(clipOf(1)))).status, 200);
});

Deno.test("createApp() gives up a clip whose turn does not come in time", async () => {
  const { app, release, begun } = heldService(0.001, { deadlineMs: 60 });
  const first = app.fetch(post(clipOf(1)));
  await begun;
  const late = await app.fetch(post(clipOf(1)));
  equal(late.status, 503);
  match((await late.json()).error, /its turn would have come too late/);
  // The one that is computed is not waited for longer either; what it was at ends in peace.
  const slow = await first;
  equal(slow.status, 503);
  match((await slow.json()).error, /found its time over/);
  release();
});

Deno.test("createApp() keeps places for short clips", async () => {
  const { app, release, begun } = heldService(1, { deadlineMs: 1e6, maxPending: 4 });
  const taken = [app.fetch(post(clipOf(9)))];
  await begun;
  for (let i = 2; i <= 3; i++) {
    taken.push(app.fetch(post(clipOf(9))));
    await untilInHand(app, i);
  }
  const fourth = await app.fetch(post(clipOf(9)));
  equal(fourth.status, 503);
  match((await fourth.json()).error, /at most 3 long clips at a time/);
  taken.push(app.fetch(post(CLIP)));
  release();
  deepEqual((await Promise.all(taken)).map(({ status }) => status), Array(4).fill(200));
});

Deno.test("createApp() does not go on with the windows of a client that has left", async () => {
  let windows = 0;
  const leaving = new AbortController();
  const classify = async (_: Uint8Array, options: ClassifyOptions = {}) => {
    if (options.longClips !== "windows") throw new TooLongError("too long");
    for (let i = 0; i < 5; i++) {
      await options.turn!(() => {
        if (++windows === 2) leaving.abort();
        return Promise.resolve();
      });
    }
    return [];
  };
  const app = createApp(Object.assign(classify, { labels: ["yes"] }) as ServedClassifier);
  const answer = await app.fetch(new Request(post(CLIP), { signal: leaving.signal }));
  equal(answer.status, 400);
  equal(windows, 2);
});

Deno.test("createApp() refuses a file that would unfold to too much, naming the limit", async () => {
  const calls: Call[] = [];
  const app = createApp(fakeClassifier(calls), { maxDecodedBytes: 2 ** 20 });
  const refused = await app.fetch(post(clipOf(300)));
  equal(refused.status, 413);
  match(
    (await refused.json()).error,
    /at most 1 MiB decoded \(seconds x rate x channels x 4\), found 1.1 MiB: 300.0 s at 1000 Hz with 1 channel; \/detect/,
  );
  equal((await app.fetch(post(clipOf(200)))).status, 200);
  equal(calls.length, 1);
});

Deno.test("createApp() takes so many requests a minute of a client, known by its address", async () => {
  const limits = { rateLimit: 2, clientHeader: "x-forwarded-for" };
  const app = createApp(fakeClassifier(), limits);
  const ask = async (hostname: string, header?: string) => {
    const request = post(CLIP);
    if (header) request.headers.set("x-forwarded-for", header);
    const response = await app.fetch(request, { remoteAddr: { hostname } });
    await response.body?.cancel();
    return [response.status, response.headers.get("retry-after")];
  };
  deepEqual(await ask("10.0.0.1"), [200, null]);
  deepEqual(await ask("10.0.0.1"), [200, null]);
  deepEqual(await ask("10.0.0.1"), [429, "30"]);
  deepEqual(await ask("10.0.0.2"), [200, null]);
  // The proxy names its client last; what stands before came from outside.
  for (const [first, status] of [["1.1.1.1", 200], ["2.2.2.2", 200], ["3.3.3.3", 429]]) {
    deepEqual((await ask("10.0.0.9", `${first}, 9.9.9.9`))[0], status);
  }
  for (const [address, status] of [["2001:db8:1:2::1", 200], ["2001:db8:1:2::2", 200]]) {
    equal((await ask(address as string))[0], status);
  }
  equal((await ask("2001:db8:1:2::3"))[0], 429);
  const probe = await app.fetch(new Request("http://localhost/livez"), {
    remoteAddr: { hostname: "10.0.0.1" },
  });
  ok(probe.ok);
});
