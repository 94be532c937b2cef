/**
 * Our kernels on WASM, timed in this process: products forward with bias, with prepared weights in float32 and int8,
 * and both gradients; attention without and with dropout; what runs at the speed of memory.
 *
 * Attention's gradient counts five products, since it computes the scores anew. Convolutions skip taps that reach into
 * padding, so that the positional one of short clips shows more than the machine can do.
 *
 * @module
 */
import { type Tensor, tensor, tensor1d } from "@tensorflow/tfjs-core";
import * as kernels from "../src/kernels.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import {
  ATTENTION_SIZES,
  type AttentionSize,
  bytesOf,
  CONV_SIZES,
  type ConvSize,
  FEATURE_SIZES,
  type KernelCase,
  type KernelRequest,
  LINEAR_SIZES,
  type LinearSize,
  printTimes,
  randomTensor,
  STATE_SIZES,
  type StateSize,
  type Suite,
} from "./_kernel_cases.ts";
import { dotPeakGops, fmaPeakGflops } from "./_peaks.ts";
import { readRequest } from "./_process.ts";

const { OPERATIONS, prepareWeight, run } = kernels;
const NORM = { eps: 1e-5 };
const WHOLE = { dropoutRate: 0, dropoutSeed: 0 };
const ADAMW: kernels.AdamwAttrs = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  step: 3,
  maxGradNorm: 1,
};
const PRECISIONS: readonly kernels.WeightPrecision[] = ["float32", "int8"];

const request = readRequest<KernelRequest>();
const { threads, plain, rounds, suite } = request;
/** Operations a millisecond. */
const PEAK = { float32: 1e6 * threads * fmaPeakGflops(), int8: 1e6 * threads * dotPeakGops() };

function linearCases({ name, rows, inputs, outputs }: LinearSize): KernelCase[] {
  const [x, dy] = [randomTensor([rows, inputs]), randomTensor([rows, outputs])];
  const weightOf = () => randomTensor([outputs, inputs], 1 / Math.sqrt(inputs));
  const [weight, bias] = [weightOf(), randomTensor([outputs])];
  const shared = { work: 2 * rows * inputs * outputs, peak: PEAK.float32 };
  const linear = (weight: kernels.Weight) => kernels.linear(x, weight, { bias });
  return [
    { ...shared, name: `${name} forward`, run: () => linear(weight) },
    ...PRECISIONS.map((precision): KernelCase => {
      const held = prepareWeight(weightOf(), { precision });
      return {
        ...shared,
        name: `${name} ${precision}`,
        peak: PEAK[precision],
        run: () => linear(held),
      };
    }),
    {
      ...shared,
      name: `${name} input`,
      run: () => run(OPERATIONS.linearGradInput, { dy, weight }, WHOLE),
    },
    {
      ...shared,
      name: `${name} weight`,
      run: () => run(OPERATIONS.linearGradWeight, { x, dy }, {}),
    },
  ];
}

function convCases(size: ConvSize): KernelCase[] {
  const { name, batch, frames, channels, outputs, width, stride, groups, pad } = size;
  const steps = Math.floor((frames + 2 * pad - width) / stride) + 1;
  const depth = channels / groups * width;
  const x = randomTensor([batch, frames, channels]);
  const dy = randomTensor([batch, steps, outputs]);
  const weightOf = () => randomTensor([outputs, channels / groups, width], 1 / Math.sqrt(depth));
  const [weight, bias] = [weightOf(), randomTensor([outputs])];
  const attrs = { stride, groups, padLeft: pad, padRight: pad, activation: "none" } as const;
  const work = 2 * batch * steps * depth * outputs;
  const shared = { work, peak: PEAK.float32 };
  const conv1d = (weight: kernels.Weight) => kernels.conv1d(x, weight, { ...attrs, bias });
  const inputGradient = () => run(OPERATIONS.conv1dGradInput, { dy, weight }, { ...attrs, frames });
  const weightGradient = () => run(OPERATIONS.conv1dGradWeight, { x, dy }, { ...attrs, width });
  return [
    { ...shared, name: `${name} forward`, run: () => conv1d(weight) },
    ...PRECISIONS.map((precision): KernelCase => {
      const held = prepareWeight(weightOf(), { groups, precision });
      return {
        ...shared,
        name: `${name} ${precision}`,
        peak: PEAK[precision],
        run: () => conv1d(held),
      };
    }),
    { ...shared, name: `${name} input`, run: inputGradient },
    { ...shared, name: `${name} weight`, run: weightGradient },
  ];
}

function fourTensors(shape: number[]): [Tensor, Tensor, Tensor, Tensor] {
  return [randomTensor(shape), randomTensor(shape), randomTensor(shape), randomTensor(shape)];
}

