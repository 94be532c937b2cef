/**
 * What an operation of the contract is: one typed object with everything that is known of it.
 *
 * An operation is not its implementation. Each device has a kernel for it, a function of tensors, checked against the
 * types here; where a device may lack one, the operation says of which others it is composed.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";

/** Lengths of the axes of a tensor. */
export type Shape = readonly number[];

/** Something of another kind in the place of each tensor: shapes, the handles of a device, plain arrays. */
export type With<Tensors, Kind> = Tensors extends Tensor ? Kind
  : Tensors extends undefined ? undefined
  : { [Key in keyof Tensors]: With<Tensors[Key], Kind> };

/** An operation on `Inputs`, tensors by name or a list, with `Attrs` besides them. */
export interface Operation<Inputs extends object, Attrs extends object, Outputs extends object> {
  /** Its key in `OPERATIONS`, under which TensorFlow.js knows its kernels. */
  readonly name: string;
  /**
   * The shapes of the outputs.
   *
   * @throws {ShapeError} when the inputs do not fit each other.
   */
  outputs(inputs: With<Inputs, Shape>, attrs: Attrs): With<Outputs, Shape>;
  /** How slopes flow back; absent where there is no gradient, or where that of the composition serves. */
  readonly gradient?: Gradient<Inputs, Attrs, Outputs>;
  /** Floating-point operations of its products; absent where it has none. */
  flops?(inputs: With<Inputs, Shape>, attrs: Attrs): number;
}

/** An operation that a device may lack, since others give the same. */
export interface ComposedOperation<
  Inputs extends object,
  Attrs extends object,
  Outputs extends object,
> extends Operation<Inputs, Attrs, Outputs> {
  /** The same by other operations: run where the device has no kernel, and on the tape where there is no gradient. */
  composed(inputs: Inputs, attrs: Attrs): Outputs;
}

/** The gradient of an operation by its inputs. */
export interface Gradient<Inputs extends object, Attrs extends object, Outputs extends object> {
  /** The inputs whose values it reads; all of a list. */
  readonly inputs: readonly string[] | "all";
  /** The outputs whose values it reads, by number. @default none */
  readonly outputs?: readonly number[];
  /** The slope of each input, computed when it is asked for. */
  slopes(call: GradientCall<Inputs, Attrs, Outputs>): Slopes<Inputs>;
}

/** What a gradient is computed from. */
export interface GradientCall<Inputs, Attrs, Outputs> {
  /** The slope of the output, or of the first of several. */
  dy: Tensor;
  /** The slopes of all outputs. */
  dys: readonly Tensor[];
  /** Those inputs that the gradient names. */
  inputs: Inputs;
  /** All outputs, of which those that the gradient names can be read. */
  outputs: Outputs;
  attrs: Attrs;
}

/** By the name of the input, or its place in the list. */
export type Slopes<Inputs> = Inputs extends readonly Tensor[] ? readonly (() => Tensor)[]
  : { readonly [Key in keyof Inputs]?: () => Tensor };

/** A gradient that names the inputs it reads, and gets no others. */
export function gradient<
  Inputs extends object,
  Attrs extends object,
  Outputs extends object,
  Read extends keyof Inputs & string,
>(
  read: readonly Read[],
  slopes: (call: GradientCall<Pick<Inputs, Read>, Attrs, Outputs>) => Slopes<Inputs>,
  outputs: readonly number[] = [],
): Gradient<Inputs, Attrs, Outputs> {
  return { inputs: read, outputs, slopes };
}

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}
