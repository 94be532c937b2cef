/**
 * Stock TensorFlow.js on its WASM or WebGPU kernels, measured in this process: training steps of transformer layers.
 *
 * Written as a user would, in its operations and with its gradients; maps lie as `matMul`
 * wants them, since it is ten times slower where it has to transpose. The package's gradients name their files without extensions, so that this one is bundled
 * first; its first argument is the folder of the backend's binaries.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgpu";
import { type Blocks, correctionsOf, readBlocks, STEP, targetsOf } from "../_blocks.ts";
import { peakRssMb, readRequest, sinceSpawn } from "../_process.ts";
import { medianMsOf } from "../_timing.ts";

type Weights = Map<string, tf.Variable>;

function linear(w: Weights, name: string, x: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(x, [-1, x.shape.at(-1)!]);
  const weight = w.get(`${name}.weight`)!;
  const y = tf.add(tf.matMul(rows, weight as tf.Tensor2D), w.get(`${name}.bias`)!);
  return tf.reshape(y, [...x.shape.slice(0, -1), weight.shape[1]!]);
}

function layerNorm(w: Weights, name: string, x: tf.Tensor, eps: number): tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps));
  const normal = tf.div(centred, deviation);
  return tf.add(tf.mul(normal, w.get(`${name}.weight`)!), w.get(`${name}.bias`)!);
}

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function attention(w: Weights, name: string, x: tf.Tensor, { heads, shape }: Blocks): tf.Tensor {
  const [clips, frames, size] = shape;
  const split = (map: string) => {
    const y = tf.reshape(linear(w, `${name}.${map}_proj`, x), [clips, frames, heads, size / heads]);
    return tf.transpose(y, [0, 2, 1, 3]); // [B, H, T, D / H]
  };
  const scores = tf.matMul(
    tf.mul(split("q"), 1 / Math.sqrt(size / heads)),
    split("k"),
    false,
    true,
  );
  const context = tf.transpose(tf.matMul(tf.softmax(scores), split("v")), [0, 2, 1, 3]);
  return linear(w, `${name}.out_proj`, tf.reshape(context, shape));
}

function layer(w: Weights, name: string, x: tf.Tensor, blocks: Blocks): tf.Tensor {
  const sum = tf.add(x, attention(w, `${name}.attention`, x, blocks));
  const attended = layerNorm(w, `${name}.layer_norm`, sum, blocks.eps);
  const widened = gelu(linear(w, `${name}.feed_forward.intermediate_dense`, attended));
  const narrowed = linear(w, `${name}.feed_forward.output_dense`, widened);
  return layerNorm(w, `${name}.final_layer_norm`, tf.add(attended, narrowed), blocks.eps);
}

function logitsOf(w: Weights, inputs: tf.Tensor, blocks: Blocks): tf.Tensor {
  let x = layerNorm(w, "encoder.layer_norm", inputs, blocks.eps);
  for (let i = 0; i < blocks.layers; i++) x = layer(w, `encoder.layers.${i}`, x, blocks);
  return linear(w, "classifier", linear(w, "projector", tf.mean(x, 1)));
}

/** AdamW over all weights, after the gradients are clipped to the norm. */
class Optimizer {
  readonly #moments = new Map<string, [tf.Variable, tf.Variable]>();
  #steps = 0;

  step(weights: Weights, gradients: tf.NamedTensorMap): void {
    const corrections = correctionsOf(++this.#steps);
    tf.tidy(() => {
      const squares = [...weights.values()].map(({ name }) => tf.sum(tf.square(gradients[name]!)));
      const norm = tf.sqrt(tf.addN(squares));
      const scale = tf.minimum(tf.div(STEP.maxNorm, tf.add(norm, 1e-6)), 1);
      for (const variable of weights.values()) {
        this.#update(variable, tf.mul(gradients[variable.name]!, scale), corrections);
      }
    });
  }

  #update(variable: tf.Variable, gradient: tf.Tensor, { first, second }: Corrections): void {
    const { name, shape } = variable;
    const moments = this.#moments.get(name) ??
      [tf.variable(tf.zeros(shape)), tf.variable(tf.zeros(shape))];
    this.#moments.set(name, moments);
    const [m, v] = moments;
    m.assign(tf.add(tf.mul(m, STEP.beta1), tf.mul(gradient, 1 - STEP.beta1)));
    v.assign(tf.add(tf.mul(v, STEP.beta2), tf.mul(tf.square(gradient), 1 - STEP.beta2)));
    const root = tf.add(tf.sqrt(tf.mul(v, second)), STEP.eps);
    const change = tf.mul(tf.div(tf.mul(m, first), root), STEP.rate);
    variable.assign(tf.sub(tf.mul(variable, 1 - STEP.rate * STEP.decay), change));
  }
}

type Corrections = ReturnType<typeof correctionsOf>;

const request = readRequest();
const { rounds, clock } = request;
setWasmPaths(Deno.args[0]!);
setThreadsCount(1);
await tf.setBackend(request.backend);
const blocks = await readBlocks(request);
const weights: Weights = new Map();
for (const [name, { shape, values }] of blocks.weights) {
  const weight = tf.tensor(values, shape);
  weights.set(name, tf.variable(weight.rank === 2 ? tf.transpose(weight) : weight));
}
const { shape: targetShape, values: targetValues } = targetsOf(blocks);
const targets = tf.tensor(targetValues, targetShape);
const inputs = tf.tensor(blocks.inputs, blocks.shape);
const optimizer = new Optimizer();
const losses: number[] = [];
async function step(): Promise<void> {
  const { value, grads } = tf.variableGrads(() => {
    const chosen = tf.mul(tf.logSoftmax(logitsOf(weights, inputs, blocks)), targets);
    return tf.mul(tf.sum(chosen), -1 / request.batch) as tf.Scalar;
  }, [...weights.values()]);
  optimizer.step(weights, grads);
  losses.push((await value.data())[0]!);
  tf.dispose([value, grads]);
}
const loadMs = sinceSpawn(request);
await step();
const firstMs = sinceSpawn(request);
await step();
const medianMs = await medianMsOf(step, { rounds, clock });
const rssMb = peakRssMb();
const forwardMs = await medianMsOf(async () => {
  const logits = tf.tidy(() => logitsOf(weights, inputs, blocks));
  await logits.data();
  logits.dispose();
}, { rounds, clock });
console.log(JSON.stringify({ medianMs, forwardMs, loadMs, firstMs, rssMb, loss: losses[1] }));
