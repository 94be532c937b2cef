import { deepEqual, equal, ok } from "node:assert/strict";
import { engine, tensor } from "@tensorflow/tfjs-core";
import { type Activation, normedConv1d, prepareWeight } from "../../src/kernels.ts";
import type { WasmBackend } from "../../src/kernels/wasm/_backend.ts";
import { startTestWasm } from "../devices.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

interface Sizes {
  x: NdArray;
  outputs: number;
  width: number;
  stride: number;
  activation?: Activation;
  bias?: boolean;
  /** Those that are wanted. */
  frames?: [from: number, to: number];
}

function normed(name: string, sizes: Sizes): OpCase {
  const { x, outputs, width, stride, activation = "gelu", bias, frames } = sizes;
  const channels = x.shape[2]!;
  const deviation = 1 / Math.sqrt(channels * width);
  return {
    name: `${name}[${x.shape}] -> ${outputs}, width ${width}, stride ${stride}, ${activation}`,
    inputs: {
      x,
      weight: normal([outputs, channels, width], { seed: 2, deviation }),
      gamma: normal([outputs], { seed: 3, mean: 1, deviation: 0.3 }),
      beta: normal([outputs], { seed: 4 }),
      ...bias && { bias: normal([outputs], { seed: 5 }) },
    },
    run: ({ x, weight, gamma, beta, bias }) => {
      const options = { gamma: gamma!, beta: beta!, bias, stride, eps: 1e-5, activation, frames };
      return normedConv1d(x!, weight!, options);
    },
    // That of the bias is nothing but what is rounded; frames are cut out where nothing is trained.
    hasGradient: !bias && !frames,
  };
}

const WAVE: Pick<Sizes, "width" | "stride"> = { width: 10, stride: 5 };

kernelSuite("normedConv1d", [
  normed("", { x: normal([1, 3, 1]), outputs: 1, width: 3, stride: 1 }),
  normed("", { x: normal([2, 17, 3]), outputs: 5, width: 2, stride: 3, activation: "none" }),
  normed("", { x: normal([2, 23, 1]), outputs: 9, width: 7, stride: 2, activation: "mish" }),
  normed("bias, ", { x: normal([2, 21, 1]), outputs: 3, ...WAVE, bias: true }),
  normed("", { x: normal([1, 100, 7]), outputs: 13, width: 3, stride: 2, activation: "relu" }),
  normed("", { x: normal([3, 1601, 1]), outputs: 33, ...WAVE, activation: "silu" }),
  normed("", { x: normal([1, 3203, 1]), outputs: 128, ...WAVE }),
  normed("deeper than what is fused, ", { x: normal([2, 19, 9]), outputs: 5, width: 4, stride: 2 }),
  normed("some frames, ", { x: normal([2, 300, 1]), outputs: 19, ...WAVE, frames: [17, 40] }),
  normed("zeros, ", { x: fixed([2, 50, 1], 0), outputs: 6, ...WAVE }),
  {
    ...normed("all equal, ", { x: fixed([1, 60, 1], 0.5), outputs: 6, ...WAVE }),
    // What the convolution rounds is divided by the root of eps.
    forwardTolerance: 1e-4,
    hasGradient: false,
  },
  {
    ...normed("mean 100 and deviation 1, ", {
      x: normal([1, 300, 1], { mean: 100, deviation: 1 }),
      outputs: 7,
      ...WAVE,
    }),
    forwardTolerance: 5e-4,
    gradientTolerance: 1e-2,
  },
]);

Deno.test("normedConv1d() of NaN is NaN in all frames of its clip, and of no other [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const samples = new Float32Array(2 * 40).map((_, i) => Math.sin(i));
  samples[50] = NaN;
  const [gamma, beta] = [tensor([1, 1]), tensor([0, 0])];
  const weight = tensor(new Float32Array(20).map((_, i) => Math.cos(i)), [2, 1, 10]);
  const y = normedConv1d(tensor(samples, [2, 40, 1]), weight, {
    gamma,
    beta,
    stride: 5,
    eps: 1e-5,
  });
  const values = Array.from(y.dataSync());
  ok(values.slice(0, values.length / 2).every(Number.isFinite));
  ok(values.slice(values.length / 2).every(Number.isNaN));
  device.dispose();
});

Deno.test("normedConv1d() takes the memory of its output, and not that of the frames before the norm [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const backend = engine().backend as WasmBackend;
  const [gamma, beta] = [tensor(new Float32Array(512)), tensor(new Float32Array(512))];
  const weight = tensor(new Float32Array(512 * 10), [512, 1, 10]);
  const x = tensor(new Float32Array(16_000), [1, 16_000, 1]);
  const before = backend.memoryUse().usedBytes;
  const { takePeakBytes } = await import("../../src/kernels/wasm/peak_memory.ts");
  takePeakBytes();
  const y = normedConv1d(x, weight, { gamma, beta, stride: 5, eps: 1e-5 });
  equal(y.size, 3199 * 512);
  const taken = takePeakBytes()! - before;
  ok(taken < 1.05 * 4 * y.size, `${taken} bytes`);
  device.dispose();
});

Deno.test("normedConv1d() of a weight that is laid out has the same bits [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const numbers = (size: number) => new Float32Array(size).map((_, i) => Math.sin(i * i));
  const [gamma, beta] = [tensor(numbers(21)), tensor(numbers(21))];
  const [x, weight] = [tensor(numbers(502), [2, 251, 1]), tensor(numbers(210), [21, 1, 10])];
  const options = { gamma, beta, stride: 5, eps: 1e-5, activation: "gelu" } as const;
  const [rows, held] = [weight, prepareWeight(weight)].map((one) => normedConv1d(x, one, options));
  deepEqual(held!.dataSync(), rows!.dataSync());
  device.dispose();
});
