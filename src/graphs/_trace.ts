/**
 * What a forward pass calls, written down: a device for TensorFlow.js that computes nothing.
 *
 * A kernel of this device asks its operation for the shapes of its outputs and notes the call. A pass is traced at
 * several sizes of its input, so that what depends on them can be told from what does not: `_sizes.ts`.
 *
 * @module
 */
import {
  type BackendValues,
  type DataId,
  type DataType,
  engine,
  Identity,
  KernelBackend,
  registerBackend,
  registerKernel,
  Reshape,
  setBackend,
  type Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { type OperationName, OPERATIONS, type Shape } from "../kernels.ts";

/** The operations that a pass without training is made of, save those that are composed of others. */
export const INFERENCE = [
  "activation",
  "add",
  "addBias",
  "attention",
  "batchNorm",
  "biasedAttention",
  "conv1d",
  "depthwise2d",
  "glu",
  "groupNorm",
  "gruGate",
  "layerNorm",
  "layerSum",
  "linear",
  "meanPool",
  "padFrames",
  "patches",
  "relativeScores",
  "rotary",
  "scale",
  "scaleChannels",
  "statisticsPool",
  "unfold",
  "weightNorm",
] as const satisfies readonly OperationName[];

/** What is called: an operation of the table, or the one standard kernel that passes use. */
export type CallName = typeof INFERENCE[number] | "reshape";

/** A tensor of a trace. */
export interface TracedValue {
  /** The same number for the same tensor in every trace of a pass. */
  id: number;
  shape: Shape;
  /** Of a tensor that was there before the pass, or was made on the host during it. */
  constant?: {
    dtype: DataType;
    /** Where it was before the pass: what the tensor is known by. */
    dataId: DataId;
    /** The values of one that was made during the pass. */
    values?: Float32Array | Int32Array;
  };
}

/** A call of a trace. */
export interface Call {
  name: CallName;
  inputs: Readonly<Record<string, TracedValue>>;
  attrs: Readonly<Record<string, unknown>>;
  outputs: TracedValue[];
}

/** All calls of a pass in order, with its input and its result. */
export interface Trace {
  input: TracedValue;
  calls: Call[];
  output: TracedValue;
}

const BACKEND_NAME = "earshot-trace";

/** Notes calls; the handles of tensors are all that it keeps. */
class TraceBackend extends KernelBackend {
  calls: Call[] = [];
  #values = new Map<DataId, TracedValue>();
  #next = 0;

  /** Starts a trace anew. */
  begin(): void {
    [this.calls, this.#values, this.#next] = [[], new Map(), 0];
  }

  /** A tensor that a call made, or the input of the pass. */
  made(shape: Shape): { value: TracedValue; info: TensorInfo } {
    const value = { id: this.#next++, shape };
    const dataId = {};
    this.#values.set(dataId, value);
    return { value, info: { dataId, shape: [...shape], dtype: "float32" } };
  }

  /** Another handle on a tensor. */
  alias(x: TensorInfo): TensorInfo {
    const dataId = {};
    this.#values.set(dataId, this.known(x));
    return { dataId, shape: x.shape, dtype: x.dtype };
  }

  /** What is known of a handle; one from elsewhere is a constant. */
  known({ dataId, shape, dtype }: TensorInfo): TracedValue {
    const noted = this.#values.get(dataId);
    if (noted) return noted;
    const value = { id: this.#next++, shape, constant: { dtype, dataId } };
    this.#values.set(dataId, value);
    return value;
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const dataId = {};
    const constant = { dtype, dataId, values: values as Float32Array | Int32Array };
    this.#values.set(dataId, { id: this.#next++, shape, constant });
    return dataId;
  }

  // Handles stay until the next trace, whatever the scopes of the pass dispose.
  override disposeData(): boolean {
    return true;
  }

  override incRef(): void {}

  override refCount(): number {
    return 1;
  }

  override numDataIds(): number {
    return this.#values.size;
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}

let backend: TraceBackend | undefined;

function started(): TraceBackend {
  if (backend) return backend;
  backend = new TraceBackend();
  registerBackend(BACKEND_NAME, () => backend!);
  for (const name of INFERENCE) register(name, (inputs, attrs) => shapesOut(name, inputs, attrs));
  register("reshape", ({ x }, { shape }) => [filledIn(shape as Shape, x!)], Reshape);
  registerKernel({
    kernelName: Identity,
    backendName: BACKEND_NAME,
    kernelFunc: ({ inputs }) => backend!.alias(inputs.x!),
  });
  return backend;
}

/** The kernel that notes the call of an operation. */
function register(
  name: CallName,
  shapes: (inputs: Record<string, Shape>, attrs: Record<string, unknown>) => Shape[],
  kernelName: string = name,
): void {
  registerKernel({
    kernelName,
    backendName: BACKEND_NAME,
    kernelFunc: ({ inputs: infos, attrs: given }) => {
      const attrs = { ...given } as Record<string, unknown>;
      const entries = Object.entries(infos as Record<string, TensorInfo>);
      const inputs = Object.fromEntries(
        entries.map(([key, info]) => [key, { ...backend!.known(info), shape: info.shape }]),
      );
      const ofInputs = Object.fromEntries(entries.map(([key, { shape }]) => [key, shape]));
      const made = shapes(ofInputs, attrs).map((shape) => backend!.made(shape));
      backend!.calls.push({ name, inputs, attrs, outputs: made.map(({ value }) => value) });
      return made.length === 1 ? made[0]!.info : made.map(({ info }) => info);
    },
  });
}

function shapesOut(
  name: typeof INFERENCE[number],
  inputs: Record<string, Shape>,
  attrs: Record<string, unknown>,
): Shape[] {
  const { outputs } = OPERATIONS[name];
  const given = name === "layerSum" ? Object.values(inputs) : inputs;
  const shapes = outputs(given as never, attrs as never) as Shape | readonly Shape[];
  return (typeof shapes[0] === "number" ? [shapes] : shapes) as Shape[];
}

function filledIn(shape: Shape, x: Shape): Shape {
  const product = (sizes: Shape) => sizes.reduce((a, b) => a * b, 1);
  const known = product(shape.filter((size) => size !== -1));
  return shape.map((size) => size === -1 ? product(x) / known : size);
}

/**
 * Traces a pass at each of several shapes of its input. The device in use is the same afterwards.
 *
 * @param pass made of operations of the table on the tensor that it gets; it is run once for each shape.
 */
export async function traced(
  shapes: readonly Shape[],
  pass: (input: Tensor) => Tensor,
): Promise<Trace[]> {
  const device = started();
  const before = engine().backendName;
  await setBackend(BACKEND_NAME);
  try {
    return shapes.map((shape) => {
      device.begin();
      const { value: input, info } = device.made(shape);
      let output = input;
      engine().tidy(() => {
        output = device.known(pass(engine().makeTensorFromTensorInfo(info)));
      });
      return { input, calls: device.calls, output };
    });
  } finally {
    await setBackend(before);
  }
}
