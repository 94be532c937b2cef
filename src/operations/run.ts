/**
 * Runs a kernel by name on the device in use, on the tape of TensorFlow.js where one is recorded.
 *
 * @module
 */
import {
  engine,
  getKernel,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from "@tensorflow/tfjs-core";

/** What a kernel takes: tensors by name, where those that are undefined are left out, or a list. */
export type KernelInputs = Record<string, Tensor | undefined> | Tensor[];

/** Runs a kernel with one output on the device in use. */
export function run(name: string, inputs: KernelInputs, attrs: object): Tensor {
  return engine().runKernel(name, present(inputs), attrs as unknown as NamedAttrMap) as Tensor;
}

/** Runs a kernel with several outputs on the device in use. */
export function runAll(name: string, inputs: KernelInputs, attrs: object): Tensor[] {
  return engine().runKernel(name, present(inputs), attrs as unknown as NamedAttrMap) as Tensor[];
}

function present(inputs: KernelInputs): NamedTensorMap {
  if (Array.isArray(inputs)) return inputs as unknown as NamedTensorMap;
  return Object.fromEntries(
    Object.entries(inputs).filter(([, tensor]) => tensor),
  ) as NamedTensorMap;
}

/** Whether the device in use has a kernel that not every device needs, since others can take its place. */
export function hasKernel(name: string): boolean {
  return getKernel(name, engine().backendName) !== undefined;
}

/** Whether a gradient is being recorded, so that values which only it needs must be kept. */
export function isRecording(): boolean {
  return engine().state.gradientDepth > 0;
}
