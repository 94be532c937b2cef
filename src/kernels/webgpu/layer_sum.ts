/**
 * Sum of layer outputs weighted by a softmax, and its gradient.
 *
 * Computes: `y = sum_i p_i * states_i` with `p = softmax(weights)`; `dstates_i = p_i * dy`, and with
 * `s_i = sum of dy * states_i`, `dweights_i = p_i * (s_i - sum_j p_j s_j)`.
 * Buffers: states, dy, result [any]; weights, shares, slopes [L]; partial sums [L, workgroups]; f32; all but
 * result read.
 * Grid: one thread per element, 5 states at a time into one result (a device may bind no more than 8
 * buffers); for each `s_i` up to 64 workgroups of 256 threads, then a row sum.
 * Memory: 1 KiB for `s_i`; every state is read once, the result written once per 5 states.
 * Error: 1e-6 of the largest state.
 * Reference: test/reference/layer_sum.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, release, runProgram, sizeOf, u32 } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";
import { workgroupReduction } from "./_wgsl.ts";

const THREADS = 256;
const CHUNK_STATES = 5;
const MOST_WORKGROUPS = 64;

const SHARES: Program<Record<never, never>> = {
  name: "LayerSumShares",
  source: () =>
    elements(
      "share(i)",
      `
    fn share(i: u32) -> f32 {
      var largest = weights[0];
      for (var j = 1u; j < uniforms.elements; j++) { largest = max(largest, weights[j]); }
      var sum = 0.0;
      for (var j = 0u; j < uniforms.elements; j++) { sum += exp(weights[j] - largest); }
      return exp(weights[i] - largest) / sum;
    }`,
    ),
};

type ChunkConfig = { states: number; first: boolean };

const ADD_CHUNK: Program<ChunkConfig> = {
  name: "LayerSum",
  source: ({ states, first }) =>
    elements(
      Array.from({ length: states }, (_, n) => `shares[uniforms.layer + ${n}u] * state${n}[i]`)
        .concat(first ? [] : ["result[i]"]).join(" + "),
    ),
};

const STATE_GRADIENT: Program<Record<never, never>> = {
  name: "LayerSumGradState",
  source: () => elements("shares[uniforms.layer] * dy[i]"),
};

const SLOPE: Program<Record<never, never>> = {
  name: "LayerSumGradSlope",
  source: () => `
    ${workgroupReduction(THREADS)}
    fn main() {
      var sum = 0.0;
      let step = numWorkgroups.x * ${THREADS}u;
      for (var i = workgroupId.x * ${THREADS}u + localIndex; i < uniforms.size; i += step) {
        sum += dy[i] * state[i];
      }
      sum = sumWorkgroup(sum);
      if (localIndex == 0u) {
        result[uniforms.layer * numWorkgroups.x + workgroupId.x] = sum;
      }
    }`,
};

const WEIGHT_GRADIENT: Program<Record<never, never>> = {
  name: "LayerSumGradWeights",
  source: () =>
    elements(
      "shares[i] * (slopes[i] - meanSlope())",
      `
    fn meanSlope() -> f32 {
      var mean = 0.0;
      for (var j = 0u; j < uniforms.elements; j++) { mean += shares[j] * slopes[j]; }
      return mean;
    }`,
    ),
};

/** The list `weights`, states -> the shape of a state */
export function layerSum(
  [weights, ...states]: KernelInputs<"layerSum">,
  _attrs: KernelAttrs<"layerSum">,
  backend: DeviceBackend,
): TensorInfo {
  const shares = sharesOf(backend, weights);
  const shape = states[0]!.shape;
  const output = backend.makeTensorInfo(shape, "float32");
  for (let layer = 0; layer < states.length; layer += CHUNK_STATES) {
    const chunk = states.slice(layer, layer + CHUNK_STATES);
    runElements(backend, ADD_CHUNK, {
      config: { states: chunk.length, first: layer === 0 },
      inputs: { shares, ...Object.fromEntries(chunk.map((state, n) => [`state${n}`, state])) },
      uniforms: { layer: u32(layer) },
      shape,
      output,
    });
  }
  release(backend, shares);
  return output;
}

/** The list `dy`, `weights`, states -> `dweights`, then the slope of each state */
export function layerSumGrad(
  [dy, weights, ...states]: KernelInputs<"layerSumGrad">,
  _attrs: KernelAttrs<"layerSumGrad">,
  backend: DeviceBackend,
): KernelOutputs<"layerSumGrad"> {
  const shares = sharesOf(backend, weights);
  const dstates = states.map((_, layer) =>
    runElements(backend, STATE_GRADIENT, {
      config: {},
      inputs: { shares, dy },
      uniforms: { layer: u32(layer) },
      shape: dy.shape,
    })
  );
  const slopes = slopesOf(backend, dy, states);
  const dweights = runElements(backend, WEIGHT_GRADIENT, {
    config: {},
    inputs: { shares, slopes },
    shape: weights.shape,
  });
  release(backend, shares, slopes);
  return [dweights, ...dstates];
}

function sharesOf(backend: DeviceBackend, weights: TensorInfo): TensorInfo {
  return runElements(backend, SHARES, { config: {}, inputs: { weights }, shape: weights.shape });
}

/** The sum of `dy * state` for each state -> `[L]` */
function slopesOf(backend: DeviceBackend, dy: TensorInfo, states: TensorInfo[]): TensorInfo {
  const size = sizeOf(dy.shape);
  const workgroups = Math.min(Math.ceil(size / THREADS), MOST_WORKGROUPS);
  const shape = [states.length, workgroups];
  const sums = backend.makeTensorInfo(shape, "float32");
  states.forEach((state, layer) =>
    runProgram(backend, SLOPE, {
      config: {},
      inputs: { dy, state },
      uniforms: { layer: u32(layer), size: u32(size) },
      shape,
      workgroups: [workgroups, 1, 1],
      threads: [THREADS, 1, 1],
      output: sums,
    })
  );
  const slopes = sumPlain(backend, sums, { batch: states.length, rows: workgroups, columns: 1 });
  release(backend, sums);
  return slopes;
}
