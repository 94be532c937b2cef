import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { createApp } from "../../edge/mod.ts";
import { Bodies } from "../../edge/_bodies.ts";
import { noTotals } from "../../edge/_service_totals.ts";
import { nextTurn } from "../../edge/_queue.ts";
import { type Call, CLIP, fakeClassifier, post } from "./_served.ts";

/** One call of {@linkcode held}: known to have begun, and let go by the test. */
interface Turn {
  begun: PromiseWithResolvers<void>;
  release: PromiseWithResolvers<void>;
}

/** A classifier that works until it is let go, and counts how many work at once. */
function held(count: number) {
  const calls: Call[] = [];
  const turns: Turn[] = Array.from({ length: count }, () => ({
    begun: Promise.withResolvers(),
    release: Promise.withResolvers(),
  }));
  let most = 0;
  let working = 0;
  const classifier = fakeClassifier(calls, async () => {
    const { begun, release } = turns[calls.length - 1]!;
    most = Math.max(most, ++working);
    begun.resolve();
    await release.promise;
    working--;
  });
  return { classifier, calls, turns, most: () => most };
}

Deno.test("createApp() turns a request away when too many are in hand, and takes the next one", async () => {
  const { classifier, turns, calls } = held(3);
  const app = createApp(classifier, { maxPending: 2, log: () => {} });
  const taken = [app.fetch(post(CLIP)), app.fetch(post(CLIP))];
  await turns[0]!.begun.promise;
  const refused = await app.fetch(post(CLIP));
  equal(refused.status, 503);
  equal(refused.headers.get("retry-after"), "1");
  match((await refused.json()).error, /expected at most 2 at a time/);
  equal((await app.fetch(new Request("http://localhost/healthz"))).status, 200);
  for (const { release } of turns) release.resolve();
  deepEqual((await Promise.all(taken)).map(({ status }) => status), [200, 200]);
  equal((await app.fetch(post(CLIP))).status, 200);
  equal(calls.length, 3);
});

Deno.test("createApp() gives no place in the queue to a body that is still on its way", async () => {
  const app = createApp(fakeClassifier(), { maxPending: 1, log: () => {} });
  const { readable, writable } = new TransformStream();
  const slow = app.fetch(post(readable));
  equal((await app.fetch(post(CLIP))).status, 200);
  await ReadableStream.from([CLIP]).pipeTo(writable);
  equal((await slow).status, 200);
});

Deno.test("createApp() bounds bodies by number and by bytes, and takes others again when they are gone", async () => {
  const limits = { maxBodies: 2, maxBodiesBytes: 3 * CLIP.length / 2, bodyTimeoutMs: 40 };
  const app = createApp(fakeClassifier(), { ...limits, log: () => {} });
  const stalled = [new ReadableStream(), new ReadableStream()].map((body) => app.fetch(post(body)));
  const third = await app.fetch(post(CLIP));
  deepEqual([third.status, third.headers.get("retry-after")], [503, "1"]);
  match((await third.json()).error, /expected at most 2 bodies on their way/);
  deepEqual((await Promise.all(stalled)).map(({ status }) => status), [408, 408]);
  const half = new ReadableStream({ start: (controller) => controller.enqueue(CLIP) });
  const waiting = app.fetch(post(half));
  const large = await app.fetch(post(CLIP));
  equal(large.status, 503);
  match((await large.json()).error, /expected at most \d+ bytes of bodies in hand/);
  equal((await waiting).status, 408);
  equal((await app.fetch(post(CLIP))).status, 200);
});

Deno.test("Bodies reads nothing of one for which there is no room", async () => {
  const bodies = new Bodies({
    ...{ maxBodyBytes: 1_000, maxBodiesBytes: 1_000, maxBodies: 2 },
    ...{ bodyTimeoutMs: 10_000, bodyGraceMs: 5_000, minBytesPerSecond: 1 },
  }, noTotals());
  const inHand = Promise.withResolvers<void>();
  const first = bodies.use(post(CLIP.slice(0, 600)), () => inHand.promise);
  while (bodies.bytes < 600) await nextTurn();
  const { readable, writable } = new TransformStream();
  const request = post(readable);
  request.headers.set("content-length", "600");
  await rejects(bodies.use(request, () => Promise.resolve()), /bytes of bodies in hand/);
  // It was neither begun nor cancelled.
  equal(writable.locked, false);
  equal(request.bodyUsed, false);
  inHand.resolve();
  await first;
});

Deno.test("Bodies gives the room to the first of many that come at once", async () => {
  const bodies = new Bodies({
    ...{ maxBodyBytes: 1_000, maxBodiesBytes: 1_000, maxBodies: 9 },
    ...{ bodyTimeoutMs: 10_000, bodyGraceMs: 5_000, minBytesPerSecond: 1 },
  }, noTotals());
  const halves = Array.from({ length: 3 }, () => new TransformStream<Uint8Array, Uint8Array>());
  const found = Promise.allSettled(
    halves.map(({ readable }) =>
      bodies.use(post(readable), ({ length }) => Promise.resolve(length))
    ),
  );
  const writers = halves.map(({ writable }) => writable.getWriter());
  const send = () => writers.map((writer) => writer.write(new Uint8Array(300)).catch(() => {}));
  await Promise.all(send());
  await Promise.all([...send(), ...writers.map((writer) => writer.close().catch(() => {}))]);
  const [first, ...others] = await found;
  deepEqual(first, { status: "fulfilled", value: 600 });
  for (const other of others) equal(other.status, "rejected");
  equal(bodies.bytes, 0);
});

Deno.test("Bodies gives up on one that comes too slowly", async () => {
  const bodies = new Bodies({
    maxBodyBytes: 1_000,
    maxBodiesBytes: 1_000,
    maxBodies: 1,
    bodyTimeoutMs: 10_000,
    bodyGraceMs: 0,
    minBytesPerSecond: 1e9,
  }, noTotals());
  const use = () => bodies.use(post(CLIP.slice(0, 500)), () => Promise.resolve());
  await rejects(use, /expected at least 1000000000 bytes a second/);
  // What it held is free again.
  await rejects(use, /bytes a second/);
  // One that is all there is no longer late, whoever it was that took the time.
  const whole = post(CLIP.slice(0, 500));
  whole.headers.set("content-length", "500");
  equal(await bodies.use(whole, ({ length }) => Promise.resolve(length)), 500);
});

Deno.test("createApp() runs one inference at a time, in the order of arrival", async () => {
  const { classifier, turns, calls, most } = held(3);
  const app = createApp(classifier);
  const taken = [3, 2, 1].map((k) => app.fetch(post(CLIP, "audio/wav", `?top_k=${k}`)));
  for (const [i, { begun, release }] of turns.entries()) {
    await begun.promise;
    // Whatever could begin now has done so when a turn of the event loop is over.
    await nextTurn();
    equal(calls.length, i + 1);
    release.resolve();
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
  const { classifier, turns, calls } = held(1);
  const app = createApp(classifier);
  const first = app.fetch(post(CLIP));
  const controller = new AbortController();
  const left = app.fetch(new Request(post(CLIP), { signal: controller.signal }));
  await turns[0]!.begun.promise;
  controller.abort();
  turns[0]!.release.resolve();
  equal((await first).status, 200);
  equal((await left).status, 400);
  equal(calls.length, 1);
});
