import assert from "node:assert/strict";
import { tensor1d } from "@tensorflow/tfjs-core";
import { Noise } from "../../src/layers/noise.ts";
import { loadSpecAugment, spanMask, specAugment } from "../../src/layers/spec_augment.ts";
import { Random } from "../../src/random.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { assertClose, freshReader, layerTest, noiseTensor, numbers } from "./_layer_case.ts";

const DRAWS = 2000;

interface ClipStatistics {
  valid_frames: number;
  mean_masked_frames: number;
  std_masked_frames: number;
  min_masked_frames: number;
  max_masked_frames: number;
  mean_runs: number;
  masked_beyond_valid: number;
  mask_probability_in_8_equal_parts: number[];
}

interface Setting {
  frames: number;
  prob: number;
  length: number;
  min_masks: number;
  lengths: number[] | null;
  draws: number;
  per_clip: ClipStatistics[];
}

/** Masked frames of one clip in each draw, and how often each eighth of the clip was masked. */
function draw(setting: Setting, random: Random): { masked: number[][]; eighths: number[][] } {
  const clips = setting.per_clip.length;
  const masked: number[][] = setting.per_clip.map(() => []);
  const eighths = setting.per_clip.map(() => new Array<number>(8).fill(0));
  for (let i = 0; i < DRAWS; i++) {
    const mask = spanMask(clips, setting.frames, {
      prob: setting.prob,
      span: setting.length,
      minSpans: setting.min_masks,
      lengths: setting.lengths ?? undefined,
      random,
    });
    for (const [clip, { valid_frames: valid }] of setting.per_clip.entries()) {
      const row = mask.subarray(clip * setting.frames, (clip + 1) * setting.frames);
      masked[clip]!.push(row.reduce((a, b) => a + b, 0));
      assert.equal(row.subarray(valid).reduce((a, b) => a + b, 0), 0, "padding is never masked");
      for (let part = 0; part < 8; part++) {
        const frames = row.subarray(...eighth(setting.frames, part));
        eighths[clip]![part] = eighths[clip]![part]! + mean([...frames]) / DRAWS;
      }
    }
  }
  return { masked, eighths };
}

/** Begin and end of an eighth of all frames. */
function eighth(frames: number, part: number): [number, number] {
  return [Math.floor(frames * part / 8), Math.floor(frames * (part + 1) / 8)];
}

