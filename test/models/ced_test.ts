import assert from "node:assert/strict";
import { engine, tensor } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../src/errors.ts";
import { directoryFiles } from "../../src/files.ts";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { loadModel } from "../../src/pretrained.ts";
import { streamSafetensors } from "../../src/weights/safetensors_writer.ts";
import { assertAllClose } from "../compare.ts";
import { deviceTest } from "../devices.ts";
import { GOLDEN_DIR } from "../golden_cases.ts";
import { noiseInputs, scoresOf, withModel } from "./_architecture_case.ts";

const TINY = {
  model_type: "ced",
  embed_dim: 8,
  num_heads: 2,
  depth: 2,
  mlp_ratio: 1.5,
  n_mels: 6,
  target_length: 12,
  patch_size: 3,
  patch_stride: 3,
  num_labels: 3,
};

deviceTest("CED is saved as it was loaded, byte for byte", async () => {
  const directory = `${GOLDEN_DIR}/ced-single-label`;
  const model = await loadModel(directoryFiles(directory));
  const chunks: BlobPart[] = [];
  for await (const chunk of streamSafetensors(model.tensors()).chunks()) chunks.push(chunk.slice());
  model.dispose();
  const saved = new Uint8Array(await new Blob(chunks).arrayBuffer());
  const stored = await Deno.readFile(`${directory}/model.safetensors`);
  assert.deepEqual(saved, stored);
});

Deno.test("CED hears a clip of several pieces as the mean of their tokens", async () => {
  await withModel(TINY, (model) => {
    assert.deepEqual([12, 13, 24, 25].map((T) => model.frames((T - 1) * 160)), [8, 16, 16, 24]);
    const whole = noiseInputs(1, 24, 6);
    const piece = (from: number) =>
      tensor(whole.dataSync().slice(from * 6, (from + 12) * 6), [1, 12, 6]);
    const pooledOf = (inputs: typeof whole) => model.forward({ inputs }).pooled.dataSync();
    const [first, second] = [pooledOf(piece(0)), pooledOf(piece(12))];
    const mean = first.map((value, i) => (value + second[i]!) / 2);
    assertAllClose(pooledOf(whole), mean, { atol: 1e-5 });
  });
});

Deno.test("CED leaves the rest behind the last whole piece out, or fills it up", async () => {
  const whole = noiseInputs(1, 15, 6).dataSync().slice();
  const inputs = (frames: number) => tensor(whole.slice(0, frames * 6), [1, frames, 6]);
  await withModel({ ...TINY, pad_last: false }, (model) => {
    assert.deepEqual(scoresOf(model, inputs(15)), scoresOf(model, inputs(12)));
  });
  await withModel(TINY, (model) => {
    assert.notDeepEqual(scoresOf(model, inputs(15)), scoresOf(model, inputs(12)));
  });
});

Deno.test("CED scores a long clip alike alone and beside another", async () => {
  await withModel(TINY, (model) => {
    const pair = noiseInputs(2, 20, 6);
    const second = tensor(pair.dataSync().slice(120), [1, 20, 6]);
    assertAllClose(scoresOf(model, pair).slice(3), scoresOf(model, second), { atol: 1e-5 });
  });
});

Deno.test("CED tells the times of its tokens, piece by piece", async () => {
  await withModel(TINY, async (model) => {
    const inputs = noiseInputs(1, 15, 6);
    const batch = { inputValues: inputs.dataSync() as Float32Array, shape: [1, 15, 6] };
    const options = { pooling: "frames", samplingRate: 16_000 } as const;
    const [embedding] = await model.embed(batch, options);
    inputs.dispose();
    const seconds = [...embedding!.times!].map((time) => Math.round(100 * time));
    const piece = [1, 4, 7, 10];
    const later = piece.map((time) => time + 12);
    assert.deepEqual(seconds, [...piece, ...piece, ...later, ...later]);
  });
});

Deno.test("CED has a sigmoid for each class unless its config says otherwise", async () => {
  for (
    const [json, expected] of [
      [{}, "multi_label_classification"],
      [{ pooling: "logit" }, "single_label_classification"],
      [{ problem_type: "single_label_classification" }, "single_label_classification"],
    ] as const
  ) {
    await withModel({ ...TINY, ...json }, (model) => {
      assert.equal(model.problemType, expected);
      const isMulti = expected === "multi_label_classification";
      const { pooling, outputdim } = model.toConfig();
      assert.deepEqual([pooling, outputdim], [isMulti ? "mean" : "logit", 3]);
    });
  }
});

