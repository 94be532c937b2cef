/**
 * The TensorFlow.js backend of the WASM device: its tensor store, on our memory, with our kernels.
 *
 * `BackendWasm` keeps the tensors; the module behind it is ours, and the stock binary is never
 * loaded. It stands under a name of its own, so that no stock kernel is set up on it: an
 * operation that no file here registers is an error of TensorFlow.js that names it.
 *
 * @module
 */
import {
  type BackendValues,
  type DataType,
  registerKernel,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  formParts,
  heldGroups,
  type HeldPart,
  type HeldWeight,
  unpackWeight,
  type WeightDevice,
  type WeightForm,
  type WholeClipsDevice,
} from "../../kernels.ts";
import type { Heap } from "./heap.ts";
import type { ThreadPool } from "./threads.ts";

/** The name under which TensorFlow.js knows this backend. */
export const BACKEND_NAME = "earshot-wasm";

/** Units of a kernel whose unit is one SIMD vector of an element-wise operation, per chunk at least. */
export const VECTOR_GRAIN = 4096;
/** Elements worth another thread, for kernels whose unit is a row. */
export const ROW_GRAIN_ELEMENTS = 16384;
/** Float32 elements of a SIMD vector. */
export const LANES = 4;

/** The parts of a running device. */
export interface WasmParts {
  memory: WebAssembly.Memory;
  heap: Heap;
  pool: ThreadPool;
  /** Which of the two builds runs. */
  relaxedSimd: boolean;
}

/** How the bytes of a weight lie in memory, where they are not plain rows. */
export interface PackedForm {
  form: Exclude<WeightForm, "rows">;
  shape: readonly number[];
  groups: number;
}

/** A form in memory: one block, in which each part starts at a multiple of 64 bytes. */
export interface FormLayout {
  parts: (Omit<HeldPart, "values"> & { offset: number; sizeBytes: number })[];
  sizeBytes: number;
}

const PART_ALIGNMENT = 64;

/** Where the parts of a form lie. */
export function formLayout({ form, shape, groups }: PackedForm): FormLayout {
  let offset = 0;
  const parts = formParts(form, shape, groups).map((part) => {
    const sizeBytes = sizeOf(part.shape) * (part.dtype === "I8" ? 1 : 4);
    const placed = { ...part, offset, sizeBytes };
    offset = Math.ceil((offset + sizeBytes) / PART_ALIGNMENT) * PART_ALIGNMENT;
    return placed;
  });
  return { parts, sizeBytes: offset };
}

/**
 * Tensors in WASM memory, and the means to run a kernel on them.
 *
 * Weights may be held in the form that the products want. Only their kernels ask for that; whoever asks
 * for an address of such a tensor gets plain rows again.
 */
export class WasmBackend extends BackendWasm implements WeightDevice, WholeClipsDevice {
  /** See `WholeClipsDevice`. */
  readonly takesWholeClips = true;
  readonly #parts: WasmParts;
  readonly #forms = new WeakMap<object, PackedForm>();
  #scratch = { address: 0, sizeBytes: 0 };

  /** Takes over the parts: disposing the backend ends the threads. */
  constructor(parts: WasmParts) {
    super(hostModule(parts));
    this.#parts = parts;
  }

  /** Threads that a dispatch may use; each has a number below this. */
  get threads(): number {
    return this.#parts.pool.threads;
  }

  /** Whether the build with relaxed SIMD runs. */
  get relaxedSimd(): boolean {
    return this.#parts.relaxedSimd;
  }

  /**
   * Address of a tensor's first element.
   *
   * @throws {TypeError} when the tensor is of another type than the kernel reads.
   */
  address(x: TensorInfo, dtype: DataType = "float32"): number {
    if (x.dtype !== dtype) {
      throw new TypeError(`Cannot run a kernel: expected a ${dtype} tensor, found ${x.dtype}`);
    }
    this.#toRows(x.dataId);
    return this.dataIdMap.get(x.dataId).memoryOffset;
  }

  /** The form that a weight is held in and its address, or undefined where it is plain. */
  packedForm(weight: TensorInfo): (PackedForm & { address: number }) | undefined {
    const form = this.#forms.get(weight.dataId);
    return form && { ...form, address: this.dataIdMap.get(weight.dataId).memoryOffset };
  }

  /** Holds a weight in another form: `pack` writes it to the second address from the plain rows at the first. */
  changeForm(
    weight: TensorInfo,
    form: PackedForm,
    pack: (rows: number, packed: number) => void,
  ): void {
    const rows = this.address(weight);
    const packed = this.#parts.heap.allocate(formLayout(form).sizeBytes);
    pack(rows, packed);
    this.#replace(weight.dataId, packed);
    this.#forms.set(weight.dataId, form);
  }

  /** See `WeightDevice`. */
  isPacked(weight: TensorInfo): boolean {
    return this.#forms.has(weight.dataId);
  }

  /** See `WeightDevice`. */
  heldForm(weight: TensorInfo): HeldWeight | undefined {
    const form = this.#forms.get(weight.dataId);
    return form && this.#held(weight.dataId, form);
  }

