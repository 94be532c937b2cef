import assert from "node:assert/strict";
import { engine, tensor1d } from "@tensorflow/tfjs-core";
import { useDevice } from "../src/devices.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";

/** Runs a body while the runtime offers no adapter. */
async function withoutAdapter(body: () => Promise<void>): Promise<void> {
  const value = () => Promise.resolve(null);
  Object.defineProperty(navigator.gpu, "requestAdapter", { value, configurable: true });
  try {
    await body();
  } finally {
    Reflect.deleteProperty(navigator.gpu, "requestAdapter");
  }
}

const hasGpu = "gpu" in navigator;

Deno.test("useDevice() takes WASM on one thread where nothing is in use", async () => {
  assert.ok(!engine().backendName);
  const device = await useDevice();
  assert.equal(device.backend, "wasm");
  assert.match(device.description, /^WASM, 1 thread, .*SIMD \(the default for inference\)$/);
  device.dispose();
});

Deno.test("useDevice() keeps what is in use, and starts anew what was disposed", async () => {
  const first = await useDevice({ backend: "wasm", threads: 2 });
  const kept = tensor1d([1, 2]);
  assert.equal(await useDevice(), first);
  assert.deepEqual(Array.from(kept.dataSync()), [1, 2]);
  kept.dispose();
  first.dispose();
  const second = await useDevice();
  assert.notEqual(second, first);
  assert.match(second.description, /^WASM, 1 thread,/);
  second.dispose();
  assert.ok(!engine().backendName);
});

Deno.test("useDevice() takes the threads and the backend that it is asked for", async () => {
  for (const threads of [1, 2]) {
    const device = await useDevice({ backend: "wasm", threads, purpose: "training" });
    assert.match(device.description, new RegExp(`^WASM, ${threads} threads?, .* \\(as asked\\)$`));
    device.dispose();
  }
  await assert.rejects(useDevice({ backend: "wasm", threads: -1 }), {
    name: "RangeError",
    message: /expected 0 to 48 threads, found -1$/,
  });
});

Deno.test("useDevice() says that WASM has no f16 products", async () => {
  const device = await useDevice({ backend: "wasm", f16: true });
  assert.match(device.description, /\(as asked; f16 products are WebGPU's alone\)$/);
  device.dispose();
});

Deno.test({
  name: "useDevice() trains on all cores where there is no adapter",
  ignore: !hasGpu,
  fn: async () => {
    await withoutAdapter(async () => {
      const device = await useDevice({ purpose: "training" });
      const threads = navigator.hardwareConcurrency;
      const shown = `WASM, ${threads} thread${threads > 1 ? "s" : ""}, `;
      assert.ok(device.description.startsWith(shown), device.description);
      assert.ok(device.description.endsWith("(no GPU adapter was found)"), device.description);
      device.dispose();
    });
  },
});

Deno.test({
  name: "useDevice() refuses WebGPU by name where there is no adapter",
  ignore: !hasGpu,
  fn: async () => {
    await withoutAdapter(async () => {
      for (const purpose of ["training", "inference"] as const) {
        await assert.rejects(useDevice({ backend: "webgpu", purpose }), {
          name: "UnsupportedOpError",
          message: 'Cannot use backend "webgpu": expected a GPU adapter, found none',
          hint: 'Use `backend: "wasm"`, or install a Vulkan driver',
        });
      }
    });
  },
});

const adapter = hasGpu ? await navigator.gpu.requestAdapter() : null;

Deno.test({
  name: `useDevice() names the software adapter that it leaves${
    adapter ? "" : " [skipped: no adapter]"
  }`,
  ignore: !adapter || !/llvmpipe/.test(adapter.info.description),
  fn: async () => {
    const device = await useDevice({ purpose: "training", threads: 1 });
    assert.match(device.description, /^WASM, 1 thread, .*\(llvmpipe .* is no GPU\)$/);
    device.dispose();
  },
});

Deno.test({
  name: `useDevice() takes WebGPU by name${adapter ? "" : " [skipped: no adapter]"}`,
  ignore: !adapter && Deno.env.get("REQUIRE_WEBGPU") !== "1",
  fn: async () => {
    const device = await useDevice({ backend: "webgpu" });
    assert.equal(device.backend, "webgpu");
    assert.match(device.description, / \(as asked\)$/);
    const x = tensor1d([3]);
    assert.deepEqual(Array.from(await x.data()), [3]);
    x.dispose();
    assert.equal(await useDevice(), device);
    device.dispose();
    assert.ok(!engine().backendName);
  },
});

Deno.test("useDevice() leaves a backend alone that the caller set up", async () => {
  const before = await useDevice({ backend: "wasm" });
  before.dispose();
  const mine = await startWasm({ threads: 1 });
  const device = await useDevice();
  assert.match(device.description, /^earshot-wasm \(already in use\)$/);
  device.dispose();
  assert.equal(engine().backendName, "earshot-wasm");
  mine.dispose();
});