function mean(values: number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

kitTest("spanMask() masks as much, and where, as the reference does", async () => {
  const { settings } = await readJson<{ settings: Setting[] }>(kitPath("masks", "masks.json"));
  const random = new Random(7);
  for (const setting of settings) {
    const { masked, eighths } = draw(setting, random);
    for (const [clip, expected] of setting.per_clip.entries()) {
      if (expected.masked_beyond_valid > 0) continue;
      const spread = expected.std_masked_frames * Math.sqrt(1 / setting.draws + 1 / DRAWS);
      const off = Math.abs(mean(masked[clip]!) - expected.mean_masked_frames);
      assert.ok(off <= 4 * spread + 1e-9, `${JSON.stringify(setting)}: mean is off by ${off}`);
      assert.ok(Math.min(...masked[clip]!) >= expected.min_masked_frames - setting.length);
      assert.ok(Math.max(...masked[clip]!) <= expected.max_masked_frames);
      eighths[clip]!.forEach((share, part) => {
        const wanted = expected.mask_probability_in_8_equal_parts[part]!;
        assert.ok(Math.abs(share - wanted) < 0.04, `part ${part}: ${share} for ${wanted}`);
      });
    }
  }
});

Deno.test("spanMask() masks whole spans, without a shared start", () => {
  const mask = spanMask(1, 100, { prob: 0.5, span: 10, random: new Random(1) });
  const masked = mask.reduce((a, b) => a + b, 0);
  assert.ok(masked >= 10 && masked <= 50, `${masked} frames masked`);
  const starts = mask.filter((bit, i) => bit === 1 && mask[i - 1] !== 1).length;
  assert.ok(starts >= 1 && starts <= 5);
});

Deno.test("spanMask() leaves clips shorter than a span alone", () => {
  const mask = spanMask(2, 9, { prob: 0.5, span: 10, minSpans: 2, random: new Random(1) });
  assert.deepEqual(mask, new Int32Array(18));
});

Deno.test("spanMask() keeps to the valid part of each row", () => {
  const lengths = [12, 3, 40];
  const random = new Random(3);
  for (let i = 0; i < 200; i++) {
    const mask = spanMask(3, 40, { prob: 0.3, span: 5, minSpans: 2, lengths, random });
    const sums = [0, 1, 2].map((row) =>
      mask.subarray(row * 40 + lengths[row]!, (row + 1) * 40).reduce((a, b) => a + b, 0)
    );
    assert.deepEqual(sums, [0, 0, 0]);
    assert.equal(mask.subarray(40, 80).reduce((a, b) => a + b, 0), 0);
  }
});

const MASKS = {
  apply_spec_augment: true,
  mask_time_prob: 0.5,
  mask_time_length: 4,
  mask_time_min_masks: 1,
  mask_feature_prob: 0,
  mask_feature_length: 2,
  mask_feature_min_masks: 0,
};

/** Frames of `[B, T, D]` whose values are all this one. */
function framesOf(values: number[], value: number, size: number): number[] {
  const frames = Array.from({ length: values.length / size }, (_, i) => i);
  return frames.filter((i) => values.slice(i * size, (i + 1) * size).every((x) => x === value));
}

layerTest("specAugment() puts the embedding in place of spans of frames", () => {
  const maskedSpecEmbed = tensor1d([9, 9, 9]);
  const x = noiseTensor([2, 20, 3]);
  const lengths = [20, 8];
  const y = specAugment({ config: MASKS, maskedSpecEmbed }, x, { lengths, noise: new Noise(2) });
  const masked = framesOf(numbers(y), 9, 3);
  assert.ok(masked.length >= 8, `${masked.length} frames masked`);
  assert.ok(masked.every((i) => i < 28), "padding of the second clip is never masked");
  const before = numbers(x);
  const kept = numbers(y).every((value, i) => value === 9 || value === before[i]);
  assert.ok(kept, "other frames stay");
});

layerTest("specAugment() zeroes channels through all frames of a clip", () => {
  const config = { ...MASKS, mask_time_prob: 0, mask_feature_prob: 0.5 };
  const x = noiseTensor([1, 6, 8]);
  const y = specAugment({ config, maskedSpecEmbed: tensor1d(new Float32Array(8)) }, x, {
    noise: new Noise(2),
  });
  const frames = Array.from({ length: 6 }, (_, t) => numbers(y).slice(t * 8, (t + 1) * 8));
  const zeroIn = frames.map((frame) => frame.map((value) => value === 0));
  assert.ok(zeroIn[0]!.includes(true) && zeroIn[0]!.includes(false));
  for (const frame of zeroIn) assert.deepEqual(frame, zeroIn[0]);
});

layerTest("specAugment() is the identity in evaluation and where it is switched off", () => {
  const maskedSpecEmbed = tensor1d([9, 9, 9]);
  const x = noiseTensor([1, 20, 3]);
  const noise = new Noise(2);
  assertClose(specAugment({ config: MASKS, maskedSpecEmbed }, x, {}), x);
  const off = { ...MASKS, apply_spec_augment: false };
  assertClose(specAugment({ config: off, maskedSpecEmbed }, x, { noise }), x);
  assertClose(specAugment({ config: MASKS }, x, { noise }), x);
});

layerTest("loadSpecAugment() asks for the embedding only where something is masked", async () => {
  const reader = freshReader();
  await loadSpecAugment(reader, { ...MASKS, mask_time_prob: 0, hidden_size: 3 });
  assert.equal(reader.parameters.size, 0);
  await loadSpecAugment(reader, { ...MASKS, hidden_size: 3 });
  assert.deepEqual(reader.parameters.get("masked_spec_embed")?.shape, [3]);
});
