import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { answerQuestions } from "../../edge/inference_thread.ts";
import type { ServedClassifier, ServedDetectOptions } from "../../edge/mod.ts";
import {
  type StartThread,
  threadedClassifier,
  ThreadError,
  type ThreadListener,
} from "../../edge/threaded_classifier.ts";
import type { Question } from "../../edge/_thread_messages.ts";
import type { ClassifyOptions } from "../../src/classify/pipeline.ts";
import { AudioFormatError, CheckpointError } from "../../src/errors.ts";
import { type Call, CLIP, fakeClassifier, fakeDetector, loudness } from "./_served.ts";

/** Threads that are none: messages are copied, and come in a turn of their own. */
function localThreads(load: () => Promise<ServedClassifier>) {
  const listeners: ThreadListener[] = [];
  const messages: string[] = [];
  let ended = 0;
  const start: StartThread = (listener) => {
    listeners.push(listener);
    let isOn = true;
    const scope: Parameters<typeof answerQuestions>[0] = {
      onmessage: null,
      postMessage: (answer) => {
        const copy = structuredClone(answer);
        messages.push(answer.kind);
        queueMicrotask(() => isOn && listener.said(copy));
      },
    };
    answerQuestions(scope, async () => ({ classifier: await load(), device: "a test" }));
    return {
      post: (message) => {
        const data = structuredClone(message);
        messages.push((data as Question).kind);
        queueMicrotask(() => scope.onmessage?.({ data } as MessageEvent));
      },
      end: () => {
        isOn = false;
        ended++;
      },
    };
  };
  return { start, listeners, messages, ended: () => ended };
}

async function* blocksOf(...blocks: Float32Array[]): AsyncGenerator<Float32Array> {
  yield* blocks;
}

async function detected(
  classifier: ServedClassifier,
  source: AsyncIterable<Float32Array>,
  options: Partial<ServedDetectOptions> = {},
) {
  const scores: number[] = [];
  const events = [];
  const found = classifier.detect!(source, {
    samplingRate: 8_000,
    onScores: (window) => void scores.push(window.scores[1]!),
    ...options,
  });
  for await (const event of found) events.push({ ...event });
  return { scores, events };
}

Deno.test("threadedClassifier() answers as the classifier in its thread", async () => {
  const calls: Call[] = [];
  const classifier = await threadedClassifier(
    localThreads(() => Promise.resolve(fakeClassifier(calls))).start,
  );
  deepEqual([classifier.labels, classifier.device], [["no", "yes"], "a test"]);
  equal(classifier.detect, undefined);
  const answers = await Promise.all([classifier(CLIP, { topK: 1 }), classifier(CLIP)]);
  deepEqual(answers[0], [{ label: "yes", score: 0.75 }, { label: "no", score: 0.25 }]);
  deepEqual(calls.map(({ options }) => options), [{ topK: 1 }, {}]);
  deepEqual(calls[0]!.bytes, CLIP);
});

Deno.test("threadedClassifier() takes one message each way for a clip, what it was included", async () => {
  const source = Object.assign((_: Uint8Array, options: ClassifyOptions = {}) => {
    options.onDecoded?.({ seconds: 1, decodingSeconds: 0.5 });
    options.onWarning?.("cut");
    if (options.topK === 0) throw new RangeError("top_k");
    return Promise.resolve([{ label: "yes", score: 1 }]);
  }, { labels: ["yes"] });
  const { start, messages } = localThreads(() => Promise.resolve(source));
  const classifier = await threadedClassifier(start);
  const notes: unknown[] = [];
  const options: ClassifyOptions = {
    onDecoded: (clip) => void notes.push(clip),
    onWarning: (message) => void notes.push(message),
  };
  await classifier(CLIP, options);
  await rejects(classifier(CLIP, { ...options, topK: 0 }), RangeError);
  const decoded = { seconds: 1, decodingSeconds: 0.5 };
  deepEqual(notes, [decoded, "cut", decoded, "cut"]);
  deepEqual(messages, ["ready", "classify", "classified", "classify", "failed"]);
});

