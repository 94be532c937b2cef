/**
 * Picks the device that models run on, in one place.
 *
 * Training takes WebGPU where there is a real adapter, else WASM on all cores; inference takes WASM on one
 * thread. A software adapter is slower than WASM and is only taken when asked for by name.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "./errors.ts";
import { BACKEND_NAME as WASM_BACKEND, startWasm } from "./kernels/wasm/mod.ts";

/** What a user can ask for. */
export type BackendChoice = "auto" | "webgpu" | "wasm";

/** What the device is for, and what the user asked for. */
export interface DeviceOptions {
  /** What the user asked for. @default "auto" */
  backend?: BackendChoice;
  /** What it is for, which "auto" goes by. @default "inference" */
  purpose?: "training" | "inference";
  /** WASM threads; 0 takes all cores. @default 0 in training, 1 in inference */
  threads?: number;
  /** Whether WebGPU rounds the factors of products, and holds weights that will not change, in f16. @default false */
  f16?: boolean;
}

/** A device in use. */
export interface Device {
  /** Which of the two it is. */
  readonly backend: "webgpu" | "wasm";
  /** What it is, and why it was picked, in one line. */
  readonly description: string;
  /** Ends workers and gives memory back; models on it are lost. */
  dispose(): void;
}

let inUse: { device: Device; backendName: string } | undefined;

/**
 * The device in use, started if need be. Without options, whatever is in use stays.
 *
 * @throws {UnsupportedOpError} when WebGPU is asked for and there is no adapter.
 *
 * @example
 * ```ts
 * import { useDevice } from "@earshot/earshot";
 * import assert from "node:assert/strict";
 *
 * const device = await useDevice({ backend: "wasm" });
 * assert.equal(device.backend, "wasm");
 * device.dispose();
 * ```
 */
export async function useDevice(options?: DeviceOptions): Promise<Device> {
  const { backendName } = engine();
  if (!options && backendName) {
    return inUse?.backendName === backendName ? inUse.device : foreignDevice();
  }
  const started = await startDevice(options ?? {});
  const device: Device = {
    ...started,
    dispose: () => {
      if (inUse?.device === device) inUse = undefined;
      started.dispose();
    },
  };
  inUse = { device, backendName: engine().backendName };
  return device;
}

/**
 * Whether the device in use has copied a tensor's numbers once the tensor is made, so that their own memory can be
 * given back; WebGPU keeps them until a kernel asks.
 */
export function copiesAtOnce(): boolean {
  return engine().backendName === WASM_BACKEND;
}

/** Bytes that tensors can take on the device in use; undefined where nobody can know. */
export function memoryLimitBytes(): number | undefined {
  return engine().backendName === WASM_BACKEND ? WASM_LIMIT_BYTES : undefined;
}

/** What 32-bit addresses reach. */
const WASM_LIMIT_BYTES = 2 ** 32;

async function startDevice(options: DeviceOptions): Promise<Device> {
  const { backend = "auto", purpose = "inference" } = options;
  const wasm = {
    threads: options.threads ?? (purpose === "training" ? 0 : 1),
    note: options.f16 ? "; f16 products are WebGPU's alone" : "",
  };
  if (backend === "wasm") return await wasmDevice(wasm, "as asked");
  if (backend === "auto" && purpose === "inference") {
    return await wasmDevice(wasm, "the default for inference");
  }
  nameRuntimeDirectory();
  const { describeAdapter, startWebgpu } = await import("./kernels/webgpu/mod.ts");
  const gpu = await startWebgpu({ software: backend === "webgpu", f16: options.f16 });
  if (gpu) {
    const reason = backend === "webgpu" ? "as asked" : "a GPU is there";
    return { ...gpu, description: `${gpu.description} (${reason})`, dispose: () => gpu.dispose() };
  }
  if (backend === "webgpu") {
    throw new UnsupportedOpError(
      `Cannot use backend "webgpu": expected a GPU adapter, found none`,
      {
        hint: 'Use `backend: "wasm"`, or install a Vulkan driver',
      },
    );
  }
  const adapter = await describeAdapter();
  const reason = adapter ? `${adapter.adapter} is no GPU` : "no GPU adapter was found";
  return await wasmDevice(wasm, reason);
}

/** Linux's graphics libraries print errors where this variable is missing, as it often is on servers. */
function nameRuntimeDirectory(): void {
  const variable = "XDG_RUNTIME_DIR";
  if (typeof Deno === "undefined" || Deno.build.os !== "linux") return;
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  if (!Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
}

async function wasmDevice(
  { threads, note }: { threads: number; note: string },
  reason: string,
): Promise<Device> {
  const wasm = await startWasm({ threads });
  return {
    backend: "wasm",
    description: `${wasm.description} (${reason}${note})`,
    dispose: () => wasm.dispose(),
  };
}

/** A backend that the caller set up without {@linkcode useDevice}. */
function foreignDevice(): Device {
  const name = engine().backendName;
  return {
    backend: name === "webgpu" ? "webgpu" : "wasm",
    description: `${name} (already in use)`,
    dispose: () => {},
  };
}
