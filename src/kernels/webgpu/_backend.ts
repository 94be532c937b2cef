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
const SMALLER_HINT = "Use a smaller batch or shorter clips, or --backend wasm";
const REFUSED_HINT = `${SMALLER_HINT}; with those in order, report it as a fault`;

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

  /** Whether it can no longer compute. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Records one program, ours or a stock one, after a look at the device and the sizes. */
  override runWebGPUProgram(...[program, inputs, ...rest]: RunArguments): TensorInfo {
    if (this.#failure) throw this.#failure;
    for (const { shape } of inputs) this.#assertBindable(shape);
    this.#assertBindable(program.outputShape);
    try {
      return super.runWebGPUProgram(program, inputs, ...rest);
    } catch (cause) {
      throw this.#failure ?? this.#refused(cause);
    }
  }

  /** Reads a tensor back; numbers of a device that has failed are never returned. */
  override async read(dataId: DataId): Promise<BackendValues> {
    try {
      const values = await super.read(dataId);
      if (this.#failure) throw this.#failure;
      return values;
    } catch (cause) {
      // The reason of a failed read is told just after it.
      await new Promise((resolve) => setTimeout(resolve));
      throw this.#failure ?? cause;
    }
  }

  #refused(cause: unknown): DeviceError {
    return new DeviceError(
      `Cannot use WebGPU device "${this.#name}": a command was refused (${cause})`,
      { reason: "refused", hint: REFUSED_HINT, cause },
    );
  }

  #noteLoss({ reason, message }: GPUDeviceLostInfo): void {
    this.#failure ??= new DeviceError(
      `Cannot use WebGPU device "${this.#name}": the device was lost (${reason}: ${message})`,
      { reason: "lost", hint: "Start again, with --backend wasm if it is lost again" },
    );
  }

  #noteError(event: GPUUncapturedErrorEvent): void {
    event.preventDefault();
    if (!(event.error instanceof GPUOutOfMemoryError)) {
      this.#failure ??= this.#refused(event.error.message);
      return;
    }
    this.#failure ??= new DeviceError(
      `Cannot use WebGPU device "${this.#name}": out of memory (${event.error.message})`,
      { reason: "memory", hint: SMALLER_HINT },
    );
  }

  #assertBindable(shape: readonly number[]): void {
    const limitBytes = this.device.limits.maxStorageBufferBindingSize;
    const sizeBytes = shape.reduce((product, length) => product * length, BYTES_PER_ELEMENT);
    if (sizeBytes <= limitBytes) return;
    throw new UnsupportedOpError(
      `Cannot use a tensor of shape [${shape}] on WebGPU device "${this.#name}": expected at most ` +
        `${limitBytes} bytes (maxStorageBufferBindingSize), found ${sizeBytes}`,
      { hint: SMALLER_HINT },
    );
  }
}
