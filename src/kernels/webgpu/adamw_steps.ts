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
 * Reference: test/reference/adamw_steps.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  ADAMW_TENSORS,
  type AdamwAttrs,
  type KernelAttrs,
  type KernelInputs,
  type KernelOutputs,
} from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, runForAll, sizeOf, u32, type Uniform } from "./_program.ts";

/** One parameter with what its step takes; all but the gradient are written over. */
type State = Record<"param" | "grad" | "m" | "v", TensorInfo>;

const THREADS = 256;
const ELEMENTS_PER_THREAD = 4;
const MOST_WORKGROUPS = 256;
/** Buffers of one parameter; the norm takes one more. */
const BUFFERS = ADAMW_TENSORS.state;
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

/** -> the next `param`, `m` and `v` of each parameter, in a row */
export function adamwSteps(
  [norm, ...tensors]: KernelInputs<"adamwSteps">,
  { steps }: KernelAttrs<"adamwSteps">,
  backend: DeviceBackend,
): KernelOutputs<"adamwSteps"> {
  const { maxStorageBuffersPerShaderStage: most } = backend.device.limits;
  const count = Math.min(MOST_PARAMETERS, Math.floor((most - 1) / BUFFERS));
  const states = statesOf(tensors);
  const results: TensorInfo[] = [];
  for (let first = 0; first < states.length; first += count) {
    const chunk = states.slice(first, first + count);
    results.push(...stepChunk(backend, norm, chunk, steps.slice(first, first + count)));
  }
  return results;
}

function statesOf(tensors: readonly TensorInfo[]): State[] {
  return Array.from({ length: tensors.length / BUFFERS }, (_, n) => ({
    param: tensors[BUFFERS * n]!,
    grad: tensors[BUFFERS * n + 1]!,
    m: tensors[BUFFERS * n + 2]!,
    v: tensors[BUFFERS * n + 3]!,
  }));
}

function stepChunk(
  backend: DeviceBackend,
  norm: TensorInfo,
  states: readonly State[],
  steps: readonly AdamwAttrs[],
): TensorInfo[] {
  const sizes = states.map(({ param }) => sizeOf(param.shape));
  const wanted = Math.ceil(Math.max(...sizes) / (THREADS * ELEMENTS_PER_THREAD));
  const written = states.flatMap(({ param, m, v }, n): [string, TensorInfo][] => [
    [`param${n}`, ownNumbers(backend, param)],
    [`m${n}`, ownNumbers(backend, m)],
    [`v${n}`, ownNumbers(backend, v)],
  ]);
  const grads = states.map(({ grad }, n): [string, TensorInfo] => [`grad${n}`, grad]);
  const outputs = runForAll(backend, STEP, {
    config: { parameters: states.length },
    inputs: { norm, ...Object.fromEntries(grads) },
    uniforms: uniformsOf(steps, sizes),
    outputs: Object.fromEntries(written),
    workgroups: [Math.min(wanted, MOST_WORKGROUPS), states.length, 1],
    threads: [THREADS, 1, 1],
  });
  return Object.values(outputs);
}

function uniformsOf(steps: readonly AdamwAttrs[], sizes: number[]): Record<string, Uniform> {
  const { beta1, beta2, eps, maxGradNorm } = steps[0]!;
  const shared = {
    beta1: f32(beta1),
    rest1: f32(1 - beta1),
    beta2: f32(beta2),
    rest2: f32(1 - beta2),
    eps: f32(eps),
    maxGradNorm: f32(maxGradNorm),
  };
  const own = steps.flatMap(({ learningRate, weightDecay, step }, n): [string, Uniform][] => [
    [`size${n}`, u32(sizes[n]!)],
    [`decay${n}`, f32(1 - learningRate * weightDecay)],
    [`stepSize${n}`, f32(learningRate / (1 - beta1 ** step))],
    [`correction${n}`, f32(Math.sqrt(1 - beta2 ** step))],
  ]);
  return { ...shared, ...Object.fromEntries(own) };
}

/** The tensor itself for a second owner, or a copy where somebody else reads its numbers. */
function ownNumbers(backend: DeviceBackend, x: TensorInfo): TensorInfo {
  if (backend.refCount(x.dataId) > 1) {
    return runElements(backend, COPY, { config: {}, inputs: { x }, shape: x.shape });
  }
  backend.incRef(x.dataId);
  return { ...x };
}
