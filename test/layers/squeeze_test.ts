import assert from "node:assert/strict";
import { type Tensor, tensor, variable } from "@tensorflow/tfjs-core";
import {
  loadSqueeze,
  squeezedFrames,
  squeezedLengths,
  squeezeFrames,
  type SqueezeParams,
  stretchFrames,
} from "../../src/layers/squeeze.ts";
import {
  assertClose,
  firstFrames,
  freshReader,
  layerTest,
  noiseTensor,
  numbers,
  tensorsLeft,
} from "./_layer_case.ts";

function fresh(factor: number, width: number): Promise<SqueezeParams> {
  return loadSqueeze(freshReader(), {
    hidden_size: 4,
    squeeze_factor: factor,
    num_conv_pos_embeddings: width,
    num_conv_pos_embedding_groups: 2,
    feat_extract_activation: "gelu",
    initializer_range: 0.5,
  });
}

/** The same, with a positional convolution that gives 0 whatever it sees. */
async function withoutPositions(factor: number): Promise<SqueezeParams> {
  const params = await fresh(factor, 3);
  const { weight, bias } = params.positions;
  assert.ok("g" in weight);
  const still = { weight: { ...weight, g: variable(zeros(weight.g)) }, bias: zeros(bias) };
  return { ...params, positions: { ...params.positions, ...still } };
}

function zeros(x: Tensor): Tensor {
  return tensor(new Float32Array(x.size), x.shape);
}

layerTest("squeezeFrames() takes means, and leaves out what fills none", async () => {
  const x = tensor(Array.from({ length: 20 }, (_, i) => i), [1, 5, 4]);
  const squeezed = squeezeFrames(await withoutPositions(2), x);
  assert.deepEqual(squeezed.shape, [1, 2, 4]);
  assert.deepEqual(numbers(squeezed), [2, 3, 4, 5, 10, 11, 12, 13]);
});

for (const [width, factor] of [[1, 2], [4, 2], [5, 2], [7, 3], [2, 4]] as const) {
  layerTest(`squeezeFrames() of width ${width} and factor ${factor} fits any length`, async () => {
    const params = await fresh(factor, width);
    for (let frames = factor; frames < 4 * factor; frames++) {
      const squeezed = squeezeFrames(params, noiseTensor([2, frames, 4]));
      assert.deepEqual(squeezed.shape, [2, Math.floor(frames / factor), 4]);
    }
  });
}

layerTest("squeezeFrames() sees positions around each frame that starts a mean", async () => {
  const params = await fresh(2, 5);
  const still = numbers(squeezeFrames(params, tensor(new Float32Array(40), [1, 10, 4])));
  const impulse = Float32Array.from({ length: 40 }, (_, i) => i === 6 * 4 ? 1 : 0);
  const moved = numbers(squeezeFrames(params, tensor(impulse, [1, 10, 4])));
  const seen = [0, 1, 2, 3, 4].filter((frame) => moved[4 * frame] !== still[4 * frame]);
  // Means start at frames 0, 2, 4, 6, 8, each seeing two frames on either side.
  assert.deepEqual(seen, [2, 3, 4]);
});

layerTest("stretchFrames() makes frames of channels, and zeros of what was left out", async () => {
  const params = await fresh(2, 3);
  const x = noiseTensor([1, 3, 4]);
  const stretched = stretchFrames(params, x, 7);
  assert.deepEqual(stretched.shape, [1, 7, 4]);
  assert.deepEqual(numbers(stretched).slice(24), [0, 0, 0, 0]);
  assertClose(firstFrames(stretched, 6), stretchFrames(params, x, 6));
  const first = stretchFrames(params, firstFrames(x, 1), 2);
  assertClose(firstFrames(stretched, 2), first);
});

layerTest("squeezing and stretching leave nothing but their results", async () => {
  const params = await fresh(2, 4);
  const x = noiseTensor([2, 7, 4]);
  const left = tensorsLeft(() => {
    stretchFrames(params, squeezeFrames(params, x), 7);
    return 2;
  });
  assert.equal(left, 0);
});

Deno.test("squeezedLengths() counts frames with anything of the clip in them", () => {
  assert.equal(squeezedFrames(9, 2), 4);
  assert.deepEqual(squeezedLengths([9, 8, 5, 1], { frames: 9, factor: 2 }), [4, 4, 3, 1]);
  assert.deepEqual(squeezedLengths([9, 7, 3], { frames: 9, factor: 3 }), [3, 3, 1]);
});
