import { deepEqual, equal, ok } from "node:assert/strict";
import { memory } from "@tensorflow/tfjs-core";
import { encodeWav } from "../../src/audio/mod.ts";
import {
  type AudioClassifier,
  createClassifier,
  type DetectOptions,
  pipeline,
  type SoundSource,
} from "../../src/classify/pipeline.ts";
import type { DetectedEvent, WindowScores } from "../../src/detect/mod.ts";
import { useDevice } from "../../src/devices.ts";
import { buildModel } from "../../src/models/mod.ts";
import { TINY_CONFIG, tinyExtractor, tone } from "../tiny_model.ts";

const RATE_HZ = 8_000;
const WINDOWS = { windowSeconds: 0.5, hopSeconds: 0.2, samplingRate: RATE_HZ } as const;

/** Something that changes: three tones, one after the other. */
const RECORDING = Float32Array.from(
  [tone(9_000), tone(8_000, 2), tone(5_001, 0.3)].flatMap((part) => [...part]),
);

async function tinyClassifier(config: Record<string, unknown> = {}): Promise<AudioClassifier> {
  await useDevice({ backend: "wasm" });
  return createClassifier(
    await buildModel({ ...TINY_CONFIG, ...config }, { seed: 1 }),
    tinyExtractor(),
  );
}

interface Heard {
  events: DetectedEvent[];
  windows: WindowScores[];
}

async function heard(
  classifier: AudioClassifier,
  source: SoundSource,
  options: DetectOptions = WINDOWS,
): Promise<Heard> {
  const windows: WindowScores[] = [];
  const onScores = (window: WindowScores) => void windows.push(window);
  const events = await Array.fromAsync(classifier.detect(source, { ...options, onScores }));
  return { events, windows };
}

async function* blocksOf(samples: Float32Array, size: number): AsyncGenerator<Float32Array> {
  for (let at = 0; at < samples.length; at += size) {
    yield await Promise.resolve(samples.subarray(at, at + size));
  }
}

Deno.test("detect() gives each window the scores of the clip that it is, to the bit", async () => {
  const classifier = await tinyClassifier();
  const { windows } = await heard(classifier, RECORDING);
  equal(windows.length, 13);
  for (const { start, end, scores } of windows) {
    const clip = RECORDING.slice(start * RATE_HZ, end * RATE_HZ);
    equal(clip.length, 4_000);
    const answer = await classifier(clip, { samplingRate: RATE_HZ, topK: null });
    for (const { label, score } of answer) {
      equal(scores[classifier.labels.indexOf(label)], score, `${label} at ${start}`);
    }
  }
  classifier.dispose();
});

Deno.test("detect() hears the same of samples, however they come", async () => {
  const classifier = await tinyClassifier();
  const whole = await heard(classifier, RECORDING);
  ok(whole.events.length > 0);
  for (const size of [1, 999, 1_000_003]) {
    deepEqual(await heard(classifier, blocksOf(RECORDING, size)), whole, `blocks of ${size}`);
  }
  const stated = { samples: RECORDING, samplingRate: RATE_HZ };
  deepEqual(await heard(classifier, stated), whole);
  const stream = ReadableStream.from(blocksOf(RECORDING, 5_000));
  deepEqual(await heard(classifier, stream), whole);
  classifier.dispose();
});

Deno.test("detect() reads a file of the disk in parts, bytes, a Blob and what can be read", async () => {
  await useDevice({ backend: "wasm" });
  const classifier = await pipeline("audio-classification");
  const wav = encodeWav(RECORDING, RATE_HZ);
  const whole = await heard(classifier, wav);
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  await Deno.writeFile(path, wav);
  const readable = { sizeBytes: wav.length, read: (a: number, b: number) => wav.slice(a, b) };
  const bytes = new Uint8Array(wav);
  const sources: SoundSource[] = [path, bytes.buffer, new Blob([bytes]), readable];
  sources.push(new Blob([bytes]).stream(), new URL(`file://${path}`));
  for (const source of sources) deepEqual(await heard(classifier, source), whole);
  await Deno.remove(path);
  classifier.dispose();
});

Deno.test("detect() tells of an event before the source has gone on", async () => {
  const classifier = await tinyClassifier();
  let asked = 0;
  async function* endless() {
    for (;;) {
      asked++;
      yield await Promise.resolve(tone(1_000));
    }
  }
  const events = classifier.detect(endless(), { ...WINDOWS, threshold: 0 });
  const { value } = await events.next();
  equal(value?.state, "began");
  equal(asked, 4);
  await events.return();
  classifier.dispose();
});

Deno.test("detect() leaves no tensor behind, whether it ends or is left", async () => {
  const classifier = await tinyClassifier();
  await heard(classifier, RECORDING);
  const { numTensors, numBytes } = memory();
  await heard(classifier, RECORDING);
  for await (const _ of classifier.detect(RECORDING, { ...WINDOWS, threshold: 0 })) break;
  deepEqual([memory().numTensors, memory().numBytes], [numTensors, numBytes]);
  classifier.dispose();
});

Deno.test("detect() holds no more after ten minutes of a source that never ends than after a minute", async () => {
  const classifier = await tinyClassifier();
  let isClosed = false;
  async function* endless() {
    try {
      for (const second = tone(RATE_HZ);;) yield await Promise.resolve(second);
    } finally {
      isClosed = true;
    }
  }
  const ending = new AbortController();
  const held: string[] = [];
  let windows = 0;
  const onScores = ({ end }: WindowScores) => {
    const { numTensors, numDataBuffers, numBytes } = memory();
    windows++;
    if (windows % 60 === 0) held.push(`${numTensors} ${numDataBuffers} ${numBytes}`);
    if (end >= 600) ending.abort();
  };
  const options = { ...WINDOWS, hopSeconds: 1, threshold: 0, signal: ending.signal, onScores };
  let events = 0;
  try {
    for await (const _ of classifier.detect(endless(), options)) events++;
  } catch (error) {
    ok(ending.signal.aborted, String(error));
  }
  ok(isClosed && windows >= 600 && events === classifier.labels.length);
  equal(held.length, 10);
  equal(new Set(held).size, 1);
  classifier.dispose();
});
