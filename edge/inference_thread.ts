/**
 * The side of inference: a classifier that answers what the service asks from another thread.
 *
 * It does one thing at a time; whose turn it is, the service decides.
 *
 * @module
 */
import type { ClassifyOptions } from "../src/classify/pipeline.ts";
import { DeviceError } from "../src/errors.ts";
import type { ServedClassifier } from "./mod.ts";
import type { Group } from "./_queue.ts";
import { SharedPass } from "./_shared_pass.ts";
import { warmUp } from "./warm_up.ts";
import {
  type Answer,
  type ClipNotes,
  errorOf,
  factsOf,
  type Question,
} from "./_thread_messages.ts";

/** A classifier, and a line about what it runs on. */
export interface LoadedForThread {
  classifier: ServedClassifier;
  /** Such as "WASM with SIMD, one thread". */
  device: string;
  /** The longest clip that is computed whole, in seconds. @default any */
  maxSeconds?: number;
}

/** A thread that nobody has asked anything for so long computes a clip for itself, in milliseconds. */
const WARM_UP_AFTER_MS = 500;

/** The scope of a worker. */
export interface ThreadScope {
  postMessage(message: Answer): void;
  onmessage: ((event: MessageEvent<Question>) => void) | null;
}

/**
 * Loads a classifier and answers for as long as the thread lives.
 *
 * @param scope of the worker.
 * @param load reads the model; a failure is the only answer then.
 */
export async function answerQuestions(
  scope: ThreadScope,
  load: () => Promise<LoadedForThread>,
): Promise<void> {
  const early: Question[] = [];
  scope.onmessage = ({ data }) => void early.push(data);
  try {
    const { classifier, device, maxSeconds } = await load();
    const thread = new InferenceThread(scope, classifier, maxSeconds);
    const { labels, detect, heads } = classifier;
    const detects = detect !== undefined;
    scope.postMessage({
      ...{ kind: "ready", labels, device, detects, maxSeconds },
      ...heads && { heads: [...heads.list()] },
    });
    for (const question of early) thread.take(question);
    const idle = early.length > 0 ? 0 : setTimeout(() => warmUp(classifier), WARM_UP_AFTER_MS);
    scope.onmessage = ({ data }) => {
      clearTimeout(idle);
      thread.take(data);
    };
  } catch (error) {
    scope.postMessage({ kind: "unready", error: factsOf(error) });
  }
}

/** What is being answered. */
interface Work {
  ending: AbortController;
  block: PromiseWithResolvers<Float32Array | undefined>;
  go: PromiseWithResolvers<void>;
}

function newWork(): Work {
  return { ending: new AbortController(), block: newBlock(), go: Promise.withResolvers() };
}

/** Who stops may find nobody waiting for sound, and an error that nobody gets ends the thread. */
function newBlock(): Work["block"] {
  const block: Work["block"] = Promise.withResolvers();
  block.promise.catch(() => {});
  return block;
}

class InferenceThread {
  readonly #scope: ThreadScope;
  readonly #classifier: ServedClassifier;
  /** The longest clip or window that is computed whole. */
  readonly #maxSeconds?: number;
  readonly #works = new Map<number, Work>();
  /** Clips that are computed at once, by the number of their group. */
  readonly #passes = new Map<number, SharedPass>();

  constructor(scope: ThreadScope, classifier: ServedClassifier, maxSeconds?: number) {
    this.#scope = scope;
    this.#classifier = classifier;
    this.#maxSeconds = maxSeconds;
  }

  take(question: Question): void {
    const work = this.#works.get(question.id);
    switch (question.kind) {
      case "classify":
        return void this.#classify(question);
      case "fit":
        return void this.#fit(question);
      case "detect":
        return void this.#detect(question);
      case "block":
        return work?.block.resolve(question.samples);
      case "broken":
        return work?.block.reject(errorOf(question.error));
      case "go":
        return work?.go.resolve();
      case "stop":
        work?.ending.abort(new TypeError("stopped"));
        work?.go.resolve();
        return work?.block.reject(new TypeError("stopped"));
    }
  }

