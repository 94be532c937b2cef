/**
 * Runs a kernel by name on the device in use, on the tape of TensorFlow.js where one is recorded.
 *
 * @module
 */
import {
  engine,
  env,
  getKernel,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";

/** What a kernel takes: tensors by name, where those that are undefined are left out, or a list. */
export type KernelInputs = Record<string, Tensor | undefined> | Tensor[];

/** Runs a kernel with one output on the device in use. */
export function run(name: string, inputs: KernelInputs, attrs: object): Tensor {
  return runKernel(name, inputs, attrs) as Tensor;
}

/** Runs a kernel with several outputs on the device in use. */
export function runAll(name: string, inputs: KernelInputs, attrs: object): Tensor[] {
  return runKernel(name, inputs, attrs) as Tensor[];
}

/** Past the engine's books where it would write nothing into them: a short clip takes no longer than they do. */
function runKernel(name: string, inputs: KernelInputs, attrs: object): Tensor | Tensor[] {
  const owner = engine();
  const call = { inputs: present(inputs), attrs: attrs as unknown as NamedAttrMap };
  const kernel = getKernel(name, owner.backendName);
  if (!kernel || isRecording() || owner.state.profiling || env().getBool("DEBUG")) {
    return owner.runKernel(name, call.inputs, call.attrs);
  }
  const output = kernel.kernelFunc({ ...call, backend: owner.backend });
  const asTensor = (made: TensorInfo | Tensor) =>
    "rank" in made ? made : owner.makeTensorFromTensorInfo(made);
  return Array.isArray(output) ? output.map(asTensor) : asTensor(output);
}

function present(inputs: KernelInputs): NamedTensorMap {
  if (Array.isArray(inputs)) return inputs as unknown as NamedTensorMap;
  const found: NamedTensorMap = {};
  for (const name in inputs) if (inputs[name]) found[name] = inputs[name];
  return found;
}

/** Whether the device in use has a kernel that not every device needs, since others can take its place. */
export function hasKernel(name: string): boolean {
  return getKernel(name, engine().backendName) !== undefined;
}

/** Whether a gradient is being recorded, so that values which only it needs must be kept. */
export function isRecording(): boolean {
  return engine().state.gradientDepth > 0;
}
