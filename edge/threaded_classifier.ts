/**
 * A classifier in a thread of its own, so that the thread of the service always has time for requests.
 *
 * A thread that dies or hangs takes along what it was computing, and nothing else: the next one is started at once.
 * One that never comes back cannot be stopped in Deno 2.9, whose `terminate()` waits for it: it takes a core until the
 * process ends.
 *
 * @module
 */
import type { Classification } from "../src/classify/pipeline.ts";
import type { DetectedEvent } from "../src/detect/mod.ts";
import type {
  FittedHead,
  HeadedClassifyOptions,
  HeadExamples,
  HeadFacts,
  ServedClassifier,
  ServedDetectOptions,
  ServedHeads,
} from "./mod.ts";
import type { Group } from "./_queue.ts";
import { type Answer, type ClipTask, errorOf, factsOf, type Question } from "./_thread_messages.ts";

/** A thread as this host starts it. */
export interface Thread {
  /** Sends to it; what is transferred is no longer here. */
  post(message: unknown, transfer: Transferable[]): void;
  /** Ends it at once. */
  end(): void;
}

/** Gets what a thread says, and why it has ended. */
export interface ThreadListener {
  said(message: unknown): void;
  broke(reason: string): void;
}

/** Starts a thread of inference; hosts differ in how. */
export type StartThread = (listener: ThreadListener) => Thread;

/** How long a thread may take. */
export interface ThreadOptions {
  /** For one clip or one window, in milliseconds; it is ended then, and another started. @default 300000 */
  computeTimeoutMs?: number;
  /** Ends the thread, one that is still starting too. @default `dispose` alone does */
  signal?: AbortSignal;
}

/** A classifier whose model is in another thread. */
export interface ThreadedClassifier extends ServedClassifier {
  /** What the model runs on. */
  readonly device: string;
  /** Threads that broke and were replaced. */
  readonly restarts: number;
  /** Ends the thread. */
  dispose(): void;
}

/** The thread ended before it had answered. */
export class ThreadError extends TypeError {
  override readonly name = "ThreadError";
  /** Whether it may have ended for what somebody else had asked. */
  readonly isOthers: boolean;

  /**
   * Makes the error.
   *
   * @param reason why it ended.
   * @param isOthers whether it may have ended for what somebody else had asked.
   */
  constructor(reason: string, isOthers = false) {
    super(`Cannot compute: ${reason}`);
    this.isOthers = isOthers;
  }
}

/** What a call may ask of the thread besides. */
export interface ThreadedClassifyOptions extends HeadedClassifyOptions {
  /** The clips that are computed at once with this one. */
  group?: Group;
  /** How long it may take to compute, in milliseconds. @default that of the classifier */
  computeTimeoutMs?: number;
}

/**
 * Starts a thread and waits for its model.
 *
 * @param start starts the thread, again whenever it broke.
 * @param options how long it may take.
 * @throws {CheckpointError} where the model cannot be loaded.
 * @throws {ThreadError} where the thread cannot be started.
 */
export async function threadedClassifier(
  start: StartThread,
  options: ThreadOptions = {},
): Promise<ThreadedClassifier> {
  const calls = new ThreadCalls(start, options.computeTimeoutMs ?? 300_000);
  options.signal?.addEventListener("abort", () => calls.dispose());
  const { labels, device, detects, heads, maxSeconds } = await calls.ready;
  const classify = (bytes: Uint8Array, asked?: ThreadedClassifyOptions) =>
    calls.ask<Classification[]>("classes", bytes, asked);
  const detect = (source: AsyncIterable<Float32Array>, asked: ServedDetectOptions) =>
    calls.detect(source, asked);
  const dispose = () => calls.dispose();
  const classifier = Object.assign(classify, {
    ...{ labels, device, dispose, maxSeconds, restarts: 0 },
    ...detects && { detect },
    ...heads && { heads: threadedHeads(calls, heads) },
  });
  return Object.defineProperty(classifier, "restarts", { get: () => calls.restarts });
}

/** Heads in another thread; which there are is known here. */
function threadedHeads(calls: ThreadCalls, first: readonly HeadFacts[]): ServedHeads {
  const known = new Map(first.map((head) => [head.name, head]));
  return {
    list: () => [...known.values()],
    classify: (bytes, asked) => calls.ask("heads", bytes, asked),
    features: (bytes) => calls.ask("features", bytes),
    fit: async (name, examples) => {
      const fitted = await calls.fit(name, examples) as FittedHead;
      known.set(name, { name, labels: fitted.labels });
      return fitted;
    },
    remove: async (name) => {
      known.delete(name);
      await calls.fit(name);
    },
  };
}

