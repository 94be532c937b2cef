/**
 * The side of inference: a classifier that answers what the service asks from another thread.
 *
 * It does one thing at a time; whose turn it is, the service decides.
 *
 * @module
 */
import type { ServedClassifier } from "./mod.ts";
import { type Answer, errorOf, factsOf, type Question } from "./_thread_messages.ts";

/** A classifier, and a line about what it runs on. */
export interface LoadedForThread {
  classifier: ServedClassifier;
  /** Such as "WASM with SIMD, one thread". */
  device: string;
}

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
    const { classifier, device } = await load();
    const thread = new InferenceThread(scope, classifier);
    scope.onmessage = ({ data }) => thread.take(data);
    const { labels, detect } = classifier;
    scope.postMessage({ kind: "ready", labels, device, detects: detect !== undefined });
    for (const question of early) thread.take(question);
  } catch (error) {
    scope.postMessage({ kind: "unready", error: factsOf(error) });
  }
}

/** A detection that is being answered. */
interface Detection {
  ending: AbortController;
  block: PromiseWithResolvers<Float32Array | undefined>;
  go: PromiseWithResolvers<void>;
}

class InferenceThread {
  readonly #scope: ThreadScope;
  readonly #classifier: ServedClassifier;
  readonly #detections = new Map<number, Detection>();

  constructor(scope: ThreadScope, classifier: ServedClassifier) {
    this.#scope = scope;
    this.#classifier = classifier;
  }

  take(question: Question): void {
    const detection = this.#detections.get(question.id);
    switch (question.kind) {
      case "classify":
        return void this.#classify(question);
      case "detect":
        return void this.#detect(question);
      case "block":
        return detection?.block.resolve(question.samples);
      case "broken":
        return detection?.block.reject(errorOf(question.error));
      case "go":
        return detection?.go.resolve();
      case "stop":
        detection?.ending.abort(new TypeError("stopped"));
        detection?.go.resolve();
        return detection?.block.reject(new TypeError("stopped"));
    }
  }

  async #classify({ id, bytes, options }: Question & { kind: "classify" }): Promise<void> {
    try {
      const classes = await this.#classifier(bytes, options);
      this.#scope.postMessage({ kind: "classified", id, classes });
    } catch (error) {
      this.#fail(id, error);
    }
  }

  async #detect(question: Question & { kind: "detect" }): Promise<void> {
    const { id, settings, wantsScores } = question;
    const detection: Detection = {
      ending: new AbortController(),
      block: Promise.withResolvers(),
      go: Promise.withResolvers(),
    };
    this.#detections.set(id, detection);
    const tell = (answer: Answer) => this.#scope.postMessage(answer);
    try {
      const events = this.#classifier.detect!(this.#blocksOf(id, detection), {
        ...settings,
        signal: detection.ending.signal,
        turn: async (compute) => {
          detection.go = Promise.withResolvers();
          tell({ kind: "turn", id });
          try {
            // Who has stopped answers no more.
            if (!detection.ending.signal.aborted) await detection.go.promise;
            detection.ending.signal.throwIfAborted();
            return await compute();
          } finally {
            tell({ kind: "computed", id });
          }
        },
        onScores: wantsScores ? (window) => tell({ kind: "scores", id, window }) : undefined,
      });
      for await (const event of events) tell({ kind: "event", id, event });
      tell({ kind: "done", id });
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#detections.delete(id);
    }
  }

  async *#blocksOf(id: number, detection: Detection): AsyncGenerator<Float32Array, void, void> {
    for (;;) {
      detection.ending.signal.throwIfAborted();
      detection.block = Promise.withResolvers();
      this.#scope.postMessage({ kind: "pull", id });
      const samples = await detection.block.promise;
      if (samples === undefined) return;
      yield samples;
    }
  }

  #fail(id: number, error: unknown): void {
    this.#scope.postMessage({ kind: "failed", id, error: factsOf(error) });
  }
}
