import assert from "node:assert/strict";
import { reshape, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { takePeakBytes } from "../../src/kernels/wasm/peak_memory.ts";
import { conv1d } from "../../src/layers/conv1d.ts";
import { groupNormedConv1d, layerNorm } from "../../src/layers/norm.ts";
import {
  convFeatureEncoder,
  type ConvFeatureEncoderConfig,
  featureFrames,
  loadConvFeatureEncoder,
  ownFrames,
  receptiveFieldSamples,
} from "../../src/layers/conv_feature_encoder.ts";
import { rowsAreStable } from "../../src/kernels.ts";
import { startTestWasm } from "../devices.ts";
import {
  distance,
  firstFrames,
  freshReader,
  layerTest,
  noiseTensor,
  tensorsLeft,
} from "./_layer_case.ts";

const CONFIG: ConvFeatureEncoderConfig = {
  conv_dim: [4, 6, 5],
  conv_kernel: [10, 3, 2],
  conv_stride: [5, 2, 2],
  conv_bias: false,
  feat_extract_norm: "group",
  feat_extract_activation: "gelu",
};
const BASE = {
  ...CONFIG,
  conv_dim: new Array(7).fill(512),
  conv_kernel: [10, 3, 3, 3, 3, 2, 2],
  conv_stride: [5, 2, 2, 2, 2, 2, 2],
};

layerTest("featureFrames() is what convFeatureEncoder() gives", async () => {
  const params = await loadConvFeatureEncoder(freshReader(), CONFIG);
  const least = receptiveFieldSamples(CONFIG);
  for (const samples of [least, least + 1, least + 19, least + 20, 333]) {
    const { shape } = convFeatureEncoder(params, noiseTensor([2, samples]));
    assert.deepEqual(shape, [2, featureFrames(CONFIG, samples), 5]);
  }
});

layerTest("receptiveFieldSamples() is the shortest clip that gives a frame", () => {
  for (const [config, samples] of [[CONFIG, 30], [BASE, 400]] as const) {
    assert.equal(receptiveFieldSamples(config), samples);
    assert.equal(featureFrames(config, samples), 1);
    assert.ok(featureFrames(config, samples - 1) < 1);
  }
  assert.equal(featureFrames(BASE, 16_000), 49);
});

layerTest("ownFrames() tells how frames lie, where a clip has no part in them", async () => {
  const layered = { ...CONFIG, feat_extract_norm: "layer" } as const;
  const params = await loadConvFeatureEncoder(freshReader(), layered);
  assert.deepEqual(ownFrames(params), { hopSamples: 20, fieldSamples: 30 });
  assert.equal(ownFrames(await loadConvFeatureEncoder(freshReader(), CONFIG)), undefined);
  // The reference does not say that it keeps bits.
  assert.equal(rowsAreStable(), false);
});

layerTest("convFeatureEncoder() leaves frames as they are", async () => {
  const params = await loadConvFeatureEncoder(freshReader(), CONFIG);
  const frames = noiseTensor([2, 3, 5]);
  const found = convFeatureEncoder(params, frames);
  assert.deepEqual(found.shape, [2, 3, 5]);
  assert.deepEqual(await found.data(), await frames.data());
});

for (const build of [{ threads: 1 }, { threads: 3 }, { threads: 1, relaxedSimd: false }]) {
  const name = `${build.threads} threads${build.relaxedSimd === false ? ", plain SIMD" : ""}`;
  Deno.test(`convFeatureEncoder() gives a frame the same bits in any clip [wasm, ${name}]`, async () => {
    const device = await startTestWasm(build);
    assert.ok(rowsAreStable());
    for (const feat_extract_activation of ["gelu", "mish"] as const) {
      // Sums over more than a block of the product's depth, and columns beside whole vectors and panels.
      const config: ConvFeatureEncoderConfig = {
        ...{ ...CONFIG, conv_dim: [530, 39, 21], conv_bias: true },
        ...{ feat_extract_norm: "layer", feat_extract_activation },
      };
      const params = await loadConvFeatureEncoder(freshReader(), config);
      const { hopSamples, fieldSamples } = ownFrames(params)!;
      const [clips, samples] = [2, 1_511];
      const noise = noiseTensor([clips, samples]);
      const [values, whole] = [await noise.data(), convFeatureEncoder(params, noise)];
      const [, frames, channels] = whole.shape as [number, number, number];
      const expected = await whole.data();
      for (
        const [clip, first, count] of [[0, 0, 1], [1, 3, 1], [1, 1, 7], [0, 30, 38], [1, 73, 1]]
      ) {
        const begin = clip! * samples + first! * hopSamples;
        const end = begin + (count! - 1) * hopSamples + fieldSamples;
        const part = convFeatureEncoder(params, tensor(values.slice(begin, end), [1, end - begin]));
        const at = (clip! * frames + first!) * channels;
        assert.deepEqual(await part.data(), expected.slice(at, at + count! * channels));
      }
    }
    device.dispose();
  });
}

layerTest("loadConvFeatureEncoder() has a norm after the first, or after each", async () => {
  const namesOf = async (config: ConvFeatureEncoderConfig): Promise<string[]> => {
    const reader = freshReader();
    await loadConvFeatureEncoder(reader, config);
    return [...reader.parameters.keys()];
  };
  assert.deepEqual(await namesOf(CONFIG), [
    "conv_layers.0.conv.weight",
    "conv_layers.0.layer_norm.weight",
    "conv_layers.0.layer_norm.bias",
    "conv_layers.1.conv.weight",
    "conv_layers.2.conv.weight",
  ]);
  const full = await namesOf({ ...CONFIG, feat_extract_norm: "layer", conv_bias: true });
  assert.equal(full.length, 3 * 4);
});

for (const [kind, sees] of [["group", true], ["layer", false]] as const) {
  const does = sees ? "sees" : "does not see";
  layerTest(
    `convFeatureEncoder() of kind "${kind}" ${does} what a clip is padded with`,
    async () => {
      const params = await loadConvFeatureEncoder(freshReader(), {
        ...CONFIG,
        feat_extract_norm: kind,
      });
      const clip = noiseTensor([1, 100]);
      const padded = tensor([...clip.dataSync(), ...new Array(60).fill(0)], [1, 160]);
      const alone = convFeatureEncoder(params, clip);
      const first = firstFrames(convFeatureEncoder(params, padded), alone.shape[1]!);
      assert.equal(distance(first, alone) > 1e-3, sees);
    },
  );
}

layerTest("convFeatureEncoder() leaves one tensor and its argument", async () => {
  const params = await loadConvFeatureEncoder(freshReader(), CONFIG);
  const x = noiseTensor([1, 100]);
  const left = tensorsLeft(() => {
    convFeatureEncoder(params, x);
    return 1;
  });
  assert.equal(left, 0);
  assert.equal(x.isDisposed, false);
});

for (const kind of ["group", "layer"] as const) {
  Deno.test(`convFeatureEncoder() of a long clip has the bits of the whole, and not its memory [wasm, ${kind}]`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const config = { ...CONFIG, feat_extract_norm: kind, conv_dim: [40, 6, 5] };
    const params = await loadConvFeatureEncoder(freshReader({ prepare: () => "float32" }), config);
    const samples = noiseTensor([2, 30_011]);
    const frames = featureFrames(config, 30_011);
    const byLayer = () =>
      params.layers.reduce((x: Tensor, { conv, norm }) => {
        if (!norm) return conv1d(conv, x, "gelu");
        if (kind === "layer") return layerNorm(norm, conv1d(conv, x), "gelu");
        return groupNormedConv1d(norm, conv, x, { activation: "gelu" });
      }, reshape(samples, [2, 30_011, 1]));
    const peakOf = (body: () => Tensor) => {
      takePeakBytes();
      const values = tidy(body).dataSync();
      return { values, peakBytes: takePeakBytes()! };
    };
    peakOf(byLayer);
    const [whole, pieces] = [byLayer, () => convFeatureEncoder(params, samples)].map(peakOf);
    assert.equal(pieces!.values.length, 2 * frames * 5);
    assert.deepEqual(pieces!.values, whole!.values);
    assert.ok(pieces!.peakBytes < 0.6 * whole!.peakBytes);
    device.dispose();
  });
}
