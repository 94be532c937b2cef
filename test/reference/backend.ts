/**
 * The device "reference": a TensorFlow.js backend on which every operation of the contract runs in its plain
 * double-precision body, so that whole models run on it and its tape can be checked.
 *
 * Tensors hold single-precision numbers, as on every device, or double-precision ones for finite
 * differences. It is not fast, and nothing but tests imports it.
 *
 * @module
 */
import {
  type BackendValues,
  type DataId,
  DataStorage,
  type DataType,
  engine,
  KernelBackend,
  registerBackend,
  setBackend,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { type Device, registerDevice, registerKernels } from "../../src/kernels.ts";
import { type NdArray, sizeOf } from "./nd_array.ts";
import { BODIES } from "./bodies.ts";

/** Whether the float32 tensors of the reference hold single- or double-precision numbers. */
export type Precision = "single" | "double";

const BACKEND_NAMES: Readonly<Record<Precision, string>> = {
  single: "reference",
  double: "reference-double",
};

/** Makes the reference the device in use. */
export async function useReference(precision: Precision = "single"): Promise<void> {
  const backendName = BACKEND_NAMES[precision];
  if (!engine().backendNames().includes(backendName)) {
    registerBackend(backendName, () => new ReferenceBackend(precision));
    registerKernels(backendName, STANDARD_KERNELS);
    registerDevice({ backendName, kernels: KERNELS });
  }
  await setBackend(backendName);
}

/** The numbers of one or more tensors: Float64Array under a float32 tensor in double precision. */
type Values = Float32Array | Float64Array | Int32Array | Uint8Array;

interface Buffer {
  values: Values;
  references: number;
}

/** Tensors as typed arrays with a count of references, since Identity and Reshape share them. */
class ReferenceBackend extends KernelBackend {
  readonly #buffers: DataStorage<Buffer>;

  constructor(readonly precision: Precision) {
    super();
    this.#buffers = new DataStorage<Buffer>(this, engine());
  }

  /** Stores numbers under a new id. */
  store(values: ArrayLike<number>, dtype: DataType): DataId {
    const dataId: DataId = {};
    this.#buffers.set(dataId, { values: typed(values, dtype, this.precision), references: 1 });
    return dataId;
  }

  override write(values: BackendValues, _shape: number[], dtype: DataType): DataId {
    return this.store(values as Values, dtype);
  }

  override move(
    dataId: DataId,
    values: BackendValues,
    _shape: number[],
    dtype: DataType,
    references: number,
  ): void {
    this.#buffers.set(dataId, {
      values: typed(values as Values, dtype, this.precision),
      references,
    });
  }

  override readSync(dataId: DataId): Float32Array {
    return this.#buffers.get(dataId).values as Float32Array;
  }

  override read(dataId: DataId): Promise<Float32Array> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.#buffers.has(dataId)) return true;
    const buffer = this.#buffers.get(dataId);
    buffer.references--;
    if (!force && buffer.references > 0) return false;
    this.#buffers.delete(dataId);
    return true;
  }

  override incRef(dataId: DataId): void {
    this.#buffers.get(dataId).references++;
  }

  override refCount(dataId: DataId): number {
    return this.#buffers.has(dataId) ? this.#buffers.get(dataId).references : 0;
  }

  override numDataIds(): number {
    return this.#buffers.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}

function typed(values: ArrayLike<number>, dtype: DataType, precision: Precision): Values {
  if (dtype === "float32") {
    return precision === "single" ? new Float32Array(values) : new Float64Array(values);
  }
  if (dtype === "int32") return new Int32Array(values);
  if (dtype === "bool") return new Uint8Array(values);
  throw new TypeError(`Cannot store tensor: expected float32, int32 or bool, found ${dtype}`);
}

/** What the tape and the layers take from TensorFlow.js itself. */
const STANDARD_KERNELS = {
  Add: ({ a, b }: Record<"a" | "b", TensorInfo>, _attrs: object, backend: ReferenceBackend) =>
    KERNELS.add({ x: a, y: b }, {}, backend),
  Identity: ({ x }: { x: TensorInfo }, _attrs: object, backend: ReferenceBackend) =>
    share(backend, x, x.shape),
  Reshape: (
    { x }: { x: TensorInfo },
    { shape }: { shape: number[] },
    backend: ReferenceBackend,
  ) => share(backend, x, wholeShape(shape, sizeOf(x.shape))),
  Cast: (
    { x: { dataId, shape } }: { x: TensorInfo },
    { dtype }: { dtype: DataType },
    backend: ReferenceBackend,
  ) => ({ dataId: backend.store(backend.readSync(dataId), dtype), shape, dtype }),
};

/** A body, or a kernel, of any operation. */
type AnyBody = (inputs: never, attrs: never) => NdArray | readonly NdArray[];
type AnyKernel = (
  inputs: object,
  attrs: object,
  backend: ReferenceBackend,
) => TensorInfo | TensorInfo[];

/** The bodies as kernels; that each takes and gives the same is what `BODIES` is checked for. */
const KERNELS = Object.fromEntries(
  Object.entries<AnyBody>(BODIES).map(([name, body]) => [name, onTensors(body)]),
) as object as Device<ReferenceBackend>["kernels"];

/** A body that takes arrays, as a kernel that takes tensors. */
function onTensors(body: AnyBody): AnyKernel {
  return (inputs, attrs, backend) => {
    const outputs = body(readAll(backend, inputs) as never, attrs as never);
    return "shape" in outputs ? write(backend, outputs) : outputs.map((y) => write(backend, y));
  };
}

/** Inputs come by name or, for operations on any number of tensors, as a list. */
function readAll(backend: ReferenceBackend, inputs: object): object {
  if (Array.isArray(inputs)) return inputs.map((input) => read(backend, input));
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, input && read(backend, input)]),
  );
}

function read(backend: ReferenceBackend, { dataId, shape }: TensorInfo): NdArray {
  return { shape, values: new Float64Array(backend.readSync(dataId)) };
}

function write(backend: ReferenceBackend, { shape, values }: NdArray): TensorInfo {
  return { dataId: backend.store(values, "float32"), shape: [...shape], dtype: "float32" };
}

function share(backend: ReferenceBackend, x: TensorInfo, shape: number[]): TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape, dtype: x.dtype };
}

/** A shape in which -1 may stand for the one length that follows from the others. */
function wholeShape(shape: number[], size: number): number[] {
  const known = shape.reduce((product, length) => length === -1 ? product : product * length, 1);
  return shape.map((length) => length === -1 ? size / known : length);
}
