/**
 * The forward bodies on examples worked out elsewhere, by hand or with NumPy's own functions. Their
 * gradients are checked against finite differences in `test/kernels`.
 */
import { assertAllClose, type Numbers } from "../compare.ts";
import { adamwSteps } from "./adamw_steps.ts";
import { add } from "./add.ts";
import { addBias } from "./add_bias.ts";
import { attention } from "./attention.ts";
import { batchNorm } from "./batch_norm.ts";
import { columnSum } from "./column_sum.ts";
import { conv1d } from "./conv1d.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { dropout } from "./dropout.ts";
import { elementLoss } from "./element_loss.ts";
import { globalNorm } from "./global_norm.ts";
import { glu } from "./glu.ts";
import { groupNorm } from "./group_norm.ts";
import { gruGate } from "./gru_gate.ts";
import { layerNorm } from "./layer_norm.ts";
import { layerSum } from "./layer_sum.ts";
import { linear } from "./linear.ts";
import { maskChannels } from "./mask_channels.ts";
import { maskFrames } from "./mask_frames.ts";
import { meanPool } from "./mean_pool.ts";
import type { NdArray } from "./nd_array.ts";
import { padFrames } from "./pad_frames.ts";
import { patches } from "./patches.ts";
import { relativeScores } from "./relative_scores.ts";
import { rotary } from "./rotary.ts";
import { scale } from "./scale.ts";
import { statisticsPool } from "./statistics_pool.ts";
import { unfold } from "./unfold.ts";
import { updateStatistics } from "./update_statistics.ts";
import { weightNorm } from "./weight_norm.ts";

function array(shape: number[], ...values: number[]): NdArray {
  return { shape, values: Float64Array.from(values) };
}

function counted(shape: number[], count: number): NdArray {
  return array(shape, ...Array.from({ length: count }, (_, i) => i + 1));
}

function assertEqual(actual: Numbers, expected: Numbers): void {
  assertAllClose(actual, expected, { atol: 1e-12 });
}

Deno.test("linear() multiplies rows with rows of the weight", () => {
  const inputs = {
    x: array([2, 2], 1, 2, 3, 4),
    weight: array([3, 2], 1, 0, 0, 1, -1, -1),
    bias: array([3], 0, 10, 0),
    residual: array([2, 3], 0, 0, 1, 0, 0, 2),
  };
  const expected = array([2, 3], 1, 12, 1, 3, 14, 2);
  assertEqual(linear(inputs, { activation: "relu" }), expected);
});

Deno.test("columnSum() sums over all axes but the last", () => {
  assertEqual(columnSum({ x: counted([2, 2, 3], 12) }), array([3], 22, 26, 30));
});

Deno.test("conv1d() slides the unflipped kernel over padded groups", () => {
  const inputs = { x: counted([1, 5, 2], 10), weight: array([2, 1, 3], 1, 0, -1, 2, 1, 1) };
  const attrs = { stride: 2, groups: 2, padLeft: 1, padRight: 1, activation: "none" } as const;
  assertEqual(conv1d(inputs, attrs), array([1, 3, 2], -3, 6, -4, 22, 7, 26));
});

Deno.test("layerNorm() divides by the biased deviation of each row", () => {
  const inputs = {
    x: array([2, 3], 1, 2, 4, 0, -3, 3),
    gamma: array([3], 1, 2, 0.5),
    beta: array([3], 0, 1, -1),
  };
  const first = [-1.0656252308942, 0.46718738455292, -0.33398423069115];
  const second = [0, -1.447451049344, -0.388137237664];
  assertEqual(layerNorm(inputs, { eps: 0.01 }), array([2, 3], ...first, ...second));
});

Deno.test("groupNorm() divides by the biased deviation of each channel over time", () => {
  const inputs = {
    x: array([1, 3, 2], 1, 10, 2, 0, 6, -10),
    gamma: array([2], 2, 1),
    beta: array([2], 0.5, 0),
  };
  const left = [-1.3496594820594, -0.42482974102971, 3.2744892230891];
  const right = [1.2246530258587, 0, -1.2246530258587];
  const expected = left.flatMap((value, t) => [value, right[t]!]);
  assertEqual(groupNorm(inputs, { eps: 0.01 }), array([1, 3, 2], ...expected));
});