type Ready = Answer & { kind: "ready" };

/** Gets the answers to one question. */
interface Call {
  answer(answer: Answer): void;
  fail(error: Error): void;
  /** Whether the thread is at it, as far as the service has let it. */
  isComputing?: boolean;
}

/** One thread after the other, and what it is asked. */
class ThreadCalls {
  readonly #start: StartThread;
  readonly #computeTimeoutMs: number;
  readonly #calls = new Map<number, Call>();
  #thread!: Thread;
  #ready!: PromiseWithResolvers<Ready>;
  #isReady = false;
  #isBroken = false;
  #isDisposed = false;
  #next = 0;
  /** Threads that broke and were replaced. */
  restarts = 0;
  /** What a thread that is started again has to learn again. */
  readonly #taught = new Map<string, HeadExamples>();

  constructor(start: StartThread, computeTimeoutMs: number) {
    this.#start = start;
    this.#computeTimeoutMs = computeTimeoutMs;
    this.#begin();
  }

  /** The thread's first words; one that broke before it had said them is started again. */
  get ready(): Promise<Ready> {
    if (this.#isBroken && !this.#isDisposed) this.#begin();
    return this.#ready.promise;
  }

  /** Fits a head, or takes it away. */
  async fit(name: string, examples?: HeadExamples): Promise<unknown> {
    await this.ready;
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(id, {
      answer: (answer) => answer.kind === "classified" && resolve(answer.result),
      fail: reject,
    });
    const deadline = this.#deadline();
    try {
      this.#ask({ kind: "fit", id, name, examples });
      const fitted = await promise;
      this.#taught.delete(name);
      if (examples) this.#taught.set(name, { ...examples, l2: (fitted as FittedHead).l2 });
      return fitted;
    } finally {
      clearTimeout(deadline);
      this.#calls.delete(id);
    }
  }

  async ask<Result>(
    task: ClipTask,
    bytes: Uint8Array,
    asked: ThreadedClassifyOptions = {},
  ): Promise<Result> {
    await this.ready;
    const { turn = (compute) => compute(), onWarning, onDecoded, ...others } = asked;
    const { group, computeTimeoutMs, ...options } = others;
    const inTurns = options.longClips === "windows";
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    let computed = Promise.withResolvers<void>();
    const fail = (error: Error) => {
      computed.resolve();
      reject(error);
    };
    const takeTurn = (seconds?: number) => {
      computed = Promise.withResolvers();
      turn(() => this.#compute(id, computed.promise, computeTimeoutMs), seconds).catch(fail);
    };
    this.#calls.set(id, {
      isComputing: !inTurns,
      answer: (answer) => {
        if (answer.kind === "turn") takeTurn(answer.seconds);
        if (answer.kind === "computed") computed.resolve();
        if (answer.kind !== "classified" && answer.kind !== "failed") return;
        for (const clip of answer.notes?.decoded ?? []) onDecoded?.(clip);
        for (const message of answer.notes?.warnings ?? []) onWarning?.(message);
        if (answer.kind === "classified") resolve(answer.result as Result);
      },
      fail,
    });
    // One that takes turns has a deadline for each of them.
    const deadline = inTurns ? undefined : this.#deadline(computeTimeoutMs);
    try {
      this.#ask({ kind: "classify", id, task, bytes, options, group });
      return await promise;
    } finally {
      clearTimeout(deadline);
      if (this.#calls.delete(id)) this.#ask({ kind: "stop", id });
    }
  }

  /** Lets the thread compute, and waits until it has. */
  async #compute(id: number, computed: Promise<void>, timeoutMs?: number): Promise<void> {
    const call = this.#calls.get(id);
    const deadline = this.#deadline(timeoutMs);
    if (call) call.isComputing = true;
    this.#ask({ kind: "go", id });
    await computed;
    clearTimeout(deadline);
    if (call) call.isComputing = false;
  }

