import { equal, ok, throws } from "node:assert/strict";
import { dispose, engine, type Tensor, tensor, tidy, zeros } from "@tensorflow/tfjs-core";
import { ShapeError } from "../src/errors.ts";
import {
  adamwSteps,
  add,
  addBias,
  attention,
  batchNorm,
  conv1d,
  crossEntropy,
  dropout,
  elementLoss,
  glu,
  groupNorm,
  gruGate,
  keepHash,
  layerNorm,
  layerSum,
  linear,
  maskChannels,
  maskFrames,
  meanPool,
  padFrames,
  patches,
  relativeScores,
  rotary,
  scale,
  statisticsPool,
  unfold,
  updateStatistics,
  weightNorm,
} from "../src/kernels.ts";
import { useReference } from "./reference/backend.ts";

Deno.test("keepHash() gives the numbers that every device must give", () => {
  equal(keepHash(1, 0), 1364076727);
  equal(keepHash(0, 1), 2462723854);
  equal(keepHash(123456789, 42), 4164216765);
  equal(keepHash(0xffffffff, 0xffffffff), 996586154);
});

Deno.test("keepHash() spreads evenly over indices and over seeds", () => {
  const spreads = [(i: number) => keepHash(7, i), (i: number) => keepHash(i, 7)];
  for (const draw of spreads) {
    const bins = new Float64Array(16);
    for (let i = 0; i < 160_000; i++) bins[Math.floor(draw(i) / 2 ** 28)]!++;
    const chiSquare = bins.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    // 15 degrees of freedom: above 37.7 once in a thousand draws.
    ok(chiSquare < 37.7, `chi-square ${chiSquare}`);
  }
});

