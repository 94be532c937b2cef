/**
 * Affine map of the last axis, alone or several of one input, and the gradients by its input and its parameters.
 *
 * Computes: `y = dropout(activation(x weight^T + bias)) + residual`, and the value `before` the activation where it is
 * asked for; with `s = dropout(dy)`: `dx = s weight`, summed over the maps; `dweight = s^T x`; `dbias` = sum of s over rows.
 * Buffers: x, dx [R, I]; y, dy, before, residual [R, O]; weight, dweight [O, I]; bias, dbias [O];
 * parts [maps, splits, O, I] and then [maps, splits, O]; f32, the inputs read; packed weights forward f16, as in
 * `_weights.ts`.
 * Grid and Memory: as in `_gemm.ts`, a plane for each map. The gradient of the parameters, whose inner axis is all
 * rows, is split where tiles are few, and its parts are added with one thread per number.
 * Error: 1e-6 of the sum of magnitudes; with weights in f16, 5e-4 of it.
 * Reference: test/reference/linear.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type {
  DroppedAttrs,
  FusedLinearAttrs,
  KernelAttrs,
  KernelInputs,
  KernelOutputs,
  WeightLayout,
} from "../../kernels.ts";
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
import { isHalf } from "./_weights.ts";
import { type Program, release, runForAll, sizeOf, u32, type Uniform } from "./_program.ts";
import { dropoutUniforms } from "./dropout.ts";

type ParameterConfig = LinearConfig & { bias: boolean; split: boolean };

const THREADS = 256;

const NOTHING_DROPPED: DroppedAttrs = { dropoutRate: 0, dropoutSeed: 0 };

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

/** `activation(x weight^T + bias) + residual`. */
export function linear(
  { x, weight, bias, residual }: KernelInputs<"linear">,
  { activation, layout }: KernelAttrs<"linear">,
  backend: DeviceBackend,
): TensorInfo {
  const maps = [{ weight, bias }];
  const attrs = { activation, keepsBefore: false, ...NOTHING_DROPPED };
  return runForward(backend, { x, maps, residual, layout }, attrs).results[0]!;
}

/** The same with dropout -> `y`, and `before` where it is kept */
export function fusedLinear(
  { x, weight, bias, residual }: KernelInputs<"fusedLinear">,
  attrs: KernelAttrs<"fusedLinear">,
  backend: DeviceBackend,
): KernelOutputs<"fusedLinear"> {
  const maps = [{ weight, bias }];
  const { results, before } = runForward(backend, { x, maps, residual }, attrs);
  return before ? [results[0]!, before] : [results[0]!];
}

/** The list `x`, then `weight` and `bias` of each map -> the result of each */
export function linears(
  [x, ...parameters]: KernelInputs<"linears">,
  { layout }: KernelAttrs<"linears">,
  backend: DeviceBackend,
): KernelOutputs<"linears"> {
  const maps = mapsOf(parameters);
  const chunks = bindsAll(backend, 1 + 3 * maps.length) ? [maps] : maps.map((map) => [map]);
  const attrs: ForwardAttrs = { activation: "none", keepsBefore: false, ...NOTHING_DROPPED };
  return chunks.flatMap((maps) => runForward(backend, { x, maps, layout }, attrs).results);
}

/** -> `dx` */
export function linearGradInput(
  { dy, weight }: KernelInputs<"linearGradInput">,
  attrs: KernelAttrs<"linearGradInput">,
  backend: DeviceBackend,
): TensorInfo {
  return runInputGradient(backend, [dy], [weight], attrs);
}

/** The list of all `dy`, then of all `weight` -> the sum of `dx` over the maps */
export function linearsGradInput(
  tensors: KernelInputs<"linearsGradInput">,
  _attrs: KernelAttrs<"linearsGradInput">,
  backend: DeviceBackend,
): TensorInfo {
  const maps = tensors.length / 2;
  return runInputGradient(backend, tensors.slice(0, maps), tensors.slice(maps), NOTHING_DROPPED);
}

/** -> `dweight` */
export function linearGradWeight(
  { x, dy }: KernelInputs<"linearGradWeight">,
  _attrs: KernelAttrs<"linearGradWeight">,
  backend: DeviceBackend,
): TensorInfo {
  return runParameterGradient(backend, x, [dy], { bias: false, ...NOTHING_DROPPED })[0]!;
}

/** -> `dweight`, `dbias` */
export function linearGradParameters(
  { x, dy }: KernelInputs<"linearGradParameters">,
  attrs: KernelAttrs<"linearGradParameters">,
  backend: DeviceBackend,
): KernelOutputs<"linearGradParameters"> {
  const [dweight, dbias] = runParameterGradient(backend, x, [dy], { bias: true, ...attrs });
  return [dweight!, dbias!];
}

/** The list `x`, all `dy` -> `dweight`, `dbias` of each map */
export function linearsGradParameters(
  [x, ...slopes]: KernelInputs<"linearsGradParameters">,
  _attrs: KernelAttrs<"linearsGradParameters">,
  backend: DeviceBackend,
): KernelOutputs<"linearsGradParameters"> {
  const chunks = bindsAll(backend, 1 + 3 * slopes.length) ? [slopes] : slopes.map((dy) => [dy]);
  const attrs = { bias: true, ...NOTHING_DROPPED };
  return chunks.flatMap((slopes) => runParameterGradient(backend, x, slopes, attrs));
}

