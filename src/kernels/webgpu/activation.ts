/**
 * Element-wise activation, exact GELU, ReLU or SiLU, and its gradient.
 *
 * Computes: `y = activation(x)`; `dx = dy * activation'(x)`, with 0 as the slope of ReLU at 0.
 * Buffers: x, dy, result [any] f32, x and dy read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: 2e-7 of |x|, from the normal distribution in `_wgsl.ts`.
 * Reference: test/reference/activation.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { Activation } from "../../kernels.ts";
import { elements, runElements } from "./_elements.ts";
import { kernel, type Program } from "./_program.ts";
import { activationText, NORMAL_DISTRIBUTION, SIGMOID } from "./_wgsl.ts";

type ActivationConfig = { activation: Activation };
type ActivationInputs = Record<"x" | "dy", TensorInfo>;

const FORWARD: Program<ActivationConfig> = {
  name: "Activation",
  source: ({ activation }) => elements("activate(x[i])", activationText(activation)),
};

const SLOPE: Record<Activation, string> = {
  none: "fn slope(x: f32) -> f32 { return 1.0; }",
  relu: "fn slope(x: f32) -> f32 { return select(0.0, 1.0, x > 0.0); }",
  gelu: `${NORMAL_DISTRIBUTION}
    fn slope(x: f32) -> f32 { return normalDistribution(x) + x * normalDensity(x); }`,
  silu: `${SIGMOID}
    fn slope(x: f32) -> f32 { return sigmoid(x) * (1.0 + x * sigmoid(-x)); }`,
};

const GRADIENT: Program<ActivationConfig> = {
  name: "ActivationGrad",
  source: ({ activation }) => elements("dy[i] * slope(x[i])", SLOPE[activation]),
};

/** `EarshotActivation` and its gradient. */
export const activationKernels: KernelConfig[] = [
  kernel<ActivationConfig>("EarshotActivation", (backend, { x }, { activation }) => {
    return runElements(backend, FORWARD, {
      config: { activation },
      inputs: { x: x! },
      shape: x!.shape,
    });
  }),
  kernel<ActivationConfig>("EarshotActivationGrad", (backend, inputs, { activation }) => {
    const { x, dy } = inputs as ActivationInputs;
    return runElements(backend, GRADIENT, {
      config: { activation },
      inputs: { x, dy },
      shape: x.shape,
    });
  }),
];
