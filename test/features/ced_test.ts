import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { CedFeatureExtractor } from "../../src/features/ced.ts";
import type { ExtractOptions } from "../../src/features/feature_extractor.ts";
import { Random } from "../../src/random.ts";
import { assertAllClose } from "../compare.ts";
import { tone } from "../tiny_model.ts";

const SMALL = new CedFeatureExtractor({ featureSize: 8 });

function noise(samples: number): Float32Array {
  const random = new Random(7);
  return Float32Array.from({ length: samples }, () => 0.1 * random.normal());
}

Deno.test("extract() gives decibels of frames around every 160th sample", () => {
  const clip = noise(1_600);
  const { inputValues, shape } = SMALL.extract([clip]);
  deepEqual(shape, [1, 11, 8]);
  const quiet = SMALL.extract([clip.map((sample) => sample / 10)]).inputValues;
  assertAllClose(quiet, inputValues.map((level) => level - 20), { atol: 1e-3 });
  // What lies in the middle is that of a clip that begins 320 samples later.
  const later = SMALL.extract([clip.slice(320)]).inputValues;
  assertAllClose(inputValues.subarray(4 * 8, 8 * 8), later.subarray(2 * 8, 6 * 8), { atol: 1e-4 });
});

Deno.test("extract() mirrors a clip at its ends, unless frames are to lie within it", () => {
  const clip = noise(800);
  const mirrored = Float32Array.from({ length: 800 + 512 }, (_, i) => {
    const at = i - 256;
    return clip[at < 0 ? -at : at > 799 ? 2 * 799 - at : at]!;
  });
  const within = new CedFeatureExtractor({ featureSize: 8, center: false });
  deepEqual(within.extract([mirrored]), SMALL.extract([clip]));
  equal(within.minSamples, 512);
});

Deno.test("extract() keeps 120 dB below a clip's loudest, whatever is beside it", () => {
  const silence = SMALL.extract([new Float32Array(600)]).inputValues;
  ok(silence.every((level) => level === -100));
  const loud = tone(1_600).map((sample) => 1e3 * sample);
  const { inputValues } = SMALL.extract([loud, new Float32Array(1_600)]);
  const [first, second] = [inputValues.subarray(0, 88), inputValues.subarray(88)];
  ok(Math.min(...first) >= Math.max(...first) - 120.001);
  ok(second.every((level) => level === -100));
});

Deno.test("extract() pads and cuts clips of CED where it is asked to", () => {
  const clips = [noise(1_600), noise(900)];
  const { shape, lengths } = SMALL.extract(clips, { padding: true });
  deepEqual([shape, lengths], [[2, 11, 8], Int32Array.of(11, 6)]);
  const cut = SMALL.extract(clips, { truncation: true, maxLength: 900 });
  deepEqual(cut.shape, [2, 6, 8]);
  equal(
    SMALL.extract(clips, { padding: true, returnAttentionMask: true }).attentionMask,
    undefined,
  );
});

Deno.test("extract() refuses clips that give no spectrogram of CED", () => {
  const refuses = (clips: Float32Array[], message: RegExp, options: ExtractOptions = {}) =>
    throws(() => SMALL.extract(clips, options), { name: "RangeError", message });
  equal(SMALL.minSamples, 257);
  refuses([noise(256)], /expected at least 257 samples, found 256$/);
  refuses([noise(600).fill(NaN, 7, 8)], /of clip 0: expected finite samples/);
  refuses([noise(600)], /expected clips at 16000 Hz, found 8000 Hz/, { samplingRate: 8000 });
  refuses([noise(600), noise(900)], /one length without padding/);
  refuses([], /expected at least one clip/);
});

Deno.test("fromConfig() reads the fields of CedFeatureExtractor and keeps the others", () => {
  const config = {
    auto_map: { AutoFeatureExtractor: "feature_extraction_ced.CedFeatureExtractor" },
    center: true,
    f_max: null,
    f_min: 0,
    feature_extractor_type: "CedFeatureExtractor",
    feature_size: 64,
    hop_size: 160,
    model_input_names: ["input_values"],
    n_fft: 512,
    padding_side: "right",
    padding_value: 0,
    return_attention_mask: true,
    sampling_rate: 16_000,
    win_size: 512,
  };
  deepEqual(CedFeatureExtractor.fromConfig(config).toConfig(), config);
  equal(CedFeatureExtractor.fromConfig({ f_max: 7_000 }).toConfig().f_max, 7_000);
});

Deno.test("fromConfig() names the field of CedFeatureExtractor that it refuses", () => {
  const refuses = (config: Record<string, unknown>, message: RegExp) =>
    throws(() => CedFeatureExtractor.fromConfig(config, { file: "p.json" }), {
      name: "CheckpointError",
      message,
      file: "p.json",
      key: Object.keys(config)[0],
    });
  refuses({ feature_size: 0 }, /"p.json": expected feature_size a whole number from 1 to 512/);
  refuses({ win_size: 600 }, /expected win_size a whole number from 1 to 512, found 600$/);
  refuses({ n_fft: 509 }, /expected n_fft an even product of 2, 3, 5 and 7, found 509$/);
  refuses({ f_max: 9_000 }, /expected f_max of at most 8000, found 9000$/);
  refuses({ f_min: 8_000 }, /expected f_min from 0 to below f_max 8000, found 8000$/);
  refuses({ feature_extractor_type: "ASTFeatureExtractor" }, /expected .*"CedFeatureExtractor"/);
});
