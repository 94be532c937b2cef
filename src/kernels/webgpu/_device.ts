/**
 * Finds a WebGPU adapter and makes it the device in use, with all that the adapter offers.
 *
 * The stock factory of the backend asks for few limits and no features, so it is taken out when this
 * file is imported, and the backend is made here. Whether to use a GPU at all is decided elsewhere.
 *
 * @module
 */
import {
  findBackendFactory,
  registerBackend,
  removeBackend,
  setBackend,
} from "@tensorflow/tfjs-core";
import { DeviceError } from "../../errors.ts";
import { DeviceBackend, type DeviceCounts } from "./_backend.ts";

/** Its name among the backends of TensorFlow.js. */
export const BACKEND_NAME = "webgpu";

/** Features that are asked for where the adapter has them. */
const WANTED_FEATURES = ["shader-f16", "timestamp-query", "subgroups"] as const;

/** How adapters that compute on the processor call themselves. */
const SOFTWARE_NAMES = /llvmpipe|lavapipe|swiftshader|basic render|software/i;

/** What {@linkcode startWebgpu} may take. */
export interface WebgpuOptions {
  /** Whether an adapter that computes on the processor will do. @default false */
  software?: boolean;
  /**
   * Whether products round their factors to f16, which must be below 65,504, and add up in f32: half the traffic
   * within a workgroup, for three digits. Weights that will not change are held in f16. Without the feature
   * `shader-f16` all stays f32, which the description says. @default false
   */
  f16?: boolean;
}

/** What an adapter is and can do. */
export interface AdapterDescription {
  /** Its name, as the driver gives it. */
  adapter: string;
  /** Whether it computes on the processor. */
  software: boolean;
  /** Optional WebGPU features, in alphabetical order. */
  features: string[];
  /** WebGPU limits by name. */
  limits: Record<string, number>;
  /** The adapter in one line. */
  description: string;
}

/** The WebGPU device in use. */
export interface WebgpuDevice extends AdapterDescription {
  /** Its name among the backends. */
  backend: "webgpu";
  /** What it has done so far. */
  readonly counts: Readonly<DeviceCounts>;
  /** Ends the device and takes its backend away, with every tensor on it. */
  dispose(): void;
}

interface RunningDevice {
  device: WebgpuDevice;
  backend: DeviceBackend;
}

let running: RunningDevice | undefined;

/** Starts wait for each other, so that there is never more than one device. */
let lastStart: Promise<unknown> = Promise.resolve();

if (findBackendFactory(BACKEND_NAME)) removeBackend(BACKEND_NAME);

/**
 * Starts WebGPU and makes it the device in use; where it runs already, only the latter.
 *
 * A device that was lost or ran out of memory is replaced, and its tensors are gone.
 *
 * @returns the device, or undefined where there is no adapter, or only a software one and `software` is not set.
 * @throws {DeviceError} when the driver refuses the device.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 * import { startWebgpu } from "./mod.ts";
 *
 * const device = await startWebgpu({ software: true });
 * equal(device?.backend, device && "webgpu");
 * device?.dispose();
 * ```
 */
export function startWebgpu(options: WebgpuOptions = {}): Promise<WebgpuDevice | undefined> {
  const started = lastStart.then(() => start(options));
  lastStart = started.catch(() => undefined);
  return started;
}

async function start(options: WebgpuOptions): Promise<WebgpuDevice | undefined> {
  if (running?.backend.hasFailed) running.device.dispose();
  if (running) return await activate(running, options);
  const adapter = await requestAdapter();
  if (!adapter) return undefined;
  const described = describe(adapter);
  if (described.software && !options.software) return undefined;
  const gpu = await requestDevice(adapter, described);
  const backend = new DeviceBackend(gpu, adapter.info, described.adapter);
  const device: WebgpuDevice = {
    ...described,
    backend: BACKEND_NAME,
    counts: backend.counts,
    dispose() {
      gpu.destroy();
      if (running?.device !== device) return;
      running = undefined;
      removeBackend(BACKEND_NAME);
    },
  };
  running = { device, backend };
  registerBackend(BACKEND_NAME, () => backend);
  return await activate(running, options);
}

/** Describes the adapter that {@linkcode startWebgpu} would find, software or not; undefined where there is none. */
export async function describeAdapter(): Promise<AdapterDescription | undefined> {
  const adapter = await requestAdapter();
  return adapter && describe(adapter);
}

async function activate(
  { device, backend }: RunningDevice,
  { software = false, f16 = false }: WebgpuOptions,
): Promise<WebgpuDevice | undefined> {
  if (device.software && !software) return undefined;
  backend.f16 = f16 && device.features.includes("shader-f16");
  const products = backend.f16 ? "f16 products" : "f32 products, since shader-f16 is missing";
  device.description = describeLine(device) + (f16 ? `, ${products}` : "");
  await setBackend(BACKEND_NAME);
  return device;
}

async function requestAdapter(): Promise<GPUAdapter | undefined> {
  if (!("gpu" in navigator)) return undefined;
  return await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }) ?? undefined;
}

async function requestDevice(
  adapter: GPUAdapter,
  { adapter: name, features, limits }: AdapterDescription,
): Promise<GPUDevice> {
  const requiredFeatures = WANTED_FEATURES.filter((feature) => features.includes(feature));
  try {
    return await adapter.requestDevice({
      requiredFeatures: requiredFeatures as GPUFeatureName[],
      requiredLimits: limits,
    });
  } catch (cause) {
    throw new DeviceError(
      `Cannot start WebGPU device "${name}": the driver refused it (${cause})`,
      { reason: "refused", hint: 'Use `backend: "wasm"`', cause },
    );
  }
}

function describe({ info, features, limits }: GPUAdapter): AdapterDescription {
  const named = [info.vendor, info.architecture, info.device].filter((part) => part).join(" ");
  const adapter = info.description || named || "unnamed adapter";
  const software = info.isFallbackAdapter || SOFTWARE_NAMES.test(`${named} ${adapter}`);
  const described = {
    adapter,
    software,
    features: Array.from(features as Iterable<string>).sort(),
    limits: numbersOf(limits),
  };
  return { ...described, description: describeLine(described) };
}

function describeLine(
  { adapter, software, limits }: Omit<AdapterDescription, "description">,
): string {
  const tensorMiB = Math.floor(limits.maxStorageBufferBindingSize! / 2 ** 20);
  return `${adapter}${software ? ", in software" : ""}, tensors up to ${tensorMiB} MiB`;
}

/** Limits are getters of the prototype, which only `for in` visits. */
function numbersOf(limits: GPUSupportedLimits): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const name in limits) {
    const value = limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") numbers[name] = value;
  }
  return numbers;
}
