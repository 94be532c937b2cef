/**
 * Windows that share convolutions have the scores of the clips that they are, to the bit, and the products of a frame
 * are computed once: all that a recording takes is the shared part once and the rest for each window.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { memory } from "@tensorflow/tfjs-core";
import { sharedWork } from "../../src/classify/window_sharing.ts";
import { Wav2Vec2FeatureExtractor } from "../../src/features/mod.ts";
import { KeptRows } from "../../src/features/kept_rows.ts";
import { buildInferenceModel, type JsonObject } from "../../src/models/mod.ts";
import { counted } from "../counted_model.ts";
import { startTestWasm, type WasmChoice } from "../devices.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";
import {
  clipScores,
  type Lengths,
  type Loaded,
  RATE_HZ,
  recording,
  windowsOf,
} from "./_windows.ts";

/** As many channels as int8 asks for, so that all products of that precision are of bytes. */
const LAYER_NORMS: JsonObject = { feat_extract_norm: "layer", conv_dim: [24, 20] };
const HOP_SAMPLES = 10;

async function loaded(config: JsonObject, precision?: "int8"): Promise<Loaded> {
  return {
    model: await buildInferenceModel(config, { seed: 1 }, precision),
    extractor: new Wav2Vec2FeatureExtractor({ samplingRate: RATE_HZ, doNormalize: false }),
  };
}

const LENGTHS: readonly Lengths[] = [
  ...[10, 50, 200].map((hop) => ({ window: 600, hop })),
  // Every second window has its frames where another one has them, every fifth, and none.
  ...[105, 26, 37].map((hop) => ({ window: 600, hop })),
  ...[601, 609, 333].map((window) => ({ window, hop: 70 })),
  { window: 600, hop: 130, lastWindow: "pad" },
  { window: 607, hop: 130, lastWindow: "back", block: 1_000_003 },
  { window: 600, hop: 50, block: 97 },
  { window: 600, hop: 590, block: 1_001, lastWindow: "pad" },
];

const SPEECH = Object.keys(TINY_ARCHITECTURES).filter((name) =>
  TINY_ARCHITECTURES[name]!.clip.length === 1
);

interface Case extends WasmChoice {
  modelType: string;
  precision?: "int8";
}

const CASES: readonly Case[] = [
  ...SPEECH.map((modelType) => ({ modelType, threads: 1 })),
  { modelType: "wav2vec2", threads: 3 },
  { modelType: "wav2vec2", threads: 1, relaxedSimd: false },
  { modelType: "wav2vec2", threads: 1, precision: "int8" },
  { modelType: "hubert", threads: 3, precision: "int8", relaxedSimd: false },
];

for (const { modelType, precision, ...build } of CASES) {
  const name = [modelType, precision ?? "float32", JSON.stringify(build)].join(", ");
  Deno.test(`detect() gives windows with shared convolutions the scores of clips: ${name}`, async () => {
    const device = await startTestWasm(build);
    const tiny = await loaded(
      { ...TINY_ARCHITECTURES[modelType]!.config, ...LAYER_NORMS },
      precision,
    );
    deepEqual(sharedWork(tiny), { shared: "convolutions", stepSamples: HOP_SAMPLES });
    const samples = recording(1_850);
    for (const lengths of LENGTHS) {
      const windows = await windowsOf(tiny, samples, lengths);
      ok(windows.length > 3);
      const { window } = lengths;
      const expected = await clipScores(tiny, samples, { windows, window });
      deepEqual(windows, expected, JSON.stringify(lengths));
    }
    tiny.model.dispose();
    device.dispose();
  });
}

/** The convolutions of wav2vec2, of fewer channels. */
const SEVEN: JsonObject = {
  ...TINY_ARCHITECTURES.wav2vec2!.config,
  conv_dim: new Array(7).fill(16),
  conv_kernel: [10, 3, 3, 3, 3, 2, 2],
  conv_stride: [5, 2, 2, 2, 2, 2, 2],
};

for (const block of [undefined, 1_600]) {
  const source = block ? "live sound" : "a recording";
  Deno.test(`detect() takes the shared part once and the rest for each window of ${source}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const { model, extractor } = await loaded(SEVEN);
    const [window, hop, count] = [32_000, 8_000, 20];
    const samples = recording(window + (count - 1) * hop);
    const part = counted(model);
    await part.model.convFeatures(samples);
    const shared = part.flops();
    const one = counted(model);
    await one.model.logits(extractor.extract([samples.subarray(0, window)]));
    const own = counted(model);
    await own.model.convFeatures(samples.subarray(0, window));
    const rest = one.flops() - own.flops();
    const whole = counted(model);
    const windows = await windowsOf({ model: whole.model, extractor }, samples, {
      window,
      hop,
      block,
    });
    equal(windows.length, count);
    const ratio = whole.flops() / (shared + count * rest);
    ok(ratio > 0.99 && ratio <= 1.15, `${ratio} of the shared part once and the rest`);
    ok(whole.flops() < 0.5 * count * one.flops());
    model.dispose();
    device.dispose();
  });
}

Deno.test("detect() keeps no more frames than the windows of a batch have, and no tensors", async () => {
  const device = await startTestWasm({ threads: 1 });
  const tiny = await loaded({ ...TINY_ARCHITECTURES.wav2vec2!.config, ...LAYER_NORMS });
  const { set } = KeptRows.prototype;
  let most = 0;
  KeptRows.prototype.set = function (start, row) {
    set.call(this, start, row);
    most = Math.max(most, this.size);
  };
  const { numTensors, numBytes } = memory();
  await windowsOf(tiny, recording(60_000), { window: 600, hop: 50 });
  KeptRows.prototype.set = set;
  deepEqual([memory().numTensors, memory().numBytes], [numTensors, numBytes]);
  ok(most <= (600 + 7 * 50) / HOP_SAMPLES, `${most} kept`);
  tiny.model.dispose();
  device.dispose();
});

Deno.test("sharedWork() says why windows share nothing", async () => {
  const device = await startTestWasm({ threads: 1 });
  const { model, extractor } = await loaded({
    ...TINY_ARCHITECTURES.wav2vec2!.config,
    ...LAYER_NORMS,
  });
  const normalising = new Wav2Vec2FeatureExtractor({ samplingRate: RATE_HZ });
  deepEqual(sharedWork({ model, extractor: normalising }), {
    reason: "each is normalised by itself",
  });
  model.dispose();
  const group = await loaded({
    ...TINY_ARCHITECTURES.wav2vec2!.config,
    feat_extract_norm: "group",
  });
  deepEqual(sharedWork(group), {
    reason: "its convolutions are normalised over the whole window",
  });
  equal(typeof extractor.keepsSamples, "boolean");
  group.model.dispose();
  device.dispose();
});
