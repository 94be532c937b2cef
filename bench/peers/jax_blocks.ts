/**
 * jax-js on its WASM device, measured in this process: training steps of transformer layers, compiled as one.
 *
 * The package is fetched by whoever wants the comparison, as that of `onnxruntime_web.ts` is. An array is used up by
 * whoever takes it, and `.ref` is one more hold on it; a step uses its state up and gives the next.
 *
 * @module
 */
import { type Blocks, correctionsOf, readBlocks, STEP, targetsOf } from "../_blocks.ts";
import { peakRssMb, readRequest, sinceSpawn } from "../_process.ts";
import { medianMsOf } from "../_timing.ts";

interface Value {
  readonly ref: Value;
  add(other: Value | number): Value;
  mul(other: Value | number): Value;
  div(other: Value | number): Value;
  reshape(shape: number[]): Value;
  sum(): Value;
  mean(axis: number): Value;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Values = Record<string, Value>;

interface State {
  weights: Values;
  first: Values;
  second: Values;
}

interface Jax {
  init(device: "wasm"): Promise<string[]>;
  defaultDevice(device: "wasm"): string;
  jit<Args extends unknown[], Result>(run: (...args: Args) => Result): (...args: Args) => Result;
  valueAndGrad(
    loss: (weights: Values, batch: Values) => Value,
  ): (weights: Values, batch: Values) => [Value, Values];
  blockUntilReady(values: unknown): Promise<unknown>;
  tree: { dispose(values: unknown): void; ref<Tree>(values: Tree): Tree };
  numpy: {
    array(data: Float32Array, options: { shape: number[] }): Value;
    einsum(expression: string, a: Value, b: Value): Value;
    square(x: Value): Value;
    sqrt(x: Value): Value;
    reciprocal(x: Value): Value;
    minimum(a: Value, b: number): Value;
  };
  nn: {
    gelu(x: Value, options: { approximate: false }): Value;
    softmax(x: Value, axis: number): Value;
    logSoftmax(x: Value, axis: number): Value;
    standardize(x: Value, axis: number, options: { epsilon: number }): Value;
  };
}

const { jit, valueAndGrad, init, defaultDevice, blockUntilReady, tree, numpy: np, nn } =
  await import(Deno.args[0]!) as Jax;

type Sizes = Pick<Blocks, "layers" | "heads" | "eps" | "shape">;

function linear(w: Values, name: string, x: Value, pattern = "bti,oi->bto"): Value {
  return np.einsum(pattern, x, w[`${name}.weight`]!.ref).add(w[`${name}.bias`]!.ref);
}

function layerNorm(w: Values, name: string, x: Value, epsilon: number): Value {
  const normal = nn.standardize(x, -1, { epsilon });
  return normal.mul(w[`${name}.weight`]!.ref).add(w[`${name}.bias`]!.ref);
}

function attention(w: Values, name: string, x: Value, { heads, shape }: Sizes): Value {
  const [clips, frames, size] = shape;
  const split = (map: string) =>
    linear(w, `${name}.${map}_proj`, x.ref).reshape([clips, frames, heads, size / heads]);
  const [q, k, v] = [split("q"), split("k"), split("v")];
  x.dispose();
  const scores = np.einsum("bqhd,bkhd->bhqk", q, k).mul(1 / Math.sqrt(size / heads));
  const context = np.einsum("bhqk,bkhd->bqhd", nn.softmax(scores, -1), v);
  return linear(w, `${name}.out_proj`, context.reshape(shape));
}

function layer(w: Values, name: string, x: Value, sizes: Sizes): Value {
  const sum = x.ref.add(attention(w, `${name}.attention`, x, sizes));
  const attended = layerNorm(w, `${name}.layer_norm`, sum, sizes.eps);
  const widened = linear(w, `${name}.feed_forward.intermediate_dense`, attended.ref);
  const active = nn.gelu(widened, { approximate: false });
  const narrowed = linear(w, `${name}.feed_forward.output_dense`, active);
  return layerNorm(w, `${name}.final_layer_norm`, attended.add(narrowed), sizes.eps);
}

/** Scores of a batch; the weights stay. */
function logitsOf(w: Values, inputs: Value, sizes: Sizes): Value {
  let x = layerNorm(w, "encoder.layer_norm", inputs, sizes.eps);
  for (let i = 0; i < sizes.layers; i++) x = layer(w, `encoder.layers.${i}`, x, sizes);
  const pooled = linear(w, "projector", x.mean(1), "bi,oi->bo");
  return linear(w, "classifier", pooled, "bi,oi->bo");
}

/** AdamW after the gradients are clipped to the norm. */
function adamW(state: State, gradients: Values, corrections: Values): State {
  const names = Object.keys(gradients);
  const squares = names.map((name) => np.square(gradients[name]!.ref).sum());
  const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
  const scale = np.minimum(np.reciprocal(norm.add(1e-6)).mul(STEP.maxNorm), 1);
  const next: State = { weights: {}, first: {}, second: {} };
  for (const name of names) {
    const gradient = gradients[name]!.mul(scale.ref);
    const first = state.first[name]!.mul(STEP.beta1).add(gradient.ref.mul(1 - STEP.beta1));
    const second = state.second[name]!.mul(STEP.beta2)
      .add(np.square(gradient).mul(1 - STEP.beta2));
    const root = np.sqrt(second.ref.mul(corrections.second!.ref)).add(STEP.eps);
    const change = first.ref.mul(corrections.first!.ref).div(root).mul(-STEP.rate);
    next.weights[name] = state.weights[name]!.mul(1 - STEP.rate * STEP.decay).add(change);
    next.first[name] = first;
    next.second[name] = second;
  }
  tree.dispose([scale, corrections]);
  return next;
}

const request = readRequest();
const { rounds, clock } = request;
await init("wasm");
defaultDevice("wasm");
const blocks = await readBlocks(request);
const scalar = (value: number) => np.array(Float32Array.of(value), { shape: [] });
const state: State = { weights: {}, first: {}, second: {} };
for (const [name, { shape, values }] of blocks.weights) {
  state.weights[name] = np.array(values, { shape });
  state.first[name] = np.array(new Float32Array(values.length), { shape });
  state.second[name] = np.array(new Float32Array(values.length), { shape });
}
const targets = targetsOf(blocks);
const batch: Values = {
  inputs: np.array(blocks.inputs, { shape: blocks.shape }),
  targets: np.array(targets.values, { shape: targets.shape }),
};
const lossAndGradients = valueAndGrad((w: Values, { inputs, targets }: Values) => {
  const chosen = nn.logSoftmax(logitsOf(w, inputs!, blocks), -1).mul(targets!);
  tree.dispose(w);
  return chosen.sum().mul(-1 / request.batch);
});
const train = jit((before: State, batch: Values, corrections: Values) => {
  const [loss, gradients] = lossAndGradients(tree.ref(before.weights), batch);
  return { loss, ...adamW(before, gradients, corrections) };
});
const score = jit((w: Values, inputs: Value) => {
  const logits = logitsOf(w, inputs, blocks);
  tree.dispose(w);
  return logits;
});

const losses: number[] = [];
let current = state;
async function step(): Promise<void> {
  const { first, second } = correctionsOf(losses.length + 1);
  const corrections = { first: scalar(first), second: scalar(second) };
  const { loss, ...next } = train(current, tree.ref(batch), corrections);
  current = next;
  losses.push((await loss.data())[0]!);
  await blockUntilReady(current);
}
const loadMs = sinceSpawn(request);
await step();
const firstMs = sinceSpawn(request);
await step();
const medianMs = await medianMsOf(step, { rounds, clock });
const rssMb = peakRssMb();
const forward = async () => {
  await score(tree.ref(current.weights), batch.inputs!.ref).data();
};
await forward();
const forwardMs = await medianMsOf(forward, { rounds, clock });
console.log(JSON.stringify({ medianMs, forwardMs, loadMs, firstMs, rssMb, loss: losses[1] }));
Deno.exit(0);
