import { deepEqual, equal, match, notEqual, ok, rejects, throws } from "node:assert/strict";
import {
  dispose,
  engine,
  findBackendFactory,
  getBackend,
  getKernel,
  grads,
  ones,
  type Tensor,
  tensor1d,
  zeros,
} from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "../../../src/kernels/webgpu/_backend.ts";
import { DeviceError } from "../../../src/errors.ts";
import { activation, attention, layerSum, linear, linears } from "../../../src/kernels.ts";
import { describeAdapter, startWebgpu } from "../../../src/kernels/webgpu/mod.ts";
import { useReference } from "../../reference/backend.ts";
import { BODIES } from "../../reference/bodies.ts";
import { trainSmallModel } from "../_small_model.ts";
import { gpuTest, guaranteedTest, withAdapter } from "./_gpu.ts";

function backendInUse(): DeviceBackend {
  return engine().backend as DeviceBackend;
}

function fakeAdapter(info: object): object {
  const limits = { maxStorageBufferBindingSize: 2 ** 27 };
  const requestDevice = () => Promise.reject(new TypeError("no such limit"));
  return { info, features: new Set(["timestamp-query"]), limits, requestDevice };
}

gpuTest("startWebgpu() asks for all that the adapter offers", async (device) => {
  equal(device.backend, "webgpu");
  equal(getBackend(), "webgpu");
  const { limits, features } = backendInUse().device;
  deepEqual((await describeAdapter())?.limits, device.limits);
  for (const [name, limit] of Object.entries(device.limits)) {
    equal(limits[name as keyof GPUSupportedLimits], limit, name);
  }
  for (const feature of ["shader-f16", "timestamp-query", "subgroups"]) {
    equal(features.has(feature as GPUFeatureName), device.features.includes(feature), feature);
  }
});

gpuTest("startWebgpu() has a kernel for each name of the contract", () => {
  for (const name of Object.keys(BODIES)) ok(getKernel(name, "webgpu"), name);
});

gpuTest("startWebgpu() makes a device that runs the one in use again", async (device) => {
  const x = tensor1d([-1, 2]);
  await useReference();
  equal(await startWebgpu({ software: true }), device);
  equal(getBackend(), "webgpu");
  const y = activation(x, "relu");
  deepEqual([...await y.data()], [0, 2]);
  x.dispose();
  y.dispose();
});

gpuTest("startWebgpu() starts a new device after the first was disposed", async (device) => {
  device.dispose();
  device.dispose();
  equal(findBackendFactory("webgpu"), null);
  const second = await startWebgpu({ software: true });
  notEqual(second, device);
  const x = tensor1d([-1, 2]);
  const y = activation(x, "relu");
  deepEqual([...await y.data()], [0, 2]);
  x.dispose();
  y.dispose();
  second?.dispose();
});

gpuTest("startWebgpu() takes an adapter in software only when asked", async (device) => {
  equal((await startWebgpu()) === undefined, device.software);
  device.dispose();
  const second = await startWebgpu();
  equal(second === undefined, device.software);
  second?.dispose();
});

Deno.test("startWebgpu() gives undefined where there is no adapter", () =>
  withAdapter(null, async () => {
    equal(await startWebgpu({ software: true }), undefined);
    equal(await describeAdapter(), undefined);
  }));

Deno.test("startWebgpu() tells that the driver refused the device", () =>
  withAdapter(fakeAdapter({ description: "Card" }), async () => {
    await rejects(startWebgpu(), (error) => {
      ok(error instanceof DeviceError);
      equal(error.reason, "refused");
      match(error.message, /^Cannot start WebGPU device "Card": .*no such limit/);
      return true;
    });
  }));

Deno.test("describeAdapter() names the adapter and knows software ones", async () => {
  const cases: [object, string, boolean][] = [
    [{ description: "NVIDIA H200", vendor: "4318" }, "NVIDIA H200", false],
    [{ description: "", vendor: "apple", architecture: "metal-3" }, "apple metal-3", false],
    [
      { description: "", vendor: "google", architecture: "swiftshader" },
      "google swiftshader",
      true,
    ],
    [{ description: "Card", isFallbackAdapter: true }, "Card", true],
    [{ description: "Microsoft Basic Render Driver" }, "Microsoft Basic Render Driver", true],
    [{}, "unnamed adapter", false],
  ];
  for (const [info, name, software] of cases) {
    await withAdapter(fakeAdapter(info), async () => {
      const described = await describeAdapter();
      equal(described?.adapter, name);
      equal(described?.software, software, name);
      deepEqual(described?.features, ["timestamp-query"]);
      equal(
        described?.description,
        `${name}${software ? ", in software" : ""}, tensors up to 128 MiB`,
      );
    });
  }
});