Deno.test("threadedClassifier() detects as the classifier in its thread, in turn with others", async () => {
  const direct = fakeDetector();
  const threaded = await threadedClassifier(localThreads(() => Promise.resolve(direct)).start);
  const blocks = [loudness("055"), loudness("0770"), loudness("3")];
  const expected = await detected(direct, blocksOf(...blocks));
  let turns = 0;
  const turn = <T>(compute: () => Promise<T>): Promise<T> => {
    turns++;
    return compute();
  };
  deepEqual(await detected(threaded, blocksOf(...blocks), { turn }), expected);
  equal(turns, expected.scores.length);
  ok(expected.events.length === 4);
});

Deno.test("threadedClassifier() carries errors over, those of the sound as they are", async () => {
  const broken = fakeClassifier([], () => {
    throw new AudioFormatError("Cannot classify the clip", { hint: "Try another" });
  });
  const failing = await threadedClassifier(localThreads(() => Promise.resolve(broken)).start);
  await rejects(failing(CLIP), (error) => {
    ok(error instanceof AudioFormatError);
    deepEqual([error.message, error.hint], ["Cannot classify the clip", "Try another"]);
    return true;
  });
  const { start } = localThreads(() => Promise.resolve(fakeDetector()));
  const classifier = await threadedClassifier(start);
  const gone = new AudioFormatError("gone");
  async function* breaking(): AsyncGenerator<Float32Array> {
    yield loudness("0");
    throw gone;
  }
  await rejects(detected(classifier, breaking()), (error) => error === gone);
  await rejects(detected(classifier, blocksOf(), { windowSeconds: 61 }), RangeError);
  const missing = localThreads(() => Promise.reject(new CheckpointError("no model")));
  await rejects(threadedClassifier(missing.start), CheckpointError);
  equal(missing.ended(), 1);
});

Deno.test("threadedClassifier() stops a detection whose signal is aborted", async () => {
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  const { start } = localThreads(() => Promise.resolve(fakeDetector({ onEnd })));
  const classifier = await threadedClassifier(start);
  const ending = new AbortController();
  async function* endless(): AsyncGenerator<Float32Array> {
    for (let i = 0;; i++) {
      if (i === 3) ending.abort(new TypeError("enough"));
      yield loudness("0");
    }
  }
  await rejects(detected(classifier, endless(), { signal: ending.signal }), /enough/);
  await ended;
});

Deno.test("threadedClassifier() loses what a thread that breaks had in hand, and goes on with another", async () => {
  const bothBegun = Promise.withResolvers<void>();
  let begun = 0;
  const work = () => {
    if (++begun === 2) bothBegun.resolve();
    return begun > 2 ? Promise.resolve() : new Promise<void>(() => {});
  };
  const { start, listeners } = localThreads(() => Promise.resolve(fakeDetector({ work })));
  const classifier = await threadedClassifier(start);
  const lost = [classifier(CLIP), detected(classifier, blocksOf(loudness("1")))];
  const failed = Promise.all(lost.map((call) => rejects(call, ThreadError)));
  await bothBegun.promise;
  listeners[0]!.broke("out of memory");
  await failed;
  equal((await classifier(CLIP)).length, 2);
  equal(listeners.length, 2);
});

Deno.test("threadedClassifier() ends a thread that takes too long", async () => {
  let calls = 0;
  const work = () => calls++ === 0 ? new Promise<void>(() => {}) : Promise.resolve();
  const threads = localThreads(() => Promise.resolve(fakeClassifier([], work)));
  const classifier = await threadedClassifier(threads.start, { computeTimeoutMs: 20 });
  await rejects(classifier(CLIP), (error) => {
    ok(error instanceof ThreadError);
    match(error.message, /^Cannot compute: expected an answer within 0.02 s$/);
    return true;
  });
  equal((await classifier(CLIP)).length, 2);
  equal(threads.ended(), 1);
  classifier.dispose();
  equal(threads.ended(), 2);
});

Deno.test("threadedClassifier() does not start a thread over and over that breaks at once", async () => {
  let starts = 0;
  const start: StartThread = (listener) => {
    starts++;
    queueMicrotask(() => listener.broke("no such module"));
    return { post: () => {}, end: () => {} };
  };
  await rejects(threadedClassifier(start), ThreadError);
  equal(starts, 1);
});
