/**
 * Holds every kernel that runs to the shapes that its operation promises.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import {
  getBackend,
  getKernelsForBackend,
  type KernelConfig,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from "@tensorflow/tfjs-core";
import { OPERATIONS, type Shape } from "../../src/kernels.ts";

/** The rules by the names of their operations, their types forgotten. */
const RULES = new Map(
  Object.values(OPERATIONS).map(({ name, outputs }) => [name, outputs as ShapeRule]),
);

type ShapeRule = (inputs: never, attrs: never) => Shape | readonly Shape[];

/** Runs a body, and fails where a kernel of ours on the device in use gives another shape than its operation's rule. */
export async function withShapeRules<Result>(body: () => Promise<Result>): Promise<Result> {
  const kernels = getKernelsForBackend(getBackend()).filter(({ kernelName }) =>
    RULES.has(kernelName)
  );
  for (const kernel of kernels) replace({ ...kernel, kernelFunc: ruled(kernel) });
  try {
    return await body();
  } finally {
    kernels.forEach(replace);
  }
}

function replace(kernel: KernelConfig): void {
  unregisterKernel(kernel.kernelName, kernel.backendName);
  registerKernel(kernel);
}

function ruled({ kernelName, kernelFunc }: KernelConfig): KernelConfig["kernelFunc"] {
  return (call) => {
    const made = kernelFunc(call);
    const rule = RULES.get(kernelName)!;
    const expected = rule(shapesOf(call.inputs) as never, call.attrs as never);
    const shapes = Array.isArray(made) ? made.map(({ shape }) => [...shape]) : [...made.shape];
    deepEqual(shapes, expected, `shapes of ${kernelName}`);
    return made;
  };
}

function shapesOf(inputs: object): object {
  if (Array.isArray(inputs)) return inputs.map(({ shape }: TensorInfo) => shape);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]: [string, TensorInfo]) => [name, shape]),
  );
}
