/**
 * Runs an operation on the device in use, on the tape of TensorFlow.js where one is recorded.
 *
 * This is the one door to the engine: kernels and gradients stand in its registry under the names of the operations,
 * and nothing else here names them. The registry knows no types, so that a value changes its type here and nowhere
 * else; `Kernels` has checked the kernels when a device is registered.
 *
 * @module
 */
import {
  engine,
  env,
  getKernel,
  type NamedAttrMap,
  type NamedTensorMap,
  registerGradient,
  registerKernel,
  Tensor,
  type TensorInfo,
  tidy,
} from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../errors.ts";
import type { ComposedOperation, Gradient, Operation, Shape, With } from "./operation.ts";

/** Gets the floating-point operations of each kernel that runs. */
let observer: ((flops: number) => void) | undefined;

/**
 * Runs an operation on the device in use.
 *
 * @throws {ShapeError} when the inputs do not fit each other.
 * @throws {UnsupportedOpError} when the device has no kernel and the operation is not composed of others.
 */
export function run<Inputs extends object, Attrs extends object, Outputs extends object>(
  operation: Operation<Inputs, Attrs, Outputs> | ComposedOperation<Inputs, Attrs, Outputs>,
  inputs: NoInfer<Inputs>,
  attrs: NoInfer<Attrs>,
): Outputs {
  const shapes = shapesOf(inputs);
  operation.outputs(shapes, attrs);
  const { name } = operation;
  const owner = engine();
  const kernel = getKernel(name, owner.backendName);
  const lacksGradient = isRecording() && !operation.gradient;
  if ("composed" in operation && (!kernel || lacksGradient)) {
    return tidy(() => operation.composed(inputs, attrs) as Tensor) as Outputs;
  }
  if (!kernel) {
    throw new UnsupportedOpError(
      `Cannot run ${name}: expected a kernel on the device in use, "${owner.backendName}", found none`,
    );
  }
  const given = present(inputs);
  observer?.(operation.flops?.(shapes, attrs) ?? 0);
  // A short clip takes no longer than the engine's bookkeeping, which is skipped where it has nothing to record.
  if (isRecording() || owner.state.profiling || env().getBool("DEBUG")) {
    return owner.runKernel(name, given, attrs as NamedAttrMap) as Tensor as Outputs;
  }
  const call = { inputs: given, attrs: attrs as NamedAttrMap, backend: owner.backend };
  const output = kernel.kernelFunc(call);
  const made = Array.isArray(output) ? output.map(asTensor) : asTensor(output);
  return made as Tensor as Outputs;
}

/** Whether a gradient is being recorded, so that values which only it needs must be kept. */
export function isRecording(): boolean {
  return engine().state.gradientDepth > 0;
}

/** The body of an operation on a device: the same as the operation, of its handles for tensors. */
export type Kernel<Described, Backend> = Described extends
  Operation<infer Inputs, infer Attrs, infer Outputs> ? (
    inputs: With<Inputs, TensorInfo>,
    attrs: Attrs,
    backend: Backend,
  ) => With<Outputs, TensorInfo>
  : never;

/** Puts the kernels of a device into the engine's registry. */
export function registerKernels<Backend>(
  backendName: string,
  kernels: Readonly<Record<string, (inputs: never, attrs: never, backend: Backend) => unknown>>,
): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        kernel(inputs as never, attrs as never, backend as Backend) as TensorInfo | TensorInfo[],
    });
  }
}

/** A gradient whose types its operation has checked. */
interface UntypedGradient extends Pick<Gradient<object, object, object>, "inputs" | "outputs"> {
  slopes(call: never): object;
}

/** Puts the gradient of an operation into the engine's registry. */
export function registerGradientOf(
  name: string,
  { inputs: read, outputs: kept = [], slopes }: UntypedGradient,
): void {
  const isList = read === "all";
  const names = isList ? [] : read;
  const last = Math.max(-1, ...kept);
  registerGradient({
    kernelName: name,
    saveAllInputs: isList,
    inputsToSave: [...names],
    outputsToSave: Array.from({ length: last + 1 }, (_, i) => kept.includes(i)),
    gradFunc: (dy, saved, attrs) => {
      const dys = Array.isArray(dy) ? dy : [dy];
      const inputs = isList ? saved : Object.fromEntries(names.map((key, i) => [key, saved[i]]));
      const outputs: (Tensor | undefined)[] = [];
      kept.forEach((at, i) => outputs[at] = saved[names.length + i]);
      const call = { dy: dys[0]!, dys, inputs, outputs, attrs };
      return { ...slopes(call as never) };
    },
  });
}

/** Calls with the floating-point operations of each kernel that a body runs. */
export function observeFlops(observe: (flops: number) => void, body: () => void): void {
  const outer = observer;
  observer = observe;
  try {
    body();
  } finally {
    observer = outer;
  }
}

function asTensor(made: TensorInfo | Tensor): Tensor {
  return made instanceof Tensor ? made : engine().makeTensorFromTensorInfo(made);
}

/** The inputs that are there: the engine knows no others. */
function present(inputs: object): NamedTensorMap {
  if (Array.isArray(inputs)) return inputs as object as NamedTensorMap;
  const found: NamedTensorMap = {};
  const all = inputs as NamedTensorMap;
  for (const name in all) if (all[name]) found[name] = all[name];
  return found;
}

/** The shapes of tensors by name, or of a list. */
export function shapesOf<Tensors extends object>(tensors: Tensors): With<Tensors, Shape> {
  if (Array.isArray(tensors)) {
    return tensors.map((input?: Tensor) => input?.shape) as object as With<Tensors, Shape>;
  }
  // An operation takes microseconds, of which entries and closures would be one.
  const shapes: Record<string, Shape | undefined> = {};
  for (const name in tensors) shapes[name] = (tensors[name] as Tensor | undefined)?.shape;
  return shapes as object as With<Tensors, Shape>;
}
