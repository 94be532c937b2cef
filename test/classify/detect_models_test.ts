/**
 * A window is a clip: whatever the model, its scores are those of the classifier for the window's samples, to the bit
 * on WASM, in batches as alone.
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import {
  type AudioClassifier,
  createClassifier,
  type DetectOptions,
} from "../../src/classify/pipeline.ts";
import type { WindowScores } from "../../src/detect/mod.ts";
import {
  CedFeatureExtractor,
  type FeatureExtractor,
  SeamlessM4TFeatureExtractor,
  Wav2Vec2FeatureExtractor,
} from "../../src/features/mod.ts";
import { buildInferenceModel, buildModel, type InferenceModel } from "../../src/models/mod.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../tiny_spectrogram_models.ts";
import { tone } from "../tiny_model.ts";

const RATE_HZ = 16_000;

/** 3.3 s of something that changes. */
const RECORDING = Float32Array.of(...tone(20_000), ...tone(20_001, 3), ...tone(12_800, 0.4));

interface Case {
  name: string;
  make: () => Promise<{ model: InferenceModel; extractor: FeatureExtractor }>;
  options?: DetectOptions;
}

function speechCase(modelType: string, doNormalize: boolean, precision?: "int8"): Case {
  const { config } = TINY_ARCHITECTURES[modelType]!;
  const norm = doNormalize ? "normalised" : "plain";
  return {
    name: `${modelType}, ${norm}${precision ? `, ${precision}` : ""}`,
    make: async () => ({
      model: precision
        ? await buildInferenceModel(config, {}, precision)
        : await buildModel(config, {}),
      extractor: new Wav2Vec2FeatureExtractor({ samplingRate: RATE_HZ, doNormalize }),
    }),
  };
}

const SPEECH = Object.keys(TINY_ARCHITECTURES).filter((name) =>
  TINY_ARCHITECTURES[name]!.clip.length === 1
);

const CASES: readonly Case[] = [
  ...SPEECH.map((modelType) => speechCase(modelType, true)),
  speechCase("wav2vec2", false),
  speechCase("wav2vec2", true, "int8"),
  {
    name: "wav2vec2-bert",
    make: async () => ({
      model: await buildModel(TINY_ARCHITECTURES["wav2vec2-bert"]!.config),
      extractor: new SeamlessM4TFeatureExtractor({ samplingRate: RATE_HZ, numMelBins: 4 }),
    }),
  },
  {
    name: "ced",
    make: async () => ({
      model: await buildModel(TINY_ARCHITECTURES["ced"]!.config),
      extractor: new CedFeatureExtractor({ samplingRate: RATE_HZ, featureSize: 10 }),
    }),
  },
  ...TINY_SPECTROGRAM_MODELS.map((tiny): Case => ({
    name: `${tiny.config.model_type}, of a fixed length`,
    make: () => tinySpectrogramModel(tiny),
  })),
];

async function windowsOf(
  classifier: AudioClassifier,
  source: Float32Array | AsyncIterable<Float32Array>,
  options: DetectOptions,
): Promise<WindowScores[]> {
  const windows: WindowScores[] = [];
  const onScores = (window: WindowScores) => void windows.push(window);
  await Array.fromAsync(
    classifier.detect(source, { samplingRate: RATE_HZ, ...options, onScores }),
  );
  return windows;
}

async function expectScoresOfClips(
  classifier: AudioClassifier,
  windows: readonly WindowScores[],
  windowSamples = 0,
): Promise<void> {
  for (const { start, end, scores } of windows) {
    const real = RECORDING.slice(Math.round(start * RATE_HZ), Math.round(end * RATE_HZ));
    const clip = new Float32Array(Math.max(windowSamples, real.length));
    clip.set(real);
    const answer = await classifier(clip, { samplingRate: RATE_HZ, topK: null });
    const expected = classifier.labels.map((label) => {
      return answer.find((row) => row.label === label)!.score;
    });
    deepEqual(Array.from(scores), expected, `from ${start} to ${end} s`);
  }
}

for (const { name, make } of CASES) {
  Deno.test(`detect() gives windows the scores of clips: ${name}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const { model, extractor } = await make();
    const classifier = createClassifier(model, extractor);
    const options = { windowSeconds: 0.7, hopSeconds: 0.2 };
    const windows = await windowsOf(classifier, RECORDING, options);
    equal(windows.length, 15);
    await expectScoresOfClips(classifier, windows);
    // As they come, each alone.
    const live = async function* () {
      for (let at = 0; at < RECORDING.length; at += 1_600) {
        yield await Promise.resolve(RECORDING.subarray(at, at + 1_600));
      }
    };
    deepEqual(await windowsOf(classifier, live(), options), windows);
    const padded = await windowsOf(classifier, RECORDING, { ...options, lastWindow: "pad" });
    ok(padded.at(-1)!.end - padded.at(-1)!.start < 0.7);
    await expectScoresOfClips(classifier, padded, 0.7 * RATE_HZ);
    classifier.dispose();
    device.dispose();
  });
}

Deno.test("detect() refuses windows of which a model of one length would hear a part", async () => {
  const device = await startTestWasm({ threads: 1 });
  for (const tiny of TINY_SPECTROGRAM_MODELS) {
    const { model, extractor } = await tinySpectrogramModel(tiny);
    const classifier = createClassifier(model, extractor);
    const events = windowsOf(classifier, RECORDING, { windowSeconds: 1.1 });
    await rejects(events, {
      name: "RangeError",
      message:
        /expected `windowSeconds` of at most 1\.00?, all that the model hears .* found 1\.1 s$|0\.99/,
    });
    classifier.dispose();
  }
  device.dispose();
});
