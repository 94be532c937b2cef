/**
 * One model in several threads of inference, so that as many clips are computed at a time.
 *
 * Each thread holds the weights for itself: threads share no WebAssembly memory. Heads that are taught are fitted by
 * one of them, and by the others from the same examples with the same setting, which gives the same head.
 *
 * @module
 */
import type { HeadExamples } from "../src/heads/taught_head.ts";
import { reasonOf } from "./_failure.ts";
import type { ServedClassifier, ServedHeads } from "./mod.ts";
import {
  type StartThread,
  type ThreadedClassifier,
  threadedClassifier,
  type ThreadOptions,
} from "./threaded_classifier.ts";

/** A classifier in several threads. */
export interface PooledClassifier extends ThreadedClassifier {
  /** The threads that are ready, each of which computes one thing at a time. */
  readonly workers: readonly ServedClassifier[];
  /** Resolves when all are ready that can be started. */
  readonly complete: Promise<void>;
}

/** How many threads. */
export interface PoolOptions extends ThreadOptions {
  /** Threads. @default 1 */
  workers?: number;
}

/** The first thread has the machine for so long, in milliseconds: a service may have been started for a request. */
const OTHERS_AFTER_MS = 250;

/**
 * Starts a thread and waits for its model; the others are started a moment later, and take work once they are ready.
 *
 * @param start starts one, again whenever it broke.
 * @param options how many, and how long each may take.
 * @throws {CheckpointError} where the model cannot be loaded.
 * @throws {ThreadError} where no thread can be started.
 */
export async function classifierPool(
  start: StartThread,
  { workers = 1, ...options }: PoolOptions = {},
): Promise<PooledClassifier> {
  const first = await threadedClassifier(start, options);
  const threads = [first];
  const heads = first.heads && sharedHeads(first.heads);
  const ending = new AbortController();
  const { signal } = ending;
  const join = async () => {
    await pause(OTHERS_AFTER_MS, signal);
    if (signal.aborted) return;
    const thread = await threadedClassifier(start, { ...options, signal });
    await heads?.join(thread.heads!);
    threads.push(thread);
  };
  const joined = Array.from({ length: workers - 1 }, () =>
    join().catch((error) => {
      if (!signal.aborted) console.error(`A thread of inference less: ${reasonOf(error)}`);
    }));
  const complete = Promise.all(joined).then(() => {});
  const dispose = () => {
    ending.abort();
    first.dispose();
  };
  const { labels, device, detect, maxSeconds } = first;
  const pool = Object.assign(first.bind(undefined), {
    ...{ labels, device, dispose, maxSeconds, workers: threads, complete, restarts: 0 },
    ...detect && { detect },
    ...heads && { heads },
  });
  const restarts = () => threads.reduce((sum, thread) => sum + thread.restarts, 0);
  return Object.defineProperty(pool, "restarts", { get: restarts });
}

/** Waits, until the signal at most. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * One thread of inference for each core, or for as many as a clip is computed by.
 *
 * @param threads WASM threads of one clip; 0 takes all cores.
 */
export function defaultWorkers(threads = 1): number {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  return threads === 0 ? 1 : Math.max(1, Math.floor(cores / threads));
}

/** Heads that a thread can join. */
interface SharedHeads extends ServedHeads {
  join(heads: ServedHeads): Promise<void>;
}

/** The same heads in all threads. */
function sharedHeads(first: ServedHeads): SharedHeads {
  const all = [first];
  const taught = new Map<string, HeadExamples>();
  return {
    list: () => first.list(),
    classify: (bytes, asked) => first.classify(bytes, asked),
    features: (bytes) => first.features(bytes),
    fit: async (name, examples) => {
      const fitted = await first.fit(name, examples);
      const same: HeadExamples = { ...examples, l2: fitted.l2 };
      taught.set(name, same);
      await Promise.all(all.slice(1).map((heads) => heads.fit(name, same)));
      return fitted;
    },
    remove: async (name) => {
      taught.delete(name);
      await Promise.all(all.map((heads) => heads.remove(name)));
    },
    join: async (heads) => {
      all.push(heads);
      for (const [name, examples] of taught) await heads.fit(name, examples);
    },
  };
}
