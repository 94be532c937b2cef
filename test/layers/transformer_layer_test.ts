import assert from "node:assert/strict";
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { add } from "../../src/kernels.ts";
import { attentionAdapter } from "../../src/layers/_attention_adapter.ts";
import { feedForward } from "../../src/layers/feed_forward.ts";
import { multiHeadAttention } from "../../src/layers/multi_head_attention.ts";
import { Noise } from "../../src/layers/noise.ts";
import { layerNorm } from "../../src/layers/norm.ts";
import {
  loadTransformerLayer,
  postNormLayer,
  preNormLayer,
  type TransformerLayerConfig,
  type TransformerLayerParams,
} from "../../src/layers/transformer_layer.ts";
import {
  assertClose,
  distance,
  firstFrames,
  freshReader,
  layerTest,
  noiseTensor,
  tensorsLeft,
} from "./_layer_case.ts";

const CONFIG: TransformerLayerConfig = {
  hidden_size: 8,
  num_attention_heads: 2,
  intermediate_size: 12,
  hidden_act: "gelu",
  layer_norm_eps: 1e-5,
  initializer_range: 0.5,
};
const NO_RATES = { hidden_dropout: 0, attention_dropout: 0, activation_dropout: 0 };
const LAYERS = { postNormLayer, preNormLayer };

function attend(params: TransformerLayerParams, x: Tensor): Tensor {
  return multiHeadAttention(params.attention, x, { dropoutRate: 0 });
}

function widen(params: TransformerLayerParams, x: Tensor, residual: Tensor): Tensor {
  return feedForward(params.feedForward, x, { residual, activationDropout: 0, hiddenDropout: 0 });
}

layerTest("loadTransformerLayer() has an adapter only where the config has a width", async () => {
  const plain = freshReader();
  await loadTransformerLayer(plain.at("layers", 3), CONFIG);
  assert.equal(plain.parameters.size, 16);
  assert.ok([...plain.parameters.keys()].every((name) => name.startsWith("layers.3.")));
  const wide = freshReader();
  await loadTransformerLayer(wide, { ...CONFIG, adapter_attn_dim: 3 });
  assert.deepEqual(wide.parameters.get("adapter_layer.linear_1.weight")?.shape, [3, 8]);
  assert.equal(wide.parameters.size, 22);
});

layerTest("postNormLayer() is norm(x + attention(x)), then norm(y + feedForward(y))", async () => {
  const params = await loadTransformerLayer(freshReader(), CONFIG);
  const x = noiseTensor([2, 5, 8]);
  const attended = layerNorm(params.layerNorm, add(x, attend(params, x)));
  const expected = layerNorm(params.finalLayerNorm, widen(params, attended, attended));
  assertClose(postNormLayer(params, x, { rates: NO_RATES }), expected);
});

layerTest("preNormLayer() is x + attention(norm(x)), then y + feedForward(norm(y))", async () => {
  const params = await loadTransformerLayer(freshReader(), { ...CONFIG, adapter_attn_dim: 3 });
  const x = noiseTensor([2, 5, 8]);
  const attended = add(x, attend(params, layerNorm(params.layerNorm, x)));
  const y = widen(params, layerNorm(params.finalLayerNorm, attended), attended);
  const bare = { ...params, adapter: undefined };
  assertClose(preNormLayer(bare, x, { rates: NO_RATES }), y);
  assertClose(preNormLayer(params, x, { rates: NO_RATES }), attentionAdapter(params.adapter!, y));
});

for (const [name, layer] of Object.entries(LAYERS)) {
  layerTest(`${name}() keeps what lies past a length out of a clip`, async () => {
    const params = await loadTransformerLayer(freshReader(), CONFIG);
    const x = noiseTensor([1, 5, 8]);
    const short = firstFrames(x, 3);
    const lengths = tensor1d([3], "int32");
    const masked = layer(params, x, { rates: NO_RATES, lengths });
    assertClose(firstFrames(masked, 3), layer(params, short, { rates: NO_RATES }));
  });

  layerTest(`${name}() drops in training, at each of its three places`, async () => {
    const params = await loadTransformerLayer(freshReader(), CONFIG);
    const x = noiseTensor([2, 5, 8]);
    const plain = layer(params, x, { rates: NO_RATES });
    assertClose(layer(params, x, { rates: NO_RATES, noise: new Noise(1) }), plain);
    for (const place of Object.keys(NO_RATES)) {
      const rates = { ...NO_RATES, [place]: 0.5 };
      assert.ok(distance(layer(params, x, { rates, noise: new Noise(1) }), plain) > 1, place);
      assertClose(layer(params, x, { rates }), plain);
    }
  });

  layerTest(`${name}() leaves one tensor and its argument`, async () => {
    const params = await loadTransformerLayer(freshReader(), CONFIG);
    const x = noiseTensor([1, 3, 8]);
    const left = tensorsLeft(() => {
      layer(params, x, { rates: NO_RATES, noise: new Noise(1) });
      return 1;
    });
    assert.equal(left, 0);
    assert.equal(x.isDisposed, false);
  });
}
