/**
 * The devices that tests run on, and a test that is registered once for each of them.
 *
 * A device that this machine lacks shows as an ignored test with the reason in its name;
 * `REQUIRE_WEBGPU=1` turns a missing WebGPU adapter into a failure.
 *
 * @module
 */
import { equal, fail } from "node:assert/strict";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { exists, kitPath } from "./kit.ts";

/** A device under test, started and in use. */
export interface TestDevice {
  name: string;
  /** Its name among the backends of TensorFlow.js. */
  backendName: string;
  dispose(): void;
}

/** What a test of a device does. */
export type DeviceTestBody = (device: TestDevice, t: Deno.TestContext) => void | Promise<void>;

/** How many WASM threads, and which of its two builds. */
export interface WasmChoice {
  threads: number;
  relaxedSimd?: boolean;
}

interface DeviceChoice {
  name: string;
  /** Why it cannot be used here, if it cannot. */
  missing?: string;
  start: () => Promise<TestDevice>;
}

const REQUIRES_WEBGPU = Deno.env.get("REQUIRE_WEBGPU") === "1";
/**
 * Why WebGPU cannot be used here; undefined where it can. Where it must be there nobody asks: each question starts the
 * driver anew, in every test file.
 */
export const NO_WEBGPU: string | undefined = REQUIRES_WEBGPU ? undefined : await whyNoWebgpu();

const DEVICES: readonly DeviceChoice[] = [
  wasmChoice("wasm", { threads: 1 }),
  wasmChoice("wasm, 2 threads", { threads: 2 }),
  wasmChoice("wasm, plain SIMD", { threads: 1, relaxedSimd: false }),
  {
    name: "webgpu",
    missing: NO_WEBGPU,
    start: startTestWebgpu,
  },
];

/** What a device test needs besides the device. */
export interface DeviceTestOptions {
  /** Whether it reads the golden kit; without the kit it shows as ignored. @default false */
  needsKit?: boolean;
  /** Why it is left out on WebGPU, where it shows as ignored. @default it is not */
  notOnWebgpu?: string;
}

/** Registers a test once for each device; the device is started before and ended after. */
export function deviceTest(
  name: string,
  body: DeviceTestBody,
  { needsKit = false, notOnWebgpu }: DeviceTestOptions = {},
): void {
  const noKit = needsKit && !exists(kitPath()) ? `no reference kit at ${kitPath()}` : undefined;
  for (const device of DEVICES) {
    const leftOut = device.name === "webgpu" ? notOnWebgpu : undefined;
    registerTest(name, { ...device, missing: noKit ?? leftOut ?? device.missing }, body);
  }
}

/** Starts the WASM device, which replaces the one before. */
export async function startTestWasm({ threads, relaxedSimd }: WasmChoice): Promise<TestDevice> {
  const device = await startWasm({ threads, relaxedSimd });
  equal(device.threads, threads, device.description);
  equal(device.relaxedSimd, relaxedSimd ?? device.relaxedSimd, device.description);
  return { name: "wasm", backendName: "earshot-wasm", dispose: () => device.dispose() };
}

function registerTest(name: string, choice: DeviceChoice, body: DeviceTestBody): void {
  const { missing } = choice;
  const shown = missing ? `${choice.name}; skipped: ${missing}` : choice.name;
  Deno.test({
    name: `${name} [${shown}]`,
    ignore: missing !== undefined,
    fn: async (t) => {
      const device = await choice.start();
      try {
        await body(device, t);
      } finally {
        device.dispose();
      }
    },
  });
}

function wasmChoice(name: string, choice: WasmChoice): DeviceChoice {
  return { name, start: () => startTestWasm(choice) };
}

async function startTestWebgpu(): Promise<TestDevice> {
  const { startWebgpu } = await import("../src/kernels/webgpu/mod.ts");
  const device = await startWebgpu({ software: true });
  if (!device) fail(`Cannot run on webgpu: ${await whyNoWebgpu() ?? "startWebgpu() gave none"}`);
  return { name: "webgpu", backendName: "webgpu", dispose: () => device.dispose() };
}

async function whyNoWebgpu(): Promise<string | undefined> {
  if (!("gpu" in navigator)) return "this runtime has no WebGPU";
  return await navigator.gpu.requestAdapter() ? undefined : "no adapter";
}
