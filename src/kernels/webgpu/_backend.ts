/**
 * The stock WebGPU backend, made to fail clearly: what the device reports too late becomes one typed error.
 *
 * WebGPU tells of lost devices, exhausted memory and refused programs through events, long after the
 * call that caused them. The first such event is kept here and thrown by the next program or read, so that a
 * training step ends instead of running on with zeros. Nothing here knows a kernel.
 *
 * @module
 */
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { BackendValues, DataId, TensorInfo } from "@tensorflow/tfjs-core";
import { DeviceError, UnsupportedOpError } from "../../errors.ts";

type RunArguments = Parameters<WebGPUBackend["runWebGPUProgram"]>;

const BYTES_PER_ELEMENT = 4;

/** The backend that {@linkcode startWebgpu} registers. */
export class DeviceBackend extends WebGPUBackend {
  readonly #name: string;
  #failure?: DeviceError;

  /** @param name what errors call the adapter. */
  constructor(device: GPUDevice, info: GPUAdapterInfo, name: string) {
    super(device, info);
    this.#name = name;
    device.addEventListener("uncapturederror", (event) => {
      this.#noteError(event as GPUUncapturedErrorEvent);
    });
    device.lost.then((loss) => this.#noteLoss(loss));
  }

  /** Records one program, ours or a stock one, after a look at the device and the sizes. */
  override runWebGPUProgram(...[program, inputs, ...rest]: RunArguments): TensorInfo {
    if (this.#failure) throw this.#failure;
    for (const { shape } of inputs) this.#assertBindable(shape);
    this.#assertBindable(program.outputShape);
    return super.runWebGPUProgram(program, inputs, ...rest);
  }

  /** Reads a tensor back; numbers of a device that has failed are never returned. */
  override async read(dataId: DataId): Promise<BackendValues> {
    try {
      const values = await super.read(dataId);
      if (this.#failure) throw this.#failure;
      return values;
    } catch (cause) {
      throw this.#failure ?? cause;
    }
  }

  #noteLoss({ reason, message }: GPUDeviceLostInfo): void {
    this.#failure ??= new DeviceError(
      `Cannot use WebGPU device "${this.#name}": the device was lost (${reason}: ${message})`,
      { reason: "lost", hint: "Start again, with --backend wasm if it is lost again" },
    );
  }

  #noteError(event: GPUUncapturedErrorEvent): void {
    event.preventDefault();
    const reason = event.error instanceof GPUOutOfMemoryError ? "memory" : "refused";
    const what = reason === "memory" ? "out of memory" : "a command was refused";
    const hint = reason === "memory"
      ? "Use a smaller batch or shorter clips, or --backend wasm"
      : "Use --backend wasm, and report this as a fault";
    this.#failure ??= new DeviceError(
      `Cannot use WebGPU device "${this.#name}": ${what} (${event.error.message})`,
      { reason, hint, cause: event.error },
    );
  }

  #assertBindable(shape: readonly number[]): void {
    const limitBytes = this.device.limits.maxStorageBufferBindingSize;
    const sizeBytes = shape.reduce((product, length) => product * length, BYTES_PER_ELEMENT);
    if (sizeBytes <= limitBytes) return;
    throw new UnsupportedOpError(
      `Cannot use a tensor of shape [${shape}] on WebGPU device "${this.#name}": expected at most ` +
        `${limitBytes} bytes (maxStorageBufferBindingSize), found ${sizeBytes}`,
      { hint: "Use a smaller batch or shorter clips, or --backend wasm" },
    );
  }
}
