/**
 * Affine map of the last axis, alone or several of one input, and the gradients by its input and its parameters.
 *
 * Computes: `y = dropout(activation(x weight^T + bias)) + residual`, and the value `before` the activation where it is
 * asked for; with `s = dropout(dy)`: `dx = s weight`, summed over the maps; `dweight = s^T x`; `dbias` = sum of s over rows.
 * Buffers: x, dx [R, I]; y, dy, before, residual [R, O]; weight, dweight [O, I]; bias, dbias [O];
 * parts [maps, splits, O, I] and then [maps, splits, O]; f32, the inputs read; prepared weights forward f16, as in
 * `_half_weights.ts`.
 * Grid and Memory: as in `_gemm.ts`, a plane for each map. The gradient of the parameters, whose inner axis is all
 * rows, is split where tiles are few, and its parts are added with one thread per number.
 * Error: 1e-6 of the sum of magnitudes; with weights in f16, 5e-4 of it.
 * Reference: test/reference/linear.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedLinearAttrs, LinearAttrs, LinearGradAttrs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { spread } from "./_elements.ts";
import { type GemmPlan, planGemm, runGemm } from "./_gemm.ts";
import {
  type ForwardConfig,
  forwardText,
  inputGradientText,
  type LinearConfig,
  mapNumbers,
  parameterGradientText,
} from "./_linear_text.ts";
import { areHalves } from "./_half_weights.ts";
import { kernel, type Program, release, runForAll, sizeOf, u32, type Uniform } from "./_program.ts";
import { dropoutUniforms } from "./dropout.ts";

type LinearInputs = Record<"x" | "weight" | "dy", TensorInfo>;
type ParameterConfig = LinearConfig & { bias: boolean; split: boolean };

const THREADS = 256;

const FORWARD: Program<ForwardConfig> = { name: "Linear", source: forwardText };

const INPUT_GRADIENT: Program<LinearConfig> = {
  name: "LinearGradInput",
  source: inputGradientText,
};

const PARAMETER_GRADIENT: Program<ParameterConfig> = {
  name: "LinearGradParameters",
  source: parameterGradientText,
};

/** Adds up the splits of all weights, then of all biases. */
const SPLIT_SUMS: Program<{ maps: number; bias: boolean }> = {
  name: "LinearGradSums",
  source: ({ maps, bias }) => `
    fn sumOf(first: u32, size: u32) -> f32 {
      var sum = 0.0;
      for (var split = 0u; split < uniforms.splits; split++) { sum += parts[first + split * size]; }
      return sum;
    }
    fn main() {
      let i = (workgroupId.y * numWorkgroups.x + workgroupId.x) * ${THREADS}u + localIndex;
      let map = i / uniforms.size;
      let at = i % uniforms.size;
      if (map < ${maps}u) {
        let sum = sumOf(map * uniforms.splits * uniforms.size + at, uniforms.size);
        ${mapNumbers(maps).map((n) => `if (map == ${n}u) { dweight${n}[at] = sum; }`).join(" ")}
        ${
    bias
      ? `if (at < uniforms.outputs) {
          let first = (${maps}u * uniforms.size + map * uniforms.outputs) * uniforms.splits + at;
          let whole = sumOf(first, uniforms.outputs);
          ${mapNumbers(maps).map((n) => `if (map == ${n}u) { dbias${n}[at] = whole; }`).join(" ")}
        }`
      : ""
  }
      }
    }`,
};