const QUERIES = {
  q: array([1, 3, 2], 1, 2, 0, -1, 3, 1),
  k: array([1, 3, 2], 1, 0, 2, 1, -1, 4),
  v: array([1, 3, 2], 1, 10, 2, 20, 3, 30),
};
const HEADS = { heads: 2, scale: 0.5, dropoutRate: 0, dropoutSeed: 0 };

Deno.test("attention() weighs all keys by softmax, head by head", () => {
  const [context, logSumExp] = attention({ ...QUERIES, lengths: array([1], 3) }, HEADS);
  const frames = [1.7904526918856, 29.19091726331, 2, 15.035985861809];
  assertEqual(context, array([1, 3, 2], ...frames, 1.8282171145993, 26.365010762503));
  const left = [1.6041306053367, 1.0986122886681, 3.2104547127722];
  const right = [4.0658839037574, 0.55495691964199, 2.3063557122291];
  assertEqual(logSumExp, array([1, 2, 3], ...left, ...right));
});

Deno.test("attention() adds the bias to the scores and leaves out keys past the length", () => {
  const bias = array([1, 2, 3, 3], ...[0.1, -0.2].flatMap(scaled));
  const [context, logSumExp] = attention({ ...QUERIES, lengths: array([1], 2), bias }, HEADS);
  const frames = [1.6456563062258, 16.899744811276, 1.5249791874789, 13.318122278318];
  assertEqual(context, array([1, 3, 2], ...frames, 1.8320183851339, 15.744425168117));
  const left = [1.5374879504859, 1.0443966600736, 3.8839007408883];
  const right = [1.1711006659478, -0.19681395111454, -0.34564475553147];
  assertEqual(logSumExp, array([1, 2, 3], ...left, ...right));
});

function scaled(factor: number): number[] {
  return Array.from({ length: 9 }, (_, i) => factor * i);
}

Deno.test("attention() gives every clip the one bias", () => {
  const shape = [2, 3, 2];
  const [q, k, v] = [counted(shape, 12), array(shape, ...Array(12).fill(0.1)), counted(shape, 12)];
  const inputs = { q, k, v, lengths: array([2], 3, 3) };
  const once = attention({ ...inputs, bias: counted([1, 2, 3, 3], 18) }, HEADS);
  const numbers = counted([1, 2, 3, 3], 18).values;
  const twice = attention({ ...inputs, bias: array([2, 2, 3, 3], ...numbers, ...numbers) }, HEADS);
  once.forEach((output, i) => assertEqual(output, twice[i]!));
});

Deno.test("attention() numbers dropped probabilities by clip, head, query and key", () => {
  const ones = array([2, 2, 2], 1, 1, 1, 1, 1, 1, 1, 1);
  const inputs = { q: ones, k: ones, v: ones, lengths: array([2], 2, 2) };
  const attrs = { heads: 2, scale: 1, dropoutRate: 0.5, dropoutSeed: 7 };
  const [context] = attention(inputs, attrs);
  const kept = dropout({ x: array([16], ...Array(16).fill(0.5)) }, { rate: 0.5, seed: 7 }).values;
  const sumOf = (b: number, t: number, h: number) => {
    const at = ((b * 2 + h) * 2 + t) * 2;
    return kept[at]! + kept[at + 1]!;
  };
  const expected = [0, 1].flatMap((b) => [0, 1].flatMap((t) => [0, 1].map((h) => sumOf(b, t, h))));
  assertEqual(context, array([2, 2, 2], ...expected));
});

Deno.test("batchNorm() divides by the given deviation of each channel", () => {
  const inputs = {
    x: counted([2, 2], 4),
    gamma: array([2], 4, 1),
    beta: array([2], 0, 10),
    mean: array([2], 1, 2),
    variance: array([2], 3.75, 0),
  };
  assertEqual(batchNorm(inputs, { eps: 0.25 }), array([2, 2], 0, 10, 4, 14));
});

