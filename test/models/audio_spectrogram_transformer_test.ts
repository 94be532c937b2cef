import assert from "node:assert/strict";
import { engine, tensor, tidy } from "@tensorflow/tfjs-core";
import { CheckpointError, ShapeError } from "../../src/errors.ts";
import { countFlops } from "../../src/flops.ts";
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { namesWith, noiseInputs, scoresOf, withModel } from "./_architecture_case.ts";

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

Deno.test("AST puts two tokens before the patches, which positions tell apart", async () => {
  await withModel(TINY, (model) => {
    const [classes, distilled, positions] = [
      "cls_token",
      "distillation_token",
      "position_embeddings",
    ]
      .map((name, i) => {
        const parameter = model.parameters.get(`${BASE}.embeddings.${name}`)!;
        const values = Float32Array.from({ length: parameter.size }, (_, at) => i + at);
        const filled = tensor(values, parameter.shape);
        parameter.assign(filled);
        filled.dispose();
        return Array.from(values);
      });
    const inputs = tensor(new Float32Array(2 * 120), [2, 12, 10]);
    const { hiddenStates, features: _features, frameLengths: _lengths, ...rest } = model.forward({
      inputs,
    }, { outputHiddenStates: true });
    const first = Array.from(hiddenStates![0]!.dataSync());
    const row = (at: number): number[] => positions!.slice(8 * at, 8 * at + 8);
    const expected = [
      ...row(0).map((value, i) => value + classes![i]!),
      ...row(1).map((value, i) => value + distilled![i]!),
      // Patches of silence, with a bias of 0: their position alone.
      ...positions!.slice(16),
    ];
    assert.deepEqual(first, [...expected, ...expected]);
    for (const part of [...hiddenStates!, ...Object.values(rest), inputs]) part.dispose();
  });
});

Deno.test("AST has the same bits whether its last layer gives the tokens or all", async () => {
  const device = await startWasm();
  const model = await buildModel(TINY);
  try {
    const inputs = noiseInputs(3, 12, 10);
    const flopsOf = (outputHiddenStates: boolean) =>
      countFlops(() => tidy(() => void model.forward({ inputs }, { outputHiddenStates })));
    assert.ok(flopsOf(false) < flopsOf(true));
    const logitsOf = (outputHiddenStates: boolean) =>
      tidy(() => Array.from(model.forward({ inputs }, { outputHiddenStates }).logits.dataSync()));
    assert.deepEqual(logitsOf(false), logitsOf(true));
    inputs.dispose();
  } finally {
    model.dispose();
    device.dispose();
  }
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
