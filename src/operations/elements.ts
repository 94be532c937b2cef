/**
 * Operations of the contract on each element or each row: activations, sums and dropout.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectEven, expectShape } from "./_shapes.ts";
import { run } from "./run.ts";

/** Activation functions: exact (erf) GELU, ReLU, SiLU (`x sigmoid(x)`, also called swish), or none. */
export type Activation = "none" | "gelu" | "relu" | "silu";

/** How a dropout draws: element `i` is kept where `keepHash(seed, i) >= rate * 2^32`. */
export interface DropoutAttrs {
  /** Share of the elements set to zero, 0 to below 1; the others are divided by `1 - rate`. */
  rate: number;
  /** Unsigned 32-bit seed; the same seed draws the same elements on every device. */
  seed: number;
}

/**
 * Whether dropout keeps element `index`: a 32-bit mix of seed and counter, so that a gradient can
 * draw again what the forward pass drew, on any device and in any order.
 *
 * @returns an unsigned 32-bit number, uniformly distributed.
 */
export function keepHash(seed: number, index: number): number {
  let hash = (Math.imul(index, 0x9e3779b9) + seed) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Element-wise activation. **Shape** any -> the same */
export function activation(x: Tensor, kind: Activation): Tensor {
  return kind === "none" ? x.clone() : run("EarshotActivation", { x }, { activation: kind });
}

/**
 * Gated linear unit: the first half of the channels times the sigmoid of the second.
 *
 * **Shape** `x [..., 2 C]` -> `[..., C]`
 */
export function glu(x: Tensor): Tensor {
  expectEven("glu", x.shape.at(-1)!);
  return run("EarshotGlu", { x }, {});
}

/**
 * `x * factor`, plus a residual if one is given.
 *
 * **Shape** `x`, `residual` any -> the same
 */
export function scale(x: Tensor, factor: number, residual?: Tensor): Tensor {
  if (residual) expectShape("scale residual", residual, x.shape);
  return run("EarshotScale", { x, residual }, { factor });
}

/** The same vector added to every row. **Shape** `x [..., C]`, `bias [C]` -> `[..., C]` */
export function addBias(x: Tensor, bias: Tensor): Tensor {
  expectShape("addBias bias", bias, x.shape.slice(-1));
  return run("EarshotAddBias", { x, bias }, {});
}

/** Sum of two tensors. **Shape** `x`, `y` the same -> the same */
export function add(x: Tensor, y: Tensor): Tensor {
  expectShape("add y", y, x.shape);
  return run("Add", { a: x, b: y }, {});
}

/**
 * Dropout, plus a residual if one is given: `x * keep / (1 - rate) + residual`.
 *
 * **Shape** `x`, `residual` any -> the same
 */
export function dropout(x: Tensor, attrs: DropoutAttrs, residual?: Tensor): Tensor {
  if (residual) expectShape("dropout residual", residual, x.shape);
  if (attrs.rate === 0) return residual ? add(x, residual) : x.clone();
  return run("EarshotDropout", { x, residual }, attrs);
}

/**
 * Weighted sum of layer outputs: `sum_i softmax(weights)_i * states[i]`.
 *
 * **Shape** `weights [L]`, L states of one shape -> that shape
 */
export function layerSum(states: Tensor[], weights: Tensor): Tensor {
  expectShape("layerSum weights", weights, [states.length]);
  states.forEach((state, i) => expectShape(`layerSum state ${i}`, state, states[0]!.shape));
  return run("EarshotLayerSum", [weights, ...states], {});
}
