import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { namesWith, noiseInputs, scoresOf, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = {
  ...TINY_SPEECH,
  model_type: "data2vec-audio",
  num_conv_pos_embeddings: 3,
  conv_pos_kernel_size: 5,
};

Deno.test("Data2Vec has positions without norm parameters, in as many layers as the config says", async () => {
  await withModel(TINY, (model) => {
    const expected = [0, 1, 2].flatMap((i) =>
      ["weight", "bias"].map((part) =>
        `data2vec_audio.encoder.pos_conv_embed.layers.${i}.conv.${part}`
      )
    );
    assert.deepEqual(namesWith(model, "pos_conv_embed"), expected);
  });
});

Deno.test("Data2Vec keeps the number of frames with an even positional kernel too", async () => {
  await withModel({ ...TINY, conv_pos_kernel_size: 6 }, (model) => {
    assert.equal(scoresOf(model, noiseInputs(1, 120)).length, 3);
  });
});

Deno.test("Data2Vec's front end is normalised by layer, whatever the config says", async () => {
  await withModel({ ...TINY, feat_extract_norm: "group" }, (model) => {
    assert.equal(namesWith(model, "feature_extractor.conv_layers.1.layer_norm").length, 2);
  });
});

Deno.test("Data2Vec scores depend on padding, even with lengths, and the model says so", async () => {
  await withModel({ ...TINY, initializer_range: 0.5 }, (model) => {
    assert.equal(model.paddingInvariant, false);
    const alone = scoresOf(model, noiseInputs(1, 200));
    const longer = new Float32Array(300);
    longer.set(noiseInputs(1, 200).dataSync());
    const together = scoresOf(model, tensor(longer, [1, 300]), Int32Array.of(200));
    const off = Math.max(...alone.map((score, i) => Math.abs(score - together[i]!)));
    assert.ok(off > 1e-4, `off by ${off}`);
  });
});
