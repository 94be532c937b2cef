/**
 * The tensor types of TensorFlow.js as this package's public types name them; their documentation is TensorFlow.js'.
 *
 * @module
 */
import type { Tensor as TfjsTensor, Variable as TfjsVariable } from "@tensorflow/tfjs-core";

/**
 * A tensor on the device in use.
 *
 * @internal
 */
export type Tensor = TfjsTensor;

/**
 * A tensor whose value can be replaced.
 *
 * @internal
 */
export type Variable = TfjsVariable;
