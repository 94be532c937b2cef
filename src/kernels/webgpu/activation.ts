/**
 * Element-wise activation, exact GELU, ReLU, SiLU or tanh, and its gradient.
 *
 * Computes: `y = activation(x)`; `dx = dy * activation'(x)`, with 0 as the slope of ReLU at 0, and times the dropout
 * factor where a map was fused with both.
 * Buffers: x, dy, result [any] f32, x and dy read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: 2e-7 of |x|, from the normal distribution in `_wgsl.ts`.
 * Reference: test/reference/activation.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Activation, KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import type { Program } from "./_program.ts";
import { DROPOUT_FACTOR, NORMAL_DISTRIBUTION, SIGMOID } from "./_wgsl.ts";
import { dropoutUniforms } from "./dropout.ts";

/** A function of `x` and its derivative as WGSL, and the functions that both need. */
interface ActivationText {
  needs?: string;
  value: string;
  slope: string;
}

const TEXTS: Record<Activation, ActivationText> = {
  none: { value: "x", slope: "1.0" },
  gelu: {
    needs: NORMAL_DISTRIBUTION,
    value: "x * normalDistribution(x)",
    slope: "normalDistribution(x) + x * normalDensity(x)",
  },
  relu: { value: "select(x, 0.0, x < 0.0)", slope: "select(0.0, 1.0, x > 0.0)" },
  silu: {
    needs: SIGMOID,
    value: "x * sigmoid(x)",
    slope: "sigmoid(x) * (1.0 + x * sigmoid(-x))",
  },
  tanh: {
    needs: `${SIGMOID}
    fn tanhOf(x: f32) -> f32 { return 2.0 * sigmoid(2.0 * x) - 1.0; }`,
    value: "tanhOf(x)",
    slope: "4.0 * sigmoid(2.0 * x) * sigmoid(-2.0 * x)",
  },
};

/** `activate(x)` of the kind, where `"none"` leaves x alone. */
export function activationText(kind: Activation): string {
  const { needs = "", value } = TEXTS[kind];
  return `
    ${needs}
    fn activate(x: f32) -> f32 { return ${value}; }`;
}

function slopeText(kind: Activation): string {
  const { needs = "", slope } = TEXTS[kind];
  return `
    ${needs}
    fn slope(x: f32) -> f32 { return ${slope}; }`;
}

type ActivationConfig = { activation: Activation };

const FORWARD: Program<ActivationConfig> = {
  name: "Activation",
  source: ({ activation }) => elements("activate(x[i])", activationText(activation)),
};

const GRADIENT: Program<ActivationConfig & { dropout: boolean }> = {
  name: "ActivationGrad",
  source: ({ activation, dropout }) =>
    elements(
      `${dropout ? "dropoutFactor(i) * " : ""}dy[i] * slope(x[i])`,
      slopeText(activation) + (dropout ? DROPOUT_FACTOR : ""),
    ),
};

/** `activation(x)`. */
export function activation(
  { x }: KernelInputs<"activation">,
  { activation }: KernelAttrs<"activation">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, FORWARD, { config: { activation }, inputs: { x }, shape: x.shape });
}

/** `dy activation'(x)`. */
export function activationGrad(
  { x, dy }: KernelInputs<"activationGrad">,
  { activation }: KernelAttrs<"activationGrad">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, GRADIENT, {
    config: { activation, dropout: false },
    inputs: { x, dy },
    shape: x.shape,
  });
}

/** The same of the values before the activation, with the dropout of a map that was fused with both. */
export function fusedLinearGrad(
  { before, dy }: KernelInputs<"fusedLinearGrad">,
  { activation, dropoutRate: rate, dropoutSeed: seed }: KernelAttrs<"fusedLinearGrad">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, GRADIENT, {
    config: { activation, dropout: rate > 0 },
    inputs: { x: before, dy },
    uniforms: rate > 0 ? dropoutUniforms({ rate, seed }) : {},
    shape: before.shape,
  });
}