/** `EarshotLinear`, its fused and its joint forms, and their gradients. */
export const linearKernels: KernelConfig[] = [
  kernel<LinearAttrs>("EarshotLinear", (backend, { x, weight, bias, residual }, attrs) => {
    const maps = [{ weight: weight!, bias }];
    return runForward(backend, { x: x!, maps, residual }, attrs).results[0]!;
  }),
  kernel<FusedLinearAttrs>("EarshotFusedLinear", (backend, inputs, attrs) => {
    const { x, weight, bias, residual } = inputs;
    const maps = [{ weight: weight!, bias }];
    const { results, before } = runForward(backend, { x: x!, maps, residual }, attrs);
    return before ? [...results, before] : results;
  }),
  kernel("EarshotLinears", (backend, inputs) => {
    const [x, ...parameters] = Object.values(inputs);
    const maps = pairsOf(parameters).map(([weight, bias]) => ({ weight, bias }));
    const chunks = bindsAll(backend, 1 + 3 * maps.length) ? [maps] : maps.map((map) => [map]);
    const attrs = { activation: "none" } as const;
    return chunks.flatMap((maps) => runForward(backend, { x: x!, maps }, attrs).results);
  }),
  kernel<LinearGradAttrs>("EarshotLinearGradInput", (backend, inputs, attrs) => {
    const { dy, weight } = inputs as LinearInputs;
    return runInputGradient(backend, [dy], [weight], attrs);
  }),
  kernel("EarshotLinearsGradInput", (backend, inputs) => {
    const tensors = Object.values(inputs);
    const half = tensors.length / 2;
    return runInputGradient(backend, tensors.slice(0, half), tensors.slice(half), {});
  }),
  kernel("EarshotLinearGradWeight", (backend, inputs) => {
    const { x, dy } = inputs as LinearInputs;
    return runParameterGradient(backend, x, [dy], { bias: false })[0]!;
  }),
  kernel<LinearGradAttrs>("EarshotLinearGradParameters", (backend, inputs, attrs) => {
    const { x, dy } = inputs as LinearInputs;
    return runParameterGradient(backend, x, [dy], { bias: true, ...attrs });
  }),
  kernel("EarshotLinearsGradParameters", (backend, inputs) => {
    const [x, ...slopes] = Object.values(inputs);
    const chunks = bindsAll(backend, 1 + 3 * slopes.length) ? [slopes] : slopes.map((dy) => [dy]);
    return chunks.flatMap((slopes) => runParameterGradient(backend, x!, slopes, { bias: true }));
  }),
];

interface ForwardTensors {
  x: TensorInfo;
  maps: { weight: TensorInfo; bias?: TensorInfo }[];
  residual?: TensorInfo;
}

function runForward(
  backend: DeviceBackend,
  { x, maps, residual }: ForwardTensors,
  attrs: LinearAttrs & LinearGradAttrs & { keepsBefore?: boolean },
): { results: TensorInfo[]; before?: TensorInfo } {
  const { activation, keepsBefore = false, ...dropout } = attrs;
  const [outputs, inner] = maps[0]!.weight.shape as [number, number];
  const rows = sizeOf(x.shape) / inner;
  const plan = planGemm({ rows, columns: outputs, inner, planes: maps.length });
  const shape = [...x.shape.slice(0, -1), outputs];
  const bias = maps[0]!.bias !== undefined;
  const config = configOf(backend, plan, [inner, outputs], maps.length, dropout);
  const half = areHalves(backend, maps.map(({ weight }) => weight));
  const results = numbered("result", maps.map(() => shape));
  const made = runGemm(backend, FORWARD, plan, {
    config: { ...config, half, bias, residual: !!residual, activation, keepsBefore },
    inputs: {
      x,
      ...numbered("weight", maps.map(({ weight }) => weight)),
      ...(bias && numbered("bias", maps.map((map) => map.bias!))),
      ...(residual && { residual }),
    },
    uniforms: uniformsOf(dropout),
    outputs: { ...results, ...(keepsBefore && { before: shape }) } as Record<string, number[]>,
    vectors: config.wide
      ? ["x", "residual", "before", ...namesOf(["weight", "bias", "result"], maps.length)]
      : [],
    halves: half ? namesOf(["weight"], maps.length) : [],
  });
  const { before, ...others } = made;
  return { results: Object.values(others), before };
}

function runInputGradient(
  backend: DeviceBackend,
  slopes: TensorInfo[],
  weights: TensorInfo[],
  dropout: LinearGradAttrs,
): TensorInfo {
  const dy = slopes[0]!;
  const [outputs, columns] = weights[0]!.shape as [number, number];
  const rows = sizeOf(dy.shape) / outputs;
  const plan = planGemm({ rows, columns, inner: outputs * weights.length });
  const config = configOf(backend, plan, [columns, outputs], weights.length, dropout);
  return runGemm(backend, INPUT_GRADIENT, plan, {
    config,
    inputs: { ...numbered("dy", slopes), ...numbered("weight", weights) },
    uniforms: { outputs: u32(outputs), ...uniformsOf(dropout) },
    outputs: { result: [...dy.shape.slice(0, -1), columns] },
    vectors: config.wide ? ["result", ...namesOf(["dy", "weight"], weights.length)] : [],
  }).result;
}

