import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../src/errors.ts";
import { directoryFiles } from "../../src/files.ts";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { loadModel } from "../../src/pretrained.ts";
import { AdamW } from "../../src/train/step/optimizer.ts";
import { disposeGradients, lossAndGradients } from "../../src/train/step/step.ts";
import { streamSafetensors } from "../../src/weights/safetensors_writer.ts";
import { deviceTest } from "../devices.ts";
import { kitPath } from "../kit.ts";
import { namesWith, noiseInputs, scoresOf, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = {
  ...TINY_SPEECH,
  model_type: "wav2vec2-conformer",
  hidden_act: "swish",
  conv_depthwise_kernel_size: 3,
};

deviceTest("Wav2Vec2-Conformer is saved as it was loaded, byte for byte", async () => {
  for (const name of ["conformer-relative", "conformer-rotary"]) {
    const files = directoryFiles(kitPath(name));
    const model = await loadModel(files);
    const chunks: BlobPart[] = [];
    for await (const chunk of streamSafetensors(model.tensors()).chunks()) {
      chunks.push(chunk.slice());
    }
    model.dispose();
    const saved = new Uint8Array(await new Blob(chunks).arrayBuffer());
    const stored = await Deno.readFile(kitPath(name, "model.safetensors"));
    assert.equal(saved.length, stored.length, name);
    assert.ok(saved.every((byte, i) => byte === stored[i]), name);
  }
}, { needsKit: true });

Deno.test("Wav2Vec2-Conformer asks for the tensors of its kind of positions", async () => {
  const counts = { relative: [6, 0], rotary: [0, 1], none: [0, 0] };
  for (const [kind, expected] of Object.entries(counts)) {
    const json = { ...TINY, position_embeddings_type: kind === "none" ? null : kind };
    await withModel(json, (model) => {
      const [ofLayers, ofModel] = ["pos_bias", "inv_freq"].map((part) => namesWith(model, part));
      const relative = ofLayers!.length + namesWith(model, "linear_pos").length;
      assert.deepEqual([relative, ofModel!.length], expected, kind);
    });
  }
});

Deno.test("Wav2Vec2-Conformer turns by the frequencies of the checkpoint", async () => {
  const json = { ...TINY, position_embeddings_type: "rotary" };
  await withModel(json, async (model) => {
    const own = scoresOf(model, noiseInputs(1, 300));
    const name = "wav2vec2_conformer.encoder.embed_positions.inv_freq";
    const source = {
      file: "model.safetensors",
      names: () => model.parameters.keys(),
      shape: (key: string) => model.parameters.get(key)?.shape,
      read: (key: string) =>
        Promise.resolve(
          key === name
            ? Float32Array.of(0.3, 0.2)
            : Float32Array.from(model.parameters.get(key)!.dataSync()),
        ),
    };
    const other = await buildModel(json, { source });
    assert.deepEqual(other.loading, { missing: [], mismatched: [], unexpected: [] });
    assert.notDeepEqual(scoresOf(other, noiseInputs(1, 300)), own);
    other.dispose();
  });
});

Deno.test("Wav2Vec2-Conformer trains neither statistics nor frequencies", async () => {
  await withModel({ ...TINY, position_embeddings_type: "rotary" }, (model) => {
    const kept = [...model.parameters.keys()].filter((name) => !model.trainable().has(name));
    const ofNorm = ["running_mean", "running_var", "num_batches_tracked"];
    const layers = [0, 1].flatMap((i) =>
      ofNorm.map((name) => `wav2vec2_conformer.encoder.layers.${i}.conv_module.batch_norm.${name}`)
    );
    assert.deepEqual(kept, ["wav2vec2_conformer.encoder.embed_positions.inv_freq", ...layers]);
  });
});

Deno.test("Wav2Vec2-Conformer learns a batch, and its statistics move with it", async () => {
  const json = { ...TINY, layerdrop: 0, apply_spec_augment: false };
  await withModel(json, (model) => {
    const samples = noiseInputs(6, 200);
    const inputs = samples.dataSync() as Float32Array;
    samples.dispose();
    const batch = { inputs, shape: [6, 200], labels: Int32Array.of(0, 1, 2, 0, 1, 2) };
    const optimizer = new AdamW(model.trainable());
    const noise = new Noise(1);
    const mean = model.parameters.get(namesWith(model, "running_mean")[0]!)!;
    const losses: number[] = [];
    for (let step = 0; step < 40; step++) {
      const result = lossAndGradients(model, [batch], { noise });
      losses.push(result.loss.dataSync()[0]!);
      optimizer.step(result.gradients, SETTINGS).dispose();
      disposeGradients(result);
    }
    optimizer.dispose();
    assert.ok(losses.at(-1)! < losses[0]! / 2, `losses ${losses}`);
    assert.ok(mean.dataSync().some((value) => value !== 0));
  });
});

const SETTINGS = {
  learningRate: 0.01,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
};

Deno.test("Wav2Vec2-Conformer leaks no tensor in a training pass with masks and padding", async () => {
  const json = { ...TINY, mask_time_prob: 0.5, mask_time_length: 2 };
  await withModel(json, (model) => {
    const inputs = noiseInputs(2, 200);
    const before = engine().memory();
    const options = { noise: new Noise(1), outputHiddenStates: true };
    const output = model.forward({ inputs, lengths: Int32Array.of(200, 120) }, options);
    assert.deepEqual(output.logits.shape, [2, 3]);
    const tensors = [output.logits, output.pooled, ...output.hiddenStates!, output.convFeatures];
    for (const part of [...tensors, output.lastHiddenState]) part?.dispose();
    assert.equal(engine().memory().numTensors, before.numTensors);
    assert.equal(engine().memory().numDataBuffers, before.numDataBuffers);
    inputs.dispose();
  });
});

Deno.test("Wav2Vec2-Conformer classifies a clip of a single frame", async () => {
  for (const position_embeddings_type of ["relative", "rotary", null]) {
    await withModel({ ...TINY, position_embeddings_type }, (model) => {
      const scores = scoresOf(model, noiseInputs(1, model.minSamples));
      assert.ok(scores.every(Number.isFinite), `${scores}`);
    });
  }
});

for (
  const [key, value, expected] of [
    ["conv_depthwise_kernel_size", 4, "an odd number"],
    ["position_embeddings_type", "absolute", "one of relative, rotary"],
    ["rotary_embedding_base", 0, "a value between 1 and"],
    ["hidden_act", "softsign", "one of gelu, relu, silu, gelu_10"],
    ["add_adapter", true, "false for classification"],
  ] as const
) {
  Deno.test(`Wav2Vec2-Conformer refuses ${key} ${value}`, async () => {
    await assert.rejects(buildModel({ ...TINY, [key]: value }), (error) => {
      assert.ok(error instanceof CheckpointError);
      assert.equal(error.key, key);
      assert.ok(error.message.includes(expected), error.message);
      return true;
    });
  });
}

Deno.test("Wav2Vec2-Conformer refuses rotary positions in heads of odd size", async () => {
  const json = { ...TINY, position_embeddings_type: "rotary", num_attention_heads: 8 };
  await assert.rejects(buildModel(json), /heads of an even size/);
});
