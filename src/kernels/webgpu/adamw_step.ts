/**
 * One AdamW step of many parameters at once, written over the old values.
 *
 * Computes: with `g = grad * min(1, maxGradNorm / (norm + 1e-6))`, `m' = beta1 m + (1 - beta1) g`,
 * `v' = beta2 v + (1 - beta2) g^2`, `deviation = sqrt(v') / sqrt(1 - beta2^step) + eps` and
 * `stepSize = learningRate / (1 - beta1^step)`: `param' = param (1 - learningRate weightDecay) - stepSize m' / deviation`.
 * Buffers: param, m, v [any], read and written; grad [any] and norm scalar, read; f32. A tensor that shares its
 * numbers with another, such as a clone, is copied first.
 * Grid: 256 threads by up to 256 workgroups for each parameter, as many parameters as the device binds four buffers for.
 * Memory: none shared; seven passes over the size of a parameter.
 * Error: 1e-6 of the step.
 * Reference: test/reference/adamw_step.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { AdamwAttrs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, kernel, type Program, runForAll, sizeOf, u32, type Uniform } from "./_program.ts";

/** One parameter with what its step takes; all but the gradient are written over. */
type State = Record<"param" | "grad" | "m" | "v", TensorInfo>;

const THREADS = 256;
const ELEMENTS_PER_THREAD = 4;
const MOST_WORKGROUPS = 256;
/** Buffers of one parameter; the norm takes one more. */
const BUFFERS = 4;
const MOST_PARAMETERS = 7;

const COPY: Program<Record<never, never>> = { name: "Copy", source: () => elements("x[i]") };

const STEP: Program<{ parameters: number }> = {
  name: "AdamwStep",
  source: ({ parameters }) => `
    fn main() {
      let first = workgroupId.x * ${THREADS}u + localIndex;
      let turn = numWorkgroups.x * ${THREADS}u;
      let share = min(1.0, uniforms.maxGradNorm / (norm[0] + 1.0e-6));
      let clip = select(1.0, share, uniforms.maxGradNorm > 0.0);
      switch (workgroupId.y) {
        ${Array.from({ length: parameters }, (_, n) => stepText(n)).join("")}
        default: {}
      }
    }`,
};

function stepText(n: number): string {
  return `
        case ${n}u: {
          for (var i = first; i < uniforms.size${n}; i += turn) {
            let slope = clip * grad${n}[i];
            let mean = uniforms.beta1 * m${n}[i] + uniforms.rest1 * slope;
            let square = uniforms.beta2 * v${n}[i] + uniforms.rest2 * slope * slope;
            let deviation = sqrt(square) / uniforms.correction${n} + uniforms.eps;
            m${n}[i] = mean;
            v${n}[i] = square;
            param${n}[i] = param${n}[i] * uniforms.decay${n} - uniforms.stepSize${n} * mean / deviation;
          }
        }`;
}

/** `EarshotAdamwStep`, and for a list of parameters `EarshotAdamwSteps`. */
export const adamwStepKernels: KernelConfig[] = [
  kernel<AdamwAttrs>("EarshotAdamwStep", (backend, inputs, attrs) => {
    const { norm, ...state } = inputs as State & { norm: TensorInfo };
    return stepAll(backend, norm, [state], [attrs]);
  }),
  kernel<{ steps: AdamwAttrs[] }>("EarshotAdamwSteps", (backend, inputs, { steps }) => {
    const [norm, ...tensors] = Object.values(inputs);
    const states = steps.map((_, n): State => {
      const [param, grad, m, v] = tensors.slice(BUFFERS * n, BUFFERS * (n + 1));
      return { param: param!, grad: grad!, m: m!, v: v! };
    });
    return stepAll(backend, norm!, states, steps);
  }),
];

/** The next `param`, `m` and `v` of each parameter, in a row. */
function stepAll(
  backend: DeviceBackend,
  norm: TensorInfo,
  states: State[],
  steps: AdamwAttrs[],
): TensorInfo[] {
  const { maxStorageBuffersPerShaderStage: most } = backend.device.limits;
  const count = Math.min(MOST_PARAMETERS, Math.floor((most - 1) / BUFFERS));
  const results: TensorInfo[] = [];
  for (let first = 0; first < states.length; first += count) {
    const chunk = states.slice(first, first + count);
    results.push(...stepChunk(backend, norm, chunk, steps.slice(first, first + count)));
  }
  return results;
}

function stepChunk(
  backend: DeviceBackend,
  norm: TensorInfo,
  states: State[],
  steps: AdamwAttrs[],
): TensorInfo[] {
  const sizes = states.map(({ param }) => sizeOf(param.shape));
  const wanted = Math.ceil(Math.max(...sizes) / (THREADS * ELEMENTS_PER_THREAD));
  const written = states.map(({ param, m, v }, n) => ({
    [`param${n}`]: ownNumbers(backend, param),
    [`m${n}`]: ownNumbers(backend, m),
    [`v${n}`]: ownNumbers(backend, v),
  }));
  const grads = states.map(({ grad }, n) => [`grad${n}`, grad] as const);
  const outputs = runForAll(backend, STEP, {
    config: { parameters: states.length },
    inputs: { norm, ...Object.fromEntries(grads) },
    uniforms: uniformsOf(steps, sizes),
    outputs: Object.assign({}, ...written) as Record<string, TensorInfo>,
    workgroups: [Math.min(wanted, MOST_WORKGROUPS), states.length, 1],
    threads: [THREADS, 1, 1],
  });
  return Object.values(outputs);
}

function uniformsOf(steps: AdamwAttrs[], sizes: number[]): Record<string, Uniform> {
  const { beta1, beta2, eps, maxGradNorm } = steps[0]!;
  const shared = {
    beta1: f32(beta1),
    rest1: f32(1 - beta1),
    beta2: f32(beta2),
    rest2: f32(1 - beta2),
    eps: f32(eps),
    maxGradNorm: f32(maxGradNorm),
  };
  const own = steps.map(({ learningRate, weightDecay, step }, n) => ({
    [`size${n}`]: u32(sizes[n]!),
    [`decay${n}`]: f32(1 - learningRate * weightDecay),
    [`stepSize${n}`]: f32(learningRate / (1 - beta1 ** step)),
    [`correction${n}`]: f32(Math.sqrt(1 - beta2 ** step)),
  }));
  return Object.assign(shared, ...own);
}

/** The tensor itself for a second owner, or a copy where somebody else reads its numbers. */
function ownNumbers(backend: DeviceBackend, x: TensorInfo): TensorInfo {
  if (backend.refCount(x.dataId) > 1) {
    return runElements(backend, COPY, { config: {}, inputs: { x }, shape: x.shape });
  }
  backend.incRef(x.dataId);
  return { ...x };
}
