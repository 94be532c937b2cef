import assert from "node:assert/strict";
import { grad, tensor, tidy } from "@tensorflow/tfjs-core";
import { CheckpointError, ShapeError } from "../../src/errors.ts";
import { countFlops } from "../../src/flops.ts";
import "../../src/gradients.ts";
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import { buildModel, type ParameterSource } from "../../src/models/mod.ts";
import { namesWith, noiseInputs, scoresOf, withModel } from "./_architecture_case.ts";

const TINY = {
  model_type: "whisper",
  d_model: 8,
  encoder_layers: 2,
  encoder_attention_heads: 2,
  encoder_ffn_dim: 12,
  num_mel_bins: 4,
  max_source_positions: 10,
  classifier_proj_size: 4,
  num_labels: 3,
};
const POSITIONS = "encoder.embed_positions.weight";

Deno.test("Whisper takes spectrograms of one length and number of bands only", async () => {
  await withModel(TINY, (model) => {
    assert.equal(scoresOf(model, noiseInputs(1, 20, 4)).length, 3);
    for (const shape of [[1, 19, 4], [1, 21, 4], [1, 20, 5], [1, 80]]) {
      const inputs = noiseInputs(...shape);
      assert.throws(() => model.forward({ inputs }), (error) => {
        assert.ok(error instanceof ShapeError && error instanceof RangeError);
        assert.match(error.message, /expected shape \[clips,20,4\]/);
        return true;
      });
      inputs.dispose();
    }
  });
});

Deno.test("Whisper's positions are sines and cosines that are saved and never trained", async () => {
  await withModel(TINY, (model) => {
    const table = model.parameters.get(POSITIONS)!;
    const rows = Array.from(table.dataSync(), (value) => Math.round(value * 1e4) / 1e4);
    assert.deepEqual(rows.slice(0, 8), [0, 0, 0, 0, 1, 1, 1, 1]);
    const angles = [1, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3), 1e-4];
    const first = [...angles.map(Math.sin), ...angles.map(Math.cos)];
    assert.deepEqual(rows.slice(8, 16), first.map((value) => Math.round(value * 1e4) / 1e4));
    assert.equal(model.trainable().has(POSITIONS), false);
    assert.ok([...model.tensors()].some(({ name }) => name === POSITIONS));
  });
});

Deno.test("Whisper has the same bits whether it convolves all silence or a piece of it", async () => {
  const device = await startWasm();
  const model = await buildModel({ ...TINY, max_source_positions: 20 });
  const flops = new Set<number>();
  for (const heard of [0, 1, 6, 7, 30, 31, 32, 33, 40]) {
    const noise = noiseInputs(2, 40, 4);
    // The second clip ends earlier; silence is no 0.
    const values = noise.dataSync<"float32">().slice().fill(0.25, 4 * (40 + heard));
    const inputs = tensor(values.fill(0.25, 4 * Math.floor(heard / 2), 4 * 40), [2, 40, 4]);
    const some = tidy(() => model.forward({ inputs }).logits);
    flops.add(countFlops(() => tidy(() => void model.forward({ inputs }))));
    let all: Float32Array | undefined;
    const gradients = grad((spectrogram) => {
      const { logits } = model.forward({ inputs: spectrogram });
      all = logits.dataSync<"float32">().slice();
      return logits;
    })(inputs);
    assert.deepEqual(some.dataSync(), all, `${heard} frames`);
    for (const part of [noise, inputs, some, gradients]) part.dispose();
  }
  assert.ok(flops.size > 3, `${[...flops]}`);
  model.dispose();
  device.dispose();
});

Deno.test("Whisper's keys have no bias", async () => {
  await withModel(TINY, (model) => {
    const weights = [0, 1].map((i) => `encoder.layers.${i}.self_attn.k_proj.weight`);
    assert.deepEqual(namesWith(model, "k_proj"), weights);
  });
});

Deno.test("Whisper reads the encoder of a transcription checkpoint and leaves the decoder over", async () => {
  await withModel(TINY, async (model) => {
    const stored = new Map(
      [...model.parameters].filter(([name]) => name.startsWith("encoder."))
        .map(([name, values]) => [`model.${name}`, values]),
    );
    const source: ParameterSource = {
      file: "model.safetensors",
      names: () => [...stored.keys(), "model.decoder.layer_norm.weight"],
      shape: (name) => stored.get(name)?.shape,
      read: (name) => Promise.resolve(stored.get(name)!.dataSync() as Float32Array),
    };
    const other = await buildModel(TINY, { source, seed: 1 });
    const head = ["projector.weight", "projector.bias", "classifier.weight", "classifier.bias"];
    assert.deepEqual(other.loading.missing, head);
    assert.deepEqual(other.loading.unexpected, ["model.decoder.layer_norm.weight"]);
    const name = "encoder.layers.1.fc2.weight";
    assert.deepEqual(
      other.parameters.get(name)!.dataSync(),
      model.parameters.get(name)!.dataSync(),
    );
    other.dispose();
  });
});

Deno.test("Whisper without its base model trains the head alone", async () => {
  await withModel({ ...TINY, use_weighted_layer_sum: true }, (model) => {
    model.freezeBaseModel();
    assert.deepEqual([...model.trainable().keys()], [
      "layer_weights",
      "projector.weight",
      "projector.bias",
      "classifier.weight",
      "classifier.bias",
    ]);
  });
});

for (
  const [key, value, expected] of [
    ["d_model", 7, "an even number"],
    ["encoder_attention_heads", 3, "a divisor of d_model 8"],
    ["max_source_positions", 1e9, "a value between 1 and 15000"],
    ["encoder_layers", -1, "a value between 0 and 256"],
  ] as const
) {
  Deno.test(`Whisper refuses ${key} ${value}`, async () => {
    await assert.rejects(buildModel({ ...TINY, [key]: value }), (error) => {
      assert.ok(error instanceof CheckpointError);
      assert.equal(error.key, key);
      assert.ok(error.message.includes(expected), error.message);
      return true;
    });
  });
}