  async #classify(question: Question & { kind: "classify" }): Promise<void> {
    const { id, task, bytes, options, group } = question;
    const work = newWork();
    this.#works.set(id, work);
    const pass = group && this.#passOf(group);
    const notes: ClipNotes = { decoded: [], warnings: [] };
    try {
      const inTurns = options?.longClips === "windows";
      const { heads } = this.#classifier;
      const ask = { classes: this.#classifier, heads: heads?.classify, features: heads?.features };
      const result = await ask[task]!(bytes, {
        ...options,
        ...this.#maxSeconds !== undefined && { maxSeconds: this.#maxSeconds },
        onDecoded: (clip) => void notes.decoded.push(clip),
        onWarning: (message) => void notes.warnings.push(message),
        ...inTurns && { turn: (compute, seconds) => this.#turn({ id, seconds }, work, compute) },
        ...pass && { share: pass.share as ClassifyOptions["share"] },
      });
      this.#scope.postMessage({ kind: "classified", id, result, notes });
    } catch (error) {
      this.#fail(id, error, notes);
    } finally {
      this.#works.delete(id);
      pass?.leave();
    }
  }

  #passOf({ id, size }: Group): SharedPass {
    const pass = this.#passes.get(id) ?? new SharedPass(size, () => this.#passes.delete(id));
    this.#passes.set(id, pass);
    return pass;
  }

  async #fit({ id, name, examples }: Question & { kind: "fit" }): Promise<void> {
    const heads = this.#classifier.heads!;
    try {
      const result = examples ? await heads.fit(name, examples) : await heads.remove(name);
      this.#scope.postMessage({ kind: "classified", id, result });
    } catch (error) {
      this.#fail(id, error);
    }
  }

  /** Computes when the service says so. */
  async #turn<T>(
    part: { id: number; seconds?: number },
    work: Work,
    compute: () => Promise<T>,
  ): Promise<T> {
    work.go = Promise.withResolvers();
    this.#scope.postMessage({ kind: "turn", ...part });
    try {
      // Who has stopped answers no more.
      if (!work.ending.signal.aborted) await work.go.promise;
      work.ending.signal.throwIfAborted();
      return await compute();
    } finally {
      this.#scope.postMessage({ kind: "computed", id: part.id });
    }
  }

  async #detect(question: Question & { kind: "detect" }): Promise<void> {
    const { id, settings, wantsScores } = question;
    const work = newWork();
    this.#works.set(id, work);
    const tell = (answer: Answer) => this.#scope.postMessage(answer);
    try {
      const events = this.#classifier.detect!(this.#blocksOf(id, work), {
        ...settings,
        ...this.#maxSeconds !== undefined && { maxSeconds: this.#maxSeconds },
        signal: work.ending.signal,
        turn: (compute) => this.#turn({ id }, work, compute),
        onScores: wantsScores ? (window) => tell({ kind: "scores", id, window }) : undefined,
      });
      for await (const event of events) tell({ kind: "event", id, event });
      tell({ kind: "done", id });
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#works.delete(id);
    }
  }

  async *#blocksOf(id: number, work: Work): AsyncGenerator<Float32Array, void, void> {
    for (;;) {
      work.ending.signal.throwIfAborted();
      work.block = newBlock();
      this.#scope.postMessage({ kind: "pull", id });
      const samples = await work.block.promise;
      if (samples === undefined) return;
      yield samples;
    }
  }

  #fail(id: number, error: unknown, notes?: ClipNotes): void {
    if (isFatal(error)) {
      return this.#scope.postMessage({ kind: "broke", reason: factsOf(error).message });
    }
    this.#scope.postMessage({ kind: "failed", id, error: factsOf(error), notes });
  }
}

/** A kernel that was left in the middle leaves its memory as it was; one that found no memory would find none again. */
function isFatal(error: unknown): boolean {
  if (error instanceof WebAssembly.RuntimeError) return true;
  if (error instanceof DeviceError) return error.reason === "memory";
  return error instanceof RangeError && /allocation failed|out of memory/i.test(error.message);
}
