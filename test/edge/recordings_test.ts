/**
 * Recordings that are heard in windows: how many at a time, in which order, and which are refused.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { BusyError } from "../../edge/_busy_error.ts";
import { createApp, type ServedClassifier } from "../../edge/mod.ts";
import { type Place, Recordings } from "../../edge/_recordings.ts";
import { nextTurn } from "../../edge/_queue.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { TooLongError } from "../../src/audio/too_long.ts";
import type { ClassifyOptions } from "../../src/classify/pipeline.ts";
import { post } from "./_served.ts";

const RATE_HZ = 1_000;
const DEADLINE_MS = 30_000;

function recordingsOf(workers: number): Recordings {
  const all = Array.from({ length: workers }, (_, i) => i);
  return new Recordings({
    workers: () => workers,
    stay: (isFree) => ({ worker: all.find(isFree)!, leave: () => {} }),
    deadlineMs: DEADLINE_MS,
  });
}

function ticketOf(seconds: number, deadlineMs = DEADLINE_MS) {
  const now = performance.now();
  return { seconds, startBy: now + deadlineMs / 3, endBy: now + deadlineMs };
}

/** Hears so much sound as if it took as long as is said. */
function heardIn(place: Place, seconds: number, tookMs: number): Promise<void> {
  const { now } = performance;
  const begun = now.call(performance);
  let at = begun;
  performance.now = () => at;
  return place.hear(seconds, () => {
    at += tookMs;
    return Promise.resolve();
  }, (compute) => compute()).finally(() => performance.now = now);
}

Deno.test("Recordings are heard one at a time in each thread, in the order in which they came", async () => {
  const recordings = recordingsOf(2);
  const begun: string[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const hear = (i: number) =>
    recordings.hear(ticketOf(100), ({ worker }) => {
      begun.push(`${i} in ${worker}`);
      return ends[i]!.promise;
    });
  const all = ends.map((_, i) => hear(i));
  await nextTurn();
  deepEqual(begun, ["0 in 0", "1 in 1"]);
  ends[1]!.resolve();
  await all[1];
  await nextTurn();
  deepEqual(begun.slice(2), ["2 in 1"]);
  for (const end of ends) end.resolve();
  await Promise.all(all);
  deepEqual(begun.map((text) => text[0]), ["0", "1", "2", "3", "4"]);
});

Deno.test("Recordings refuses what waits as soon as it is known that it would be begun too late", async () => {
  const recordings = recordingsOf(1);
  const end = Promise.withResolvers<void>();
  const first = recordings.hear(ticketOf(300), async (place) => {
    // A tenth of a second for a second of sound: 27 s more.
    await heardIn(place, 30, 2_990);
    await end.promise;
  });
  const second = recordings.hear(ticketOf(10), () => Promise.resolve());
  const refused = await second.catch((error: unknown) => error);
  ok(refused instanceof BusyError);
  equal(refused.status, 503);
  equal(refused.retryAfterSeconds, 27);
  match(refused.message, /its turn would have come too late/);
  // The same is said at once of one that comes now, until the first has ended.
  const late = /can be begun within 10 s, found too many long ones before it/;
  await rejects(async () => await recordings.expectTime(10), late);
  end.resolve();
  await first;
  recordings.expectTime(10);
});

Deno.test("Recordings refuses one that takes longer by itself than there may be", async () => {
  const recordings = recordingsOf(1);
  const slow = recordings.hear(ticketOf(300), (place) => heardIn(place, 30, 5_990));
  const longer = /at most 30 s, found one that takes 60; \/detect takes recordings of any length/;
  await rejects(slow, longer);
  // From then on before anything is done for it.
  await rejects(async () => await recordings.expectTime(300), longer);
  recordings.expectTime(100);
});

Deno.test("Recordings gives a place up whose client has left, and goes on when one has failed", async () => {
  const recordings = recordingsOf(1);
  const leaving = new AbortController();
  const request = new Request(post("clip"), { signal: leaving.signal });
  const { promise, reject } = Promise.withResolvers<never>();
  const first = recordings.hear(ticketOf(100), () => promise);
  const second = recordings.hear(ticketOf(100), () => Promise.resolve(2), { request });
  const third = recordings.hear(ticketOf(100), () => Promise.resolve(3));
  leaving.abort();
  reject(new TypeError("broken"));
  await rejects(first, /broken/);
  await rejects(second, /client closed the connection/);
  equal(await third, 3);
});

/** A classifier that hears all in windows, and says when it does. */
function windowsOf(windows: number, onWindow: (seconds: number) => Promise<void>) {
  const classify = async (bytes: Uint8Array, options: ClassifyOptions = {}) => {
    const seconds = (bytes.length - 44) / 2 / RATE_HZ;
    if (seconds <= 30) {
      await onWindow(seconds);
      return [];
    }
    if (options.longClips !== "windows") throw new TooLongError("too long");
    for (let i = 0; i < windows; i++) await options.turn!(() => onWindow(seconds), 30);
    return [];
  };
  return Object.assign(classify, { labels: ["yes"], maxSeconds: 30 }) as ServedClassifier;
}

Deno.test("createApp() ends a long clip before it begins the next, with short ones between its windows", async () => {
  const heard: number[] = [];
  const app = createApp(windowsOf(3, (seconds) => {
    heard.push(seconds);
    if (heard.length === 2) answers.push(ask(1));
    return Promise.resolve();
  }));
  const ask = (seconds: number) =>
    app.fetch(post(encodeWav(new Float32Array(seconds * RATE_HZ), RATE_HZ).slice()));
  const answers = [ask(100), ask(101)];
  deepEqual((await Promise.all(answers)).map(({ status }) => status), [200, 200]);
  equal((await answers[2]!).status, 200);
  deepEqual(heard.filter((seconds) => seconds > 1), [100, 100, 100, 101, 101, 101]);
  const short = heard.indexOf(1);
  ok(short > 0 && short < 6, `${heard}`);
});