Deno.test("CED takes its sizes from its name, and its classes from outputdim", async () => {
  const json = { model_type: "ced", name: "ced-tiny", depth: 1, outputdim: 4, embed_dim: 8 };
  await withModel({ ...json, id2label: null }, (model) => {
    assert.deepEqual(model.parameters.get("encoder.norm.weight")!.shape, [192]);
    assert.deepEqual(model.labels, ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"]);
  });
});

Deno.test("CED leaks no tensor in a training pass, with all that is drawn there", async () => {
  const json = { ...TINY, drop_rate: 0.2, attn_drop_rate: 0.2, drop_path_rate: 0.5 };
  await withModel(json, (model) => {
    const inputs = noiseInputs(3, 15, 6);
    const before = engine().memory();
    const options = { noise: new Noise(1), outputHiddenStates: true };
    const { logits, pooled, hiddenStates, lastHiddenState } = model.forward({ inputs }, options);
    assert.deepEqual(hiddenStates!.map(({ shape }) => shape), Array(3).fill([3, 16, 8]));
    for (const part of [logits, pooled, ...hiddenStates!, lastHiddenState!]) part.dispose();
    assert.equal(engine().memory().numTensors, before.numTensors);
    assert.equal(engine().memory().numDataBuffers, before.numDataBuffers);
    inputs.dispose();
  });
});

Deno.test("CED leaves halves of the last layer out at the rate of the path, and scales the others", async () => {
  const json = { ...TINY, depth: 2, drop_path_rate: 0.75 };
  await withModel(json, (model) => {
    const inputs = noiseInputs(40, 12, 6);
    const run = (noise?: Noise) =>
      model.forward({ inputs }, { noise, outputHiddenStates: true }).hiddenStates!
        .map((state) => state.dataSync().slice());
    const [, first, last] = run(new Noise(2)) as [Float32Array, Float32Array, Float32Array];
    const size = first.length / 40;
    const same = Array.from({ length: 40 }, (_, i) => {
      return first.subarray(i * size, (i + 1) * size).every((x, k) => x === last[i * size + k]);
    });
    // Both halves are left out with a chance of 9 in 16.
    const count = same.filter(Boolean).length;
    assert.ok(count > 12 && count < 32, `${count}`);
    inputs.dispose();
  });
});

Deno.test("CED fills a clip that is shorter than a patch up", async () => {
  await withModel(TINY, (model) => {
    assert.deepEqual([0, 320, 640, 800].map((samples) => model.frames(samples)), [2, 2, 2, 4]);
    const inputs = noiseInputs(1, 2, 6);
    const embedded = model.forward({ inputs }, { outputHiddenStates: true });
    assert.deepEqual(embedded.lastHiddenState!.shape, [1, 2, 8]);
    // The statistics of bands that were drawn are a mean of 0, so that zeros before them are the same.
    const filled = tensor([...inputs.dataSync(), 0, 0, 0, 0, 0, 0], [1, 3, 6]);
    assertAllClose(scoresOf(model, inputs), scoresOf(model, filled), { atol: 1e-6 });
  });
});

Deno.test("CED refuses samples, and spectrograms of other bands", async () => {
  await withModel(TINY, (model) => {
    const message = "Cannot classify a spectrogram: expected shape [clips,frames,6], found ";
    for (const shape of [[1, 700], [1, 9, 8]]) {
      const inputs = noiseInputs(...shape);
      assert.throws(() => model.forward({ inputs }), {
        name: "ShapeError",
        message: `${message}[${shape}]`,
      });
      inputs.dispose();
    }
  });
});

for (
  const [key, value, expected] of [
    ["pooling", "dm", "one of mean, logit"],
    ["pooling", "token", "one of mean, logit"],
    ["patch_stride", 1, "patches that have a position each"],
    ["num_heads", 3, "a divisor of embed_dim 8"],
    ["n_mels", 2, "a value between 3 and"],
    ["mlp_ratio", 0, "a value between 0.01 and"],
  ] as const
) {
  Deno.test(`CED refuses ${key} ${value}`, async () => {
    const json = { ...TINY, n_mels: key === "patch_stride" ? 7 : 6, [key]: value };
    await assert.rejects(buildModel(json), (error) => {
      assert.ok(error instanceof CheckpointError);
      assert.equal(error.key, key);
      assert.ok(error.message.includes(expected), error.message);
      return true;
    });
  });
}
