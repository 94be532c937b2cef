import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { EfficientATFeatureExtractor } from "../../src/features/efficientat.ts";
import type { ExtractOptions } from "../../src/features/feature_extractor.ts";
import { Random } from "../../src/random.ts";
import { assertAllClose } from "../compare.ts";

const SMALL = new EfficientATFeatureExtractor({ featureSize: 8 });

function noise(samples: number): Float32Array {
  const random = new Random(7);
  return Float32Array.from({ length: samples }, () => 0.1 * random.normal());
}

Deno.test("extract() gives logarithms of frames around every 320th sample", () => {
  const clip = noise(3_200);
  const { inputValues, shape } = SMALL.extract([clip]);
  deepEqual(shape, [1, 10, 8]);
  const loud = SMALL.extract([clip.map((sample) => 10 * sample)]).inputValues;
  const louder = Math.log(100) / 5;
  assertAllClose(loud, inputValues.map((level) => level + louder), { atol: 1e-3 });
  // What lies in the middle is that of a clip that begins two frames later.
  const later = SMALL.extract([clip.slice(640)]).inputValues;
  assertAllClose(inputValues.subarray(4 * 8, 7 * 8), later.subarray(2 * 8, 5 * 8), { atol: 1e-4 });
});

Deno.test("extract() gives silence the level of its floor, and lifts high frequencies", () => {
  const silence = SMALL.extract([new Float32Array(900)]).inputValues;
  ok(silence.every((level) => Math.abs(level - (Math.log(1e-5) + 4.5) / 5) < 1e-6));
  // A constant is 0.03 of itself.
  const flat = SMALL.extract([new Float32Array(900).fill(1)]).inputValues;
  const lifted = SMALL.extract([
    Float32Array.from({ length: 900 }, (_, i) => i % 2 === 0 ? 1 : -1),
  ]).inputValues;
  ok(Math.max(...lifted) < Math.max(...flat) + 2 * Math.log(1.97 / 0.03) / 5);
});

Deno.test("extract() ends its bands a kilohertz below half the rate", () => {
  const known = new EfficientATFeatureExtractor({ featureSize: 8, fmax: 15_000 });
  const clip = noise(2_000);
  deepEqual(SMALL.extract([clip]), known.extract([clip]));
  const wide = new EfficientATFeatureExtractor({ featureSize: 8, fmax: 16_000 });
  ok(wide.extract([clip]).inputValues.some((x, i) => x !== SMALL.extract([clip]).inputValues[i]));
});

Deno.test("extract() pads and cuts clips of EfficientAT where it is asked to", () => {
  const clips = [noise(3_200), noise(1_600)];
  const { shape, lengths, inputValues } = SMALL.extract(clips, { padding: true });
  deepEqual([shape, lengths], [[2, 10, 8], Int32Array.of(10, 5)]);
  const padded = Float32Array.from({ length: 3_200 }, (_, i) => clips[1]![i] ?? 0);
  deepEqual(inputValues.subarray(80), SMALL.extract([padded]).inputValues);
  deepEqual(SMALL.extract(clips, { truncation: true, maxLength: 900 }).shape, [2, 3, 8]);
});

Deno.test("extract() refuses clips that give no spectrogram of EfficientAT", () => {
  const refuses = (clips: Float32Array[], message: RegExp, options: ExtractOptions = {}) =>
    throws(() => SMALL.extract(clips, options), { name: "RangeError", message });
  equal(SMALL.minSamples, 514);
  equal(SMALL.extract([noise(514)]).shape[1], 2);
  refuses([noise(513)], /expected at least 514 samples, found 513$/);
  refuses([noise(600).fill(NaN, 7, 8)], /of clip 0: expected finite samples/);
  refuses([noise(600)], /expected clips at 32000 Hz, found 16000 Hz/, { samplingRate: 16_000 });
  refuses([noise(600), noise(900)], /one length without padding/);
});

Deno.test("fromConfig() reads the fields of EfficientATFeatureExtractor and keeps the others", () => {
  const config = {
    feature_extractor_type: "EfficientATFeatureExtractor",
    feature_size: 64,
    fmax: null,
    fmin: 0,
    hopsize: 480,
    n_fft: 1024,
    note: "kept",
    padding_side: "right",
    padding_value: 0,
    return_attention_mask: false,
    sampling_rate: 32_000,
    win_length: 800,
  };
  deepEqual(EfficientATFeatureExtractor.fromConfig(config).toConfig(), config);
  equal(EfficientATFeatureExtractor.fromConfig({ fmax: 7_000 }).toConfig().fmax, 7_000);
});

Deno.test("fromConfig() names the field of EfficientATFeatureExtractor that it refuses", () => {
  const refuses = (config: Record<string, unknown>, message: RegExp) =>
    throws(() => EfficientATFeatureExtractor.fromConfig(config, { file: "p.json" }), {
      name: "CheckpointError",
      message,
      file: "p.json",
      key: Object.keys(config)[0],
    });
  refuses({ feature_size: 0 }, /"p.json": expected feature_size a whole number from 1 to 512/);
  refuses({ win_length: 2_000 }, /expected win_length a whole number from 2 to 1024, found 2000$/);
  refuses({ n_fft: 1_022 }, /expected n_fft an even product of 2, 3, 5 and 7, found 1022$/);
  refuses({ fmax: 19_000 }, /expected fmax of at most 16000, found 19000$/);
  refuses({ fmin: 15_000 }, /expected fmin from 0 to below fmax 15000, found 15000$/);
  refuses({ feature_extractor_type: "CedFeatureExtractor" }, /expected .*"EfficientATFeature/);
});
