/**
 * The kernels that are timed, ours and stock: their sizes, those of wav2vec2-base and of the preset `small` at 1 and
 * 10 s of audio, and how a process times them.
 *
 * @module
 */
import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import { median, timeInTurn } from "./_timing.ts";

/** The kinds of kernels. */
export const SUITES = ["linear", "conv1d", "attention", "memory"] as const;

/** A kind of kernels. */
export type Suite = typeof SUITES[number];

/** What a process of kernels is to time. */
export interface KernelRequest {
  suite: Suite;
  threads: number;
  /** Whether the build without relaxed SIMD is measured. */
  plain: boolean;
  rounds: number;
}

/** One kernel to time. */
export interface KernelCase {
  name: string;
  /** Operations of a run; of kernels whose speed is that of memory, bytes. */
  work: number;
  /** The most operations a millisecond that this machine can do, where it is known. */
  peak?: number;
  run(): Tensor | Tensor[];
}

/** What was found of a kernel. */
export interface TimedKernel {
  name: string;
  medianMs: number;
  peakFraction?: number;
}

/** Milliseconds that a kernel runs for in each round. */
const ROUND_MS = 20;

/** Times kernels in turn and prints what was found. */
export async function printTimes(cases: readonly KernelCase[], rounds: number): Promise<void> {
  const times = await timeInTurn(cases.map(({ run }) => run), {
    rounds,
    roundMs: ROUND_MS,
    warmUpMs: ROUND_MS * cases.length,
    after: (result) => [result].flat().forEach((output) => output.dispose()),
  });
  const found = cases.map(({ name, work, peak }, i): TimedKernel => {
    const medianMs = median(times[i]!);
    return { name, medianMs, peakFraction: peak && work / medianMs / peak };
  });
  console.log(JSON.stringify(found));
}

/** Normally distributed numbers; the same at every run. */
export function randomTensor(shape: number[], deviation = 1): Tensor {
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from(
    { length: size },
    () => deviation * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
  return tensor(values, shape, "float32");
}

/** A linear layer: `rows` frames, `inputs` to `outputs` features. */
export interface LinearSize {
  name: string;
  rows: number;
  inputs: number;
  outputs: number;
}

/** Linear layers. */
export const LINEAR_SIZES: readonly LinearSize[] = [
  { name: "base attention, 1 x 1 s", rows: 49, inputs: 768, outputs: 768 },
  { name: "base attention, 8 x 1 s", rows: 392, inputs: 768, outputs: 768 },
  { name: "base feed-forward in, 8 x 1 s", rows: 392, inputs: 768, outputs: 3072 },
  { name: "base feed-forward out, 8 x 1 s", rows: 392, inputs: 3072, outputs: 768 },
  { name: "base attention, 8 x 10 s", rows: 3992, inputs: 768, outputs: 768 },
  { name: "small attention, 32 x 1 s", rows: 1568, inputs: 192, outputs: 192 },
  { name: "small feed-forward in, 32 x 1 s", rows: 1568, inputs: 192, outputs: 768 },
  { name: "small feed-forward out, 32 x 1 s", rows: 1568, inputs: 768, outputs: 192 },
  { name: "96 to 96, 32 x 1 s", rows: 1568, inputs: 96, outputs: 96 },
];

/** A convolution over time. */
export interface ConvSize {
  name: string;
  batch: number;
  frames: number;
  channels: number;
  outputs: number;
  width: number;
  stride: number;
  groups: number;
  pad: number;
}

/** `[batch, frames, channels, outputs, width, stride, groups, pad]` by name. */
const CONVOLUTIONS = {
  "base conv 0, 8 x 1 s": [8, 16000, 1, 512, 10, 5, 1, 0],
  "base conv 1, 2 x 1 s": [2, 3199, 512, 512, 3, 2, 1, 0],
  "base conv 5, 8 x 1 s": [8, 199, 512, 512, 2, 2, 1, 0],
  "small conv 0, 32 x 1 s": [32, 16000, 1, 128, 10, 5, 1, 0],
  "small conv 1, 32 x 1 s": [32, 3199, 128, 128, 3, 2, 1, 0],
  "small conv 4, 32 x 1 s": [32, 399, 128, 128, 3, 2, 1, 0],
  "base positional, 8 x 1 s": [8, 49, 768, 768, 128, 1, 16, 64],
  "small positional, 32 x 1 s": [32, 49, 192, 192, 128, 1, 16, 64],
} as const;

/** Convolutions of the feature encoder, and the positional one. */
export const CONV_SIZES: readonly ConvSize[] = Object.entries(CONVOLUTIONS).map(
  ([name, [batch, frames, channels, outputs, width, stride, groups, pad]]) => {
    return { name, batch, frames, channels, outputs, width, stride, groups, pad };
  },
);

/** Attention of all heads. */
export interface AttentionSize {
  name: string;
  batch: number;
  frames: number;
  size: number;
  heads: number;
}

/** Attention layers. */
export const ATTENTION_SIZES: readonly AttentionSize[] = [
  { name: "base, 8 x 1 s", batch: 8, frames: 49, size: 768, heads: 12 },
  { name: "base, 8 x 10 s", batch: 8, frames: 499, size: 768, heads: 12 },
  { name: "base, 1 x 30 s", batch: 1, frames: 1499, size: 768, heads: 12 },
  { name: "small, 32 x 1 s", batch: 32, frames: 49, size: 192, heads: 4 },
  { name: "small, 8 x 10 s", batch: 8, frames: 499, size: 192, heads: 4 },
];

/** Hidden states. */
export interface StateSize {
  name: string;
  batch: number;
  frames: number;
  channels: number;
}

/** What norms, activations and the optimiser run over. */
export const STATE_SIZES: readonly StateSize[] = [
  { name: "base, 8 x 1 s", batch: 8, frames: 49, channels: 768 },
  { name: "base, 8 x 10 s", batch: 8, frames: 499, channels: 768 },
  { name: "small, 32 x 1 s", batch: 32, frames: 49, channels: 192 },
];

/** Outputs of the first convolution. */
export const FEATURE_SIZES: readonly StateSize[] = [
  { name: "base conv 0, 2 x 1 s", batch: 2, frames: 3199, channels: 512 },
  { name: "small conv 0, 8 x 1 s", batch: 8, frames: 3199, channels: 128 },
];

/** Bytes of so many tensors of a size. */
export function bytesOf({ batch, frames, channels }: StateSize, tensors: number): number {
  return 4 * tensors * batch * frames * channels;
}
