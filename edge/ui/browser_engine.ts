/**
 * The model in the browser itself, in a worker: nothing leaves the machine.
 *
 * @module
 */
import {
  type Engine,
  EngineError,
  type EngineTeaching,
  type Heard,
  type Listener,
  type NamedFile,
} from "./engine.ts";
import type { Asked, Loaded, Said } from "../site_messages.ts";

/**
 * Starts the worker, and waits for its model.
 *
 * @param onLoading is told how far the model is.
 */
export async function browserEngine(
  module: URL,
  onLoading: (text: string) => void,
): Promise<Engine> {
  const worker = new Worker(module, { type: "module" });
  const broken = new Promise<never>((_, reject) => {
    worker.onerror = ({ message }) => reject(new EngineError(`The model stopped: ${message}`));
  });
  broken.catch(() => {});
  const ask = <Value>(asked: Asked, options?: AskOptions) =>
    Promise.race([askWorker<Value>(worker, asked, options), broken]);
  const { labels, heads, device } = await ask<Loaded>({ kind: "load" }, {
    said: (said) => said.kind === "loading" && onLoading(said.text),
  });
  const names = [...heads];
  return {
    about: `${labels.length > 0 ? `${labels.length} classes` : "A backbone"}, ${device}`,
    privacy: "Everything is computed in this browser; no sound leaves it.",
    labels,
    heads: () => names,
    classify: (clip, head) => ask<Heard[]>({ kind: "classify", clip, head }),
    detect: (recording, listener) =>
      ask({ kind: "detect", recording, head: listener.head }, heardBy(listener)),
    listen: (sound, listener) =>
      ask({ kind: "listen", rate: sound.samplingRate, head: listener.head }, {
        ...heardBy(listener),
        pieces: sound,
      }),
    teaching: teachingIn(ask, names),
  };
}

interface AskOptions {
  said?: (said: Said) => void;
  signal?: AbortSignal;
  /** Sent on as they come; then the worker is told that no more do. */
  pieces?: AsyncIterable<Float32Array>;
}

function heardBy(listener: Listener): AskOptions {
  return {
    signal: listener.signal,
    said: (said) => {
      if (said.kind === "window") listener.window(said.found);
      if (said.kind === "event") listener.event(said.found);
    },
  };
}

/** A call has a channel of its own, over which its answers come. */
async function askWorker<Value>(
  worker: Worker,
  asked: Asked,
  { said, signal, pieces }: AskOptions = {},
): Promise<Value> {
  const { port1: port, port2 } = new MessageChannel();
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  port.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.kind === "done") resolve(data.value as Value);
    else if (data.kind === "failed") reject(new EngineError(data.message));
    else said?.(data);
  };
  const stop = () => {
    port.postMessage({ kind: "stop" });
    reject(signal!.reason);
  };
  signal?.addEventListener("abort", stop);
  worker.postMessage(asked, [port2]);
  if (pieces) sendPieces(port, pieces).catch(reject);
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", stop);
    port.close();
  }
}

async function sendPieces(port: MessagePort, pieces: AsyncIterable<Float32Array>): Promise<void> {
  for await (const piece of pieces) port.postMessage({ kind: "piece", piece });
  port.postMessage({ kind: "piece" });
}

type Ask = <Value>(asked: Asked, options?: AskOptions) => Promise<Value>;

/** Examples are kept as what the head looks at, not as sound. */
function teachingIn(ask: Ask, names: string[]): EngineTeaching {
  const lessons = new Map<string, { vectors: Float32Array[]; labels: string[] }>();
  return {
    needsToken: false,
    add: async (head, { label, clip }) => {
      const vector = await ask<Float32Array>({ kind: "features", clip });
      const lesson = lessons.get(head) ?? { vectors: [], labels: [] };
      lesson.vectors.push(vector);
      lesson.labels.push(label);
      lessons.set(head, lesson);
    },
    train: async (head): Promise<NamedFile[]> => {
      const files = await ask<NamedFile[]>({ kind: "fit", head, examples: lessons.get(head)! });
      if (!names.includes(head)) names.push(head);
      return files;
    },
  };
}
