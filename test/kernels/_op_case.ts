/**
 * One call of an operation of the contract as data, and its evaluation on the device in use.
 *
 * An evaluation runs the call twice, as inference (where activations are fused) and on the tape, reads
 * the outputs and the gradient of every float input, and fails when a tensor stays behind.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import {
  type DataValues,
  dispose,
  engine,
  type Tensor,
  valueAndGrads,
} from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import { keepHash } from "../../src/kernels.ts";
import { type NdArray, sizeOf } from "../reference/nd_array.ts";

/** One call with its inputs. */
export interface OpCase {
  /** Sizes and what is special, for the name of the test. */
  name: string;
  /** float32 inputs; each gets a gradient. */
  inputs: Record<string, NdArray>;
  /** float32 inputs without a gradient: statistics, angles. */
  constants?: Record<string, NdArray>;
  /** int32 inputs: lengths, labels, masks. */
  integers?: Record<string, NdArray>;
  /** The call, given all inputs as tensors. */
  run: (tensors: Record<string, Tensor>) => Tensor | Tensor[];
  /** False for operations without a gradient. @default true */
  hasGradient?: boolean;
  /** True where the step of finite differences is too coarse for the function. @default false */
  isSteep?: boolean;
  /** Absolute and relative limit of an output. @default 1e-5 */
  forwardTolerance?: number;
  /** Limit of a gradient, as a share of its largest value. @default 1e-4 */
  gradientTolerance?: number;
}

/** What a device made of a case. */
export interface Evaluation {
  /** Outputs of inference. */
  outputs: NdArray[];
  /** Outputs while the tape recorded; empty where there is no gradient. */
  recorded: NdArray[];
  /** The gradient of each float input, for random slopes of the output. */
  gradients: Record<string, NdArray>;
}

/** Runs a case on the device in use. */
export async function evaluate(opCase: OpCase): Promise<Evaluation> {
  const before = tensorCounts();
  const inputs = mapValues(opCase.inputs, (array) => toTensor(array, "float32"));
  const constants = mapValues(opCase.constants ?? {}, (array) => toTensor(array, "float32"));
  const integers = mapValues(opCase.integers ?? {}, (array) => toTensor(array, "int32"));
  const fixed = { ...constants, ...integers };
  const outputs = [opCase.run({ ...inputs, ...fixed })].flat();
  const evaluation: Evaluation = { outputs: await readAll(outputs), recorded: [], gradients: {} };
  if (opCase.hasGradient ?? true) {
    const slopes = toTensor(normal(outputs[0]!.shape, { seed: 99 }), "float32");
    const names = Object.keys(inputs);
    const { value, grads } = valueAndGrads((...xs: Tensor[]) => {
      const named = Object.fromEntries(xs.map((x, i) => [names[i]!, x]));
      return opCase.run({ ...named, ...fixed }) as Tensor;
    })(Object.values(inputs), slopes);
    evaluation.recorded = await readAll([value]);
    const read = await readAll(grads);
    evaluation.gradients = Object.fromEntries(names.map((name, i) => [name, read[i]!]));
    dispose([value, grads, slopes]);
  }
  dispose([inputs, fixed, outputs] as Parameters<typeof dispose>[0]);
  deepEqual(tensorCounts(), before, "tensors left behind");
  return evaluation;
}

/** How the numbers of {@linkcode normal} are drawn. */
export interface NormalOptions {
  /** @default 1 */
  seed?: number;
  /** @default 0 */
  mean?: number;
  /** @default 1 */
  deviation?: number;
}

/** Normally distributed numbers, the same for the same seed, each a single-precision number. */
export function normal(shape: readonly number[], options: NormalOptions = {}): NdArray {
  const { seed = 1, mean = 0, deviation = 1 } = options;
  const values = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log((keepHash(seed, 2 * i) + 0.5) / 2 ** 32));
    const angle = 2 * Math.PI * keepHash(seed, 2 * i + 1) / 2 ** 32;
    return Math.fround(mean + deviation * radius * Math.cos(angle));
  });
  return { shape, values };
}

/** The given numbers, rounded to single precision; a single one fills the shape. */
export function fixed(shape: readonly number[], numbers: number | number[]): NdArray {
  const list = [numbers].flat();
  const values = Float64Array.from({ length: sizeOf(shape) }, (_, i) => list[i % list.length]!);
  return { shape, values: values.map(Math.fround) };
}

/** A tensor on the device in use, of the very numbers given: the reference can hold doubles. */
function toTensor({ shape, values }: NdArray, dtype: "float32" | "int32"): Tensor {
  const isDouble = engine().backendName === "reference-double";
  const typed = dtype === "int32"
    ? Int32Array.from(values)
    : isDouble
    ? values
    : Float32Array.from(values);
  return engine().makeTensor(typed as DataValues, [...shape], dtype);
}

function readAll(tensors: Tensor[]): Promise<NdArray[]> {
  return Promise.all(tensors.map(async (tensor) => ({
    shape: tensor.shape,
    values: Float64Array.from(await tensor.data()),
  })));
}

/** Tensors alive, and buffers that the device holds, those inside a kernel included. */
export function tensorCounts(): { tensors: number; buffers: number } {
  return { tensors: engine().memory().numTensors, buffers: engine().backend.numDataIds() };
}

function mapValues<From, To>(
  record: Record<string, From>,
  body: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, body(value)]));
}
