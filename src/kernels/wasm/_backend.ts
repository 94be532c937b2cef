/**
 * The TensorFlow.js backend of the WASM device: its tensor store, on our memory, with our kernels.
 *
 * `BackendWasm` keeps the tensors, or in browsers what does the same (`_tensor_store.ts`); the module
 * behind it is ours, and the stock binary is never loaded. It stands under a name of its own, so that
 * no stock kernel is set up on it: an operation of TensorFlow.js that `_standard.ts` does not have is
 * an error that names it.
 *
 * @module
 */
import type { DataType, KernelBackend, TensorInfo } from "@tensorflow/tfjs-core";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { KernelExport } from "./_binary.ts";
import type { Heap } from "./_heap.ts";
import type { ThreadPool } from "./_threads.ts";

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
  /** Gets the kernels in the place of being computed, while memory is planned. */
  plan?: RunningPlan;
}

/** What is known of a plan while it is made. */
export interface RunningPlan {
  /** Their bytes without scratch memory, which grows meanwhile. */
  kernels: PlannedKernel[];
  scratchBytes: number;
}

/** A kernel of a plan. */
export interface PlannedKernel {
  kernel: KernelExport;
  /** Bytes of all tensors and of scratch memory while it runs. */
  usedBytes: number;
}

/** What is used of `BackendWasm`. */
type TensorStore =
  & KernelBackend
  & Pick<BackendWasm, "dataIdMap" | "makeOutput" | "typedArrayFromHeap">;

/** What a store needs of the module whose memory holds the tensors. */
export interface HostModule {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  _malloc(sizeBytes: number): number;
  _free(address: number): void;
  readonly tfjs: { dispose(): void };
}

/** `BackendWasm`, or what does the same on the same module. */
export type StoreClass = new (module: HostModule & BackendWasm["wasm"]) => TensorStore;

/** Tensors in WASM memory, and the means to run a kernel on them. */
export type WasmBackend = InstanceType<ReturnType<typeof backendOver>>;

/** The backend over a store of tensors. */
// deno-lint-ignore explicit-module-boundary-types
export function backendOver(Store: StoreClass) {
  return class WasmBackend extends Store {
    readonly #parts: WasmParts;
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
      return this.dataIdMap.get(x.dataId).memoryOffset;
    }

    /** A new tensor, whose elements are undefined until a kernel writes them. */
    output(shape: readonly number[], dtype: DataType = "float32"): TensorInfo {
      return this.makeOutput([...shape], dtype);
    }

    /** Another tensor on the same data. */
    share(x: TensorInfo, shape: readonly number[]): TensorInfo {
      this.incRef(x.dataId);
      return { dataId: x.dataId, shape: [...shape], dtype: x.dtype };
    }

    /** A tensor for what replaces another: that one itself where nobody else holds its data, else a new one. */
    replacement(x: TensorInfo): TensorInfo {
      return this.refCount(x.dataId) > 1 ? this.output(x.shape, x.dtype) : this.share(x, x.shape);
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
    dispatch(kernel: KernelExport, units: number, args: readonly number[], grain = 1): void {
      const { pool, heap, plan } = this.#parts;
      if (!plan) return pool.dispatch(kernel, units, args, grain);
      plan.scratchBytes = this.#scratch.sizeBytes;
      plan.kernels.push({ kernel, usedBytes: heap.usedBytes - plan.scratchBytes });
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

    /** Writes the bytes of an array over a tensor. */
    writeBytes(to: TensorInfo, from: ArrayBufferView): void {
      const bytes = new Uint8Array(from.buffer, from.byteOffset, from.byteLength);
      new Uint8Array(this.#parts.memory.buffer).set(bytes, this.address(to, to.dtype));
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
  };
}

/** What `BackendWasm` needs of the module that it believes to be compiled by Emscripten. */
function hostModule(parts: WasmParts): HostModule & BackendWasm["wasm"] {
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
  return host as object as HostModule & BackendWasm["wasm"];
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
