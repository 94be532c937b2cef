/**
 * Starts the WASM device: memory, threads and backend, and makes it the one in use.
 *
 * There is one at a time. It runs in any engine with SIMD: fused multiply-add is used where the
 * engine has relaxed SIMD, threads where they are asked for and it has shared memory.
 *
 * @module
 */
import { registerBackend, removeBackend, setBackend } from "@tensorflow/tfjs-core";
import {
  BACKEND_NAME,
  backendOver,
  type PlannedKernel,
  type RunningPlan,
  type StoreClass,
  type WasmParts,
} from "./_backend.ts";
import { Heap } from "./_heap.ts";
import { compileKernels, hasRelaxedSimd } from "./_module.ts";
import { CONTROL_BYTES, MAX_THREADS, ThreadPool } from "./_threads.ts";

/** What a caller may choose; the rest follows from the engine. */
export interface WasmOptions {
  /** Threads that compute, the caller included; 0 takes all cores. @default 1 */
  threads?: number;
  /** Whether to use fused multiply-add. @default as the engine can */
  relaxedSimd?: boolean;
  /** The kernels compiled elsewhere, for hosts that compile nothing at run time; one thread only. */
  module?: WebAssembly.Module;
}

/** The device in use. */
export interface WasmDevice {
  /** The kind of device, as users name it. */
  readonly backend: "wasm";
  /** Threads that compute, the caller included. */
  readonly threads: number;
  /** Whether it uses fused multiply-add, which rounds once less. */
  readonly relaxedSimd: boolean;
  /** One line for people, with the reason where there are fewer threads than asked for. */
  readonly description: string;
  /** Ends the threads and gives up the memory, with every tensor in it. */
  dispose(): void;
}

const INITIAL_PAGES = 256;
/** 4 GB, then 1 GB for engines that reserve the whole of a shared memory at once. */
const MAX_PAGES = [65536, 16384] as const;

/** Starts wait for each other, so that two at once do not both see that there is no device yet. */
let lastStart: Promise<unknown> = Promise.resolve();
let current: { key: string; module?: WebAssembly.Module; device: WasmDevice } | undefined;
let currentParts: WasmParts | undefined;

/** {@linkcode startWasm} with what keeps the tensors. */
export function startWasmWith(Store: StoreClass, options: WasmOptions = {}): Promise<WasmDevice> {
  const start = lastStart.then(() => reuseOrCreate(Store, options));
  lastStart = start.catch(() => {});
  return start;
}

/** Bytes that tensors took at most at a time since this was last asked; undefined where the device is not in use. */
export function takePeakBytes(): number | undefined {
  return currentParts?.heap.takePeakBytes();
}

/** What computing takes of memory. */
export interface MemoryPlan {
  /** Bytes of tensors and scratch memory before anything is computed, such as the weights. */
  startBytes: number;
  /** The most at a time. */
  peakBytes: number;
  /** In their order. */
  kernels: PlannedKernel[];
}

/**
 * Plans what computing takes of memory without computing it: kernels are left out, and what comes back means nothing.
 * The memory is given out as ever, and not touched.
 *
 * @returns undefined where the device is not in use.
 */
export async function planMemory(body: () => unknown): Promise<MemoryPlan | undefined> {
  const parts = currentParts;
  if (!parts) return undefined;
  const { heap } = parts;
  const startBytes = heap.usedBytes;
  const plan: RunningPlan = parts.plan = { kernels: [], scratchBytes: 0 };
  try {
    await body();
  } finally {
    parts.plan = undefined;
  }
  // What scratch memory has grown to is there from the start of all others.
  const kernels = plan.kernels.map(({ kernel, usedBytes }): PlannedKernel => {
    return { kernel, usedBytes: usedBytes + plan.scratchBytes };
  });
  const peakBytes = kernels.reduce((most, { usedBytes }) => Math.max(most, usedBytes), startBytes);
  return { startBytes, peakBytes, kernels };
}

