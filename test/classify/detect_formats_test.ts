/**
 * A stream is a file: for every format, however its bytes come and whatever its rate, the same samples give the same
 * windows and events, and the first of them before the source has ended.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { decodeAudio, encodeWav, resample } from "../../src/audio/mod.ts";
import {
  type AudioClassifier,
  createClassifier,
  type DetectOptions,
  type SoundSource,
} from "../../src/classify/pipeline.ts";
import type { DetectedEvent, WindowScores } from "../../src/detect/mod.ts";
import { Wav2Vec2FeatureExtractor } from "../../src/features/mod.ts";
import { buildModel } from "../../src/models/mod.ts";
import { fixture, FIXTURES } from "../audio/fixtures.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_CONFIG, tone } from "../tiny_model.ts";

/** Those that say what they hold behind what they hold. */
const NEEDS_TO_GO_BACK = ["alac.caf", "alac24.m4a", "s16.mov"];

/** Windows as short as the fixtures. */
const OPTIONS = { windowSeconds: 0.02, hopSeconds: 0.01, threshold: 0 } as const;

async function withClassifier(
  rateHz: number,
  body: (classifier: AudioClassifier) => Promise<void>,
): Promise<void> {
  const device = await startTestWasm({ threads: 1 });
  const extractor = new Wav2Vec2FeatureExtractor({ samplingRate: rateHz });
  const classifier = createClassifier(await buildModel(TINY_CONFIG, { seed: 1 }), extractor);
  try {
    await body(classifier);
  } finally {
    classifier.dispose();
    device.dispose();
  }
}

async function heard(
  classifier: AudioClassifier,
  source: SoundSource,
  options: DetectOptions = {},
): Promise<{ events: DetectedEvent[]; windows: WindowScores[] }> {
  const windows: WindowScores[] = [];
  const onScores = (window: WindowScores) => void windows.push(window);
  const all = { ...OPTIONS, ...options, onScores };
  return { events: await Array.fromAsync(classifier.detect(source, all)), windows };
}

async function* piecesOf<T extends Uint8Array | Float32Array>(
  whole: T,
  size: number,
): AsyncGenerator<T> {
  for (let at = 0; at < whole.length; at += size) {
    yield await Promise.resolve(whole.slice(at, at + size) as T);
  }
}

for (const name of FIXTURES) {
  Deno.test(`detect() hears ${name} the same, however its bytes come`, async () => {
    await withClassifier(16_000, async (classifier) => {
      const bytes = await fixture(name);
      const { samples, sampleRateHz } = await decodeAudio(bytes);
      const atRate = resample(samples, sampleRateHz, 16_000);
      const expected = await heard(classifier, atRate, { samplingRate: 16_000 });
      ok(expected.windows.length > 0);
      deepEqual(await heard(classifier, bytes), expected, "whole");
      deepEqual(await heard(classifier, new Blob([bytes.slice()])), expected, "in parts");
      for (const size of [1, 1_000_003]) {
        deepEqual(await heard(classifier, piecesOf(bytes, size)), expected, `pieces of ${size}`);
      }
    });
  });
}

/** From the rate of a recording to that of a model. */
const RATES = [[44_100, 16_000], [48_000, 8_000], [11_025, 16_000]] as const;

for (const [fromHz, toHz] of RATES) {
  Deno.test(`detect() hears ${fromHz} Hz at ${toHz} Hz the same, however samples come`, async () => {
    await withClassifier(toHz, async (classifier) => {
      const samples = Float32Array.of(...tone(9_000), ...tone(9_000, 3), ...tone(9_001, 0.5));
      const options = { windowSeconds: 0.1, hopSeconds: 0.04, samplingRate: fromHz };
      const whole = await heard(classifier, samples, options);
      const atRate = resample(samples, fromHz, toHz);
      deepEqual(await heard(classifier, atRate, { ...options, samplingRate: toHz }), whole);
      for (const size of [1, 997, 1_000_003]) {
        deepEqual(await heard(classifier, piecesOf(samples, size), options), whole, `${size}`);
      }
      const wav = encodeWav(samples, fromHz);
      const ofFile = await heard(classifier, wav, options);
      equal(ofFile.windows.length, whole.windows.length);
      for (const size of [1, 1_000_003]) {
        deepEqual(await heard(classifier, piecesOf(wav, size), options), ofFile);
      }
    });
  });
}

/** Those whose sound is one page of Ogg, or one frame, which is there when its checksum is. */
const ONE_PIECE = ["mono24.flac", "mono.ogg", "mono.oga", "mono.opus", "stereo.ogg", "stereo.opus"];

Deno.test("detect() tells of the first event before the source has ended, in every format", async () => {
  await withClassifier(16_000, async (classifier) => {
    for (const name of FIXTURES.filter((name) => !NEEDS_TO_GO_BACK.includes(name))) {
      const bytes = await fixture(name);
      let hasEnded = false;
      const source = async function* () {
        yield* piecesOf(bytes, 16);
        if (ONE_PIECE.includes(name) || bytes.length < 1_500) hasEnded = true;
        // Nothing more comes, and nobody says that it is over.
        else await new Promise(() => {});
      };
      const events = classifier.detect(source(), OPTIONS);
      const { value } = await events.next();
      equal(value?.state, "began", name);
      if (hasEnded) await events.return();
    }
  });
});
