/**
 * Counts the floating-point operations of whatever runs on the device, from the shapes that its kernels see.
 *
 * Counted are products: linear maps, convolutions, attention and its relative scores, a multiplication and an addition
 * each. Norms, activations and sums are not: they are bound by memory, and a hundredth of the products in any model
 * here. No model is known; one that is made of other kernels has them added to the table.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";

/** The shapes of a kernel's tensors, in the order in which the contract names them. */
interface KernelShapes {
  inputs: readonly (readonly number[])[];
  output: readonly number[];
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** `x [..., I]` -> `[..., O]` */
function linearFlops({ inputs, output }: KernelShapes): number {
  return 2 * sizeOf(output) * inputs[0]!.at(-1)!;
}

/** `x [..., I]`, then a weight and a bias for each map -> the first `[..., O]` */
function linearsFlops(shapes: KernelShapes): number {
  return linearFlops(shapes) * (shapes.inputs.length - 1) / 2;
}

/** `weight [O, C / groups, K]` -> `[B, T', O]` */
function convFlops({ inputs, output }: KernelShapes): number {
  const [, channels, width] = inputs[1]!;
  return 2 * sizeOf(output) * channels! * width!;
}

/** Scores and their products with the values: `q [B, T, D]`. */
function attentionFlops({ inputs }: KernelShapes): number {
  const [, frames] = inputs[0]!;
  return 4 * sizeOf(inputs[0]!) * frames!;
}

/** `x [B, T, D]` -> `[B, H, T, T]` */
function scoresFlops({ inputs }: KernelShapes): number {
  const [, frames] = inputs[0]!;
  return 2 * sizeOf(inputs[0]!) * frames!;
}

const COUNTERS: Readonly<Record<string, (shapes: KernelShapes) => number>> = {
  EarshotLinear: linearFlops,
  EarshotFusedLinear: linearFlops,
  EarshotLinears: linearsFlops,
  EarshotConv1d: convFlops,
  EarshotAttention: attentionFlops,
  EarshotBiasedAttention: attentionFlops,
  EarshotRelativeScores: scoresFlops,
};

/**
 * The floating-point operations of the products in a body, which is run once on the device in use.
 *
 * @param body disposes what it makes.
 */
export async function countFlops(body: () => void): Promise<number> {
  const { kernels } = await engine().profile(() => {
    body();
    return [];
  });
  return kernels.reduce((sum, { name, inputShapes, outputShapes }) => {
    const inputs = inputShapes.filter((shape) => shape !== null);
    return sum + (COUNTERS[name]?.({ inputs, output: outputShapes[0]! }) ?? 0);
  }, 0);
}