/** For each map `dweight`, and `dbias` behind it where it is asked for. */
function runParameterGradient(
  backend: DeviceBackend,
  x: TensorInfo,
  slopes: TensorInfo[],
  { bias, ...dropout }: { bias: boolean } & LinearGradAttrs,
): TensorInfo[] {
  const [outputs, inputs] = [slopes[0]!.shape.at(-1)!, x.shape.at(-1)!];
  const maps = slopes.length;
  const sizes = { rows: outputs, columns: inputs, inner: sizeOf(x.shape) / inputs, planes: maps };
  const plan = planGemm(sizes, { split: true });
  const config = configOf(backend, plan, [inputs, outputs], maps, dropout);
  const split = plan.splits > 1;
  const gradients = {
    ...numbered("dweight", slopes.map(() => [outputs, inputs])),
    ...(bias && numbered("dbias", slopes.map(() => [outputs]))),
  };
  const parts = [maps * plan.splits * outputs * (inputs + (bias ? 1 : 0))];
  const made: Record<string, TensorInfo> = runGemm(backend, PARAMETER_GRADIENT, plan, {
    config: { ...config, bias, split },
    inputs: { x, ...numbered("dy", slopes) },
    uniforms: uniformsOf(dropout),
    outputs: split ? { parts } as Record<string, number[]> : gradients,
    vectors: config.wide ? ["x", "parts", ...namesOf(["dy", "dweight", "dbias"], maps)] : [],
  });
  const whole = split ? sumSplits(backend, plan, made.parts!, gradients) : made;
  return slopes.flatMap((_, n) =>
    bias ? [whole[`dweight${n}`]!, whole[`dbias${n}`]!] : [whole[`dweight${n}`]!]
  );
}

function sumSplits(
  backend: DeviceBackend,
  { splits }: GemmPlan,
  parts: TensorInfo,
  gradients: Record<string, number[]>,
): Record<string, TensorInfo> {
  const [outputs, inputs] = gradients.dweight0 as [number, number];
  const bias = "dbias0" in gradients;
  const maps = Object.keys(gradients).length / (bias ? 2 : 1);
  const size = outputs * inputs;
  const sums = runForAll(backend, SPLIT_SUMS, {
    config: { maps, bias },
    inputs: { parts },
    uniforms: { size: u32(size), splits: u32(splits), outputs: u32(outputs) },
    outputs: gradients,
    workgroups: spread(backend, Math.ceil(maps * size / THREADS)),
    threads: [THREADS, 1, 1],
  });
  release(backend, parts);
  return sums;
}

function configOf(
  backend: DeviceBackend,
  { tile }: GemmPlan,
  lengths: number[],
  maps: number,
  { dropoutRate = 0 }: LinearGradAttrs,
): LinearConfig {
  const wide = lengths.every((length) => length % 4 === 0);
  return { tile, maps, wide, f16: backend.f16, dropout: dropoutRate > 0 };
}

function uniformsOf(
  { dropoutRate = 0, dropoutSeed = 0 }: LinearGradAttrs,
): Record<string, Uniform> {
  return dropoutRate > 0 ? dropoutUniforms({ rate: dropoutRate, seed: dropoutSeed }) : {};
}

function bindsAll(backend: DeviceBackend, buffers: number): boolean {
  return buffers <= backend.device.limits.maxStorageBuffersPerShaderStage;
}

function numbered<Value>(name: string, values: Value[]): Record<string, Value> {
  return Object.fromEntries(values.map((value, n) => [`${name}${n}`, value]));
}

function namesOf(names: string[], maps: number): string[] {
  return names.flatMap((name) => mapNumbers(maps).map((n) => `${name}${n}`));
}

function pairsOf(tensors: TensorInfo[]): [TensorInfo, TensorInfo][] {
  return Array.from(
    { length: tensors.length / 2 },
    (_, n) => [tensors[2 * n]!, tensors[2 * n + 1]!],
  );
}
