/**
 * The products of a backward pass, beside those of the forward pass that `src/flops.ts` counts.
 *
 * Attention counts the four products of its gradient, not the scores that it computes anew.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import { GRADIENT_KERNELS, OPTIONAL_GRADIENT_KERNELS } from "../src/gradients.ts";

type Shape = readonly number[];

function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

const { linearInput, linearWeight, conv1dInput, conv1dWeight, attention } = GRADIENT_KERNELS;
const { linearParameters, linearsInput, linearsParameters } = OPTIONAL_GRADIENT_KERNELS;

/** Multiplications by kernel, from the shapes of its inputs in the contract's order and of its first output. */
const PRODUCTS: Readonly<Record<string, (inputs: Shape[], output: Shape) => number>> = {
  [linearInput]: ([dy], dx) => sizeOf(dx) * dy!.at(-1)!,
  [linearWeight]: ([x], dweight) => sizeOf(x!) * dweight[0]!,
  [linearParameters]: ([x], dweight) => sizeOf(x!) * dweight[0]!,
  [linearsInput]: (inputs, dx) => sizeOf(dx) * inputs[0]!.at(-1)! * inputs.length / 2,
  [linearsParameters]: (inputs, dweight) => sizeOf(inputs[0]!) * dweight[0]! * (inputs.length - 1),
  [conv1dInput]: ([dy, weight]) => sizeOf(dy!) * sizeOf(weight!.slice(1)),
  [conv1dWeight]: ([, dy], dweight) => sizeOf(dy!) * sizeOf(dweight.slice(1)),
  [attention]: ([q]) => 4 * sizeOf(q!) * q![1]!,
};

/** The floating-point operations of the gradients in a body, which is run once and disposes what it makes. */
export async function countGradientFlops(body: () => void): Promise<number> {
  const { kernels } = await engine().profile(() => {
    body();
    return [];
  });
  return kernels.reduce((sum, { name, inputShapes, outputShapes }) => {
    const inputs = inputShapes.filter((shape) => shape !== null);
    return sum + 2 * (PRODUCTS[name]?.(inputs, outputShapes[0]!) ?? 0);
  }, 0);
}
