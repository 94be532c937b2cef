/**
 * Tests of the WebGPU device itself; what any device must do is in the suites beside this folder.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import {
  describeAdapter,
  startWebgpu,
  type WebgpuDevice,
} from "../../../src/kernels/webgpu/mod.ts";

const adapter = await describeAdapter();

/**
 * Registers a test that starts and ends the device, shown as ignored where there is no adapter, or where it lacks the
 * feature that is needed.
 *
 * `REQUIRE_WEBGPU=1` turns a missing adapter into a failure.
 */
export function gpuTest(
  name: string,
  body: (device: WebgpuDevice) => void | Promise<void>,
  { needs }: { needs?: string } = {},
): void {
  const lacks = adapter !== undefined && needs !== undefined && !adapter.features.includes(needs);
  const missing = lacks ? needs : adapter ? undefined : "adapter";
  Deno.test({
    name: missing ? `${name} [skipped: no ${missing}]` : name,
    ignore: lacks || !adapter && Deno.env.get("REQUIRE_WEBGPU") !== "1",
    fn: async () => {
      const device = await startWebgpu({ software: true });
      ok(device, "no adapter");
      try {
        await body(device);
      } finally {
        device.dispose();
      }
    },
  });
}

/** Runs a body while the runtime offers the given adapter, or none. */
export async function withAdapter(
  adapter: object | null,
  body: () => Promise<void>,
): Promise<void> {
  const value = () => Promise.resolve(adapter);
  Object.defineProperty(navigator.gpu, "requestAdapter", { value, configurable: true });
  try {
    await body();
  } finally {
    Reflect.deleteProperty(navigator.gpu, "requestAdapter");
  }
}

/** The limits that every WebGPU device has; ours depend on these. */
const GUARANTEED_LIMITS = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65_535,
};

/** As {@linkcode gpuTest}, on a device that offers no more than every device must. */
export function guaranteedTest(name: string, body: () => void | Promise<void>): void {
  gpuTest(name, async (device) => {
    device.dispose();
    const real = await navigator.gpu.requestAdapter();
    const limited = {
      info: real!.info,
      features: new Set<string>(),
      limits: GUARANTEED_LIMITS,
      requestDevice: (descriptor: GPUDeviceDescriptor) => real!.requestDevice(descriptor),
    };
    await withAdapter(limited, async () => {
      const guaranteed = await startWebgpu({ software: true });
      try {
        await body();
      } finally {
        guaranteed?.dispose();
      }
    });
  });
}