Deno.test("updateStatistics() moves towards the mean and the unbiased variance of all rows", () => {
  const x = array([1, 3, 2], 1, 10, 3, 20, 5, 0);
  const inputs = { x, mean: array([2], 0, 0), variance: array([2], 1, 1) };
  const [mean, variance] = updateStatistics(inputs, { momentum: 0.25 });
  assertEqual(mean, array([2], 0.75, 2.5));
  assertEqual(variance, array([2], 1.75, 25.75));
});

Deno.test("updateStatistics() of a single row finds no spread", () => {
  const inputs = { x: array([1, 1], 5), mean: array([1], 1), variance: array([1], 2) };
  const [mean, variance] = updateStatistics(inputs, { momentum: 0.5 });
  assertEqual(mean, array([1], 3));
  assertEqual(variance, array([1], 1));
});

Deno.test("glu() gates the first half of the channels by the second", () => {
  const x = array([2, 4], 1, 2, 0, 1, -1, 3, 2, -2);
  const expected = [0.5, 1.4621171572600098, -0.8807970779778823, 0.3576087660663526];
  assertEqual(glu({ x }), array([2, 2], ...expected));
});

const PLACED = {
  x: array([1, 2, 2], 1, 2, 3, -1),
  positions: array([3, 2], 1, 0, 0, 1, 2, 2),
  // The key one before the query, the same frame, the key one after.
  index: array([3], 2, 0, 1),
};

Deno.test("relativeScores() meets the query's frame with the position of the distance", () => {
  const attrs = { heads: 1, scale: 0.5, owner: "query" } as const;
  assertEqual(relativeScores(PLACED, attrs), array([1, 1, 2, 2], 0.5, 1, 2, 1.5));
});

Deno.test("relativeScores() meets the key's frame where the key owns the score", () => {
  const attrs = { heads: 1, scale: 0.5, owner: "key" } as const;
  assertEqual(relativeScores(PLACED, attrs), array([1, 1, 2, 2], 0.5, -0.5, 3, 1.5));
});

Deno.test("relativeScores() keeps heads apart", () => {
  const attrs = { heads: 2, scale: 1, owner: "query" } as const;
  const expected = array([1, 2, 2, 2], 1, 0, 6, 3, 0, 2, -2, 0);
  assertEqual(relativeScores(PLACED, attrs), expected);
});

Deno.test("rotary() turns the halves of a head together, and back", () => {
  const [x, cos] = [counted([1, 2, 4], 8), array([2, 2], 1, 1, 0, 0.5)];
  const sin = array([2, 2], 0, 0, 1, Math.sqrt(0.75));
  const turned = rotary({ x, cos, sin }, { heads: 1, inverse: false });
  const second = [-7, -3.928203230275508, 5, 9.196152422706632];
  assertEqual(turned, array([1, 2, 4], 1, 2, 3, 4, ...second));
  assertEqual(rotary({ x: turned, cos, sin }, { heads: 1, inverse: true }), x);
});

Deno.test("scale() multiplies, and adds the residual", () => {
  const x = counted([3], 3);
  assertEqual(scale({ x }, { factor: -2 }), array([3], -2, -4, -6));
  assertEqual(
    scale({ x, residual: array([3], 0, 1, 7) }, { factor: 0.5 }),
    array([3], 0.5, 2, 8.5),
  );
});

Deno.test("addBias() adds one vector to every row", () => {
  const inputs = { x: counted([2, 2], 4), bias: array([2], 10, -1) };
  assertEqual(addBias(inputs), array([2, 2], 11, 1, 13, 3));
});