async function reuseOrCreate(Store: StoreClass, options: WasmOptions): Promise<WasmDevice> {
  const threads = expectThreads(options);
  const relaxedSimd = options.relaxedSimd ?? hasRelaxedSimd();
  const key = `${threads} ${relaxedSimd}`;
  if (current?.key === key && current.module === options.module) {
    await setBackend(BACKEND_NAME);
    return current.device;
  }
  current?.device.dispose();
  const device = await createDevice(Store, { threads, relaxedSimd, module: options.module });
  current = { key, module: options.module, device };
  return device;
}

async function createDevice(
  Store: StoreClass,
  asked: { threads: number; relaxedSimd: boolean; module?: WebAssembly.Module },
): Promise<WasmDevice> {
  const { memory, shared, missing } = memoryFor(asked.threads);
  const module = asked.module ??
    await compileKernels({ relaxedSimd: asked.relaxedSimd, shared });
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const pool = new ThreadPool({ module, memory, instance });
  const failure = shared ? await startWorkers(pool, asked.threads) : missing;
  const heap = new Heap(memory, heapStart(instance));
  const relaxedSimd = (instance.exports.RELAXED_SIMD as WebAssembly.Global).value === 1;
  const Backend = backendOver(Store);
  const parts: WasmParts = { memory, heap, pool, relaxedSimd };
  const backend = new Backend(parts);
  currentParts = parts;
  registerBackend(BACKEND_NAME, () => backend, 0);
  await setBackend(BACKEND_NAME);
  return describe({ asked: asked.threads, threads: pool.threads, relaxedSimd, failure });
}

function describe(
  facts: { asked: number; threads: number; relaxedSimd: boolean; failure?: string },
): WasmDevice {
  const { asked, threads, relaxedSimd, failure } = facts;
  const reason = failure ? ` (${asked} asked for: ${failure})` : "";
  const device: WasmDevice = {
    backend: "wasm",
    threads,
    relaxedSimd,
    description: `WASM, ${threads} thread${threads > 1 ? "s" : ""}${reason}, ` +
      (relaxedSimd ? "relaxed SIMD" : "SIMD"),
    dispose: () => {
      if (current?.device !== device) return;
      current = undefined;
      currentParts = undefined;
      removeBackend(BACKEND_NAME);
    },
  };
  return device;
}

function expectThreads(options: WasmOptions): number {
  const { threads = 1, module } = options;
  const most = module ? 1 : MAX_THREADS;
  if (!Number.isInteger(threads) || threads < 0 || threads > most) {
    throw new RangeError(
      `Cannot start the WASM device: expected 0 to ${most} threads, found ${threads}`,
    );
  }
  if (threads > 0 || module) return 1 < threads ? threads : 1;
  return Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, MAX_THREADS);
}

/** What this engine lacks for threads, in words. */
function missingForThreads(): string | undefined {
  if (typeof Worker === "undefined") return "no workers here";
  if (typeof SharedArrayBuffer === "undefined") return "no shared memory here";
  if (Reflect.get(globalThis, "crossOriginIsolated") === false) {
    return "the page is not cross-origin isolated";
  }
  return undefined;
}

/** Starts the workers; the reason in words when that fails. */
async function startWorkers(pool: ThreadPool, threads: number): Promise<string | undefined> {
  try {
    await pool.startWorkers(threads);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A memory that so many threads can share, or one for a thread alone and what was missing, in words. */
function memoryFor(
  threads: number,
): { memory: WebAssembly.Memory; shared: boolean; missing?: string } {
  const missing = threads > 1 ? missingForThreads() : undefined;
  if (threads === 1 || missing) return { memory: createMemory(false), shared: false, missing };
  try {
    return { memory: createMemory(true), shared: true };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const reason = "no room for a shared memory here";
    return { memory: createMemory(false), shared: false, missing: reason };
  }
}

function createMemory(shared: boolean): WebAssembly.Memory {
  for (const maximum of MAX_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new RangeError(
    `Cannot start the WASM device: expected room for a memory of ${INITIAL_PAGES} pages, found none`,
  );
}

/** Tensors begin behind the control block and what little the compiler placed there itself. */
function heapStart(instance: WebAssembly.Instance): number {
  const placed = (instance.exports.STATIC_END as WebAssembly.Global).value as number;
  return Math.max(CONTROL_BYTES, placed);
}
