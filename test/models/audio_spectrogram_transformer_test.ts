import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { CheckpointError, ShapeError } from "../../src/errors.ts";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { kitCases, namesWith, noiseInputs, scoresOf, withModel } from "./_architecture_case.ts";

const TINY = {
  model_type: "audio-spectrogram-transformer",
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  patch_size: 4,
  frequency_stride: 3,
  time_stride: 2,
  max_length: 12,
  num_mel_bins: 10,
  num_labels: 3,
};
const BASE = "audio_spectrogram_transformer";

kitCases("AST", ["ast", "ast-multilabel", "ast-regression"]);

Deno.test("AST has a position for each of two tokens and each patch", async () => {
  await withModel(TINY, (model) => {
    const positions = model.parameters.get(`${BASE}.embeddings.position_embeddings`)!;
    assert.deepEqual(positions.shape, [1, 2 + 3 * 5, 8]);
    assert.equal(model.frames(16_000), 17);
  });
});

Deno.test("AST keeps the names of checkpoints", async () => {
  await withModel(TINY, (model) => {
    const saved = [...model.tensors()].map(({ name }) => name);
    const layer = `${BASE}.encoder.layer.1`;
    assert.ok(saved.includes(`${layer}.attention.attention.query.weight`));
    assert.ok(saved.includes(`${layer}.attention.output.dense.bias`));
    assert.ok(saved.includes("classifier.layernorm.weight"));
  });
});

Deno.test("AST's queries, keys and values have no bias where the config says so", async () => {
  await withModel({ ...TINY, qkv_bias: false }, (model) => {
    const names = namesWith(model, "layer.0.attention.attention");
    assert.ok(names.every((name) => name.endsWith(".weight")), `${names}`);
    assert.equal(names.length, 3);
    assert.ok(scoresOf(model, noiseInputs(1, 12, 10)).every(Number.isFinite));
  });
});

Deno.test("AST takes spectrograms of one length and number of bands only", async () => {
  await withModel(TINY, (model) => {
    assert.equal(scoresOf(model, noiseInputs(2, 12, 10)).length, 6);
    for (const shape of [[1, 11, 10], [1, 13, 10], [1, 12, 9], [1, 120]]) {
      const inputs = noiseInputs(...shape);
      assert.throws(() => model.forward({ inputs }), (error) => {
        return error instanceof ShapeError && /expected shape \[clips,12,10\]/.test(error.message);
      });
      inputs.dispose();
    }
  });
});

Deno.test("AST scores by its two tokens, each with its own position", async () => {
  await withModel(TINY, (model) => {
    const before = scoresOf(model, noiseInputs(1, 12, 10));
    for (const token of ["cls_token", "distillation_token"]) {
      const parameter = model.parameters.get(`${BASE}.embeddings.${token}`)!;
      const other = noiseInputs(1, 1, 8);
      parameter.assign(other);
      other.dispose();
      const after = scoresOf(model, noiseInputs(1, 12, 10));
      assert.ok(after.some((score, i) => Math.abs(score - before[i]!) > 1e-5), token);
    }
  });
});

Deno.test("AST leaks no tensor in a training pass", async () => {
  await withModel({ ...TINY, hidden_dropout_prob: 0.1 }, (model) => {
    const inputs = noiseInputs(2, 12, 10);
    const before = engine().memory().numTensors;
    const { logits, pooled } = model.forward({ inputs }, { noise: new Noise(1) });
    logits.dispose();
    pooled.dispose();
    assert.equal(engine().memory().numTensors, before);
    inputs.dispose();
  });
});

for (
  const [key, value] of [
    ["max_length", 3],
    ["num_mel_bins", 3],
    ["time_stride", 0],
    ["max_length", 1e9],
    ["num_attention_heads", 3],
  ] as const
) {
  Deno.test(`AST refuses ${key} ${value}`, async () => {
    await assert.rejects(buildModel({ ...TINY, [key]: value }), (error) => {
      return error instanceof CheckpointError && error.key === key;
    });
  });
}
