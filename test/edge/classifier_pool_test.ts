import { deepEqual, equal, match, ok } from "node:assert/strict";
import { classifierPool } from "../../edge/classifier_pool.ts";
import { type App, createApp } from "../../edge/mod.ts";
import type { StartThread } from "../../edge/threaded_classifier.ts";
import { webWorker } from "../../edge/web_worker.ts";
import { BREAKS } from "../breaking.ts";
import { CLIP, post } from "./_served.ts";

const MODULE = new URL("./_breaking_thread.ts", import.meta.url);

/** A clip after which the thread no longer is what it was. */
function breaking(how: keyof typeof BREAKS): Uint8Array<ArrayBuffer> {
  const clip = CLIP.slice();
  clip[clip.length - 1] = BREAKS[how];
  return clip;
}

/** A service whose threads can be broken, while `use` asks it. */
async function whileServed(
  workers: number,
  use: (app: App, log: string[]) => Promise<void>,
): Promise<void> {
  const pool = await classifierPool(webWorker(MODULE, "breaking"), { workers });
  await pool.complete;
  const log: string[] = [];
  const app = createApp(pool, { deadlineMs: 30_000, log: (line) => void log.push(line) });
  try {
    await use(app, log);
  } finally {
    pool.dispose();
  }
}

async function figureOf(app: App, name: string): Promise<number> {
  const text = await (await app.fetch(new Request("http://localhost/metrics"))).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)![1]);
}

for (const workers of [1, 2]) {
  Deno.test(`a thread that breaks takes no other request along, of ${workers}`, async () => {
    await whileServed(workers, async (app, log) => {
      equal((await app.fetch(post(CLIP))).status, 200);
      let restarts = 0;
      for (const how of ["trap", "memory", "hang"] as const) {
        // All threads are busy first, so that what comes then waits, and is computed together.
        const before = Array.from({ length: workers }, () => app.fetch(post(CLIP)));
        const broken = app.fetch(post(breaking(how)));
        const others = Array.from({ length: 9 }, () => app.fetch(post(CLIP)));
        const [lost, ...answers] = await Promise.all([broken, ...before, ...others]);
        ok(lost!.status === 500 || lost!.status === 503, `${how}: ${lost!.status}`);
        deepEqual(answers.map(({ status }) => status), Array(workers + 9).fill(200), how);
        equal((await app.fetch(post(CLIP))).status, 200, how);
        ok(await figureOf(app, "earshot_workers_restarted_total") > restarts, how);
        restarts = await figureOf(app, "earshot_workers_restarted_total");
      }
      equal(await figureOf(app, "earshot_workers"), workers);
      equal(await figureOf(app, "earshot_queue_length"), 0);
      match(log.join("\n"), /Cannot compute: unreachable/);
    });
  });
}

/** A thread that says it is ready; of several only some can be started. */
function startsFirst(count: number): { start: StartThread; started: () => number } {
  let started = 0;
  return {
    started: () => started,
    start: (listener) => {
      const isReady = started++ < count;
      queueMicrotask(() =>
        isReady
          ? listener.said({ kind: "ready", labels: [], device: "a test", detects: false })
          : listener.broke("no room")
      );
      return { post: () => {}, end: () => {} };
    },
  };
}

Deno.test("classifierPool() fails where no thread can be started, and starts no other", async () => {
  const { start, started } = startsFirst(0);
  await classifierPool(start, { workers: 3 }).then(
    () => ok(false),
    (error) => match(String(error), /no room/),
  );
  equal(started(), 1);
});

Deno.test("classifierPool() is there with its first thread, and goes on with those that start", async () => {
  const { start, started } = startsFirst(2);
  const pool = await classifierPool(start, { workers: 3 });
  equal(pool.workers.length, 1);
  await pool.complete;
  equal(started(), 3);
  equal(pool.workers.length, 2);
});

Deno.test("classifierPool() that is disposed ends threads that are starting, and starts no more", async () => {
  for (const wantsStart of [false, true]) {
    const { start, started } = startsFirst(1);
    const { promise: isStarting, resolve } = Promise.withResolvers<void>();
    let ended = 0;
    const pool = await classifierPool((listener) => {
      if (started() === 0) return { ...start(listener), end: () => ended++ };
      start({ said: () => {}, broke: () => {} });
      resolve();
      return { post: () => {}, end: () => ended++ };
    }, { workers: 2 });
    if (wantsStart) await isStarting;
    pool.dispose();
    await pool.complete;
    deepEqual([started(), ended], wantsStart ? [2, 2] : [1, 1]);
  }
});
