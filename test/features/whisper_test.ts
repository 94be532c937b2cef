import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { ExtractOptions } from "../../src/features/feature_extractor.ts";
import { WhisperFeatureExtractor } from "../../src/features/whisper.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, type KitTensor, kitTest, readJson } from "../kit.ts";
import { tone } from "../tiny_model.ts";
import { goldenRuns } from "./golden_runs.ts";

/** A second of 100 frames of 8 bands. */
const SMALL = new WhisperFeatureExtractor({ featureSize: 8, chunkLength: 1 });

function framesOf(clip: Float32Array, options: ExtractOptions = {}, extractor = SMALL): number[][] {
  const { inputValues, shape } = extractor.extract([clip], options);
  const [, frames, bands] = shape as [number, number, number];
  equal(inputValues.length, frames * bands);
  return Array.from(
    { length: frames },
    (_, t) => [...inputValues.subarray(t * bands, (t + 1) * bands)],
  );
}

/** **Shape** `[B, C, T]` -> `[B, T, C]` */
function framesFirst({ shape, values }: KitTensor): { shape: number[]; values: Float32Array } {
  const [batch, bands, frames] = shape as [number, number, number];
  const turned = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const [row, frame] = [Math.floor(i / frames), i % frames];
    const [clip, band] = [Math.floor(row / bands), row % bands];
    turned[(clip * frames + frame) * bands + band] = values[i]!;
  }
  return { shape: [batch, frames, bands], values: turned };
}

kitTest("extract() equals transformers on the kit's runs of Whisper", async () => {
  const runs = await goldenRuns("whisper.");
  equal(runs.length, 4);
  let masks = 0;
  for (const { name, batch, expected, expectedMask } of runs) {
    const actual = { shape: batch.shape, values: batch.inputValues };
    assertAllClose(actual, framesFirst(expected), { atol: 1e-4, label: name });
    // Where the call only normalises, the reference leaves a mask of samples behind.
    if (expectedMask?.shape[1] !== batch.shape[1]) continue;
    deepEqual(batch.attentionMask, expectedMask?.values, `${name}: mask`);
    masks++;
  }
  equal(masks, 1);
});

kitTest("toConfig() writes what transformers wrote for Whisper", async () => {
  for (const name of ["whisper", "whisper-weighted"]) {
    const file = kitPath(name, "preprocessor_config.json");
    const config = await readJson<Record<string, unknown>>(file);
    const written = WhisperFeatureExtractor.fromConfig(config, { file }).toConfig();
    equal(JSON.stringify(written), JSON.stringify(config), name);
  }
  deepEqual(
    WhisperFeatureExtractor.fromConfig({}).toConfig(),
    await readJson<object>(kitPath("whisper", "preprocessor_config.json")),
  );
});

Deno.test("extract() pads and cuts clips to the chunk", () => {
  const clips = [tone(1), tone(200), tone(16_000), tone(20_000)];
  const { shape, lengths, attentionMask } = SMALL.extract(clips);
  deepEqual([shape, lengths], [[4, 100, 8], Int32Array.of(1, 2, 100, 100)]);
  equal(attentionMask, undefined);
  deepEqual(framesOf(clips[3]!), framesOf(clips[3]!.slice(0, 16_000)));
  deepEqual(new WhisperFeatureExtractor().fixedSamples, 480_000);
});

/** 159 and 161 end on either side of a frame; 15,900 leaves no frame without sound. */
for (const length of [1, 159, 161, 1000, 15_700, 15_900]) {
  Deno.test(`extract() copies the frames of padding behind ${length} samples as it would compute them`, () => {
    const padded = new Float32Array(16_000).fill(0.01);
    padded.set(tone(length));
    const extractor = new WhisperFeatureExtractor({
      featureSize: 8,
      chunkLength: 1,
      paddingValue: Math.fround(0.01),
    });
    const copied = framesOf(tone(length), {}, extractor).flat();
    assertAllClose(copied, framesOf(padded, {}, extractor).flat(), { atol: 1e-5 });
  });
}

Deno.test("extract() sets the floor eight powers of ten below the loudest moment of each clip", () => {
  const loud = tone(4_000);
  const quiet = loud.map((sample) => sample * 1e-3);
  const both = SMALL.extract([loud, quiet]);
  const rangeOf = (values: Float32Array) =>
    values.reduce((a, b) => Math.max(a, b)) -
    values.reduce((a, b) => Math.min(a, b));
  const [first, second] = [both.inputValues.subarray(0, 800), both.inputValues.subarray(800)];
  assertAllClose([rangeOf(first)], [2], { atol: 1e-6 });
  ok(rangeOf(second) < 2, `${rangeOf(second)}`);
  assertAllClose([second.at(-1)!], [-1.5], { atol: 1e-6 });
  deepEqual([...first], framesOf(loud).flat());
  deepEqual([...second], framesOf(quiet).flat());
});