interface ForwardTensors {
  x: TensorInfo;
  maps: { weight: TensorInfo; bias?: TensorInfo }[];
  residual?: TensorInfo;
  /** How packed weights lie. */
  layout?: WeightLayout;
}

type ForwardAttrs = Omit<FusedLinearAttrs, "trainsBoth" | "layout">;

function runForward(
  backend: DeviceBackend,
  { x, maps, residual, layout }: ForwardTensors,
  { activation, keepsBefore, ...dropout }: ForwardAttrs,
): { results: TensorInfo[]; before?: TensorInfo } {
  const half = isHalf(layout);
  const [outputs = 0, inner = 0] = layout?.shape ?? maps[0]!.weight.shape;
  const rows = sizeOf(x.shape) / inner;
  const plan = planGemm({ rows, columns: outputs, inner, planes: maps.length });
  const shape = [...x.shape.slice(0, -1), outputs];
  const bias = maps[0]!.bias !== undefined;
  const config = configOf(backend, plan, [inner, outputs], maps.length, dropout);
  const made = runGemm(backend, FORWARD, plan, {
    config: { ...config, half, bias, residual: !!residual, activation, keepsBefore },
    inputs: {
      x,
      ...numbered("weight", maps.map(({ weight }) => weight)),
      ...(bias && numbered("bias", maps.map((map) => map.bias!))),
      ...(residual && { residual }),
    },
    uniforms: uniformsOf(dropout),
    outputs: {
      ...numbered("result", maps.map(() => shape)),
      ...(keepsBefore && { before: shape }),
    },
    vectors: config.wide
      ? ["x", "residual", "before", ...namesOf(["weight", "bias", "result"], maps.length)]
      : [],
    halves: half ? namesOf(["weight"], maps.length) : [],
  });
  const { before, ...results } = made;
  return { results: Object.values(results), before };
}

function runInputGradient(
  backend: DeviceBackend,
  slopes: readonly TensorInfo[],
  weights: readonly TensorInfo[],
  dropout: DroppedAttrs,
): TensorInfo {
  const dy = slopes[0]!;
  const [outputs = 0, columns = 0] = weights[0]!.shape;
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
  slopes: readonly TensorInfo[],
  { bias, ...dropout }: { bias: boolean } & DroppedAttrs,
): TensorInfo[] {
  const [outputs, inputs] = [slopes[0]!.shape.at(-1)!, x.shape.at(-1)!];
  const maps = slopes.length;
  const sizes = { rows: outputs, columns: inputs, inner: sizeOf(x.shape) / inputs, planes: maps };
  const plan = planGemm(sizes, { split: true });
  const config = configOf(backend, plan, [inputs, outputs], maps, dropout);
  const split = plan.splits > 1;
  const gradients: Gradients<number[]> = {
    ...numbered("dweight", slopes.map(() => [outputs, inputs])),
    ...(bias && numbered("dbias", slopes.map(() => [outputs]))),
  };
  const parts = [maps * plan.splits * outputs * (inputs + (bias ? 1 : 0))];
  const run = {
    config: { ...config, bias, split },
    inputs: { x, ...numbered("dy", slopes) },
    uniforms: uniformsOf(dropout),
    vectors: config.wide ? ["x", "parts", ...namesOf(["dy", "dweight", "dbias"], maps)] : [],
  };
  const whole = split
    ? sumSplits(
      backend,
      plan,
      runGemm(backend, PARAMETER_GRADIENT, plan, { ...run, outputs: { parts } }).parts,
      gradients,
    )
    : runGemm(backend, PARAMETER_GRADIENT, plan, { ...run, outputs: gradients });
  return slopes.flatMap((_, n) =>
    bias ? [whole[`dweight${n}`]!, whole[`dbias${n}`]!] : [whole[`dweight${n}`]!]
  );
}

/** Shapes of gradients, or the gradients, by the numbers of their maps. */
type Gradients<Kind> = Record<`dweight${number}` | `dbias${number}`, Kind>;

function sumSplits(
  backend: DeviceBackend,
  { splits }: GemmPlan,
  parts: TensorInfo,
  gradients: Gradients<number[]>,
): Gradients<TensorInfo> {
  const [outputs = 0, inputs = 0] = gradients.dweight0!;
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
  { dropoutRate }: DroppedAttrs,
): LinearConfig {
  const wide = lengths.every((length) => length % 4 === 0);
  return { tile, maps, wide, f16: backend.f16, dropout: dropoutRate > 0 };
}

function uniformsOf({ dropoutRate, dropoutSeed }: DroppedAttrs): Record<string, Uniform> {
  return dropoutRate > 0 ? dropoutUniforms({ rate: dropoutRate, seed: dropoutSeed }) : {};
}

function bindsAll(backend: DeviceBackend, buffers: number): boolean {
  return buffers <= backend.device.limits.maxStorageBuffersPerShaderStage;
}

/** Values under a name with their number behind it. */
function numbered<Value>(name: string, values: readonly Value[]): Record<string, Value> {
  return Object.fromEntries(values.map((value, n) => [`${name}${n}`, value]));
}

function namesOf(names: string[], maps: number): string[] {
  return names.flatMap((name) => mapNumbers(maps).map((n) => `${name}${n}`));
}

function mapsOf(parameters: readonly TensorInfo[]): { weight: TensorInfo; bias: TensorInfo }[] {
  return Array.from({ length: parameters.length / 2 }, (_, n) => ({
    weight: parameters[2 * n]!,
    bias: parameters[2 * n + 1]!,
  }));
}
