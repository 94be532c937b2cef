/**
 * Requests for the edge application, and a classifier that needs no model.
 *
 * @module
 */
import type { DetectedEvent, ServedClassifier, ServedDetectOptions } from "../../edge/mod.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import type { ClassifyOptions } from "../../src/classify/pipeline.ts";

/** A call that the fake classifier got. */
export interface Call {
  bytes: Uint8Array;
  options: ClassifyOptions | undefined;
}

/** A WAV file of a tenth of a second. */
export const CLIP: Uint8Array<ArrayBuffer> = encodeWav(new Float32Array(800), 8_000).slice();

/** A classifier that answers the same to all, after `work`, and notes what it was asked. */
export function fakeClassifier(
  calls: Call[] = [],
  work: () => Promise<void> = () => Promise.resolve(),
): ServedClassifier {
  const classify = async (bytes: Uint8Array, asked: ClassifyOptions = {}) => {
    const { onDecoded: _, onWarning: __, maxDecodedBytes: ___, ...options } = asked;
    calls.push({ bytes, options });
    await work();
    return [{ label: "yes", score: 0.75 }, { label: "no", score: 0.25 }];
  };
  return Object.assign(classify, { labels: ["no", "yes"] });
}

/** A request with a body. */
export function post(body: BodyInit | null, type?: string, query = ""): Request {
  const headers = type === undefined ? undefined : { "content-type": type };
  return new Request(`http://localhost/${query}`, { method: "POST", body, headers });
}

/** A request of JSON. */
export function postJson(value: unknown, query = ""): Request {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return post(text, "application/json; charset=utf-8", query);
}

/** Bytes in base64. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** What {@linkcode fakeDetector} can be made to do. */
export interface FakeDetection {
  /** Runs for each window, in its turn. */
  work?: () => Promise<void>;
  /** Called when a detection has ended, however it did. */
  onEnd?: () => void;
}

/** A classifier whose windows are hops, each as loud as its label "yes" is certain. */
export function fakeDetector(
  { work = () => Promise.resolve(), onEnd = () => {} }: FakeDetection = {},
): ServedClassifier {
  async function* detect(
    source: AsyncIterable<Float32Array>,
    options: ServedDetectOptions,
  ): AsyncGenerator<DetectedEvent> {
    const { windowSeconds = 0.1, threshold = 0.5, samplingRate, turn = (run) => run() } = options;
    if (windowSeconds > 60) throw new RangeError("Cannot detect: expected windows of at most 60 s");
    const size = Math.round(windowSeconds * samplingRate);
    let held: number[] = [];
    let windows = 0;
    let event: DetectedEvent | undefined;
    try {
      for await (const block of source) {
        held.push(...block);
        for (; held.length >= size; held = held.slice(size)) {
          const loudness = Math.max(...held.slice(0, size).map(Math.abs));
          await turn(work);
          const [start, end] = [windows, ++windows].map((i) => i * windowSeconds) as [
            number,
            number,
          ];
          options.onScores?.({ start, end, scores: Float64Array.of(1 - loudness, loudness) });
          if (loudness >= (threshold as number)) {
            if (!event) {
              yield event = { start, end, label: "yes", score: loudness, state: "began" };
            }
            event.end = end;
          } else if (event) {
            yield { ...event, state: "ended" };
            event = undefined;
          }
        }
      }
      if (event) yield { ...event, state: "ended" };
    } finally {
      onEnd();
    }
  }
  return Object.assign(fakeClassifier([], work), { detect });
}

/** A tenth of a second of silence or of sound for each digit, which is its loudness in tenths. */
export function loudness(digits: string, rateHz = 8_000): Float32Array {
  const each = rateHz / 10;
  return Float32Array.from({ length: digits.length * each }, (_, i) => {
    return Number(digits[Math.floor(i / each)]) / 10 * (i % 2 === 0 ? 1 : -1);
  });
}

/** Samples as 16 bits, little-endian. */
export function s16(samples: Float32Array): Uint8Array<ArrayBuffer> {
  const whole = Int16Array.from(samples, (sample) => Math.round(sample * 32_767));
  return new Uint8Array(whole.buffer);
}