Deno.test("extract() gives one number for silence", () => {
  deepEqual(framesOf(new Float32Array(300)).flat(), new Array(800).fill(-1.5));
});

Deno.test("extract() normalises the samples, not their padding, where it is asked", () => {
  const clip = tone(8_000);
  const options = { doNormalize: true };
  const louder = clip.map((sample) => sample * 3 + 0.1);
  assertAllClose(framesOf(clip, options).flat(), framesOf(louder, options).flat(), { atol: 1e-3 });
  assertAllClose(framesOf(clip, options)[99]!, framesOf(clip, options)[98]!, { atol: 0 });
  deepEqual(clip, tone(8_000));
});

Deno.test("extract() masks frames of Whisper, however it is asked", () => {
  const byCall = SMALL.extract([tone(321)], { returnAttentionMask: true });
  deepEqual([...byCall.attentionMask!.subarray(0, 4)], [1, 1, 1, 0]);
  equal(byCall.attentionMask!.length, 100);
  const byFile = WhisperFeatureExtractor.fromConfig({
    feature_size: 8,
    chunk_length: 1,
    return_attention_mask: true,
  });
  deepEqual(byFile.extract([tone(321)]), byCall);
});

Deno.test("extract() takes other lengths where it is asked to", () => {
  const clips = [tone(1_000), tone(1_700)];
  const shapeOf = (options: ExtractOptions) => SMALL.extract(clips, options).shape;
  deepEqual(shapeOf({ padding: "longest" }), [2, 10, 8]);
  deepEqual(shapeOf({ padding: true, padToMultipleOf: 1600 }), [2, 20, 8]);
  deepEqual(shapeOf({ maxLength: 800 }), [2, 5, 8]);
  const long = SMALL.extract([tone(20_000)], { padding: false, truncation: false });
  deepEqual(long.shape, [1, 125, 8]);
  throws(() => shapeOf({ padding: false }), /one length without padding/);
  throws(() => shapeOf({ maxLength: 200 }), {
    name: "RangeError",
    message: "Cannot extract features: expected clips padded to 201 samples or more, found 200",
  });
});

Deno.test("extract() refuses clips that Whisper cannot take", () => {
  const refuses = (clips: Float32Array[], message: RegExp, options: ExtractOptions = {}) =>
    throws(() => SMALL.extract(clips, options), { name: "RangeError", message });
  refuses([tone(9), new Float32Array()], /of clip 1: expected samples, found none/);
  refuses([Float32Array.of(0, Infinity)], /of clip 0: expected finite samples/);
  refuses([tone(9)], /expected clips at 16000 Hz, found 44100 Hz/, { samplingRate: 44_100 });
});

Deno.test("fromConfig() takes the length from chunk_length alone, and no filter bank", () => {
  const config = { chunk_length: 2, n_samples: 7, nb_max_frames: 7, mel_filters: [[1]], zebra: 1 };
  const extractor = WhisperFeatureExtractor.fromConfig(config);
  equal(extractor.fixedSamples, 32_000);
  const { n_samples, nb_max_frames, zebra, mel_filters } = extractor.toConfig();
  deepEqual([n_samples, nb_max_frames, zebra, mel_filters], [32_000, 200, 1, undefined]);
});

Deno.test("fromConfig() names the field of Whisper that it refuses", () => {
  const refuses = (config: Record<string, unknown>, message: RegExp) =>
    throws(() => WhisperFeatureExtractor.fromConfig(config, { file: "p.json" }), {
      name: "CheckpointError",
      message,
      file: "p.json",
      key: Object.keys(config)[0],
    });
  refuses({ chunk_length: 1e9 }, /expected chunk_length a whole number from 1 to 300, found/);
  refuses({ chunk_length: 2.5 }, /found 2.5$/);
  refuses({ hop_length: 1 }, /expected hop_length a whole number from 16 to 480000, found 1$/);
  refuses({ n_fft: 402 }, /expected n_fft an even product of 2, 3, 5 and 7, found 402$/);
  refuses({ n_fft: 405 }, /expected n_fft an even product/);
  refuses({ n_fft: 1e6 }, /from 16 to 4096, found 1000000$/);
  refuses({ feature_size: -1 }, /feature_size a whole number from 1 to 512, found -1$/);
  refuses({ dither: 1e-5 }, /expected dither 0, found 0.00001$/);
  refuses({ padding_side: "left" }, /expected padding_side "right", found "left"$/);
});