  /** See `WeightDevice`. */
  adoptForm(held: HeldWeight): TensorInfo {
    const { form, shape, parts } = held;
    if (form === "rows") throw new RangeError("Cannot adopt a form: expected panels, found rows");
    const packed = { form, shape: [...shape], groups: heldGroups(held) };
    const { sizeBytes, parts: places } = formLayout(packed);
    const address = this.#parts.heap.allocate(sizeBytes);
    const bytes = new Uint8Array(this.#parts.memory.buffer);
    parts.forEach(({ values }, i) => {
      const from = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      bytes.set(from, address + places[i]!.offset);
    });
    const weight = this.makeOutput([...shape], "float32", address);
    this.#forms.set(weight.dataId, packed);
    return weight;
  }

  /** The numbers of a tensor, those of a packed weight as plain ones. */
  override readSync(dataId: object, start?: number, end?: number): BackendValues {
    const form = this.#forms.get(dataId);
    if (!form) return super.readSync(dataId, start, end);
    const values = unpackWeight(this.#held(dataId, form));
    return values.slice(start ?? 0, end ?? values.length);
  }

  /** A view of a tensor's numbers in memory. */
  override typedArrayFromHeap(
    x: TensorInfo,
  ): ReturnType<BackendWasm["typedArrayFromHeap"]> {
    this.#toRows(x.dataId);
    return super.typedArrayFromHeap(x);
  }

  /** A copy of what lies in memory for a packed weight. */
  #held(dataId: object, packed: PackedForm): HeldWeight {
    const { form, shape } = packed;
    const { buffer } = this.#parts.memory;
    const address = this.dataIdMap.get(dataId).memoryOffset;
    const parts = formLayout(packed).parts.map((part): HeldPart => {
      const { name, dtype, offset, sizeBytes } = part;
      const bytes = new Uint8Array(buffer, address + offset, sizeBytes).slice().buffer;
      const values = dtype === "I8" ? new Int8Array(bytes) : new Float32Array(bytes);
      return { name, dtype, shape: part.shape, values };
    });
    return { form, shape: [...shape], parts };
  }

  #toRows(dataId: object): void {
    const form = this.#forms.get(dataId);
    if (!form) return;
    const values = unpackWeight(this.#held(dataId, form));
    const rows = this.#parts.heap.allocate(values.byteLength);
    this.floats(rows, values.length).set(values);
    this.#replace(dataId, rows);
    this.#forms.delete(dataId);
  }

  #replace(dataId: object, address: number): void {
    const data = this.dataIdMap.get(dataId);
    this.#parts.heap.free(data.memoryOffset);
    data.memoryOffset = address;
  }

  /** A new tensor, whose elements are undefined until a kernel writes them. */
  output(shape: readonly number[], dtype: DataType = "float32"): TensorInfo {
    return this.makeOutput([...shape], dtype);
  }

  /**
   * Address of scratch memory, undefined at first and good until the next call.
   *
   * Kernels that need some per thread ask for `threads` times as much.
   */
  scratch(sizeBytes: number): number {
    const { heap } = this.#parts;
    if (this.#scratch.sizeBytes < sizeBytes) {
      if (this.#scratch.sizeBytes > 0) heap.free(this.#scratch.address);
      this.#scratch = { address: 0, sizeBytes: 0 };
      this.#scratch = { address: heap.allocate(sizeBytes), sizeBytes };
    }
    return this.#scratch.address;
  }

  /**
   * Runs an exported kernel over units 0 to `units`, on all threads where that pays.
   *
   * `grain` is the least number of units worth giving to another thread.
   */
  dispatch(kernel: string, units: number, args: readonly number[], grain = 1): void {
    this.#parts.pool.dispatch(kernel, units, args, grain);
  }

  /** Numbers in memory at `address`; the view is good until something is allocated. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#parts.memory.buffer, address, length);
  }

  /** Integers in memory; as good as {@linkcode floats}. */
  ints(address: number, length: number): Int32Array {
    return new Int32Array(this.#parts.memory.buffer, address, length);
  }

  /** Numbers of 64 bits in memory; as good as {@linkcode floats}. */
  doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.#parts.memory.buffer, address, length);
  }

  /** Bytes of memory, and how many of them are in tensors and scratch. */
  memoryUse(): { totalBytes: number; usedBytes: number; blocks: number } {
    const { memory, heap } = this.#parts;
    return {
      totalBytes: memory.buffer.byteLength,
      usedBytes: heap.usedBytes,
      blocks: heap.blocks,
    };
  }
}

/** What `BackendWasm` needs of the module that it believes to be compiled by Emscripten. */
function hostModule(parts: WasmParts): BackendWasm["wasm"] {
  const { memory, heap, pool } = parts;
  const host = {
    get HEAPU8() {
      return new Uint8Array(memory.buffer);
    },
    _malloc: (sizeBytes: number) => heap.allocate(sizeBytes),
    // Tensors of strings live outside the memory, at address 0.
    _free: (address: number) => address ? heap.free(address) : undefined,
    tfjs: {
      init: () => {},
      initWithThreadsCount: () => {},
      getThreadsCount: () => pool.threads,
      registerTensor: () => {},
      disposeData: () => {},
      dispose: () => pool.dispose(),
    },
  };
  return host as unknown as BackendWasm["wasm"];
}

/** A call of a kernel: its inputs and attributes by name, as `kernels.ts` passes them. */
export interface WasmCall<Inputs, Attrs> {
  inputs: Inputs;
  attrs: Attrs;
  backend: WasmBackend;
}

/** Registers the body of a kernel on this backend. */
export function registerWasmKernel<Inputs, Attrs = Record<string, never>>(
  kernelName: string,
  body: (call: WasmCall<Inputs, Attrs>) => TensorInfo | TensorInfo[],
): void {
  registerKernel({
    kernelName,
    backendName: BACKEND_NAME,
    kernelFunc: (call) => body(call as unknown as WasmCall<Inputs, Attrs>),
  });
}

/** Number of SIMD vectors that hold all elements: the units of an element-wise kernel. */
export function vectorsOf(x: TensorInfo): number {
  return Math.ceil(sizeOf(x.shape) / LANES);
}

/** A tensor as a matrix: its last axis, and everything before that. */
export function rowsOf(x: TensorInfo): { rows: number; columns: number } {
  return { rows: sizeOf(x.shape.slice(0, -1)), columns: x.shape.at(-1) ?? 1 };
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}
