import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { ASTFeatureExtractor } from "../../src/features/ast.ts";
import type { ExtractOptions } from "../../src/features/feature_extractor.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { tone } from "../tiny_model.ts";
import { goldenRuns } from "./golden_runs.ts";

const SMALL = new ASTFeatureExtractor({ numMelBins: 16, maxLength: 8 });

/** The frames of one clip, in rows. */
function framesOf(clip: Float32Array, options: ExtractOptions = {}, extractor = SMALL): number[][] {
  const { inputValues, shape } = extractor.extract([clip], options);
  const [, frames, bands] = shape as [number, number, number];
  equal(inputValues.length, frames * bands);
  return Array.from(
    { length: frames },
    (_, t) => [...inputValues.subarray(t * bands, (t + 1) * bands)],
  );
}

kitTest("extract() equals transformers on the kit's runs of AST", async () => {
  const runs = await goldenRuns("ast.");
  equal(runs.length, 4);
  for (const { name, batch, expected } of runs) {
    const actual = { shape: batch.shape, values: batch.inputValues };
    assertAllClose(actual, expected, { atol: 1e-5, label: name });
    equal(batch.attentionMask, undefined);
  }
});

kitTest("toConfig() writes what transformers wrote for AST", async () => {
  for (const name of ["ast", "ast-multilabel"]) {
    const file = kitPath(name, "preprocessor_config.json");
    const config = await readJson<Record<string, unknown>>(file);
    const written = ASTFeatureExtractor.fromConfig(config, { file }).toConfig();
    equal(JSON.stringify(written), JSON.stringify(config), name);
  }
  deepEqual(
    ASTFeatureExtractor.fromConfig({}).toConfig(),
    { ...await readJson<object>(kitPath("ast", "preprocessor_config.json")), max_length: 1024 },
  );
});

Deno.test("extract() pads spectrograms with what 0 becomes by normalisation", () => {
  const frames = framesOf(tone(560));
  const padding = 4.2677393 / 2 / 4.5689974;
  for (const frame of frames.slice(2)) {
    assertAllClose(frame, new Array(16).fill(padding), { atol: 1e-6 });
  }
  ok(frames.slice(0, 2).flat().every((value) => Math.abs(value - padding) > 1e-3));
  const raw = framesOf(tone(560), { doNormalize: false });
  deepEqual(raw.slice(2).flat(), new Array(6 * 16).fill(0));
  assertAllClose(frames[1]!, raw[1]!.map((x) => (x + 4.2677393) / 2 / 4.5689974), { atol: 1e-6 });
});

Deno.test("extract() puts silence at the floor, and no offset", () => {
  const floor = new Array(16).fill(Math.log(2 ** -23));
  const raw = { doNormalize: false };
  assertAllClose(framesOf(new Float32Array(400), raw)[0]!, floor, { atol: 1e-5 });
  assertAllClose(framesOf(new Float32Array(400).fill(0.25), raw)[0]!, floor, { atol: 1e-5 });
  const loud = tone(400);
  const raised = loud.map((sample) => sample + 0.25);
  assertAllClose(framesOf(raised, raw)[0]!, framesOf(loud, raw)[0]!, { atol: 1e-3 });
});

Deno.test("extract() has a frame every 160 samples that hold 400 more, up to maxLength", () => {
  const clips = [400, 559, 560, 1520, 9000].map((length) => tone(length));
  const { shape, lengths } = SMALL.extract(clips);
  deepEqual([shape, lengths], [[5, 8, 16], Int32Array.of(1, 1, 2, 8, 8)]);
  deepEqual(framesOf(clips[4]!), framesOf(clips[4]!.slice(0, SMALL.fixedSamples)));
  const later = framesOf(tone(560).slice(160))[0]!;
  assertAllClose(framesOf(tone(560))[1]!, later, { atol: 1e-5 });
});

Deno.test("extract() gives a clip the same frames in any batch of AST", () => {
  const [first, second] = [tone(700), tone(1300).map((sample) => sample * 1e-3)];
  const { inputValues } = SMALL.extract([first, second]);
  deepEqual([...inputValues.subarray(0, 128)], framesOf(first).flat());
  deepEqual([...inputValues.subarray(128)], framesOf(second).flat());
});