function attentionCases({ name, batch, frames, size, heads }: AttentionSize): KernelCase[] {
  const [q, k, v, dy] = fourTensors([batch, frames, size]);
  const lengths = tensor1d(new Int32Array(batch).fill(frames), "int32");
  const product = 2 * batch * frames * frames * size;
  return [0, 0.1].flatMap((dropoutRate) => {
    const scale = 1 / Math.sqrt(size / heads);
    const attrs = { heads, scale, dropoutRate, dropoutSeed: 1 };
    const forward = () => run(OPERATIONS.attention, { q, k, v, lengths }, attrs);
    const [context, logSumExp] = forward();
    const saved = { q, k, v, lengths, context, logSumExp, dy };
    const label = `${name}${dropoutRate > 0 ? `, dropout ${dropoutRate}` : ""}`;
    const gradient = () => run(OPERATIONS.attentionGrad, saved, attrs);
    const peak = PEAK.float32;
    return [
      { name: `${label} forward`, work: 2 * product, peak, run: forward },
      { name: `${label} gradient`, work: 5 * product, peak, run: gradient },
    ];
  });
}

/** Cases that read and write so many tensors of a size. */
function memoryCases(
  size: StateSize,
  cases: readonly [name: string, tensors: number, run: KernelCase["run"]][],
): KernelCase[] {
  return cases.map(([name, tensors, run]) => {
    return { name: `${size.name} ${name}`, work: bytesOf(size, tensors), run };
  });
}

function stateCases(size: StateSize): KernelCase[] {
  const { batch, frames, channels } = size;
  const [x, dy] = [0, 1].map(() => randomTensor([batch, frames, channels])) as [Tensor, Tensor];
  const [gamma, beta] = [0, 1].map(() => randomTensor([channels])) as [Tensor, Tensor];
  const flags = Int32Array.from({ length: batch * frames }, (_, i) => i % 13 === 0 ? 1 : 0);
  const mask = tensor(flags, [batch, frames], "int32");
  const state = { param: x, grad: dy, m: x, v: dy };
  const norm = tensor(2);
  const gelu = { activation: "gelu" } as const;
  return memoryCases(size, [
    ["layerNorm", 2, () => kernels.layerNorm(x, gamma, beta, NORM)],
    ["layerNorm gradient", 3, () => run(OPERATIONS.layerNormGrad, { x, gamma, dy }, NORM)],
    ["gelu", 2, () => kernels.activation(x, "gelu")],
    ["gelu gradient", 3, () => run(OPERATIONS.activationGrad, { x, dy }, gelu)],
    ["relu", 2, () => kernels.activation(x, "relu")],
    ["add", 3, () => kernels.add(x, dy)],
    ["dropout", 3, () => kernels.dropout(x, { rate: 0.1, seed: 3 }, dy)],
    ["maskFrames", 2, () => kernels.maskFrames(x, mask, gamma)],
    ["meanPool", 1, () => kernels.meanPool(x)],
    ["columnSum", 1, () => run(OPERATIONS.columnSum, { x }, {})],
    ["globalNorm", 1, () => kernels.globalNorm([x])],
    ["adamwSteps", 7, () => kernels.adamwSteps([state], norm, [ADAMW])[0]!],
  ]);
}

function featureCases(size: StateSize): KernelCase[] {
  const { batch, frames, channels } = size;
  const [x, dy] = [0, 1].map(() => randomTensor([batch, frames, channels])) as [Tensor, Tensor];
  const [gamma, beta] = [0, 1].map(() => randomTensor([channels])) as [Tensor, Tensor];
  return memoryCases(size, [
    ["groupNorm", 3, () => kernels.groupNorm(x, gamma, beta, NORM)],
    ["groupNorm gradient", 5, () => run(OPERATIONS.groupNormGrad, { x, gamma, dy }, NORM)],
  ]);
}

function weightNormCases(): KernelCase[] {
  const g = randomTensor([1, 1, 128]);
  const [v, dy] = [0, 1].map(() => randomTensor([768, 48, 128])) as [Tensor, Tensor];
  const size = { name: "base", batch: 768, frames: 48, channels: 128 };
  return memoryCases(size, [
    ["weightNorm", 3, () => kernels.weightNorm(g, v)],
    ["weightNorm gradient", 6, () => run(OPERATIONS.weightNormGrad, { g, v, dy }, {})],
  ]);
}

const CASES: Readonly<Record<Suite, () => KernelCase[]>> = {
  linear: () => LINEAR_SIZES.flatMap(linearCases),
  conv1d: () => CONV_SIZES.flatMap(convCases),
  attention: () => ATTENTION_SIZES.flatMap(attentionCases),
  memory: () => [
    ...STATE_SIZES.flatMap(stateCases),
    ...FEATURE_SIZES.flatMap(featureCases),
    ...weightNormCases(),
  ],
};

await startWasm({ threads, relaxedSimd: plain ? false : undefined });
await printTimes(CASES[suite](), rounds);
