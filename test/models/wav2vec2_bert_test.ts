import assert from "node:assert/strict";
import { engine, type Tensor, tensor } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../src/errors.ts";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { assertAllClose } from "../compare.ts";
import { namesWith, noiseInputs, scoresOf, withModel } from "./_architecture_case.ts";

const TINY = {
  model_type: "wav2vec2-bert",
  hidden_size: 8,
  num_attention_heads: 2,
  intermediate_size: 12,
  num_hidden_layers: 2,
  feature_projection_input_dim: 6,
  conv_depthwise_kernel_size: 3,
  left_max_position_embeddings: 3,
  right_max_position_embeddings: 1,
  classifier_proj_size: 4,
  initializer_range: 0.3,
  num_labels: 3,
};

const POSITIONS = ["relative_key", "relative", "rotary", null] as const;

Deno.test("Wav2Vec2-BERT asks for the tensors of its kind of positions", async () => {
  const counts = { relative_key: [2, 0], relative: [0, 6], rotary: [0, 0], none: [0, 0] };
  for (const [kind, expected] of Object.entries(counts)) {
    const json = { ...TINY, position_embeddings_type: kind === "none" ? null : kind };
    await withModel(json, (model) => {
      const byKey = namesWith(model, "distance_embedding");
      const relative = [...namesWith(model, "pos_bias"), ...namesWith(model, "linear_pos")];
      assert.deepEqual([byKey.length, relative.length], expected, kind);
      for (const name of byKey) assert.deepEqual(model.parameters.get(name)!.shape, [5, 4]);
    });
  }
});

Deno.test("Wav2Vec2-BERT scores a clip alike alone and padded beside another", async () => {
  for (const position_embeddings_type of POSITIONS) {
    for (const use_weighted_layer_sum of [false, true]) {
      await withModel({ ...TINY, position_embeddings_type, use_weighted_layer_sum }, (model) => {
        assert.ok(model.paddingInvariant);
        const pair = noiseInputs(2, 9, 6);
        const alone = tensor(pair.dataSync().slice(54, 84), [1, 5, 6]);
        const scores = scoresOf(model, pair, Int32Array.of(9, 5));
        assertAllClose(scores.slice(3), scoresOf(model, alone), { atol: 1e-5 });
      });
    }
  }
});

Deno.test("Wav2Vec2-BERT looks back by its convolutions, and ahead by attention alone", async () => {
  const json = { ...TINY, num_hidden_layers: 1, num_attention_heads: 1 };
  await withModel(json, (model) => {
    // Without values attention gives the same for every frame, whatever the others are.
    for (const name of namesWith(model, "linear_v.weight")) {
      const values = model.parameters.get(name)!;
      values.assign(tensor(new Float32Array(values.size), values.shape));
    }
    const inputs = noiseInputs(1, 7, 6);
    const statesOf = (x: Tensor) =>
      model.forward({ inputs: x }, { outputHiddenStates: true }).lastHiddenState!.dataSync();
    const before = statesOf(inputs);
    const changed = inputs.dataSync().map((value, i) => Math.floor(i / 6) === 4 ? i % 5 : value);
    const after = statesOf(tensor(changed, [1, 7, 6]));
    const differs = Array.from({ length: 7 }, (_, t) => {
      return before.slice(t * 8, t * 8 + 8).some((value, i) => value !== after[t * 8 + i]);
    });
    assert.deepEqual(differs, [false, false, false, false, true, true, true]);
  });
});

Deno.test("Wav2Vec2-BERT leaks no tensor in a training pass with masks and padding", async () => {
  for (const position_embeddings_type of POSITIONS) {
    const json = { ...TINY, position_embeddings_type, mask_time_prob: 0.5, mask_time_length: 2 };
    await withModel(json, (model) => {
      const inputs = noiseInputs(2, 9, 6);
      const before = engine().memory();
      const options = { noise: new Noise(1), outputHiddenStates: true };
      const output = model.forward({ inputs, lengths: Int32Array.of(9, 4) }, options);
      assert.deepEqual(output.logits.shape, [2, 3]);
      const { logits, pooled, hiddenStates, lastHiddenState } = output;
      const parts = [logits, pooled, ...hiddenStates!, lastHiddenState!];
      for (const part of new Set(parts)) part.dispose();
      assert.equal(engine().memory().numTensors, before.numTensors);
      assert.equal(engine().memory().numDataBuffers, before.numDataBuffers);
      inputs.dispose();
    });
  }
});

Deno.test("Wav2Vec2-BERT classifies a clip of a single frame", async () => {
  for (const position_embeddings_type of POSITIONS) {
    await withModel({ ...TINY, position_embeddings_type }, (model) => {
      assert.equal(model.frames(model.minSamples), 1);
      const scores = scoresOf(model, noiseInputs(1, 1, 6));
      assert.ok(scores.every(Number.isFinite), `${scores}`);
    });
  }
});

Deno.test("Wav2Vec2-BERT refuses samples, and spectrograms of other bands", async () => {
  await withModel(TINY, (model) => {
    for (const [shape, shown] of [[[1, 700], "[1,700]"], [[1, 9, 8], "[1,9,8]"]] as const) {
      const message = "Cannot classify a spectrogram: expected shape [clips,frames,6], found ";
      const inputs = noiseInputs(...shape);
      assert.throws(() => model.forward({ inputs }), {
        name: "ShapeError",
        message: message + shown,
      });
      inputs.dispose();
    }
  });
});

for (
  const [key, value, expected] of [
    ["conv_depthwise_kernel_size", 4, "an odd number"],
    ["position_embeddings_type", "absolute", "one of relative_key, relative, rotary"],
    ["rotary_embedding_base", 0, "a value between 1 and"],
    ["left_max_position_embeddings", -1, "a value between 0 and"],
    ["feature_projection_input_dim", 0, "a value between 1 and"],
    ["add_adapter", true, "false for classification"],
    ["use_intermediate_ffn_before_adapter", true, "false for classification"],
  ] as const
) {
  Deno.test(`Wav2Vec2-BERT refuses ${key} ${value}`, async () => {
    await assert.rejects(buildModel({ ...TINY, [key]: value }), (error) => {
      assert.ok(error instanceof CheckpointError);
      assert.equal(error.key, key);
      assert.ok(error.message.includes(expected), error.message);
      return true;
    });
  });
}
