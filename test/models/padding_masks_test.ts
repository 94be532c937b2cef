/**
 * Whether the masks of training fall on padding, seen from outside: with as many masks as the clip has frames, masks
 * that leave padding alone hide the whole clip, so that any two clips score alike.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { type AudioClassificationModel, type JsonObject, Noise } from "../../src/models/mod.ts";
import { Random } from "../../src/random.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";
import { withModel } from "./_architecture_case.ts";

const SAMPLES = 600;
const REAL_SAMPLES = 65;
const REAL_FRAMES = 5;

const NO_OTHER_NOISE: JsonObject = {
  hidden_dropout: 0,
  attention_dropout: 0,
  activation_dropout: 0,
  feat_proj_dropout: 0,
  conformer_conv_dropout: 0,
  layerdrop: 0,
  feat_extract_norm: "layer",
  mask_time_prob: 1e-6,
  mask_time_length: 1,
  mask_time_min_masks: REAL_FRAMES,
};

/** Scores in training of a clip of noise beside silence. */
async function scoresOf(model: AudioClassificationModel, seed: number): Promise<Float32Array> {
  const random = new Random(seed);
  const draw = (_: unknown, i: number) => i < REAL_SAMPLES ? random.normal() : 0;
  const inputs = tensor(Float32Array.from({ length: SAMPLES }, draw), [1, SAMPLES]);
  const lengths = Int32Array.of(REAL_SAMPLES);
  const { logits, pooled } = model.forward({ inputs, lengths }, { noise: new Noise(3) });
  const scores = await logits.data() as Float32Array;
  for (const part of [inputs, logits, pooled]) part.dispose();
  return scores;
}

/** As in the reference, these do not tell SpecAugment what is padding. */
const MASKS_PADDING = ["hubert", "sew", "sew-d"];

for (const [modelType, { config, clip }] of Object.entries(TINY_ARCHITECTURES)) {
  if (clip.length > 1) continue;
  const isBlind = MASKS_PADDING.includes(modelType);
  const title = `${modelType} in training ${isBlind ? "masks padding too" : "masks no padding"}`;
  Deno.test(title, async () => {
    await withModel({ ...config, ...NO_OTHER_NOISE }, async (model) => {
      assert.equal(model.frames(REAL_SAMPLES), REAL_FRAMES);
      const [one, other] = [await scoresOf(model, 1), await scoresOf(model, 2)];
      if (isBlind) assert.notDeepEqual(one, other);
      else assert.deepEqual(one, other);
    });
  });
}
