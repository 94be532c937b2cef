/**
 * Samples of a microphone, or of whatever else a `MediaStream` comes from, as they are heard.
 *
 * @module
 */
import { PROCESSOR, workletSource } from "./_worklet.ts";

/** What is used of a `MediaStream`. */
export interface MediaStreamLike {
  /** The tracks that have sound. */
  getAudioTracks(): readonly {
    /** Calls when the track has ended. */
    addEventListener(type: "ended", listener: () => void): void;
  }[];
}

/** What is used of the Web Audio API; the types of browsers are not in scope where this is checked. */
interface WebAudio {
  AudioContext: new () => Context;
  AudioWorkletNode: new (
    context: Context,
    name: string,
    options: { numberOfOutputs: number },
  ) => AudioNode & { readonly port: MessagePort };
}

interface Context {
  readonly sampleRate: number;
  readonly audioWorklet: { addModule(url: string | URL): Promise<void> };
  createMediaStreamSource(stream: MediaStreamLike): AudioNode;
  resume(): Promise<void>;
  close(): Promise<void>;
}

interface AudioNode {
  connect(to: AudioNode): void;
  disconnect(): void;
}

/** How a stream is listened to. */
export interface LiveOptions {
  /** Ends it. */
  signal?: AbortSignal;
  /** The worklet as a file, for pages whose policy allows no `blob:` scripts; `workletSource()` is what is in it. */
  workletUrl?: string | URL;
  /** Seconds of samples that may wait to be taken; older ones are lost beyond. @default 30 */
  bufferSeconds?: number;
}

/** Samples as they are heard; leaving the loop stops listening. */
export interface LiveSamples extends AsyncIterable<Float32Array> {
  /** Hertz. */
  readonly samplingRate: number;
  /** Stops listening: what waits is still given, then the loop ends. */
  stop(): void;
}

/**
 * Listens to a stream, until it ends, `stop` is called or the loop is left; its tracks stay as they are.
 *
 * Channels become one, their mean. The rate is that of the browser's audio; `detect` takes it as `samplingRate`.
 *
 * **Shape** -> pieces of `[S]`
 *
 * @param stream as `navigator.mediaDevices.getUserMedia({ audio: true })` gives it.
 * @param options what ends it, and where the worklet is.
 * @throws {DOMException} where the browser starts no audio.
 *
 * @example
 * ```ts
 * import { type AudioClassifier, liveSamples, type MediaStreamLike } from "@earshot/earshot/browser";
 * import { equal } from "node:assert/strict";
 *
 * async function listen(classifier: AudioClassifier, stream: MediaStreamLike) {
 *   const sound = await liveSamples(stream);
 *   for await (const event of classifier.detect(sound, { samplingRate: sound.samplingRate })) {
 *     console.log(event.label, event.start);
 *   }
 * }
 * equal(typeof listen, "function"); // a page calls it with the stream of getUserMedia()
 * ```
 */
export async function liveSamples(
  stream: MediaStreamLike,
  options: LiveOptions = {},
): Promise<LiveSamples> {
  options.signal?.throwIfAborted();
  const { AudioContext, AudioWorkletNode } = globalThis as unknown as WebAudio;
  const context = new AudioContext();
  try {
    await addWorklet(context, options.workletUrl);
    const source = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, PROCESSOR, { numberOfOutputs: 0 });
    source.connect(node);
    await context.resume();
    return samplesOf({ context, node, stream }, options);
  } catch (error) {
    await context.close();
    throw error;
  }
}

async function addWorklet(context: Context, file?: string | URL): Promise<void> {
  if (file !== undefined) return await context.audioWorklet.addModule(file);
  const url = URL.createObjectURL(new Blob([workletSource()], { type: "text/javascript" }));
  await context.audioWorklet.addModule(url).finally(() => URL.revokeObjectURL(url));
}

/** Sound on its way. */
interface Listening {
  context: Context;
  node: InstanceType<WebAudio["AudioWorkletNode"]>;
  stream: MediaStreamLike;
}

function samplesOf(
  { context, node, stream }: Listening,
  { signal, bufferSeconds = 30 }: LiveOptions,
): LiveSamples {
  const waiting: Float32Array[] = [];
  let news = Promise.withResolvers<void>();
  let isOver = false;
  const stop = () => {
    if (isOver) return;
    isOver = true;
    node.port.onmessage = null;
    node.disconnect();
    void context.close();
    news.resolve();
  };
  node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    waiting.push(data);
    if (waiting.length * data.length > bufferSeconds * context.sampleRate) waiting.shift();
    news.resolve();
  };
  for (const track of stream.getAudioTracks()) track.addEventListener("ended", stop);
  signal?.addEventListener("abort", stop);
  async function* pieces(): AsyncGenerator<Float32Array, void, void> {
    try {
      while (!isOver || waiting.length > 0) {
        yield* waiting.splice(0);
        if (!isOver && waiting.length === 0) await news.promise;
        news = Promise.withResolvers();
        signal?.throwIfAborted();
      }
    } finally {
      stop();
    }
  }
  return { samplingRate: context.sampleRate, stop, [Symbol.asyncIterator]: pieces };
}
