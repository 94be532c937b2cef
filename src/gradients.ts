/**
 * Puts the gradients of all operations on the tape of TensorFlow.js, with those of its own that it needs itself.
 *
 * Importing this file registers them; training imports it, inference and the edge never do. What a gradient reads and
 * gives stands beside its operation in `operations`; the bodies of its kernels stand beside the forward bodies.
 *
 * A gradient with several outputs runs once, when the tape reaches the operation: the tape wraps each
 * input's gradient in a scope that would dispose the other outputs.
 *
 * @module
 */
import {
  Add,
  Identity,
  registerGradient,
  Reshape,
  reshape,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { OPERATIONS, registerGradientOf } from "./kernels.ts";

for (const { name, gradient } of Object.values(OPERATIONS)) {
  if (gradient) registerGradientOf(name, gradient);
}

/** The slope of an operation of TensorFlow.js with one output. */
function single(dy: Tensor | Tensor[]): Tensor {
  return Array.isArray(dy) ? dy[0]! : dy;
}

registerGradient({
  kernelName: Add,
  gradFunc: (dy) => ({ a: () => single(dy).clone(), b: () => single(dy).clone() }),
});

registerGradient({ kernelName: Identity, gradFunc: (dy) => ({ x: () => single(dy).clone() }) });

registerGradient({
  kernelName: Reshape,
  inputsToSave: ["x"],
  gradFunc: (dy, [x]) => ({ x: () => reshape(single(dy), x!.shape) }),
});