guaranteedTest("every kernel runs within the limits that WebGPU guarantees", async () => {
  await trainSmallModel(1);
  await runLargest();
});

/** Heads that fill the workgroup memory, with all optional inputs, joint maps, and more states than fit one program. */
async function runLargest(): Promise<void> {
  const inputs = [ones([1, 40, 128]), ones([1, 1, 40, 40]), ones([128, 128]), ones([128])];
  const dy = ones([1, 40, 128]);
  const gradients = grads((x: Tensor, scores: Tensor, weight: Tensor, bias: Tensor) => {
    const [q, k, v] = linears(x, [0, 1, 2].map(() => ({ weight, bias })));
    const context = attention(q!, k!, v!, { heads: 1, bias: scores, dropoutRate: 0.1 });
    const states = [context, x, x, x, x, x, x];
    return layerSum(states, zeros([states.length]));
  })(inputs, dy);
  await gradients[1]!.data();
  dispose([...inputs, dy, ...gradients]);
}

gpuTest("a kernel refuses a tensor that the device cannot bind", (device) => {
  const limit = device.limits.maxStorageBufferBindingSize!;
  const outputs = Math.floor(Math.sqrt(limit / 4)) + 1;
  const [x, weight] = [zeros([outputs, 1]), zeros([outputs, 1])];
  const before = backendInUse().numDataIds();
  throws(() => linear(x, weight), (error) => {
    ok(error instanceof DeviceError);
    match(error.message, new RegExp(`at most ${limit} bytes \\(maxStorageBufferBindingSize\\)`));
    match(error.hint!, /smaller batch/);
    return true;
  });
  equal(backendInUse().numDataIds(), before);
  x.dispose();
  weight.dispose();
});

guaranteedTest("a kernel names the batch that a binding of 128 MiB holds", () => {
  const x = zeros([8, 8000, 1]);
  const weight = zeros([640, 1]);
  throws(() => linear(x, weight), (error) => {
    ok(error instanceof DeviceError && error.reason === "memory");
    match(error.message, /shape \[8,8000,640\].* at most 134217728 bytes .* found 163840000$/);
    match(error.hint!, /^At most 6 clips of this length fit at a time/);
    return true;
  });
  x.dispose();
  weight.dispose();
});

gpuTest("a lost device ends reads and kernels with one error", async () => {
  const x = tensor1d([-1, 2]);
  const y = activation(x, "relu");
  backendInUse().device.destroy();
  const isLost = (error: unknown) =>
    error instanceof DeviceError && error.reason === "lost" && /was lost/.test(error.message);
  await rejects(y.data(), isLost);
  throws(() => activation(x, "relu"), isLost);
});

gpuTest("startWebgpu() replaces a device that was lost", async (device) => {
  const { device: gpu } = backendInUse();
  gpu.destroy();
  await gpu.lost;
  const second = await startWebgpu({ software: true });
  notEqual(second, device);
  const x = tensor1d([-1, 2]);
  const y = activation(x, "relu");
  deepEqual([...await y.data()], [0, 2]);
  second?.dispose();
});

gpuTest("startWebgpu() makes one device where two are asked for at a time", async (device) => {
  device.dispose();
  const asked = [startWebgpu({ software: true }), startWebgpu({ software: true })];
  const [first, second] = await Promise.all(asked);
  equal(first, second);
  first?.dispose();
});

gpuTest("exhausted memory ends kernels and reads with one error", async () => {
  const x = tensor1d([-1, 2]);
  const y = activation(x, "relu");
  const error = new GPUOutOfMemoryError("no room");
  backendInUse().device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  const isMemory = (error: unknown) =>
    error instanceof DeviceError && error.reason === "memory" && /no room/.test(error.message);
  throws(() => activation(x, "relu"), isMemory);
  await rejects(y.data(), isMemory);
});

gpuTest("a refused command ends kernels and reads with one error", async () => {
  const x = tensor1d([-1, 2]);
  const y = activation(x, "relu");
  const { device } = backendInUse();
  device.createBuffer({ size: 2 ** 40, usage: GPUBufferUsage.STORAGE });
  const isRefused = (error: unknown) => error instanceof DeviceError && error.reason === "refused";
  await rejects(y.data(), isRefused);
  throws(() => activation(x, "relu"), isRefused);
});

gpuTest("training holds as much GPU memory after 50 steps as after 10", async () => {
  await trainSmallModel(10);
  const before = backendInUse().memory();
  await trainSmallModel(50);
  deepEqual(backendInUse().memory(), before);
});
