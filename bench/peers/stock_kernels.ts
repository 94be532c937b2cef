/**
 * The kernels of `kernels.ts` on the stock WASM binary of TensorFlow.js, one thread, timed in this process.
 *
 * The products of a linear layer and of its gradients are `matMul` with the transpositions that TensorFlow.js itself
 * would use; attention is `matMul`, `softmax`, `matMul`; a convolution is `conv1d`, left out where there are groups,
 * which it does not know, and without gradients, of which the stock backend has not all.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import {
  ATTENTION_SIZES,
  type AttentionSize,
  bytesOf,
  CONV_SIZES,
  type ConvSize,
  type KernelCase,
  type KernelRequest,
  LINEAR_SIZES,
  type LinearSize,
  printTimes,
  randomTensor,
  STATE_SIZES,
  type StateSize,
  type Suite,
} from "../_kernel_cases.ts";
import { readRequest } from "../_process.ts";

function linearCases({ name, rows, inputs, outputs }: LinearSize): KernelCase[] {
  const x = randomTensor([rows, inputs]);
  const dy = randomTensor([rows, outputs]);
  const weight = randomTensor([outputs, inputs]);
  const work = 2 * rows * inputs * outputs;
  return [
    { name: `${name} forward`, work, run: () => tf.matMul(x, weight, false, true) },
    { name: `${name} input`, work, run: () => tf.matMul(dy, weight) },
    { name: `${name} weight`, work, run: () => tf.matMul(dy, x, true, false) },
  ];
}

function convCases(size: ConvSize): KernelCase[] {
  const { name, batch, frames, channels, outputs, width, stride, groups } = size;
  if (groups > 1) return [];
  const x = randomTensor([batch, frames, channels]) as tf.Tensor3D;
  const weight = randomTensor([width, channels, outputs]) as tf.Tensor3D;
  const steps = Math.floor((frames - width) / stride) + 1;
  const work = 2 * batch * steps * width * channels * outputs;
  return [{ name: `${name} forward`, work, run: () => tf.conv1d(x, weight, stride, "valid") }];
}

function attentionCases({ name, batch, frames, size, heads }: AttentionSize): KernelCase[] {
  const [q, k, v] = [0, 1, 2].map(() => randomTensor([batch, heads, frames, size / heads]));
  const scale = tf.scalar(1 / Math.sqrt(size / heads));
  const work = 4 * batch * frames * frames * size;
  const run = () =>
    tf.tidy(() => {
      const scores = tf.mul(tf.matMul(q!, k!, false, true), scale);
      return tf.matMul(tf.softmax(scores), v!);
    });
  return [{ name: `${name} forward`, work, run }];
}

function stateCases(size: StateSize): KernelCase[] {
  const shape = [size.batch, size.frames, size.channels];
  const [x, dy] = [randomTensor(shape), randomTensor(shape)];
  const [gamma, beta] = [randomTensor([size.channels]), randomTensor([size.channels])];
  const layerNorm = () =>
    tf.tidy(() => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const variance = tf.mean(tf.square(centred), -1, true);
      const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
      return tf.add(tf.mul(normal, gamma), beta);
    });
  return [
    { name: `${size.name} layerNorm`, work: bytesOf(size, 2), run: layerNorm },
    { name: `${size.name} relu`, work: bytesOf(size, 2), run: () => tf.relu(x) },
    { name: `${size.name} add`, work: bytesOf(size, 3), run: () => tf.add(x, dy) },
    { name: `${size.name} columnSum`, work: bytesOf(size, 1), run: () => tf.sum(x, [0, 1]) },
  ];
}

const CASES: Readonly<Record<Suite, () => KernelCase[]>> = {
  linear: () => LINEAR_SIZES.flatMap(linearCases),
  conv1d: () => CONV_SIZES.flatMap(convCases),
  attention: () => ATTENTION_SIZES.flatMap(attentionCases),
  memory: () => STATE_SIZES.flatMap(stateCases),
};

const { suite, rounds } = readRequest<KernelRequest>();
setWasmPaths(new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm")).pathname);
setThreadsCount(1);
await tf.setBackend("wasm");
await printTimes(CASES[suite](), rounds);
