/**
 * What is random in training, measured through the model: weights are set so that a state shows each draw.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { type AudioClassificationModel, buildModel, Noise } from "../../src/models/mod.ts";
import { disposeGradients, lossAndGradients } from "../../src/train/step/step.ts";
import { deviceTest } from "../devices.ts";
import { noiseInputs, TINY_SPEECH } from "./_architecture_case.ts";

const SIZE = 8;
const CLIPS = 6;
const SAMPLES = 620; // 61 frames

/** No noise of any kind; the order of norms lets a layer's input pass to its output unchanged. */
const QUIET = {
  ...TINY_SPEECH,
  model_type: "wav2vec2",
  do_stable_layer_norm: true,
  num_hidden_layers: 1,
  intermediate_size: SIZE,
  hidden_dropout: 0,
  attention_dropout: 0,
  activation_dropout: 0,
  feat_proj_dropout: 0,
  layerdrop: 0,
  mask_time_prob: 0,
  mask_feature_prob: 0,
};
const LAYER = "wav2vec2.encoder.layers.0.";
const POSITIONS = "wav2vec2.encoder.pos_conv_embed.conv.";

/** Fills a parameter with one value, or a square one with the identity. */
function set(model: AudioClassificationModel, name: string, value: number | "identity"): void {
  const parameter = model.parameters.get(name)!;
  const values = new Float32Array(parameter.size).fill(value === "identity" ? 0 : value);
  if (value === "identity") { for (let i = 0; i < SIZE; i++) values[i * SIZE + i] = 1; }
  const next = tensor(values, parameter.shape);
  parameter.assign(next);
  next.dispose();
}

interface States {
  /** The input of the first layer, and the output of each. */
  all: Float32Array[];
  first: Float32Array;
  last: Float32Array;
  logits: Float32Array;
}

/** States and scores of six clips; in training where there is a seed. */
async function statesOf(model: AudioClassificationModel, seed?: number): Promise<States> {
  const inputs = noiseInputs(CLIPS, SAMPLES);
  const noise = seed === undefined ? undefined : new Noise(seed);
  const output = model.forward({ inputs }, { noise, outputHiddenStates: true });
  const { logits, pooled, hiddenStates, convFeatures, lastHiddenState } = output;
  const read = async (from: typeof logits) => await from.data() as Float32Array;
  const all = await Promise.all(hiddenStates!.map(read));
  const states = { all, first: all[0]!, last: all.at(-1)!, logits: await read(logits) };
  const parts = [inputs, logits, pooled, ...hiddenStates!, convFeatures, lastHiddenState];
  for (const part of new Set(parts)) part?.dispose();
  return states;
}

/** Runs a body with a model whose positions are silent and whose layer adds nothing. */
async function withQuiet(
  fields: object,
  body: (model: AudioClassificationModel) => Promise<void>,
): Promise<void> {
  const model = await buildModel({ ...QUIET, ...fields }, { seed: 1 });
  set(model, `${POSITIONS}parametrizations.weight.original0`, 0);
  for (const part of ["attention.out_proj", "feed_forward.output_dense"]) {
    set(model, `${LAYER}${part}.weight`, 0);
    set(model, `${LAYER}${part}.bias`, 0);
  }
  try {
    await body(model);
  } finally {
    model.dispose();
  }
}

function expectShare(found: ArrayLike<boolean>, rate: number, label: string): void {
  const values = Array.from(found);
  const share = values.filter(Boolean).length / values.length;
  const spread = 4.5 * Math.sqrt(rate * (1 - rate) / values.length);
  assert.ok(Math.abs(share - rate) <= spread, `${label}: ${share} of ${values.length} for ${rate}`);
}

/** What the layer added to its input. */
function added({ first, last }: States): number[] {
  return Array.from(last, (value, i) => value - first[i]!);
}

function isSame(found: Float32Array, expected: Float32Array): boolean {
  return found.every((value, i) => value === expected[i]);
}

function isNear(value: number, expected: number): boolean {
  return Math.abs(value - expected) < 1e-4;
}

