/**
 * Element-wise activations and their gradients.
 *
 * Computes: `y = activation(x)`; `dx = dy * activation'(x)`, with 0 as the slope of ReLU at 0, and times the dropout
 * factor where a map was fused with both.
 * Buffers: x, dy, result [any] f32, x and dy read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: 2e-7 of |x|, from the normal distribution in `_wgsl.ts`; 4e-7 relative for the root of softplus.
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

/** The derivative of `x sigmoid(z)`, given `x z'`. */
const GATED = `${SIGMOID}
    fn gated(z: f32, rise: f32) -> f32 { return sigmoid(z) * (1.0 + rise * sigmoid(-z)); }`;

/** `z = 2 sqrt(2 / pi) (x + 0.044715 x^3)` and `x z'`; beyond 12 the sigmoid of z is 0 or 1. */
const CUBIC = `
    fn cubic(x: f32) -> f32 {
      let c = clamp(x, -12.0, 12.0);
      return 1.5957691216 * c * (1.0 + 0.044715 * c * c);
    }
    fn cubicRise(x: f32) -> f32 {
      let c = clamp(x, -12.0, 12.0);
      return 1.5957691216 * c * (1.0 + 0.134145 * c * c);
    }`;

/** With s the sigmoid of x and o that of -x, `tanh(log(1 + e^x))` is `s (1 + o) / (1 + o^2)`. */
const MISH = `${SIGMOID}
    fn tanhSoftplus(x: f32) -> f32 {
      let open = sigmoid(-x);
      return sigmoid(x) * (1.0 + open) / (1.0 + open * open);
    }
    fn mishSlope(x: f32) -> f32 {
      let open = sigmoid(-x);
      let squares = open * open;
      let steep = 4.0 * x * squares / (1.0 + squares);
      return sigmoid(x) * (1.0 + open + steep) / (1.0 + squares);
    }`;

/**
 * `sqrt(log(1 + e^x))`: WGSL has no precise logarithm next to 1, so that it is the series of the area tangent of
 * `q / (2 + q)` with `q = e^-|x|`. From -80 on, nothing underflows.
 */
const ROOT_SOFTPLUS = `${SIGMOID}
    const SOFTPLUS_START = -80.0;
    fn rootSoftplus(x: f32) -> f32 {
      let power = exp(-abs(x));
      let z = power / (2.0 + power);
      let square = z * z;
      var series = 1.0 / 15.0;
      for (var odd = 13.0; odd > 0.0; odd = odd - 2.0) { series = series * square + 1.0 / odd; }
      return sqrt(max(x, 0.0) + 2.0 * z * series);
    }`;

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
  gelu_10: {
    needs: NORMAL_DISTRIBUTION,
    value: "min(x * normalDistribution(x), 10.0)",
    slope:
      "select(normalDistribution(x) + x * normalDensity(x), 0.0, x * normalDistribution(x) > 10.0)",
  },
  gelu_new: {
    needs: GATED + CUBIC,
    value: "x * sigmoid(cubic(x))",
    slope: "gated(cubic(x), cubicRise(x))",
  },
  hardswish: {
    value: "x * clamp(x + 3.0, 0.0, 6.0) / 6.0",
    slope: "select(select(x / 3.0 + 0.5, 1.0, x >= 3.0), 0.0, x <= -3.0)",
  },
  laplace: {
    needs: NORMAL_DISTRIBUTION,
    value: "normalDistribution((x - 0.707107) / 0.282095)",
    slope: "normalDensity((x - 0.707107) / 0.282095) / 0.282095",
  },
  leaky_relu: { value: "select(0.01 * x, x, x > 0.0)", slope: "select(0.01, 1.0, x > 0.0)" },
  mish: { needs: MISH, value: "x * tanhSoftplus(x)", slope: "mishSlope(x)" },
  quick_gelu: {
    needs: GATED,
    value: "x * sigmoid(1.702 * x)",
    slope: "gated(1.702 * x, 1.702 * x)",
  },
  relu2: { value: "select(x * x, 0.0, x < 0.0)", slope: "select(2.0 * x, 0.0, x < 0.0)" },
  relu6: {
    value: "min(select(x, 0.0, x < 0.0), 6.0)",
    slope: "select(0.0, 1.0, x > 0.0 && x < 6.0)",
  },
  sigmoid: { needs: SIGMOID, value: "sigmoid(x)", slope: "sigmoid(x) * sigmoid(-x)" },
  sqrtsoftplus: {
    needs: ROOT_SOFTPLUS,
    value: "rootSoftplus(max(x, SOFTPLUS_START))",
    slope: "0.5 * sigmoid(max(x, SOFTPLUS_START)) / rootSoftplus(max(x, SOFTPLUS_START))",
  },
  tanh: {
    needs: SIGMOID,
    value: "2.0 * sigmoid(2.0 * x) - 1.0",
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
