/**
 * One model in several threads of inference, so that as many clips are computed at a time.
 *
 * Each thread holds the weights for itself: threads share no WebAssembly memory. Heads that are taught are fitted by
 * one of them, and by the others from the same examples with the same setting, which gives the same head.
 *
 * @module
 */
import type { HeadExamples } from "../src/heads/taught_head.ts";
import type { ServedClassifier, ServedHeads } from "./mod.ts";
import {
  type StartThread,
  type ThreadedClassifier,
  threadedClassifier,
  type ThreadOptions,
} from "./threaded_classifier.ts";

/** A classifier in several threads. */
export interface PooledClassifier extends ThreadedClassifier {
  /** The threads, each of which computes one thing at a time. */
  readonly workers: readonly ServedClassifier[];
}

/** How many threads. */
export interface PoolOptions extends ThreadOptions {
  /** Threads. @default 1 */
  workers?: number;
}

/**
 * Starts the threads and waits for their models.
 *
 * @param start starts one, again whenever it broke.
 * @param options how many, and how long each may take.
 * @throws {CheckpointError} where the model cannot be loaded.
 * @throws {ThreadError} where a thread cannot be started.
 */
export async function classifierPool(
  start: StartThread,
  { workers = 1, ...options }: PoolOptions = {},
): Promise<PooledClassifier> {
  const started = await Promise.allSettled(
    Array.from({ length: workers }, () => threadedClassifier(start, options)),
  );
  const threads = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const dispose = () => threads.forEach((thread) => thread.dispose());
  const failed = started.find((one) => one.status === "rejected");
  if (failed) {
    dispose();
    throw failed.reason;
  }
  const [first] = threads as [ThreadedClassifier];
  const { labels, device, detect, heads, pace, maxSeconds } = first;
  const pool = Object.assign(first.bind(undefined), {
    ...{ labels, device, dispose, pace, maxSeconds, workers: threads, restarts: 0 },
    ...detect && { detect },
    ...heads && { heads: sharedHeads(threads.map((thread) => thread.heads!)) },
  });
  const restarts = () => threads.reduce((sum, thread) => sum + thread.restarts, 0);
  return Object.defineProperty(pool, "restarts", { get: restarts });
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

/** The same heads in all threads. */
function sharedHeads(all: readonly ServedHeads[]): ServedHeads {
  const [first, ...others] = all as [ServedHeads, ...ServedHeads[]];
  return {
    list: () => first.list(),
    classify: (bytes, asked) => first.classify(bytes, asked),
    features: (bytes) => first.features(bytes),
    fit: async (name, examples) => {
      const fitted = await first.fit(name, examples);
      const same: HeadExamples = { ...examples, l2: fitted.l2 };
      await Promise.all(others.map((heads) => heads.fit(name, same)));
      return fitted;
    },
    remove: async (name) => {
      await Promise.all(all.map((heads) => heads.remove(name)));
    },
  };
}