Deno.test("dropout() keeps what the hash lets through, scaled up, and adds the residual", () => {
  // The first hashes of seed 7, as shares of 2^32: 0.097, 0.137, 0.451, 0.998, 0.552, 0.446.
  const inputs = { x: counted([6], 6), residual: array([6], 0, 0, 0, 0, 0, 100) };
  assertEqual(dropout(inputs, { rate: 0.5, seed: 7 }), array([6], 0, 0, 0, 8, 10, 100));
});

Deno.test("maskFrames() puts the value in place of masked frames", () => {
  const inputs = {
    x: counted([2, 2, 2], 8),
    mask: array([2, 2], 0, 1, 1, 0),
    value: array([2], -1, -2),
  };
  assertEqual(maskFrames(inputs), array([2, 2, 2], 1, 2, -1, -2, -1, -2, 7, 8));
});

Deno.test("maskChannels() zeroes masked channels in every frame of their clip", () => {
  const inputs = { x: counted([2, 2, 2], 8), mask: array([2, 2], 0, 1, 1, 0) };
  assertEqual(maskChannels(inputs), array([2, 2, 2], 1, 0, 3, 0, 0, 6, 0, 8));
});

Deno.test("weightNorm() gives every tap the norm g", () => {
  const inputs = { g: array([1, 1, 2], 2, 3), v: counted([2, 2, 2], 8) };
  const even = [0.21821789023599, 0.65465367070798, 1.09108945118, 1.5275252316519];
  const odd = [0.54772255750517, 1.0954451150103, 1.6431676725155, 2.1908902300207];
  const expected = even.flatMap((value, i) => [value, odd[i]!]);
  assertEqual(weightNorm(inputs), array([2, 2, 2], ...expected));
});

Deno.test("meanPool() averages the frames before the length", () => {
  const inputs = { x: counted([2, 2, 2], 8), lengths: array([2], 2, 1) };
  assertEqual(meanPool(inputs), array([2, 2], 2, 3, 5, 6));
});

Deno.test("layerSum() weighs the states by softmax", () => {
  const states = [array([3], 1, 2, 3), array([3], 10, 20, 30)];
  const expected = array([3], 2.6418297142572, 5.2836594285144, 7.9254891427716);
  assertEqual(layerSum([array([2], 0.5, -1), ...states]), expected);
});

Deno.test("crossEntropy() is the mean negative log-likelihood, smoothed towards all classes", () => {
  const inputs = { logits: array([2, 3], 1, 2, 0.5, 0, 0, 3), labels: array([2], 1, 0) };
  const plain = { labelSmoothing: 0, normalizer: 2, focus: 0 };
  assertEqual(crossEntropy(inputs, plain), array([], 1.7796458702645));
  const smooth = { labelSmoothing: 0.3, normalizer: 5, focus: 0 };
  assertEqual(crossEntropy(inputs, smooth), array([], 0.70185834810578));
  // One clip with p = 1/4: (3/4)^2 log 4.
  const one = { logits: array([1, 2], 0, Math.log(3)), labels: array([1], 0) };
  const focused = { labelSmoothing: 0, normalizer: 1, focus: 2 };
  assertEqual(crossEntropy(one, focused), array([], 0.5625 * Math.log(4)));
});

Deno.test("gruGate() opens by two sigmoids, of sums of halves", () => {
  const inputs = {
    x: array([1, 2, 4], 1, -1, Math.log(2), Math.log(1.5), 0, 0, 0, 0),
    factor: array([2], 2, 4),
  };
  assertEqual(gruGate(inputs), array([1, 2], 2.25, 2.5));
});

Deno.test("padFrames() adds frames on one side and drops them on the other", () => {
  const x = counted([2, 2, 2], 8);
  assertEqual(padFrames({ x }, { before: 1, after: -1 }), array([2, 2, 2], 0, 0, 1, 2, 0, 0, 5, 6));
});

Deno.test("patches() takes low channels first, and within a patch frames first", () => {
  const x = counted([1, 4, 3], 12);
  const expected = array([1, 2, 4], 1, 4, 2, 5, 7, 10, 8, 11);
  assertEqual(patches({ x }, { size: [2, 2], stride: [2, 2] }), expected);
});

