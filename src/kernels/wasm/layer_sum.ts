/**
 * Weighted sum of tensors of one shape, forward and gradient, on WASM.
 *
 * Computes: with `s = softmax(weights)`, `y = sum_i s_i x_i`; `dx_i = s_i dy`, and with `p_i = sum(dy x_i)`,
 *   `dweights_i = s_i (p_i - sum_j s_j p_j)`.
 * Buffers: `weights` [L], L tensors, `dy` float32, read; `y`, `dweights` [L], L gradients, written.
 * Memory: one pass; L products of scratch for every 4,096 elements.
 * Error: 1e-6 for values around 1; the softmax and the sums of products are in double precision.
 * Reference: `test/reference/layer_sum.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs, KernelOutputs } from "../../kernels.ts";
import { sizeOf, VECTOR_GRAIN, type WasmBackend } from "./_backend.ts";

/** Elements of one unit of the gradient, as in `assembly/layer_sum.ts`. */
const GRAD_BLOCK = 4096;
/** Elements of one unit of the forward kernel. */
const LINE = 16;

export function layerSum(
  [weights, ...states]: KernelInputs<"layerSum">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const y = backend.output(states[0]!.shape);
  const shares = softmax(backend.floats(backend.address(weights), states.length));
  const table = backend.scratch(8 * states.length);
  const sharesAt = table + 4 * states.length;
  writeTable(backend, table, states);
  backend.floats(sharesAt, states.length).set(shares);
  const args = [table, sharesAt, states.length, backend.address(y)];
  backend.dispatch("layerSum", Math.ceil(sizeOf(y.shape) / LINE), args, VECTOR_GRAIN / 4);
  return y;
}

export function layerSumGrad(
  [dy, weights, ...states]: KernelInputs<"layerSumGrad">,
  _attrs: object,
  backend: WasmBackend,
): KernelOutputs<"layerSumGrad"> {
  const count = states.length;
  const size = sizeOf(dy.shape);
  const units = Math.ceil(size / GRAD_BLOCK);
  const dweights = backend.output(weights.shape);
  const slopes = states.map(({ shape }) => backend.output(shape));
  const table = backend.scratch(4 * count * (3 + units));
  const [slopesAt, sharesAt, productsAt] = [1, 2, 3].map((i) => table + 4 * count * i);
  const shares = softmax(backend.floats(backend.address(weights), count));
  writeTable(backend, table, states);
  writeTable(backend, slopesAt!, slopes);
  backend.floats(sharesAt!, count).set(shares);
  const args = [backend.address(dy), table, sharesAt!, count, slopesAt!, productsAt!, size];
  backend.dispatch("layerSumGrad", units, args);
  const products = sumOfUnits(backend.floats(productsAt!, count * units), count);
  const mean = products.reduce((sum, product, i) => sum + shares[i]! * product, 0);
  backend.floats(backend.address(dweights), count)
    .set(products.map((product, i) => shares[i]! * (product - mean)));
  return [dweights, ...slopes];
}

function softmax(weights: Float32Array): Float64Array {
  const largest = weights.reduce((max, weight) => Math.max(max, weight), -Infinity);
  const powers = Float64Array.from(weights, (weight) => Math.exp(weight - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The sum over units of each of `count` products. */
function sumOfUnits(products: Float32Array, count: number): Float64Array {
  const sums = new Float64Array(count);
  products.forEach((product, i) => sums[i % count]! += product);
  return sums;
}

function writeTable(backend: WasmBackend, at: number, tensors: TensorInfo[]): void {
  backend.ints(at, tensors.length).set(tensors.map((tensor) => backend.address(tensor)));
}