/** Calls with one size that does not fit, and what their message must name. */
const MISFITS: Record<string, [RegExp, () => unknown]> = {
  "linear x": [/linear x: expected shape \[2,4\], found \[2,3\]/, () => linear(z(2, 3), z(5, 4))],
  "linear bias": [/linear bias/, () => linear(z(2, 4), z(5, 4), { bias: z(4) })],
  "linear residual": [/linear residual/, () => linear(z(2, 4), z(5, 4), { residual: z(2, 4) })],
  "conv1d x": [/conv1d x/, () => conv1d(z(1, 9, 3), z(4, 2, 3))],
  "conv1d rank": [/conv1d x/, () => conv1d(z(9, 3), z(4, 3, 3))],
  "conv1d bias": [/conv1d bias/, () => conv1d(z(1, 9, 3), z(4, 3, 3), { bias: z(3) })],
  "conv1d groups": [/divisible by 2 groups/, () => conv1d(z(1, 9, 4), z(5, 2, 3), { groups: 2 })],
  "conv1d frames": [
    /at least 5 frames, found 4/,
    () => conv1d(z(1, 3, 2), z(4, 2, 5), { padLeft: 1 }),
  ],
  "layerNorm gamma": [/layerNorm gamma/, () => layerNorm(z(2, 3), z(2), z(3), { eps: 0 })],
  "layerNorm beta": [/layerNorm beta/, () => layerNorm(z(2, 3), z(3), z(2), { eps: 0 })],
  "groupNorm rank": [
    /groupNorm x: expected 3 axes/,
    () => groupNorm(z(2, 3), z(3), z(3), { eps: 0 }),
  ],
  "groupNorm beta": [/groupNorm beta/, () => groupNorm(z(1, 2, 3), z(3), z(2), { eps: 0 })],
  "attention k": [/attention k/, () => attention(z(1, 2, 4), z(1, 3, 4), z(1, 2, 4), { heads: 2 })],
  "attention heads": [
    /divisible by 3 heads/,
    () => attention(z(1, 2, 4), z(1, 2, 4), z(1, 2, 4), { heads: 3 }),
  ],
  "attention lengths": [
    /attention lengths/,
    () => attention(z(1, 2, 4), z(1, 2, 4), z(1, 2, 4), { heads: 2, lengths: z(2) }),
  ],
  "attention bias": [
    /attention bias: expected shape \[1,2,2,2\]/,
    () => attention(z(1, 2, 4), z(1, 2, 4), z(1, 2, 4), { heads: 2, bias: z(1, 1, 2, 2) }),
  ],
  "batchNorm mean": [
    /batchNorm mean/,
    () => batchNorm(z(2, 3), { gamma: z(3), beta: z(3), mean: z(2), variance: z(3) }, { eps: 0 }),
  ],
  "updateStatistics variance": [
    /updateStatistics variance/,
    () => updateStatistics(z(2, 3), { mean: z(3), variance: z(1) }, { momentum: 0.1 }),
  ],
  "glu channels": [/even number of channels, found 3/, () => glu(z(2, 3))],
  "relativeScores index": [
    /relativeScores index: expected shape \[3\]/,
    () => relativeScores(z(1, 2, 4), z(5, 4), z(2), { heads: 2 }),
  ],
  "relativeScores positions": [
    /relativeScores positions/,
    () => relativeScores(z(1, 2, 4), z(5, 3), z(3), { heads: 2 }),
  ],
  "relativeScores heads": [
    /divisible by 3 heads/,
    () => relativeScores(z(1, 2, 4), z(5, 4), z(3), { heads: 3 }),
  ],
  "rotary heads": [/even head, found 3/, () => rotary(z(1, 2, 6), angles(2, 1), { heads: 2 })],
  "rotary cos": [
    /rotary cos: expected shape \[2,1\]/,
    () => rotary(z(1, 2, 4), angles(3, 1), { heads: 2 }),
  ],
  "scale residual": [/scale residual/, () => scale(z(2), 1, z(3))],
  "addBias bias": [/addBias bias/, () => addBias(z(2, 3), z(2))],
  "dropout residual": [/dropout residual/, () => dropout(z(2), { rate: 0.5, seed: 0 }, z(3))],
  "add y": [/add y/, () => add(z(2), z(3))],
  "maskFrames mask": [/maskFrames mask/, () => maskFrames(z(1, 2, 3), z(1, 3), z(3))],
  "maskFrames value": [/maskFrames value/, () => maskFrames(z(1, 2, 3), z(1, 2), z(2))],
  "maskChannels mask": [/maskChannels mask/, () => maskChannels(z(1, 2, 3), z(1, 2))],
  "weightNorm g": [/weightNorm g/, () => weightNorm(z(1, 1, 2), z(4, 3, 5))],
  "meanPool lengths": [/meanPool lengths/, () => meanPool(z(2, 3, 4), z(3))],
  "layerSum weights": [/layerSum weights/, () => layerSum([z(2), z(2)], z(3))],
  "layerSum states": [/layerSum state 1/, () => layerSum([z(2), z(3)], z(2))],
  "crossEntropy labels": [/crossEntropy labels/, () => crossEntropy(z(2, 3), z(3))],
  "elementLoss targets": [
    /elementLoss targets/,
    () => elementLoss(z(2, 3), z(2), { kind: "squaredError" }),
  ],
  "gruGate channels": [/even number of channels, found 3/, () => gruGate(z(1, 2, 3), z(2))],
  "gruGate factor": [/gruGate factor/, () => gruGate(z(1, 2, 4), z(4))],
  "padFrames rank": [/padFrames x: expected 3 axes/, () => padFrames(z(2, 3), {})],
  "padFrames frames": [/frames to be left/, () => padFrames(z(1, 2, 3), { before: -2 })],
  "padFrames both ends": [
    /frames to be left/,
    () => padFrames(z(1, 2, 3), { before: -3, after: 4 }),
  ],
  "statisticsPool lengths": [
    /statisticsPool lengths/,
    () => statisticsPool(z(2, 3, 4), z(3)),
  ],
  "unfold frames": [
    /at least 5 frames, found 4/,
    () => unfold(z(1, 4, 2), { width: 3, dilation: 2 }),
  ],
  "patches channels": [
    /at least 4 channels and 2 frames, found 3 and 2/,
    () => patches(z(1, 2, 3), { size: [4, 2], stride: [1, 1] }),
  ],
  "adamwSteps m": [/adamwSteps m/, () => step({ m: z(3) })],
  "adamwSteps norm": [/adamwSteps norm/, () => step({}, z(1))],
  "adamwSteps grad": [/adamwSteps grad/, () => step({ grad: z(3) })],
};

function angles(frames: number, half: number): { cos: Tensor; sin: Tensor } {
  return { cos: z(frames, half), sin: z(frames, half) };
}

function z(...shape: number[]): Tensor {
  return zeros(shape);
}

/** The second of two steps does not fit. */
function step(misfit: Record<string, Tensor>, norm: Tensor = z()): unknown {
  const state = { param: z(2), grad: z(2), m: z(2), v: z(2) };
  const betas = { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
  const attrs = { learningRate: 1, ...betas, weightDecay: 0, step: 1, maxGradNorm: 0 };
  return adamwSteps([state, { ...state, ...misfit }], norm, [attrs, attrs]);
}

Deno.test("every operation rejects sizes that do not fit", async (t) => {
  await useReference();
  for (const [name, [message, call]] of Object.entries(MISFITS)) {
    await t.step(name, () => {
      const check = (error: unknown) => error instanceof ShapeError && message.test(error.message);
      tidy(() => throws(call, check));
    });
  }
});

Deno.test("operations dispose none of their arguments and nothing else stays", async () => {
  await useReference();
  const before = engine().memory().numTensors;
  const x = tensor([1, 2, 3, 4], [1, 2, 2]);
  const pooled = meanPool(x);
  const context = attention(x, x, x, { heads: 1 });
  equal(engine().memory().numTensors, before + 3);
  ok(!x.isDisposed);
  dispose([x, pooled, context]);
});
