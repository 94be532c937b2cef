import assert from "node:assert/strict";
import { type Tensor, tensor, variable } from "@tensorflow/tfjs-core";
import { isPacked } from "../../src/kernels.ts";
import { type GainAndDirection, ParameterReader } from "../../src/layers/parameters.ts";
import {
  loadPositionalConv,
  positionalConv,
  type PositionalConvParams,
} from "../../src/layers/positional_conv.ts";
import { Random } from "../../src/random.ts";
import { assertClose, freshReader, layerTest, noiseTensor, numbers } from "./_layer_case.ts";

const SIZES = {
  hidden_size: 32,
  num_conv_pos_embeddings: 12,
  num_conv_pos_embedding_groups: 4,
  feat_extract_activation: "gelu",
} as const;
const G = "conv.parametrizations.weight.original0";
const V = "conv.parametrizations.weight.original1";

/** The gain and the direction of a model that can be trained. */
function parts({ weight }: PositionalConvParams): GainAndDirection {
  assert.ok("g" in weight);
  return weight;
}

/** The Euclidean norm of each tap of `[O, I, K]` over outputs and inputs. */
function tapNorms(v: Tensor): number[] {
  const width = v.shape[2]!;
  const squares = new Array<number>(width).fill(0);
  numbers(v).forEach((value, i) => squares[i % width] = squares[i % width]! + value * value);
  return squares.map(Math.sqrt);
}

layerTest(
  "loadPositionalConv() starts as PyTorch's convolution, its gain at the norm",
  async () => {
    // The reference asks for normal values of twice the deviation, but sets them on a copy that the weight norm
    // computes: what counts are those that the convolution had before.
    const params = await loadPositionalConv(freshReader(), SIZES);
    const bound = 1 / Math.sqrt(8 * 12);
    const values = numbers(parts(params).v);
    assert.ok(Math.max(...values.map(Math.abs)) <= bound);
    const deviation = Math.sqrt(
      values.reduce((sum, value) => sum + value * value, 0) / values.length,
    );
    assert.ok(Math.abs(deviation / (bound / Math.sqrt(3)) - 1) < 0.05, `deviation ${deviation}`);
    tapNorms(parts(params).v).forEach((norm, tap) => {
      assert.ok(Math.abs(norm - numbers(parts(params).g)[tap]!) < 1e-5, `tap ${tap}`);
    });
    assert.deepEqual(numbers(params.bias), new Array(32).fill(0));
  },
);

layerTest("loadPositionalConv() reads both spellings, and keeps the newer", async () => {
  for (const [g, v] of [[G, V], ["conv.weight_g", "conv.weight_v"]] as const) {
    const stored: Record<string, number[]> = {
      [g]: [1, 1, 12],
      [v]: [32, 8, 12],
      "conv.bias": [32],
    };
    const source = {
      file: "model.safetensors",
      names: () => Object.keys(stored),
      shape: (name: string) => stored[name],
      read: (name: string) => {
        const size = stored[name]!.reduce((a, b) => a * b);
        return Promise.resolve(new Float32Array(size).fill(name === g ? 2 : name === v ? 3 : 4));
      },
    };
    const reader = new ParameterReader({ source, basePrefix: "base", random: new Random(1) });
    const params = await loadPositionalConv(reader, SIZES);
    const first = [parts(params).g, parts(params).v, params.bias].map((part) => numbers(part)[0]);
    assert.deepEqual(first, [2, 3, 4]);
    assert.deepEqual([...reader.parameters.keys()], [V, G, "conv.bias"]);
    assert.deepEqual(reader.report(), { missing: [], mismatched: [], unexpected: [] });
  }
});

layerTest("loadPositionalConv() draws a gain of one for a direction that was stored", async () => {
  const source = {
    file: "model.safetensors",
    names: () => [V],
    shape: (name: string) => name === V ? [32, 8, 12] : undefined,
    read: () => Promise.resolve(new Float32Array(32 * 8 * 12).fill(1)),
  };
  const reader = new ParameterReader({ source, basePrefix: "base", random: new Random(1) });
  const { g } = parts(await loadPositionalConv(reader, SIZES));
  assert.deepEqual(numbers(g), new Array(12).fill(1));
});

for (const [width, seen] of [[4, [-2, -1, 0, 1]], [5, [-2, -1, 0, 1, 2]]] as const) {
  layerTest(`positionalConv() of width ${width} sees frames ${seen.join(", ")}`, async () => {
    const params = await loadPositionalConv(freshReader(), {
      ...SIZES,
      hidden_size: 2,
      num_conv_pos_embeddings: width,
      num_conv_pos_embedding_groups: 1,
    });
    const zeros = tensor(new Float32Array(2 * 9), [1, 9, 2]);
    const impulse = tensor(Float32Array.from({ length: 18 }, (_, i) => i === 8 ? 1 : 0), [1, 9, 2]);
    const still = numbers(positionalConv(params, zeros));
    const moved = numbers(positionalConv(params, impulse));
    const frames = Array.from({ length: 9 }, (_, frame) => frame).filter((frame) =>
      moved[2 * frame] !== still[2 * frame]
    );
    // A frame sees the impulse at frame 4 where it looks that far.
    assert.deepEqual(frames, seen.map((offset) => 4 - offset).sort((a, b) => a - b));
  });
}

layerTest("positionalConv() normalises the direction away", async () => {
  const params = await loadPositionalConv(freshReader(), SIZES);
  const { g, v } = parts(params);
  const x = noiseTensor([2, 20, 32]);
  const longer = variable(tensor(numbers(v).map((value) => 3 * value), v.shape));
  assertClose(
    positionalConv({ ...params, weight: { g, v: longer } }, x),
    positionalConv(params, x),
  );
});

layerTest(
  "positionalConv() gives the same for a prepared weight, whose parts mean it",
  async () => {
    const params = await loadPositionalConv(freshReader(), SIZES);
    const { g, v } = parts(params);
    const x = noiseTensor([2, 20, 32]);
    // Gains of both signs, and directions of another length than they say.
    const gains = tensor(numbers(g).map((value, tap) => tap % 2 ? value : -value), g.shape);
    const longer = tensor(numbers(v).map((value) => 3 * value), v.shape);
    const expected = positionalConv({
      ...params,
      weight: { g: variable(gains), v: variable(longer) },
    }, x);
    const stored: Record<string, Tensor> = {
      "conv.parametrizations.weight.original0": gains,
      "conv.parametrizations.weight.original1": longer,
      "conv.bias": params.bias,
    };
    const reader = new ParameterReader({
      basePrefix: "base",
      random: new Random(1),
      prepare: () => "float32",
      source: {
        file: "stored",
        names: () => Object.keys(stored),
        shape: (name) => stored[name]?.shape,
        tensor: (name) => stored[name],
        read: (name) => Promise.resolve(Float32Array.from(numbers(stored[name]!))),
      },
    });
    const prepared = await loadPositionalConv(reader, SIZES);
    assert.ok(!("g" in prepared.weight));
    assertClose(positionalConv(prepared, x), expected);
    const kept = reader.weights.get("conv.parametrizations.weight.original0")!;
    assert.ok(!isPacked(kept));
    assert.deepEqual(numbers(kept), numbers(gains).map(Math.abs));
  },
);
