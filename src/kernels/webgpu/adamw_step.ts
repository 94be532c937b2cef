/**
 * One AdamW step of one parameter, into new tensors.
 *
 * Computes: with `g = grad * min(1, maxGradNorm / (norm + 1e-6))`, `m' = beta1 m + (1 - beta1) g`,
 * `v' = beta2 v + (1 - beta2) g^2`, `deviation = sqrt(v') / sqrt(1 - beta2^step) + eps` and
 * `stepSize = learningRate / (1 - beta1^step)`: `param' = param (1 - learningRate weightDecay) - stepSize m' / deviation`.
 * Buffers: param, grad, m, v, results [any], norm scalar, f32; all but the results read, none both read and written.
 * Grid: one thread per element, three runs: `m'`, `v'`, `param'`.
 * Memory: none shared; ten passes over the size of the parameter; one program with three results would make seven.
 * Error: 1e-6 of the step.
 * Reference: test/reference/adamw_step.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { AdamwAttrs } from "../../kernels.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, kernel, type Program } from "./_program.ts";

type AdamwInputs = Record<"param" | "grad" | "m" | "v" | "norm", TensorInfo>;

const CLIPPED_TEXT = `
    fn clipped(i: u32) -> f32 {
      let share = min(1.0, uniforms.maxGradNorm / (norm[0] + 1.0e-6));
      return grad[i] * select(1.0, share, uniforms.maxGradNorm > 0.0);
    }
    fn blend(old: f32, next: f32) -> f32 { return uniforms.beta * old + uniforms.rest * next; }`;

const MEAN: Program<Record<never, never>> = {
  name: "AdamwStepMean",
  source: () => elements("blend(m[i], clipped(i))", CLIPPED_TEXT),
};

const SQUARE: Program<Record<never, never>> = {
  name: "AdamwStepSquare",
  source: () => elements("blend(v[i], clipped(i) * clipped(i))", CLIPPED_TEXT),
};

const PARAM: Program<Record<never, never>> = {
  name: "AdamwStepParam",
  source: () =>
    elements(
      "param[i] * uniforms.decay - uniforms.stepSize * m[i] / deviation(i)",
      `
    fn deviation(i: u32) -> f32 { return sqrt(v[i]) / uniforms.correction + uniforms.eps; }`,
    ),
};

/** `EarshotAdamwStep`. */
export const adamwStepKernels: KernelConfig[] = [
  kernel<AdamwAttrs>("EarshotAdamwStep", (backend, inputs, attrs) => {
    const { param, grad, m, v, norm } = inputs as AdamwInputs;
    const { beta1, beta2, learningRate, weightDecay, maxGradNorm, eps, step } = attrs;
    const run = { config: {}, shape: param.shape };
    const nextM = runElements(backend, MEAN, {
      ...run,
      inputs: { grad, m, norm },
      uniforms: { beta: f32(beta1), rest: f32(1 - beta1), maxGradNorm: f32(maxGradNorm) },
    });
    const nextV = runElements(backend, SQUARE, {
      ...run,
      inputs: { grad, v, norm },
      uniforms: { beta: f32(beta2), rest: f32(1 - beta2), maxGradNorm: f32(maxGradNorm) },
    });
    const nextParam = runElements(backend, PARAM, {
      ...run,
      inputs: { param, m: nextM, v: nextV },
      uniforms: {
        decay: f32(1 - learningRate * weightDecay),
        stepSize: f32(learningRate / (1 - beta1 ** step)),
        correction: f32(Math.sqrt(1 - beta2 ** step)),
        eps: f32(eps),
      },
    });
    return [nextParam, nextM, nextV];
  }),
];
