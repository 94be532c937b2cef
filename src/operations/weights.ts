/**
 * Weights that will not change: a device may lay them out once, in the form that its kernels want.
 *
 * A weight stays a float32 tensor of its own shape. Its form is the device's affair: the kernels of
 * `linear` and `conv1d` bring a prepared weight into it when they first use it outside of a gradient, and
 * whoever else reads the tensor sees plain numbers. The forms themselves are in `weight_forms.ts`.
 *
 * @module
 */
import { engine, type Tensor, tensor, type TensorInfo } from "@tensorflow/tfjs-core";
import {
  expectParts,
  type HeldWeight,
  unpackWeight,
  type WeightPrecision,
} from "./weight_forms.ts";

/** What a device has that holds weights in forms of its own. */
export interface WeightDevice {
  /** Whether a weight is held in a form of its own. */
  isPacked(weight: TensorInfo): boolean;
  /** The form and the bytes of a weight as it is held, or undefined where it is plain. */
  heldForm(weight: TensorInfo): HeldWeight | undefined;
  /** A new tensor of what is given, or undefined where the device would not hold it in a form of its own. */
  adoptForm(held: HeldWeight): TensorInfo | undefined;
}

/** By the id of a tensor's data, so that tensors that share it share this too, and a new value is not prepared. */
const preparedAs = new WeakMap<object, WeightPrecision>();

/**
 * Tells the device that a weight will not change, so that it may lay it out once, as its kernels want it.
 *
 * Nothing happens until `linear` or `conv1d` uses the weight. With `"int8"` its numbers are rounded then,
 * where the device has kernels for it and they win; a WebGPU device that was started with `f16` rounds them to that.
 * A weight that neither of the two uses stays as it is.
 *
 * @param weight the weight; a value assigned later is not prepared.
 * @param precision how its numbers may be held. @default "float32"
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 * import { tensor } from "@tensorflow/tfjs-core";
 * import { linear, prepareWeight } from "../kernels.ts";
 * import { startWasm } from "../kernels/wasm/mod.ts";
 *
 * const device = await startWasm();
 * const weight = tensor([[1, 2, 3]]);
 * prepareWeight(weight);
 * equal(linear(tensor([[1, 10, 100]]), weight).dataSync()[0], 321);
 * device.dispose();
 * ```
 */
export function prepareWeight(weight: Tensor, precision: WeightPrecision = "float32"): void {
  preparedAs.set(weight.dataId, precision);
}

/** For a device that writes over a weight: what it holds from then on may change again. */
export function unprepareWeight(weight: TensorInfo): void {
  preparedAs.delete(weight.dataId);
}

/** How {@linkcode prepareWeight} was told to hold a weight, or undefined where it may change. */
export function preparedPrecision(weight: TensorInfo): WeightPrecision | undefined {
  return preparedAs.get(weight.dataId);
}

/**
 * A weight as the device holds it, to be written to a file.
 *
 * It is read from the device at once. A weight that was not used yet is plain rows.
 */
export function heldWeight(weight: Tensor): HeldWeight {
  const held = weightDevice().heldForm?.(weight);
  if (held) return held;
  const values = weight.dataSync() as Float32Array;
  const shape = [...weight.shape];
  return { form: "rows", shape, parts: [{ name: "", dtype: "F32", shape, values }] };
}

/** Whether the device holds a weight in a form of its own: `linear` or `conv1d` used this very tensor. */
export function isPacked(weight: TensorInfo): boolean {
  return weightDevice().isPacked?.(weight) ?? false;
}

/**
 * A tensor whose bytes are already in a device's form; it counts as prepared.
 *
 * A device that has no such form gets plain numbers, and may not round them before it is told to.
 *
 * @throws {ShapeError} when a part is missing or has another shape than the form wants.
 */
export function adoptWeight(held: HeldWeight): Tensor {
  expectParts(held);
  const isPlain = held.form === "rows";
  const info = isPlain ? undefined : weightDevice().adoptForm?.(held);
  const weight = info
    ? engine().makeTensorFromTensorInfo(info)
    : tensor(unpackWeight(held), held.shape, "float32");
  if (info || isPlain) prepareWeight(weight, held.form === "int8-panels" ? "int8" : "float32");
  return weight;
}

function weightDevice(): Partial<WeightDevice> {
  return engine().backend as unknown as Partial<WeightDevice>;
}