Deno.test("elementLoss() sums over all outputs", () => {
  const logits = array([1, 2], 0, Math.log(3));
  const targets = array([1, 2], 1, 0);
  const entropy = elementLoss({ logits, targets }, { kind: "binaryCrossEntropy", normalizer: 2 });
  assertEqual(entropy, array([], 1.5 * Math.LN2));
  const squares = elementLoss(
    { logits: array([1, 2], 1, 3), targets },
    { kind: "squaredError", normalizer: 3 },
  );
  assertEqual(squares, array([], 3));
});

Deno.test("globalNorm() spans all tensors", () => {
  assertEqual(globalNorm([array([2], 1, 2), array([1, 1], -2), array([], 4)]), array([], 5));
});

const ADAMW = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-3 };

Deno.test("adamwSteps() clips, decays, averages, corrects the bias and steps", () => {
  const state = [array([2], 1, -2), array([2], 0.3, -4), array([2], 0.1, 0), array([2], 0.02, 0)];
  const attrs = { ...ADAMW, step: 3, weightDecay: 0.2, maxGradNorm: 1 };
  const [param, m, v] = adamwSteps([array([], 5), ...state], { steps: [attrs] });
  assertEqual(param!, array([2], 0.93670583959731, -1.8965426877624));
  assertEqual(m!, array([2], 0.0959999988, -0.079999984000003));
  assertEqual(v!, array([2], 0.0198359999856, 0.0063999974400008));
});

Deno.test("adamwSteps() leaves gradients alone within the norm, or where no norm is given", () => {
  const one = array([1], 1);
  for (const [norm, maxGradNorm] of [[0.5, 1], [5, 0]] as const) {
    const attrs = { ...ADAMW, step: 1, weightDecay: 0, maxGradNorm };
    const [, m] = adamwSteps([array([], norm), one, one, one, one], { steps: [attrs] });
    assertEqual(m!, one);
  }
});

Deno.test("adamwSteps() gives each parameter its own settings, and its results in a row", () => {
  const states = [[1, 2, 3, 4], [5, 6, 7, 8]].map((row) => row.map((value) => array([1], value)));
  const steps = [1, 9].map((step) => ({ ...ADAMW, step, weightDecay: step / 10, maxGradNorm: 0 }));
  const norm = array([], 1);
  const both = adamwSteps([norm, ...states.flat()], { steps });
  const apart = states.flatMap((state, n) => adamwSteps([norm, ...state], { steps: [steps[n]!] }));
  both.forEach((output, i) => assertEqual(output, apart[i]!));
});

Deno.test("attention() and meanPool() take clips without lengths as whole ones", () => {
  const whole = attention({ ...QUERIES, lengths: array([1], 3) }, HEADS);
  attention(QUERIES, HEADS).forEach((output, i) => assertEqual(output, whole[i]!));
  assertEqual(meanPool({ x: counted([2, 2, 2], 8) }), array([2, 2], 2, 3, 6, 7));
});

Deno.test("add() adds number by number", () => {
  assertEqual(add({ x: counted([2, 1], 2), y: array([2, 1], 10, -2) }), array([2, 1], 11, 0));
});

Deno.test("statisticsPool() gives means, then unbiased deviations, of the valid frames", () => {
  const x = array([2, 3, 1], 1, 2, 6, 4, 8, 1e9);
  const lengths = array([2], 3, 2);
  assertEqual(statisticsPool({ x, lengths }), array([2, 2], 3, Math.sqrt(7), 6, Math.sqrt(8)));
  assertEqual(
    statisticsPool({ x: counted([1, 2, 2], 4) }),
    array([1, 4], 2, 3, 2 ** 0.5, 2 ** 0.5),
  );
});

Deno.test("unfold() lays frames at a distance side by side", () => {
  const rows = array([1, 2, 4], 1, 2, 5, 6, 3, 4, 7, 8);
  assertEqual(unfold({ x: counted([1, 4, 2], 8) }, { width: 2, dilation: 2 }), rows);
});
