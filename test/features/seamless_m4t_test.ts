import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { ExtractOptions } from "../../src/features/feature_extractor.ts";
import { SeamlessM4TFeatureExtractor } from "../../src/features/seamless_m4t.ts";
import { assertAllClose } from "../compare.ts";
import { Random } from "../../src/random.ts";

const SMALL = new SeamlessM4TFeatureExtractor({ numMelBins: 4 });

function noise(samples: number): Float32Array {
  const random = new Random(7);
  return Float32Array.from({ length: samples }, () => 0.1 * random.normal());
}

/** Samples of so many frames of the filter bank. */
function samplesOf(frames: number): number {
  return 400 + (frames - 1) * 160;
}

Deno.test("extract() lays frames side by side, and brings each band of a clip to mean 0 and deviation 1", () => {
  const { inputValues, shape } = SMALL.extract([noise(samplesOf(21))]);
  deepEqual(shape, [1, 10, 8]);
  const whole = new SeamlessM4TFeatureExtractor({ numMelBins: 4, stride: 1 });
  const frames = whole.extract([noise(samplesOf(21))]).inputValues;
  equal(frames.length, 21 * 4);
  deepEqual(inputValues, frames.subarray(0, 20 * 4));
  for (let band = 0; band < 4; band++) {
    const values = Array.from({ length: 21 }, (_, t) => frames[t * 4 + band]!);
    const sum = values.reduce((total, value) => total + value, 0);
    const squares = values.reduce((total, value) => total + value ** 2, 0);
    assertAllClose([sum, squares / 20], [0, 1], { atol: 1e-5 });
  }
});

Deno.test("extract() gives zeros for silence and for an offset", () => {
  for (const level of [0, 0.25]) {
    const { inputValues } = SMALL.extract([new Float32Array(2_000).fill(level)]);
    ok(inputValues.every((value) => Math.abs(value) < 1e-2), `${level}`);
  }
});

Deno.test("extract() does not normalise where it is asked not to, and counts samples as 16-bit integers", () => {
  const raw = { doNormalize: false };
  const clip = noise(samplesOf(4));
  const loud = SMALL.extract([clip], raw).inputValues;
  const quiet = SMALL.extract([clip.map((sample) => sample / 16)], raw).inputValues;
  assertAllClose(quiet, loud.map((level) => level - Math.log(256)), { atol: 1e-4 });
  const silent = SMALL.extract([new Float32Array(560)], raw).inputValues;
  assertAllClose(silent, silent.map(() => Math.log(2 ** -23)), { atol: 1e-5 });
});

Deno.test("extract() pads to an even number of frames, and says which pairs are whole", () => {
  const clips = [20, 21, 11, 2].map((frames) => noise(samplesOf(frames)));
  const batch = SMALL.extract(clips, { padding: true });
  deepEqual([batch.shape, batch.lengths], [[4, 11, 8], Int32Array.of(10, 10, 5, 1)]);
  const rows = Array.from({ length: 4 }, (_, i) => batch.attentionMask!.slice(i * 11, i * 11 + 11));
  deepEqual(rows.map((row) => row.reduce((a, b) => a + b)), [10, 10, 5, 1]);
  ok(rows.every((row) => row.every((bit, i) => i === 0 || bit <= row[i - 1]!)));
  const last = batch.inputValues.slice(22 * 4 + 20 * 4, 2 * 22 * 4);
  ok(last.subarray(0, 4).some((value) => value !== 0));
  deepEqual([...last.subarray(4)], [0, 0, 0, 0]);
});

Deno.test("extract() counts a frame as real where the second of its frames is, as the reference", () => {
  const three = new SeamlessM4TFeatureExtractor({ numMelBins: 4, stride: 3, paddingValue: -5 });
  const clips = [9, 8, 7, 6].map((frames) => noise(samplesOf(frames)));
  const { shape, lengths, inputValues } = three.extract(clips, { padding: true });
  deepEqual([shape, lengths], [[4, 3, 12], Int32Array.of(3, 3, 2, 2)]);
  ok(inputValues.subarray(36 + 32, 72).every((value) => value === -5));
});

Deno.test("extract() cuts after it has normalised, at an even number of frames", () => {
  const clip = noise(samplesOf(30));
  const whole = SMALL.extract([clip]).inputValues;
  const cut = SMALL.extract([clip], { truncation: true, maxLength: samplesOf(7) });
  deepEqual(cut.shape, [1, 4, 8]);
  deepEqual(cut.inputValues, whole.subarray(0, 32));
});

Deno.test("extract() counts all frames where there is no mask", () => {
  const clips = [noise(samplesOf(6)), noise(samplesOf(3))];
  const batch = SMALL.extract(clips, { padding: true, returnAttentionMask: false });
  deepEqual([batch.attentionMask, batch.lengths], [undefined, Int32Array.of(3, 3)]);
});

Deno.test("extract() refuses clips that give no spectrogram of Wav2Vec2-BERT", () => {
  const refuses = (clips: Float32Array[], message: RegExp, options: ExtractOptions = {}) =>
    throws(() => SMALL.extract(clips, options), { name: "RangeError", message });
  refuses([noise(560), noise(559)], /of clip 1: expected at least 560 samples, found 559$/);
  refuses([noise(560).fill(NaN, 7, 8)], /of clip 0: expected finite samples/);
  refuses([noise(560)], /expected clips at 16000 Hz, found 8000 Hz/, { samplingRate: 8000 });
  refuses([noise(560), noise(900)], /one length without padding, found 2 and 4 frames/);
  refuses([], /expected at least one clip/);
});

Deno.test("fromConfig() reads the fields of SeamlessM4TFeatureExtractor and keeps the others", () => {
  const config = {
    feature_extractor_type: "SeamlessM4TFeatureExtractor",
    feature_size: 40,
    num_mel_bins: 40,
    padding_side: "right",
    padding_value: 1,
    processor_class: "Wav2Vec2BertProcessor",
    return_attention_mask: true,
    sampling_rate: 16_000,
    stride: 3,
  };
  deepEqual(SeamlessM4TFeatureExtractor.fromConfig(config).toConfig(), config);
  const { mel_filters, ...others } = SeamlessM4TFeatureExtractor.fromConfig({ mel_filters: [[1]] })
    .toConfig();
  deepEqual([mel_filters, others.stride, others.padding_value], [undefined, 2, 0]);
});

Deno.test("fromConfig() names the field of SeamlessM4TFeatureExtractor that it refuses", () => {
  const refuses = (config: Record<string, unknown>, message: RegExp) =>
    throws(() => SeamlessM4TFeatureExtractor.fromConfig(config, { file: "p.json" }), {
      name: "CheckpointError",
      message,
      file: "p.json",
      key: Object.keys(config)[0],
    });
  refuses({ stride: 0 }, /"p.json": expected stride a whole number from 1 to 64, found 0$/);
  refuses({ num_mel_bins: 0 }, /num_mel_bins a whole number from 1 to 512, found 0$/);
  refuses({ feature_size: 60, num_mel_bins: 80 }, /expected feature_size 80, found 60$/);
  refuses({ padding_side: "left" }, /expected padding_side "right", found "left"$/);
  refuses({ feature_extractor_type: "ASTFeatureExtractor" }, /"SeamlessM4TFeatureExtractor"/);
});