Deno.test("ASTFeatureExtractor gives no mask, even if asked, as the reference", () => {
  const options = { returnAttentionMask: true };
  equal(SMALL.extract([tone(560)], options).attentionMask, undefined);
  const byFile = ASTFeatureExtractor.fromConfig({ max_length: 3, return_attention_mask: true });
  equal(byFile.extract([tone(560)]).attentionMask, undefined);
  equal(byFile.toConfig().return_attention_mask, true);
});

Deno.test("extract() takes any length of spectrogram where it is asked to", () => {
  const clips = [tone(3000), tone(400)];
  deepEqual(SMALL.extract(clips, { padding: true, truncation: false }).shape, [2, 17, 16]);
  deepEqual(SMALL.extract([clips[0]!], { padding: false, maxLength: 1000 }).shape, [1, 4, 16]);
  throws(() => SMALL.extract(clips, { padding: false }), /one length without padding/);
});

Deno.test("extract() refuses clips that give no spectrogram", () => {
  const { minSamples } = SMALL;
  equal(minSamples, 240);
  const refuses = (clips: Float32Array[], message: RegExp, options: ExtractOptions = {}) =>
    throws(() => SMALL.extract(clips, options), { name: "RangeError", message });
  refuses([tone(400), tone(239)], /of clip 1: expected at least 240 samples, found 239$/);
  refuses([tone(400).fill(NaN, 7, 8)], /of clip 0: expected finite samples/);
  refuses([tone(400)], /expected clips at 16000 Hz, found 8000 Hz/, { samplingRate: 8000 });
  refuses([], /expected at least one clip/);
  refuses([tone(400)], /at least 400 samples, found 300$/, { maxLength: 300 });
  refuses([tone(400)], /at least 240 samples, found 100$/, { maxLength: 100 });
});

Deno.test("fromConfig() ignores a stored filter bank and keeps unknown fields of AST", () => {
  const config = { mel_filters: [[1, 2]], window: [3], zebra: 1, padding_value: 0.5, std: null };
  const written = ASTFeatureExtractor.fromConfig(config).toConfig();
  deepEqual([written.zebra, written.padding_value, written.std], [1, 0.5, 4.5689974]);
  ok(!("mel_filters" in written) && !("window" in written));
  deepEqual(Object.keys(written), Object.keys(written).toSorted());
});

Deno.test("fromConfig() names the field of AST that it refuses", () => {
  const refuses = (config: Record<string, unknown>, message: RegExp) =>
    throws(() => ASTFeatureExtractor.fromConfig(config, { file: "p.json" }), {
      name: "CheckpointError",
      message,
      file: "p.json",
      key: Object.keys(config)[0],
    });
  refuses({ max_length: 1e9 }, /"p.json": expected max_length a whole number from 1 to 32768/);
  refuses({ num_mel_bins: 0 }, /num_mel_bins a whole number from 1 to 512, found 0$/);
  refuses({ std: 0 }, /expected std above 0, found 0$/);
  refuses({ mean: "low" }, /expected mean a number, found "low"$/);
  refuses({ sampling_rate: 20 }, /sampling_rate a whole number from 1000 to/);
  refuses(
    { feature_extractor_type: "WhisperFeatureExtractor" },
    /expected .*"ASTFeatureExtractor"/,
  );
});

Deno.test("extract() takes clips shorter than a frame as silence, as the reference", () => {
  const extractor = new ASTFeatureExtractor({ maxLength: 16, numMelBins: 16 });
  const { inputValues, lengths } = extractor.extract([tone(399), tone(240), tone(400)]);
  deepEqual(lengths, Int32Array.of(0, 0, 1));
  // From transformers 5.18: what a frame of padding is.
  const silence = inputValues.subarray(0, 2 * 16 * 16);
  assertAllClose(silence, silence.map(() => 0.46703237), { atol: 1e-6 });
  ok(Math.abs(inputValues[2 * 16 * 16]! - 0.467) > 0.1);
});
