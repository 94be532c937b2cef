/**
 * Weights that will not change: a device may lay them out once, in the form that its kernels read best.
 *
 * A packed weight is an object of its own, made from a tensor of rows and never from itself again: whoever holds it
 * disposes it, and nothing here remembers one. The forms that files hold are in `weight_forms.ts`.
 *
 * @module
 */
import { engine, reshape, tensor, type TensorInfo } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../errors.ts";
import type { Tensor } from "./tensor.ts";
import { expectShape } from "./_shapes.ts";
import {
  expectParts,
  formParts,
  type HeldPart,
  type HeldWeight,
  unpackWeight,
  type WeightPrecision,
} from "./weight_forms.ts";

/** How the bytes of a packed weight lie: as `weight_forms.ts` says, or in 16 bits as WebGPU reads them. */
export interface WeightLayout {
  /** Which of the forms. */
  readonly form: "panels" | "int8-panels" | "halves";
  /** Of the weight: `[O, I]`, or `[O, C / groups, K]`. */
  readonly shape: readonly number[];
  /** Channel groups of the convolution that reads it. */
  readonly groups: number;
}

/** A weight in a device's form. */
export interface Packed<Kind> {
  /** How the bytes lie. */
  readonly layout: WeightLayout;
  /** The bytes of the form, whatever type of tensor holds them. */
  readonly values: Kind;
  /** The scale of each output, where the numbers are rounded to 8 bits. */
  readonly scale?: Kind;
}

/** A weight that is laid out and will not change. */
export type PackedWeight = Packed<Tensor>;

/** What `linear` and `conv1d` multiply with: a tensor in row-major order, or a packed weight. */
export type Weight = Tensor | PackedWeight;

/** What a weight is packed for. */
export interface WeightUse {
  /** Channel groups of the convolution that reads it. @default 1 */
  groups?: number;
  /** How its numbers may be held. @default "float32" */
  precision?: WeightPrecision;
}

/** What packs weights on a device; one without it reads rows. */
export interface WeightPacking<Backend> {
  /** A weight in the form that suits the device best, or undefined where that is rows. */
  pack(
    weight: TensorInfo,
    use: Required<WeightUse>,
    backend: Backend,
  ): Packed<TensorInfo> | undefined;
  /** The bytes of a form taken as they are, or undefined where the device does not read it. */
  adopt?(held: HeldWeight, backend: Backend): Packed<TensorInfo> | undefined;
}

/** A packing with its backend. */
type BoundPacking = {
  pack(weight: TensorInfo, use: Required<WeightUse>): Packed<TensorInfo> | undefined;
  adopt(held: HeldWeight): Packed<TensorInfo> | undefined;
};

const packings = new Map<string, BoundPacking>();

/** Lets a device pack weights; its backend is the one in use at each call. */
export function registerPacking<Backend>(
  backendName: string,
  { pack, adopt }: WeightPacking<Backend>,
): void {
  const backend = () => engine().backend as object as Backend;
  packings.set(backendName, {
    pack: (weight, use) => pack(weight, use, backend()),
    adopt: (held) => adopt?.(held, backend()),
  });
}

/** Whether a weight is laid out in a form of the device's. */
export function isPacked(weight: Weight): weight is PackedWeight {
  return "layout" in weight;
}

/** The shape of a weight, whatever its form. */
export function weightShape(weight: Weight): readonly number[] {
  return isPacked(weight) ? weight.layout.shape : weight.shape;
}

/** A weight in the shape in which it multiplies, which a packed one has already; the caller's scope disposes it. */
export function reshapedWeight(weight: Weight, shape: readonly number[]): Weight {
  if (!isPacked(weight)) return reshape(weight, [...shape]);
  expectShape("a packed weight", weight.layout.shape, shape);
  return weight;
}

/**
 * Throws where a gradient would read the rows of a weight that is packed.
 *
 * @throws {UnsupportedOpError} as the weight cannot change, nothing is trained through it.
 */
export function expectRows(layout: WeightLayout | undefined): void {
  if (!layout) return;
  throw new UnsupportedOpError(
    `Cannot compute a gradient by a weight [${layout.shape}]: expected rows, found ${layout.form}`,
    { hint: "Take gradients of the model itself, not of what was prepared from it" },
  );
}

/** Gives a weight's memory back. */
export function disposeWeight(weight: Weight): void {
  if (!isPacked(weight)) return weight.dispose();
  weight.values.dispose();
  weight.scale?.dispose();
}

/**
 * A weight in the form that suits the device in use, for `linear` and `conv1d`; the tensor stays as it is.
 *
 * With `"int8"` its numbers are rounded to 8 bits, where the device has kernels for that and they win; a WebGPU device
 * that was started with `f16` rounds them to that. Where rows serve best it is a clone.
 *
 * **Shape** `weight [O, I]` or `[O, C / groups, K]`
 *
 * @returns a new weight, which the caller disposes with {@linkcode disposeWeight}.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 * import { tensor } from "@tensorflow/tfjs-core";
 * import { linear, prepareWeight } from "../kernels.ts";
 * import { startWasm } from "../kernels/wasm/mod.ts";
 *
 * const device = await startWasm();
 * const weight = prepareWeight(tensor([[1, 2, 3]]));
 * equal(linear(tensor([[1, 10, 100]]), weight).dataSync()[0], 321);
 * device.dispose();
 * ```
 */
export function prepareWeight(
  weight: Tensor,
  { groups = 1, precision = "float32" }: WeightUse = {},
): Weight {
  return owned(packings.get(engine().backendName)?.pack(weight, { groups, precision })) ??
    weight.clone();
}

/**
 * A weight from the bytes of a form, as a file holds it: taken as they are where the device in use reads the form,
 * else unpacked and prepared.
 *
 * @throws {ShapeError} when a part is missing or has another shape than the form wants.
 */
export function adoptWeight(held: HeldWeight, use: WeightUse = {}): Weight {
  expectParts(held);
  const adopted = owned(packings.get(engine().backendName)?.adopt(held));
  if (adopted) return adopted;
  const rows = tensor(unpackWeight(held), held.shape, "float32");
  try {
    return prepareWeight(rows, use);
  } finally {
    rows.dispose();
  }
}

/**
 * A weight in the words of `weight_forms.ts`, to be written to a file; it is read from the device at once.
 *
 * @throws {UnsupportedOpError} where files do not hold the form.
 */
export function heldWeight(weight: Weight): HeldWeight {
  if (!isPacked(weight)) {
    const shape = [...weight.shape];
    const values = weight.dataSync<"float32">();
    return { form: "rows", shape, parts: [{ name: "", dtype: "F32", shape, values }] };
  }
  const { layout: { form, shape, groups }, values, scale } = weight;
  if (form === "halves") {
    throw new UnsupportedOpError(
      `Cannot read a weight [${shape}]: expected rows or panels, found ${form}`,
    );
  }
  const tensors = [values, ...(scale ? [scale] : [])];
  const parts = formParts(form, shape, groups).map((part, i): HeldPart => {
    const { buffer, byteOffset, byteLength } = tensors[i]!.dataSync();
    const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
    return {
      ...part,
      values: part.dtype === "I8" ? new Int8Array(bytes) : new Float32Array(bytes),
    };
  });
  return { form, shape: [...shape], parts };
}

function owned(packed: Packed<TensorInfo> | undefined): PackedWeight | undefined {
  if (!packed) return undefined;
  const { layout, values, scale } = packed;
  const owner = engine();
  return {
    layout,
    values: owner.makeTensorFromTensorInfo(values),
    scale: scale && owner.makeTensorFromTensorInfo(scale),
  };
}
