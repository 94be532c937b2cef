/**
 * Classifiers of models for speakers and for frames, on samples, against the reference.
 *
 * @module
 */
import assert from "node:assert/strict";
import { AutoFeatureExtractor } from "../../src/pretrained.ts";
import { type AudioClassifier, createClassifier } from "../../src/classify/classifier.ts";
import { detectPlan, eventsOfScores, type WindowScores } from "../../src/detect/mod.ts";
import { sigmoid } from "../../src/scores/mod.ts";
import { assertAllClose } from "../compare.ts";
import { startTestWasm } from "../devices.ts";
import { OTHER_HEADS, otherHead, type OtherHeadCase, withOtherHead } from "../other_heads.ts";

const RATE_HZ = 16_000;
const LIMIT = 5e-5;

async function withClassifier(
  name: string,
  body: (classifier: AudioClassifier, found: OtherHeadCase) => Promise<void>,
): Promise<void> {
  const device = await startTestWasm({ threads: 1 });
  try {
    await withOtherHead(name, async (found) => {
      const extractor = await AutoFeatureExtractor.fromPretrained(otherHead(name));
      const prepared = await found.model.prepare();
      const classifier = createClassifier(prepared, extractor);
      await body(classifier, found).finally(() => classifier.dispose());
    });
  } finally {
    device.dispose();
  }
}

/** Samples alone need a rate. */
const sound = (samples: Float32Array) => ({ samples, samplingRate: RATE_HZ });

for (const name of OTHER_HEADS.filter((name) => /^(?!.*bert).*xvector$/.test(name))) {
  Deno.test(`embed() gives the vectors of speakers of ${name}, and classify() its speakers`, async () => {
    await withClassifier(name, async (classifier, { clips, read }) => {
      for (const [i, clip] of clips.entries()) {
        const { values, size, times, classes } = await classifier.embed(sound(clip));
        assertAllClose(values, await read(`single.${i}.embeddings`), { atol: LIMIT });
        assert.equal(size, values.length);
        assert.equal(times, undefined);
        const scores = await read(`single.${i}.cosines`);
        const raw = await classifier(sound(clip), { functionToApply: "none" });
        const found = classifier.labels.map((label) => raw.find((one) => one.label === label)!);
        assertAllClose(found.map(({ score }) => score), scores, { atol: LIMIT });
        assert.deepEqual(classes.map(({ label }) => label), raw.map(({ label }) => label));
      }
      const [clip] = clips as [Float32Array];
      const { size } = await classifier.embed(sound(clip), { layer: -1 });
      assert.equal(size, 16, "a layer is a layer");
    });
  });
}

/** The frames' scores that a detection finds. */
async function heard(
  classifier: AudioClassifier,
  samples: Float32Array,
  settings: { windowSeconds?: number; hopSeconds?: number } = {},
): Promise<WindowScores[]> {
  const frames: WindowScores[] = [];
  const options = { ...settings, onScores: (frame: WindowScores) => frames.push(frame) };
  await Array.fromAsync(classifier.detect(sound(samples), options));
  return frames;
}

/** Frames have to follow each other from the first sample to the last. */
function expectGapless(frames: readonly WindowScores[], samples: number): void {
  assert.equal(frames[0]!.start, 0);
  for (const [i, { end }] of frames.entries()) {
    assert.equal(end, frames[i + 1]?.start ?? samples / RATE_HZ);
  }
}

for (const name of OTHER_HEADS.filter((name) => /^(?!.*bert).*frames$/.test(name))) {
  Deno.test(`detect() gives the sigmoids of the frames of ${name}, of a recording within a window`, async () => {
    await withClassifier(name, async (classifier, { clips, read }) => {
      for (const [i, clip] of clips.entries()) {
        const frames = await heard(classifier, clip);
        expectGapless(frames, clip.length);
        const logits = await read(`single.${i}.logits`);
        const found = frames.flatMap(({ scores }) => [...scores]);
        assertAllClose(found, sigmoid([...logits]), { atol: LIMIT });
      }
    });
  });
}

Deno.test("detect() takes each frame from the window in whose middle part it lies", async () => {
  await withClassifier("wavlm-frames", async (classifier, { clips }) => {
    const [clip] = clips as [Float32Array];
    const [window, hop] = [200, 100];
    const settings = { windowSeconds: window / RATE_HZ, hopSeconds: hop / RATE_HZ };
    const frames = await heard(classifier, clip, settings);
    expectGapless(frames, clip.length);
    const starts = [0, 100, clip.length - window];
    const apart = await Promise.all(starts.map((start) => {
      return heard(classifier, clip.slice(start, start + window));
    }));
    for (const { start, end, scores } of frames) {
      const middle = RATE_HZ * (start + end) / 2;
      const from = middle < 150 ? 0 : middle < 250 ? 1 : 2;
      const own = apart[from]!.find((frame) => {
        return starts[from]! + RATE_HZ * frame.end > middle;
      });
      assertAllClose(scores, own!.scores, { atol: 1e-9, label: `frame at ${start}` });
    }
  });
});

Deno.test("detect() finds events in frames, and so does eventsOfScores()", async () => {
  await withClassifier("wavlm-frames", async (classifier, { clips }) => {
    const [clip] = clips as [Float32Array];
    const settings = { windowSeconds: 300 / RATE_HZ, hopSeconds: 100 / RATE_HZ };
    const frames = await heard(classifier, clip, settings);
    const all = await Array.fromAsync(classifier.detect(sound(clip), settings));
    const ended = all.filter(({ state }) => state === "ended");
    const { labels } = classifier;
    const plan = detectPlan(settings, { labels, rateHz: RATE_HZ });
    assert.deepEqual(
      eventsOfScores({ windows: frames, labels, rateHz: RATE_HZ }, plan),
      ended.map(({ state: _, ...event }) => event).sort((a, b) => a.start - b.start),
    );
    assert.ok(ended.length > 0);
    for (const { start, end, label, score } of ended) {
      const at = classifier.labels.indexOf(label);
      const own = frames.filter((frame) => frame.start >= start && frame.end <= end);
      assert.ok(own.every(({ scores }) => scores[at]! >= 0.5));
      assert.equal(Math.max(...own.map(({ scores }) => scores[at]!)), score);
    }
  });
});

Deno.test("a model of frames neither classifies nor embeds clips", async () => {
  await withClassifier("wavlm-frames", async (classifier, { clips }) => {
    const clip = sound(clips[0]!);
    const refusal = { name: "UnsupportedOpError", hint: /Have it detect/ };
    await assert.rejects(() => classifier(clip), { ...refusal, message: /^Cannot classify: / });
    await assert.rejects(() => classifier.embed(clip), { ...refusal, message: /^Cannot embed: / });
  });
});
