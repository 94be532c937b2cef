/**
 * The baseline of the benches: the same sizes on the stock WASM binary of TensorFlow.js, one thread.
 *
 * It runs in a process of its own. The products of a linear layer and of its gradients are `matMul` with
 * the transpositions that TensorFlow.js itself would use; attention is `matMul`, `softmax`, `matMul`;
 * a convolution is `conv1d`, left out where there are groups, which it does not know, and without
 * gradients, of which the stock backend has not all.
 *
 *     deno run --allow-read --allow-env bench/stock_tfjs.ts
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { type Candidate, measure, randomTensor } from "./_measure.ts";
import {
  ATTENTION_SIZES,
  type AttentionSize,
  CONV_SIZES,
  type ConvSize,
  LINEAR_SIZES,
  type LinearSize,
} from "./_sizes.ts";

function linearCandidates({ name, rows, inputs, outputs }: LinearSize): Candidate[] {
  const x = randomTensor([rows, inputs]);
  const dy = randomTensor([rows, outputs]);
  const weight = randomTensor([outputs, inputs]);
  const flops = 2 * rows * inputs * outputs;
  const label = `${name} ${rows}x${inputs}x${outputs}`;
  return [
    { name: `${label} forward`, flops, run: () => tf.matMul(x, weight, false, true) },
    { name: `${label} input`, flops, run: () => tf.matMul(dy, weight) },
    { name: `${label} weight`, flops, run: () => tf.matMul(dy, x, true, false) },
  ];
}

function convCandidates(size: ConvSize): Candidate[] {
  const { name, batch, frames, channels, outputs, width, stride, groups } = size;
  if (groups > 1) return [];
  const x = randomTensor([batch, frames, channels]) as tf.Tensor3D;
  const weight = randomTensor([width, channels, outputs]) as tf.Tensor3D;
  const steps = Math.floor((frames - width) / stride) + 1;
  const flops = 2 * batch * steps * width * channels * outputs;
  return [{ name: `${name} forward`, flops, run: () => tf.conv1d(x, weight, stride, "valid") }];
}

function attentionCandidates({ name, batch, frames, size, heads }: AttentionSize): Candidate[] {
  const [q, k, v] = [0, 1, 2].map(() => randomTensor([batch, heads, frames, size / heads]));
  const scale = tf.scalar(1 / Math.sqrt(size / heads));
  return [{
    name: `${name} forward`,
    flops: 4 * batch * frames * frames * size,
    run: () =>
      tf.tidy(() => {
        const scores = tf.mul(tf.matMul(q!, k!, false, true), scale);
        return tf.matMul(tf.softmax(scores), v!);
      }),
  }];
}

const directory = new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm"));
setWasmPaths(directory.pathname);
await tf.setBackend("wasm");
console.log("stock TensorFlow.js, WASM");
measure(LINEAR_SIZES.flatMap(linearCandidates), { rounds: 9 });
measure(CONV_SIZES.flatMap(convCandidates), { rounds: 4 });
measure(ATTENTION_SIZES.flatMap(attentionCandidates), { rounds: 5 });
