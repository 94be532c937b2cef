/**
 * The kernels of WASM whose speed is that of memory: norms, activations, masks, sums, the optimiser.
 *
 *     deno run bench/memory_bound_bench.ts [--threads N] [--plain]
 *     deno run --allow-read --allow-env bench/memory_bound_bench.ts --stock
 *
 * Rates count each number that must be read and each that must be written once. The baseline, `--stock`,
 * composes some of them from the operations of TensorFlow.js on its own WASM binary.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { parseArgs } from "node:util";
import { GRADIENT_KERNELS } from "../src/gradients.ts";
import * as kernels from "../src/kernels.ts";
import { startBenchDevice } from "./_device.ts";
import { type Candidate, measure, randomTensor } from "./_measure.ts";

interface Size {
  name: string;
  batch: number;
  frames: number;
  channels: number;
}

/** Hidden states. */
const SIZES: readonly Size[] = [
  { name: "base, 8 x 1 s", batch: 8, frames: 49, channels: 768 },
  { name: "base, 8 x 10 s", batch: 8, frames: 499, channels: 768 },
  { name: "small, 32 x 1 s", batch: 32, frames: 49, channels: 192 },
];
/** Outputs of the first convolution. */
const FEATURE_SIZES: readonly Size[] = [
  { name: "base conv 0, 2 x 1 s", batch: 2, frames: 3199, channels: 512 },
  { name: "small conv 0, 8 x 1 s", batch: 8, frames: 3199, channels: 128 },
];
const NORM = { eps: 1e-5 };
const ADAMW: kernels.AdamwAttrs = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  step: 3,
  maxGradNorm: 1,
};
const KERNEL = GRADIENT_KERNELS;

/** A candidate that reads and writes `tensors` times the numbers of its size. */
function candidate(size: Size, name: string, tensors: number, run: Candidate["run"]): Candidate {
  const { batch, frames, channels } = size;
  return { name: `${size.name} ${name}`, flops: 4 * tensors * batch * frames * channels, run };
}

function hiddenCandidates(size: Size): Candidate[] {
  const { batch, frames, channels } = size;
  const [x, dy] = [0, 1].map(() => randomTensor([batch, frames, channels])) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const [gamma, beta] = [0, 1].map(() => randomTensor([channels])) as [tf.Tensor, tf.Tensor];
  const flags = Int32Array.from({ length: batch * frames }, (_, i) => i % 13 === 0 ? 1 : 0);
  const mask = tf.tensor(flags, [batch, frames], "int32");
  const norm = tf.scalar(2);
  const state = { param: x, grad: dy, m: x, v: dy, norm };
  const gelu = { activation: "gelu" };
  return [
    candidate(size, "layerNorm", 2, () => kernels.layerNorm(x, gamma, beta, NORM)),
    candidate(
      size,
      "layerNorm gradient",
      3,
      () => kernels.runAll(KERNEL.layerNorm, { x, gamma, dy }, NORM),
    ),
    candidate(size, "gelu", 2, () => kernels.activation(x, "gelu")),
    candidate(size, "gelu gradient", 3, () => kernels.run(KERNEL.activation, { x, dy }, gelu)),
    candidate(size, "relu", 2, () => kernels.activation(x, "relu")),
    candidate(size, "add", 3, () => kernels.add(x, dy)),
    candidate(size, "dropout", 3, () => kernels.dropout(x, { rate: 0.1, seed: 3 }, dy)),
    candidate(size, "maskFrames", 2, () => kernels.maskFrames(x, mask, gamma)),
    candidate(size, "meanPool", 1, () => kernels.meanPool(x as tf.Tensor3D)),
    candidate(size, "columnSum", 1, () => kernels.run(KERNEL.columnSum, { x }, {})),
    candidate(size, "globalNorm", 1, () => kernels.globalNorm([x])),
    candidate(size, "adamwStep", 7, () => kernels.adamwStep(state, ADAMW)),
  ];
}

function featureCandidates(size: Size): Candidate[] {
  const { batch, frames, channels } = size;
  const [x, dy] = [0, 1].map(() => randomTensor([batch, frames, channels])) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const [gamma, beta] = [0, 1].map(() => randomTensor([channels])) as [tf.Tensor, tf.Tensor];
  return [
    candidate(size, "groupNorm", 3, () => kernels.groupNorm(x, gamma, beta, NORM)),
    candidate(
      size,
      "groupNorm gradient",
      5,
      () => kernels.runAll(KERNEL.groupNorm, { x, gamma, dy }, NORM),
    ),
  ];
}

function weightCandidates(): Candidate[] {
  const g = randomTensor([1, 1, 128]);
  const [v, dy] = [0, 1].map(() => randomTensor([768, 48, 128])) as [tf.Tensor, tf.Tensor];
  const size = { name: "base", batch: 768, frames: 48, channels: 128 };
  return [
    candidate(size, "weightNorm", 3, () => kernels.weightNorm(g, v)),
    candidate(
      size,
      "weightNorm gradient",
      6,
      () => kernels.runAll(KERNEL.weightNorm, { g, v, dy }, {}),
    ),
  ];
}

/** The same from the operations of TensorFlow.js, where its WASM backend has them. */
function stockCandidates(size: Size): Candidate[] {
  const { batch, frames, channels } = size;
  const [x, dy] = [0, 1].map(() => randomTensor([batch, frames, channels])) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const [gamma, beta] = [0, 1].map(() => randomTensor([channels])) as [tf.Tensor, tf.Tensor];
  const layerNorm = () =>
    tf.tidy(() => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const variance = tf.mean(tf.square(centred), -1, true);
      const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
      return tf.add(tf.mul(normal, gamma), beta);
    });
  return [
    candidate(size, "layerNorm", 2, layerNorm),
    candidate(size, "relu", 2, () => tf.relu(x)),
    candidate(size, "add", 3, () => tf.add(x, dy)),
    candidate(size, "columnSum", 1, () => tf.sum(x, [0, 1])),
  ];
}

if (parseArgs({ strict: false }).values.stock) {
  const directory = new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm"));
  setWasmPaths(directory.pathname);
  await tf.setBackend("wasm");
  console.log("stock TensorFlow.js, WASM");
  measure(SIZES.flatMap(stockCandidates), { unit: "GB/s" });
} else {
  await startBenchDevice();
  measure(SIZES.flatMap(hiddenCandidates), { unit: "GB/s" });
  measure(FEATURE_SIZES.flatMap(featureCandidates), { unit: "GB/s", rounds: 7 });
  measure(weightCandidates(), { unit: "GB/s", rounds: 7 });
}