  async *detect(
    source: AsyncIterable<Float32Array>,
    { signal, turn = (compute) => compute(), onScores, ...settings }: ServedDetectOptions,
  ): AsyncGenerator<DetectedEvent, void, void> {
    await this.ready;
    const id = this.#next++;
    const found: DetectedEvent[] = [];
    let news = Promise.withResolvers<void>();
    let computed = Promise.withResolvers<void>();
    let isDone = false;
    let failure: Error | undefined;
    const fail = (error: Error) => {
      failure ??= error;
      computed.resolve();
      news.resolve();
    };
    const sound = source[Symbol.asyncIterator]();
    const supply = async () => {
      try {
        const { done, value } = await sound.next();
        this.#ask({ kind: "block", id, samples: done ? undefined : value });
      } catch (error) {
        this.#ask({ kind: "broken", id, error: factsOf(error) });
        // The error itself, of its class and with its cause, is what the caller gets.
        fail(error as Error);
      }
    };
    const takeTurn = async () => {
      computed = Promise.withResolvers();
      await turn(() => this.#compute(id, computed.promise)).catch(fail);
    };
    const answers: Partial<Record<Answer["kind"], (answer: Answer) => void>> = {
      pull: supply,
      turn: takeTurn,
      computed: () => computed.resolve(),
      scores: (answer) => onScores?.((answer as Answer & { kind: "scores" }).window),
      event: (answer) => {
        found.push((answer as Answer & { kind: "event" }).event);
        news.resolve();
      },
      done: () => {
        isDone = true;
        news.resolve();
      },
    };
    const stop = () => fail(signal!.reason);
    signal?.addEventListener("abort", stop);
    this.#calls.set(id, { answer: (answer) => answers[answer.kind]?.(answer), fail });
    try {
      const wantsScores = onScores !== undefined;
      this.#ask({ kind: "detect", id, settings, wantsScores });
      while (!isDone && !failure) {
        await news.promise;
        news = Promise.withResolvers();
        yield* found.splice(0);
      }
      if (failure) throw failure;
      // What came with the end, while an event was handed on.
      yield* found;
    } finally {
      signal?.removeEventListener("abort", stop);
      if (!isDone) this.#ask({ kind: "stop", id });
      this.#calls.delete(id);
      // It may be waiting for its client, who is not waited for.
      sound.return?.().catch(() => {});
    }
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#thread.end();
    const reason = "The service is ending";
    this.#ready.reject(new ThreadError(reason));
    this.#failAll(reason);
  }

  #begin(): void {
    this.#isReady = this.#isBroken = false;
    this.#ready = Promise.withResolvers();
    // Whoever asks gets the error; nobody may be asking.
    this.#ready.promise.catch(() => {});
    this.#thread = this.#start({
      said: (message) => this.#take(message as Answer),
      broke: (reason) => this.#restart(reason),
    });
  }

  #ask(question: Question): void {
    this.#thread.post(question, []);
  }

  #take(answer: Answer): void {
    if (answer.kind === "ready") {
      this.#isReady = true;
      for (const [name, examples] of this.#taught) {
        this.#ask({ kind: "fit", id: this.#next++, name, examples });
      }
      return this.#ready.resolve(answer);
    }
    if (answer.kind === "broke") return this.#restart(answer.reason);
    if (answer.kind === "unready") {
      this.#isBroken = true;
      this.#thread.end();
      return this.#ready.reject(errorOf(answer.error));
    }
    const call = this.#calls.get(answer.id);
    // The thread is done with it then, and need not be told to stop.
    if (answer.kind === "classified" || answer.kind === "failed") this.#calls.delete(answer.id);
    call?.answer(answer);
    if (answer.kind === "failed") call?.fail(errorOf(answer.error));
  }

  #deadline(timeoutMs = this.#computeTimeoutMs): ReturnType<typeof setTimeout> {
    const seconds = Number((timeoutMs / 1_000).toFixed(2));
    return setTimeout(() => this.#restart(`expected an answer within ${seconds} s`), timeoutMs);
  }

  /** Ends what is left of a thread, and starts another; not for ever one that never was ready. */
  #restart(reason: string): void {
    if (this.#isDisposed) return;
    this.#thread.end();
    this.#ready.reject(new ThreadError(reason));
    this.#failAll(reason);
    if (!this.#isReady) {
      this.#isBroken = true;
      return;
    }
    this.restarts++;
    this.#begin();
  }

  /** Whoever the thread was at alone is to blame; others may ask again. */
  #failAll(reason: string): void {
    const calls = [...this.#calls.values()];
    const computing = calls.filter(({ isComputing }) => isComputing).length;
    for (const call of calls) {
      call.fail(new ThreadError(reason, computing !== 1 || !call.isComputing));
    }
    this.#calls.clear();
  }
}
