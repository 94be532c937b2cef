/**
 * The tensor types of TensorFlow.js as this package's public types name them, and functions of them; the documentation
 * of the tensors is TensorFlow.js'.
 *
 * @module
 */
import type { Tensor, Variable } from "../kernels.ts";

export type { Tensor, Variable };

/** Makes of a layer one that gives the same numbers in another way, as training does to save memory. */
export type LayerWrapper = <Args extends unknown[]>(
  layer: (...args: Args) => Tensor,
) => (...args: Args) => Tensor;
