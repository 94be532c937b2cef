/**
 * A classifier of models that take spectrograms: clips of any length become one length.
 *
 * @module
 */
import { deepEqual, ok, rejects } from "node:assert/strict";
import { memory, tensor } from "@tensorflow/tfjs-core";
import { type AudioInput, createClassifier, pipeline } from "../../src/classify/pipeline.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { assertAllClose } from "../compare.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_LABELS, tone } from "../tiny_model.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../tiny_spectrogram_models.ts";

const RAW = { topK: Infinity, functionToApply: "none" } as const;

function clip(samples: Float32Array, samplingRate = 16_000): AudioInput {
  return { samples, samplingRate };
}

/** Scores in the order of the labels. */
function scoresOf(answers: { label: string; score: number }[][]): number[][] {
  return answers.map((answer) =>
    TINY_LABELS.map((label) => answer.find((found) => found.label === label)!.score)
  );
}

for (const tiny of TINY_SPECTROGRAM_MODELS) {
  const { model_type: name } = tiny.config;

  Deno.test(`classifier() gives ${name} the spectrogram of each clip of a list`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const { model, extractor } = await tinySpectrogramModel(tiny);
    const clips = [tone(500), tone(16_000, 3), tone(40_000, 2), tone(7_777, 5)];
    const before = memory().numTensors;
    const expected: number[][] = [];
    for (const samples of clips) {
      const { inputValues, shape } = extractor.extract([samples]);
      const inputs = tensor(inputValues, shape);
      const { logits, pooled } = model.forward({ inputs });
      expected.push([...await logits.data()]);
      for (const used of [inputs, logits, pooled]) used.dispose();
    }
    const classifier = createClassifier(model, extractor);
    const found = scoresOf(await classifier(clips.map((samples) => clip(samples)), RAW));
    assertAllClose(found.flat(), expected.flat(), { atol: 1e-5 });
    deepEqual(new Set(found.map((scores) => scores[0]!.toFixed(3))).size, clips.length);
    deepEqual(memory().numTensors, before);
    classifier.dispose();
    device.dispose();
  });

  Deno.test(`classifier() uses no more of a clip than ${name} does`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const { model, extractor } = await tinySpectrogramModel(tiny);
    const classifier = createClassifier(model, extractor);
    const long = tone(32_000, 4);
    long.fill(0.9, extractor.fixedSamples);
    const both = [clip(long), clip(long.slice(0, extractor.fixedSamples))];
    const [whole, cut] = scoresOf(await classifier(both, RAW));
    assertAllClose(whole!, cut!, { atol: 1e-5 });
    classifier.dispose();
    device.dispose();
  });

  Deno.test(`classifier() batches clips of all lengths for ${name}, and tells it the lengths`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const { model, extractor } = await tinySpectrogramModel(tiny);
    const seen: { clips: number; lengths?: Int32Array }[] = [];
    const forward = model.forward.bind(model);
    model.forward = (inputs, options) => {
      seen.push({ clips: inputs.inputs.shape[0]!, lengths: inputs.lengths });
      return forward(inputs, options);
    };
    const classifier = createClassifier(model, extractor);
    const clips = Array.from({ length: 10 }, (_, i) => tone(1_000 + 500 * i));
    await classifier(clips.map((samples) => clip(samples)));
    const lengths = seen.flatMap(({ lengths }) => [...lengths!]);
    deepEqual(seen.map((batch) => batch.clips), [8, 2]);
    deepEqual(lengths, [...extractor.extract(clips).lengths]);
    classifier.dispose();
    device.dispose();
  });

  Deno.test(`pipeline() loads a directory of ${name}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const directory = await Deno.makeTempDir();
    const { model, extractor } = await tinySpectrogramModel(tiny);
    await savePretrained(directory, model, extractor, { replace: true });
    const expected = await createClassifier(model, extractor)(clip(tone(9_000)));
    model.dispose();
    const classifier = await pipeline("audio-classification", directory);
    deepEqual(classifier.extractor.toConfig(), extractor.toConfig());
    for (const [i, { label, score }] of (await classifier(clip(tone(9_000)))).entries()) {
      deepEqual(label, expected[i]!.label);
      ok(Math.abs(score - expected[i]!.score) < 1e-6);
    }
    classifier.dispose();
    device.dispose();
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("classifier() names a clip that is too short for its extractor", async () => {
  const device = await startTestWasm({ threads: 1 });
  const { model, extractor } = await tinySpectrogramModel(TINY_SPECTROGRAM_MODELS[1]!);
  const classifier = createClassifier(model, extractor);
  await rejects(classifier([clip(tone(400)), clip(tone(239))]), {
    name: "AudioFormatError",
    message: /^Cannot classify "clip 2 of 2": expected at least 0.0150 s of audio, found 0.0149 s$/,
  });
  classifier.dispose();
  device.dispose();
});
