import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../src/errors.ts";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { distanceBuckets } from "../../src/models/wavlm.ts";
import { namesWith, noiseInputs, scoresOf, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = { ...TINY_SPEECH, model_type: "wavlm", num_buckets: 8, max_bucket_distance: 6 };

/** The buckets of a few distances. */
function bucketsOf(distances: number[], num_buckets: number, max_bucket_distance: number) {
  const all = distanceBuckets(2000, { num_buckets, max_bucket_distance });
  return distances.map((distance) => all[distance + 1999]);
}

Deno.test("distanceBuckets() are exact for near frames and logarithmic for far ones", () => {
  // From PyTorch, for the sizes of the published models and of a small one.
  const distances = [-1999, -800, -799, -81, -80, -79, -1, 0, 1, 79, 80, 81, 799, 800, 1999];
  const published = [159, 159, 159, 80, 80, 79, 1, 0, 161, 239, 240, 240, 319, 319, 319];
  assert.deepEqual(bucketsOf(distances, 320, 800), published);
  const small = [-64, -63, -16, -9, -8, -7, 7, 8, 9, 16, 63, 64];
  const expected = [15, 15, 10, 8, 8, 7, 23, 24, 24, 26, 31, 31];
  assert.deepEqual(bucketsOf(small, 32, 64), expected);
});

Deno.test("WavLM keeps one table of biases, with the first layer, and a gate in each", async () => {
  await withModel(TINY, (model) => {
    const tables = namesWith(model, "rel_attn_embed");
    assert.deepEqual(tables, ["wavlm.encoder.layers.0.attention.rel_attn_embed.weight"]);
    assert.deepEqual(model.parameters.get(tables[0]!)!.shape, [8, 2]);
    assert.equal(namesWith(model, "gru_rel_pos").length, 6);
  });
});

Deno.test("WavLM's biases reach the scores in both orders of norms", async () => {
  for (const do_stable_layer_norm of [false, true]) {
    await withModel({ ...TINY, do_stable_layer_norm, initializer_range: 0.5 }, (model) => {
      const before = scoresOf(model, noiseInputs(1, 200));
      const table = model.parameters.get("wavlm.encoder.layers.0.attention.rel_attn_embed.weight")!;
      const shifted = noiseInputs(...table.shape);
      table.assign(shifted);
      shifted.dispose();
      const after = scoresOf(model, noiseInputs(1, 200));
      assert.ok(before.some((score, i) => Math.abs(score - after[i]!) > 1e-4));
    });
  }
});

Deno.test("WavLM never drops its first layer", async () => {
  await withModel({ ...TINY, layerdrop: 1 }, (model) => {
    const inputs = noiseInputs(1, 200);
    const { hiddenStates, features: _features, frameLengths: _lengths, ...rest } = model.forward({
      inputs,
    }, {
      noise: new Noise(1),
      outputHiddenStates: true,
    });
    const [first, second, third] = hiddenStates!.map((state) => Array.from(state.dataSync()));
    assert.notDeepEqual(first, second);
    assert.deepEqual(second, third);
    for (const part of [...hiddenStates!, ...Object.values(rest), inputs]) part.dispose();
  });
});

Deno.test("WavLM leaks no tensor in a training pass with masks and padding", async () => {
  await withModel({ ...TINY, mask_time_prob: 0.5, mask_time_length: 2 }, (model) => {
    const inputs = noiseInputs(2, 200);
    const before = engine().memory().numTensors;
    const { logits, pooled } = model.forward(
      { inputs, lengths: Int32Array.of(200, 120) },
      { noise: new Noise(1) },
    );
    logits.dispose();
    pooled.dispose();
    assert.equal(engine().memory().numTensors, before);
    inputs.dispose();
  });
});

for (const [key, value] of [["num_buckets", 3], ["max_bucket_distance", 2]] as const) {
  Deno.test(`WavLM refuses ${key} ${value}`, async () => {
    await assert.rejects(buildModel({ ...TINY, [key]: value }), (error) => {
      return error instanceof CheckpointError && error.key === key;
    });
  });
}
