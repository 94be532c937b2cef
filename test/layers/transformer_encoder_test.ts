import assert from "node:assert/strict";
import { headStates } from "../../src/layers/classification_head.ts";
import { Noise } from "../../src/layers/noise.ts";
import { layerNorm, loadNorm } from "../../src/layers/norm.ts";
import {
  postNormEncoder,
  preNormEncoder,
  type TransformerEncoderParams,
} from "../../src/layers/transformer_encoder.ts";
import {
  loadTransformerLayer,
  postNormLayer,
  preNormLayer,
} from "../../src/layers/transformer_layer.ts";
import {
  assertClose,
  distance,
  freshReader,
  layerTest,
  noiseTensor,
  tensorsLeft,
} from "./_layer_case.ts";

const CONFIG = {
  hidden_size: 8,
  num_attention_heads: 2,
  intermediate_size: 12,
  hidden_act: "relu",
  layer_norm_eps: 1e-5,
  initializer_range: 0.5,
} as const;
const RATES = { hidden_dropout: 0, attention_dropout: 0, activation_dropout: 0, layerdrop: 0 };

async function encoderParams(depth: number): Promise<TransformerEncoderParams> {
  const reader = freshReader();
  const layers = [];
  for (let i = 0; i < depth; i++) {
    layers.push(await loadTransformerLayer(reader.at("layers", i), CONFIG));
  }
  return { norm: await loadNorm(reader.at("layer_norm"), 8, 1e-5), layers };
}

layerTest("postNormEncoder() normalises first and gives the last state as it is", async () => {
  const params = await encoderParams(2);
  const x = noiseTensor([2, 4, 8]);
  const { states, last } = postNormEncoder(params, x, { rates: RATES });
  assert.equal(states.length, 3);
  assertClose(states[0]!, layerNorm(params.norm, x));
  assertClose(states[2]!, postNormLayer(params.layers[1]!, states[1]!, { rates: RATES }));
  assert.equal(last, states[2]);
});

layerTest("preNormEncoder() normalises last and keeps the state before", async () => {
  const params = await encoderParams(2);
  const x = noiseTensor([2, 4, 8]);
  const { states, last } = preNormEncoder(params, x, { rates: RATES });
  assert.equal(states.length, 3);
  assertClose(states[0]!, x);
  assertClose(states[2]!, preNormLayer(params.layers[1]!, states[1]!, { rates: RATES }));
  assertClose(last, layerNorm(params.norm, states[2]!));
});

for (const encoder of [postNormEncoder, preNormEncoder]) {
  layerTest(
    `${encoder.name}() skips layers in training only, at the rate of layerdrop`,
    async () => {
      const params = await encoderParams(3);
      const x = noiseTensor([1, 2, 8]);
      const rates = { ...RATES, layerdrop: 1 };
      const skipped = encoder(params, x, { rates, noise: new Noise(1) }).states;
      assertClose(skipped[3]!, skipped[0]!);
      const kept = encoder(params, x, { rates }).states;
      assert.ok(distance(kept[1]!, kept[0]!) > 0.1);
    },
  );

  layerTest(`${encoder.name}() drops parts of its first state in training`, async () => {
    const params = await encoderParams(0);
    const x = noiseTensor([2, 4, 8]);
    const rates = { ...RATES, hidden_dropout: 0.5 };
    const [first] = encoder(params, x, { rates, noise: new Noise(1) }).states;
    const zeros = first!.dataSync().filter((value) => value === 0).length;
    assert.ok(zeros > 16 && zeros < 48, `${zeros} of 64 are zero`);
  });

  layerTest(
    `${encoder.name}() gives the same last state alone, and leaves its argument`,
    async () => {
      const params = await encoderParams(3);
      const x = noiseTensor([1, 3, 8]);
      const whole = encoder(params, x, { rates: RATES });
      const { states, last } = encoder(params, x, { rates: RATES, lastAlone: true });
      assert.equal(states.length, 1);
      assertClose(states[0]!, whole.states[3]!);
      assertClose(last, whole.last);
      assert.equal(x.isDisposed, false);
    },
  );

  layerTest(`${encoder.name}() leaves its states and no other tensor`, async () => {
    const params = await encoderParams(2);
    const x = noiseTensor([1, 3, 8]);
    const left = tensorsLeft(() => {
      const { states, last } = encoder(params, x, { rates: RATES });
      return new Set([...states, last]).size;
    });
    assert.equal(left, 0);
  });
}

layerTest(
  "headStates() gives every state for a weighted sum, the last before or after its norm",
  async () => {
    const encoded = preNormEncoder(await encoderParams(2), noiseTensor([1, 3, 8]), {
      rates: RATES,
    });
    const { states, last } = encoded;
    const plain = { use_weighted_layer_sum: false, weightedSumAfterNorm: true };
    assert.deepEqual(headStates(encoded, plain), [last]);
    const weighted = { use_weighted_layer_sum: true, weightedSumAfterNorm: false };
    assert.deepEqual(headStates(encoded, weighted), states);
    const tied = { use_weighted_layer_sum: true, weightedSumAfterNorm: true };
    assert.deepEqual(headStates(encoded, tied), [states[0], states[1], last]);
  },
);
