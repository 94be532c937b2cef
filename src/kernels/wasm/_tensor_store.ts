/**
 * The tensors of the WASM device where `BackendWasm` cannot be had alone: in browsers.
 *
 * The package of `BackendWasm` brings the loaders of the stock binary and every stock kernel along, 48 KB that
 * bundlers cannot leave out by themselves. This keeps tensors in the same way, on the same module; a test holds the
 * two against each other.
 *
 * @module
 */
import {
  type backend_util,
  DataStorage,
  type DataType,
  engine,
  KernelBackend,
  type TensorInfo,
  util,
} from "@tensorflow/tfjs-core";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { UnsupportedOpError } from "../../errors.ts";
import type { HostModule } from "./_backend.ts";

type Stored = ReturnType<BackendWasm["dataIdMap"]["get"]>;
type Values = backend_util.BackendValues;

/** Tensors in the memory of a module. */
export class TensorStore extends KernelBackend {
  readonly dataIdMap: DataStorage<Stored>;
  readonly #module: HostModule;
  #nextId = 1;

  /** @param module allocates, frees, and shows its memory as `HEAPU8`. */
  constructor(module: HostModule) {
    super();
    this.#module = module;
    this.dataIdMap = new DataStorage(this, engine());
  }

  override write(values: Values | null, shape: number[], dtype: DataType): object {
    const dataId = { id: this.#nextId++ };
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: object,
    values: Values | null,
    shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    if (dtype === "string") {
      throw new UnsupportedOpError("Cannot store a tensor: expected numbers, found texts");
    }
    const sizeBytes = util.sizeFromShape(shape) * util.bytesPerElement(dtype);
    const memoryOffset = this.#module._malloc(sizeBytes);
    this.dataIdMap.set(dataId, { id: this.#nextId++, memoryOffset, shape, dtype, refCount });
    if (!values) return;
    const { buffer, byteOffset } = values as backend_util.TypedArray;
    this.#module.HEAPU8.set(new Uint8Array(buffer, byteOffset, sizeBytes), memoryOffset);
  }

  override read(dataId: object): Promise<Values> {
    return Promise.resolve(this.readSync(dataId));
  }

  override readSync(dataId: object): Values {
    const { shape, dtype } = this.dataIdMap.get(dataId);
    return this.typedArrayFromHeap({ dataId, shape, dtype }).slice();
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.dataIdMap.has(dataId)) return true;
    const stored = this.dataIdMap.get(dataId);
    stored.refCount--;
    if (!force && stored.refCount > 0) return false;
    this.#module._free(stored.memoryOffset);
    this.dataIdMap.delete(dataId);
    return true;
  }

  override refCount(dataId: object): number {
    return this.dataIdMap.has(dataId) ? this.dataIdMap.get(dataId).refCount : 0;
  }

  override incRef(dataId: object): void {
    if (this.dataIdMap.has(dataId)) this.dataIdMap.get(dataId).refCount++;
  }

  override numDataIds(): number {
    return this.dataIdMap.numDataIds();
  }

  override time(run: () => void): Promise<{ kernelMs: number }> {
    const begun = performance.now();
    run();
    return Promise.resolve({ kernelMs: performance.now() - begun });
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override dispose(): void {
    this.#module.tfjs.dispose();
  }

  /** A new tensor, of the values where there are any. */
  makeOutput(shape: number[], dtype: DataType, _address?: number, values?: Values): TensorInfo {
    return { dataId: this.write(values ?? null, shape, dtype), shape, dtype };
  }

  /** A tensor's numbers where they lie. */
  typedArrayFromHeap({ shape, dtype, dataId }: TensorInfo): backend_util.TypedArray {
    const { buffer } = this.#module.HEAPU8;
    const { memoryOffset } = this.dataIdMap.get(dataId);
    const Numbers = { float32: Float32Array, int32: Int32Array }[dtype as string] ?? Uint8Array;
    return new Numbers(buffer, memoryOffset, util.sizeFromShape(shape));
  }
}