/** Each kind of noise, and how much of it there is. */
const MEASUREMENTS: Record<string, () => Promise<void>> = {
  "dropout of the projected features": () =>
    withQuiet({ feat_proj_dropout: 0.25 }, async (model) => {
      const { first } = await statesOf(model, 1);
      const plain = (await statesOf(model)).first;
      expectShare(Array.from(first, (value) => value === 0), 0.25, "zeros");
      const kept = first.every((value, i) => value === 0 || isNear(value, plain[i]! / 0.75));
      assert.ok(kept, "what is kept is scaled");
    }),

  "dropout before the first layer": () =>
    withQuiet({ hidden_dropout: 0.4 }, async (model) => {
      const { first } = await statesOf(model, 1);
      expectShare(Array.from(first, (value) => value === 0), 0.4, "zeros");
    }),

  "dropout after the attention and after the feed-forward half": async () => {
    for (const part of ["attention.out_proj", "feed_forward.output_dense"]) {
      await withQuiet({ hidden_dropout: 0.2 }, async (model) => {
        set(model, `${LAYER}${part}.bias`, 1);
        const sums = added(await statesOf(model, 1));
        expectShare(sums.map((value) => isNear(value, 0)), 0.2, part);
        assert.ok(sums.every((value) => isNear(value, 0) || isNear(value, 1 / 0.8)));
      });
    }
  },

  "dropout of the widened values": () =>
    withQuiet({ activation_dropout: 0.3, hidden_act: "relu" }, async (model) => {
      set(model, `${LAYER}feed_forward.intermediate_dense.weight`, 0);
      set(model, `${LAYER}feed_forward.intermediate_dense.bias`, 1);
      set(model, `${LAYER}feed_forward.output_dense.weight`, "identity");
      const sums = added(await statesOf(model, 1));
      expectShare(sums.map((value) => isNear(value, 0)), 0.3, "zeros");
      assert.ok(sums.every((value) => isNear(value, 0) || isNear(value, 1 / 0.7)));
    }),

  "dropout of the attention's probabilities": () =>
    withQuiet({ attention_dropout: 0.35 }, async (model) => {
      for (const part of ["q_proj", "k_proj", "v_proj"]) {
        set(model, `${LAYER}attention.${part}.weight`, 0);
      }
      set(model, `${LAYER}attention.v_proj.bias`, 1);
      set(model, `${LAYER}attention.out_proj.weight`, "identity");
      // Each query of each head sees the share of the frames that it kept, scaled: channel 0 is of head 0.
      const frames = model.frames(SAMPLES);
      const heads = added(await statesOf(model, 1)).filter((_, i) => i % (SIZE / 2) === 0);
      const dropped = heads.flatMap((sum) => {
        const kept = sum * frames * 0.65;
        assert.ok(Math.abs(kept - Math.round(kept)) < 0.01, `kept ${kept} of ${frames}`);
        return Array.from({ length: frames }, (_, i) => i >= Math.round(kept));
      });
      expectShare(dropped, 0.35, "probabilities");
      assert.ok(new Set(heads.map((sum) => sum.toFixed(3))).size > 5, "each query draws its own");
    }),

  "layers dropped": async () => {
    const model = await buildModel({ ...QUIET, num_hidden_layers: 50, layerdrop: 0.3 });
    const skipped: boolean[] = [];
    for (const seed of [1, 2, 3]) {
      const states = await statesOf(model, seed);
      skipped.push(...states.all.slice(1).map((state, i) => isSame(state, states.all[i]!)));
    }
    expectShare(skipped, 0.3, "layers");
    model.dispose();
  },

  "frames masked": () =>
    withQuiet(
      { mask_time_prob: 0.3, mask_time_length: 5, mask_time_min_masks: 1 },
      async (model) => {
        set(model, "wav2vec2.masked_spec_embed", 7);
        const { first } = await statesOf(model, 1);
        const frames = Array.from({ length: first.length / SIZE }, (_, i) => first[i * SIZE] === 7);
        assert.ok(first.every((value, i) => (value === 7) === frames[Math.floor(i / SIZE)]));
        // 0.3 * 61 frames are 3 or 4 spans of 5 a clip, which may overlap.
        const masked = frames.filter(Boolean).length;
        assert.ok(masked > CLIPS * 8 && masked <= CLIPS * 20, `${masked} frames masked`);
      },
    ),

  "channels masked": () =>
    withQuiet({ mask_feature_prob: 0.5, mask_feature_length: 2 }, async (model) => {
      const { first } = await statesOf(model, 1);
      const frames = model.frames(SAMPLES);
      for (let clip = 0; clip < CLIPS; clip++) {
        const rows = Array.from({ length: frames }, (_, t) => (clip * frames + t) * SIZE);
        const silent = Array.from(
          { length: SIZE },
          (_, channel) => rows.filter((row) => first[row + channel] === 0).length,
        );
        assert.ok(silent.every((count) => count === 0 || count === frames), `${silent}`);
        assert.ok(silent.includes(frames) && silent.includes(0), `${silent}`);
      }
    }),

  "no masks where the config applies none": () =>
    withQuiet(
      { mask_time_prob: 0.5, mask_feature_prob: 0.5, apply_spec_augment: false },
      async (model) => {
        assert.deepEqual(await statesOf(model, 1), await statesOf(model));
      },
    ),
};

deviceTest("Wav2Vec2 draws in training as often as its config says", async (_device, t) => {
  for (const [name, measure] of Object.entries(MEASUREMENTS)) await t.step(name, measure);
});

const LOUD = {
  hidden_dropout: 0.5,
  attention_dropout: 0.5,
  activation_dropout: 0.5,
  feat_proj_dropout: 0.5,
  layerdrop: 0.5,
  mask_time_prob: 0.5,
  mask_feature_prob: 0.5,
};

deviceTest("Wav2Vec2 draws nothing in evaluation", async () => {
  const scores: Float32Array[] = [];
  // Both have a mask embedding, so that their seeds draw the same weights.
  for (const fields of [{ ...QUIET, mask_time_prob: 0.5 }, { ...QUIET, ...LOUD }]) {
    const model = await buildModel(fields, { seed: 1 });
    scores.push((await statesOf(model)).logits, (await statesOf(model)).logits);
    model.dispose();
  }
  for (const found of scores.slice(1)) assert.deepEqual(found, scores[0]);
});

deviceTest("Wav2Vec2 trains on clips that are shorter than a span of masks", async () => {
  const fields = { mask_time_prob: 0.9, mask_time_length: 10, mask_feature_prob: 0.9 };
  const model = await buildModel({ ...QUIET, ...fields, mask_feature_length: 20 }, { seed: 1 });
  for (const samples of [model.minSamples, 60]) {
    const inputs = Float32Array.from({ length: 2 * samples }, (_, i) => Math.sin(i));
    const batch = { inputs, shape: [2, samples], labels: Int32Array.of(0, 1) };
    const result = lossAndGradients(model, [batch], { noise: new Noise(1) });
    const [loss] = await result.loss.data();
    assert.ok(Number.isFinite(loss), `loss ${loss}`);
    disposeGradients(result);
  }
  model.dispose();
});
