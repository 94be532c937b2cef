/**
 * Stock TensorFlow.js, measured in this process: the same model over the kernels of its own WASM backend.
 *
 * Each operation of the contract that Wav2Vec2 and its like take is written in TensorFlow.js operations, as a user would;
 * weights are brought into the form that they want once, and nothing is left for a product to transpose, at which it is
 * ten times slower. Inference only, clips of one length, one thread: the stock
 * backend has no gradient of a convolution's weights.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { type OperationBody, type OperationName, registerKernels } from "../../src/kernels.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { type Measured, noiseBatch, peakRssMb, readRequest, sinceSpawn } from "../_process.ts";
import { medianMsOf } from "../_timing.ts";

type Body<Name extends OperationName> = OperationBody<Name, tf.Tensor>;

const prepared = new WeakMap<object, tf.Tensor>();

/** What is made of a weight, once. */
function once(weight: tf.Tensor, make: () => tf.Tensor): tf.Tensor {
  const found = prepared.get(weight.dataId) ?? tf.keep(tf.tidy(make));
  prepared.set(weight.dataId, found);
  return found;
}

function activate(x: tf.Tensor, kind: string): tf.Tensor {
  if (kind === "none") return x;
  if (kind === "relu") return tf.relu(x);
  if (kind !== "gelu") {
    throw new RangeError(`Cannot use activation "${kind}": expected gelu or relu`);
  }
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function normalized(
  { x, gamma, beta }: Record<"x" | "gamma" | "beta", tf.Tensor>,
  options: { eps: number; axis: number },
): tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, options.axis, true));
  const variance = tf.mean(tf.square(centred), options.axis, true);
  const scaled = tf.div(centred, tf.sqrt(tf.add(variance, options.eps)));
  return tf.add(tf.mul(scaled, gamma), beta);
}

const linear: Body<"linear"> = ({ x, weight, bias, residual }, { activation }) => {
  const rows = tf.reshape(x, [-1, x.shape.at(-1)!]);
  const product = tf.matMul(rows, once(weight, () => tf.transpose(weight)));
  const y = activate(bias ? tf.add(product, bias) : product, activation);
  const shaped = tf.reshape(y, [...x.shape.slice(0, -1), weight.shape[0]!]);
  return residual ? tf.add(shaped, residual) : shaped;
};

const conv1d: Body<"conv1d"> = ({ x, weight, bias }, attrs) => {
  const { stride, groups, padLeft, padRight, activation } = attrs;
  const filters = once(weight, () => tf.transpose(weight, [2, 1, 0])); // [K, C / G, O]
  const padded = tf.pad(x, [[0, 0], [padLeft, padRight], [0, 0]]);
  const inputs = tf.split(padded, groups, 2) as tf.Tensor3D[];
  const parts = tf.split(filters, groups, 2) as tf.Tensor3D[];
  const outputs = inputs.map((input, i) => tf.conv1d(input, parts[i]!, stride, "valid"));
  const y = tf.concat(outputs, 2);
  return activate(bias ? tf.add(y, bias) : y, activation);
};

const weightNorm: Body<"weightNorm"> = ({ g, v }) =>
  tf.mul(v, tf.div(g, tf.sqrt(tf.sum(tf.square(v), [0, 1], true))));

const attention: Body<"attention"> = ({ q, k, v }, { heads, scale }) => {
  const [batch = 0, frames = 0, size = 0] = q.shape;
  const split = (x: tf.Tensor, axes: number[]) =>
    tf.transpose(tf.reshape(x, [batch, frames, heads, size / heads]), axes);
  const keys = split(k, [0, 2, 3, 1]); // [B, H, D / H, T]
  const scores = tf.mul(tf.matMul(split(q, [0, 2, 1, 3]), keys), scale);
  const context = tf.matMul(tf.softmax(scores), split(v, [0, 2, 1, 3])); // [B, H, T, D / H]
  const joined = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [batch, frames, size]);
  return [joined, tf.zeros([batch, heads, frames])];
};

const BODIES = {
  linear,
  conv1d,
  weightNorm,
  attention,
  activation: ({ x }, { activation }) => activate(x, activation),
  add: ({ x, y }) => tf.add(x, y),
  layerNorm: (inputs, { eps }) => normalized(inputs, { axis: -1, eps }),
  groupNorm: (inputs, { eps }) => normalized(inputs, { axis: 1, eps }),
  scale: ({ x }, { factor }) => tf.mul(x, factor),
  meanPool: ({ x }) => tf.mean(x, 1),
} satisfies { readonly [Name in OperationName]?: Body<Name> };

type AnyBody = (inputs: never, attrs: never) => tf.Tensor | tf.Tensor[];

function registerBodies(): void {
  const kernels = Object.entries<AnyBody>(BODIES).map(([name, body]): [string, AnyBody] => [
    name,
    (inputs, attrs) => tf.tidy(() => body(inputs, attrs)),
  ]);
  registerKernels("wasm", Object.fromEntries(kernels));
}

const request = readRequest();
const binaries = new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm"));
setWasmPaths(binaries.pathname);
setThreadsCount(1);
registerBodies();
await tf.setBackend("wasm");
const classifier = await pipeline("audio-classification", request.directory);
const loadMs = sinceSpawn(request);
const { model, extractor: { samplingRate } } = classifier;
const { batch, seconds, rounds, clock } = request;
const size = Math.round(samplingRate * seconds);
const { inputs } = noiseBatch([batch, size]);
const waves = Array.from({ length: batch }, (_, i) => inputs.subarray(i * size, (i + 1) * size));
const clips = waves.map((samples) => ({ samples, samplingRate }));
await classifier(clips);
const [firstMs, rssMb] = [sinceSpawn(request), peakRssMb()];
const medianMs = await medianMsOf(() => classifier(clips), { rounds, clock });
const { inputValues, shape } = classifier.extractor.extract(waves);
const forwardMs = await medianMsOf(() => {
  tf.tidy(() => model.forward({ inputs: tf.tensor(inputValues, shape) }).logits.dataSync());
}, { rounds, clock });
const found: Measured = { medianMs, forwardMs, loadMs, firstMs, rssMb };
console.log(JSON.stringify(found));
