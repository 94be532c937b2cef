/**
 * Windows that share work have the scores of the clips that they are, to the bit, and what they share is computed once.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { createClassifier, type DetectOptions } from "../../src/classify/pipeline.ts";
import { isShared } from "../../src/classify/window_sharing.ts";
import type { WindowScores } from "../../src/detect/mod.ts";
import { PowerSpectrum } from "../../src/features/_fourier.ts";
import type { FeatureExtractor } from "../../src/features/mod.ts";
import type { InferenceModel } from "../../src/models/mod.ts";
import { Random } from "../../src/random.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../tiny_spectrogram_models.ts";

const RATE_HZ = 16_000;
const PAIR_SAMPLES = 320;

interface Loaded {
  model: InferenceModel;
  extractor: FeatureExtractor;
}

/** Noise that falls almost silent and is very loud again, so that what lies beside a frame shows in its bits. */
function recording(samples: number): Float32Array {
  const random = new Random(3);
  return Float32Array.from({ length: samples }, (_, i) => {
    const loudness = Math.floor(i / 560) % 2 === 0 ? 1e4 : 1e-4;
    return loudness * random.normal();
  });
}

/** Lengths in samples. */
interface Lengths extends Pick<DetectOptions, "lastWindow"> {
  window: number;
  hop: number;
  /** Of the blocks in which the samples come. @default all at once */
  block?: number;
}

async function windowsOf(
  loaded: Loaded,
  samples: Float32Array,
  { window, hop, block, lastWindow }: Lengths,
): Promise<WindowScores[]> {
  const classifier = createClassifier(loaded.model, loaded.extractor);
  const windows: WindowScores[] = [];
  async function* blocks() {
    for (let at = 0; at < samples.length; at += block!) {
      yield await Promise.resolve(samples.subarray(at, at + block!));
    }
  }
  const events = classifier.detect(block ? blocks() : samples, {
    samplingRate: RATE_HZ,
    windowSeconds: window / RATE_HZ,
    hopSeconds: hop / RATE_HZ,
    lastWindow,
    onScores: (scores) => void windows.push(scores),
  });
  await Array.fromAsync(events);
  return windows;
}

/** What the classifier answers for the samples of windows. */
async function clipScores(
  { model, extractor }: Loaded,
  samples: Float32Array,
  { windows, window }: { windows: readonly WindowScores[]; window: number },
): Promise<WindowScores[]> {
  const classifier = createClassifier(model, extractor);
  const expected: WindowScores[] = [];
  for (const { start, end } of windows) {
    const clip = new Float32Array(window);
    clip.set(samples.subarray(Math.round(start * RATE_HZ), Math.round(end * RATE_HZ)));
    const answer = await classifier(clip, { samplingRate: RATE_HZ, topK: null });
    const scores = classifier.labels.map((label) => {
      return answer.find((row) => row.label === label)!.score;
    });
    expected.push({ start, end, scores: Float64Array.from(scores) });
  }
  return expected;
}

/** Runs a body, and counts the Fourier transforms, of two frames each, that it takes. */
async function countTransforms<T>(body: () => Promise<T>): Promise<[T, number]> {
  const { compute } = PowerSpectrum.prototype;
  let transforms = 0;
  PowerSpectrum.prototype.compute = function (...frames) {
    transforms++;
    compute.apply(this, frames);
  };
  try {
    return [await body(), transforms];
  } finally {
    PowerSpectrum.prototype.compute = compute;
  }
}

Deno.test("isShared() asks for a hop of whole steps, or a few hops that make some", () => {
  const sizes: [hop: number, expected: boolean][] = [
    [8_000, true],
    [320, true],
    [4_000, true],
    [2_000, true],
    [40, true],
    [20, false],
    [321, false],
    [16_000, true],
    [24_000, true],
    [24_080, false],
    [32_000, false],
  ];
  for (const [hopSamples, expected] of sizes) {
    equal(isShared(320, { windowSamples: 32_000, hopSamples }), expected, `hop ${hopSamples}`);
  }
});

const LENGTHS: readonly Lengths[] = [
  ...[320, 640, 3_200].map((hop) => ({ window: 8_000, hop })),
  // Every second window has its pairs where another one has them, every fifth, every eighth, and none.
  ...[480, 192, 680, 683].map((hop) => ({ window: 8_000, hop })),
  // An odd number of frames; less than a pair of them besides.
  ...[7_920, 8_080, 8_129].map((window) => ({ window, hop: 1_600 })),
  { window: 8_000, hop: 960, lastWindow: "pad" },
  { window: 15_760, hop: 960, lastWindow: "back", block: 1_000_003 },
  { window: 8_000, hop: 960, block: 997 },
  { window: 8_000, hop: 640, block: 20_001, lastWindow: "pad" },
];

for (const tiny of TINY_SPECTROGRAM_MODELS) {
  const name = tiny.config.model_type;

  Deno.test(`detect() gives windows with shared frames the scores of clips: ${name}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const loaded = await tinySpectrogramModel(tiny);
    const samples = recording(20_500);
    for (const lengths of LENGTHS) {
      const windows = await windowsOf(loaded, samples, lengths);
      ok(windows.length > 3);
      const { window } = lengths;
      const expected = await clipScores(loaded, samples, { windows, window });
      deepEqual(windows, expected, JSON.stringify(lengths));
    }
    loaded.model.dispose();
    device.dispose();
  });

  Deno.test(`detect() computes a frame once, but those at the ends of windows: ${name}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const loaded = await tinySpectrogramModel(tiny);
    const [window, hop, count] = [8_000, 1_600, 20];
    const samples = recording(window + (count - 1) * hop);
    const [windows, alone] = await countTransforms(() =>
      windowsOf(loaded, samples, { window, hop: window })
    );
    const perWindow = alone / windows.length;
    const [, shared] = await countTransforms(() => windowsOf(loaded, samples, { window, hop }));
    const [, unshared] = await countTransforms(() =>
      windowsOf(loaded, samples, { window, hop: hop + 1 })
    );
    const inRecording = Math.ceil(samples.length / PAIR_SAMPLES);
    // Whisper's first pair has mirrored samples in it, its last three have padding.
    const endsOfWindow = name === "whisper" ? 4 : 0;
    ok(shared <= inRecording + endsOfWindow * count, `${shared} of ${unshared}`);
    ok(unshared >= perWindow * count);
    loaded.model.dispose();
    device.dispose();
  });
}
