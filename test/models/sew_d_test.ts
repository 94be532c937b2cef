import assert from "node:assert/strict";
import { engine, grad, tidy } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../src/errors.ts";
import { countFlops } from "../../src/flops.ts";
import "../../src/gradients.ts";
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import {
  type AudioClassificationModel,
  buildModel,
  type JsonObject,
  Noise,
} from "../../src/models/mod.ts";
import { distancePositions } from "../../src/models/sew_d.ts";
import { namesWith, noiseInputs, scoresOf, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = {
  ...TINY_SPEECH,
  model_type: "sew-d",
  position_buckets: 4,
  max_position_embeddings: 8,
};

/** The embeddings of a few distances. */
function positionsOf(distances: number[], buckets: number, most: number): number[] {
  const config = { position_buckets: buckets, max_relative_positions: most };
  const all = distancePositions(2000, config);
  return distances.map((distance) => all[distance + 1999]!);
}

Deno.test("distancePositions() are exact for near frames and logarithmic for far ones", () => {
  // From PyTorch, for the sizes of the published models and of a small one.
  const distances = [-1999, -511, -200, -130, -129, -128, -127, -1, 0, 1, 128, 129, 200, 511, 1999];
  const published = [511, 511, 425, 386, 385, 384, 383, 257, 256, 255, 128, 127, 87, 1, 0];
  assert.deepEqual(positionsOf(distances, 256, 512), published);
  const small = [-100, -63, -9, -8, -7, 0, 7, 8, 9, 63, 64, 100];
  assert.deepEqual(positionsOf(small, 16, 64), [31, 31, 25, 24, 23, 16, 9, 8, 7, 1, 0, 0]);
});

Deno.test("distancePositions() go back where there are fewer positions than buckets", () => {
  // From PyTorch, for 10 frames; where the logarithm of the last position is 0, its infinity becomes the least integer.
  const of = (
    most: number,
  ) => [...distancePositions(10, { position_buckets: 8, max_relative_positions: most })];
  const near = [12, 11, 10, 9, 8, 7, 6, 5, 4];
  assert.deepEqual(of(3), [9, 9, 10, 11, 12, ...near, 4, 5, 6, 7, 7]);
  assert.deepEqual(of(5), [0, 0, 0, 0, 0, ...near, 0, 0, 0, 0, 0]);
  assert.deepEqual(of(6), [15, 15, 15, 15, 15, ...near, 1, 0, 0, 0, 0]);
});

Deno.test("distancePositions() without buckets end where the embeddings do", () => {
  assert.deepEqual(positionsOf([-9, -3, -2, 0, 2, 4, 5], 0, 4), [7, 7, 6, 4, 2, 0, 0]);
});

Deno.test("SEW-D maps distances with its own maps unless they are shared", async () => {
  await withModel(TINY, (model) => assert.deepEqual(namesWith(model, "self.pos_"), []));
  const json = { ...TINY, share_att_key: false };
  await withModel(json, (model) => assert.equal(namesWith(model, "self.pos_").length, 8));
  const keysOnly = { ...json, pos_att_type: ["c2p"] };
  await withModel(keysOnly, (model) => {
    assert.equal(namesWith(model, "self.pos_key_proj").length, 4);
    assert.equal(namesWith(model, "self.pos_").length, 4);
  });
});

Deno.test("SEW-D without relative attention has no embeddings, but their norm", async () => {
  await withModel({ ...TINY, relative_attention: false }, (model) => {
    assert.deepEqual(namesWith(model, "rel_embeddings"), []);
    assert.equal(namesWith(model, "encoder.encoder.LayerNorm").length, 2);
    assert.ok(scoresOf(model, noiseInputs(1, 200)).every(Number.isFinite));
  });
  await withModel({ ...TINY, norm_rel_ebd: "none" }, (model) => {
    assert.deepEqual(namesWith(model, "encoder.encoder.LayerNorm"), []);
  });
});

/** A short clip has few of these distances. */
const MANY_BUCKETS = {
  ...TINY,
  feat_extract_norm: "layer",
  position_buckets: 64,
  max_position_embeddings: 128,
};

async function withWasmModel(
  json: JsonObject,
  body: (model: AudioClassificationModel) => void,
): Promise<void> {
  const device = await startWasm();
  const model = await buildModel(json);
  try {
    body(model);
  } finally {
    model.dispose();
    device.dispose();
  }
}

Deno.test("SEW-D maps the distances that a clip has", async () => {
  const found: number[] = [];
  for (const position_buckets of [64, 32]) {
    await withWasmModel({ ...MANY_BUCKETS, position_buckets }, (model) => {
      const inputs = noiseInputs(1, 200);
      found.push(countFlops(() => tidy(() => void model.forward({ inputs }))));
      inputs.dispose();
    });
  }
  assert.equal(found[0], found[1]);
});

Deno.test("SEW-D has the same bits whether it maps all distances or those of the clip", async () => {
  await withWasmModel(MANY_BUCKETS, (model) => {
    const inputs = noiseInputs(2, 200);
    const some = tidy(() => model.forward({ inputs }).logits);
    let all: Float32Array | undefined;
    // Recorded, all are mapped.
    const gradients = grad((samples) => {
      const { logits } = model.forward({ inputs: samples });
      all = logits.dataSync<"float32">().slice();
      return logits;
    })(inputs);
    assert.deepEqual(some.dataSync(), all);
    for (const tensor of [inputs, some, gradients]) tensor.dispose();
  });
});

Deno.test("SEW-D leaks no tensor in a training pass with masks and padding", async () => {
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

for (
  const [key, value] of [
    ["conv_kernel_size", 3],
    ["pos_att_type", ["p2p"]],
    ["pos_att_type", "c2p"],
    ["position_buckets", 1],
    ["position_buckets", 1e9],
  ] as const
) {
  Deno.test(`SEW-D refuses ${key} ${JSON.stringify(value)}`, async () => {
    await assert.rejects(buildModel({ ...TINY, [key]: value }), (error) => {
      return error instanceof CheckpointError && error.key === key;
    });
  });
}
