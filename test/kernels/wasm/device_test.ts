import { deepEqual, equal, match, notEqual, ok, rejects, throws } from "node:assert/strict";
import { engine, getBackend, mul, tensor, tensor1d } from "@tensorflow/tfjs-core";
import { activation, add } from "../../../src/kernels.ts";
import type { WasmBackend } from "../../../src/kernels/wasm/_backend.ts";
import { startWasm, type WasmOptions } from "../../../src/kernels/wasm/mod.ts";
import { compileKernels, hasRelaxedSimd } from "../../../src/kernels/wasm/_module.ts";

async function withDevice(
  options: WasmOptions,
  body: (device: Awaited<ReturnType<typeof startWasm>>) => void | Promise<void>,
): Promise<void> {
  const device = await startWasm(options);
  try {
    await body(device);
  } finally {
    device.dispose();
  }
}

function backendInUse(): WasmBackend {
  return engine().backend as WasmBackend;
}

/** Runs a kernel and reads its result. */
function reluOfRamp(): void {
  const x = tensor1d([-2, -1, 0, 1, 2]);
  const y = activation(x, "relu");
  deepEqual([...y.dataSync()], [0, 0, 0, 1, 2]);
  x.dispose();
  y.dispose();
}

Deno.test("startWasm() runs on one thread unless asked otherwise", () =>
  withDevice({}, (device) => {
    equal(device.backend, "wasm");
    equal(device.threads, 1);
    equal(device.relaxedSimd, hasRelaxedSimd());
    equal(getBackend(), "earshot-wasm");
    reluOfRamp();
  }));

Deno.test("startWasm() runs plain SIMD when asked", () =>
  withDevice({ relaxedSimd: false }, (device) => {
    equal(device.description, "WASM, 1 thread, SIMD");
    reluOfRamp();
  }));

Deno.test("startWasm() takes all cores for 0 threads", () =>
  withDevice({ threads: 0 }, (device) => {
    equal(device.threads, navigator.hardwareConcurrency);
    reluOfRamp();
  }));

Deno.test("startWasm() takes kernels that were compiled elsewhere", async () => {
  const module = await compileKernels({ relaxedSimd: false, shared: false });
  await withDevice({ module }, (device) => {
    equal(device.relaxedSimd, false);
    reluOfRamp();
  });
});

Deno.test("startWasm() gives the same device for the same options, else replaces it", async () => {
  const first = await startWasm({ threads: 1 });
  const kept = tensor1d([1, 2]);
  equal(await startWasm({ threads: 1 }), first);
  deepEqual([...kept.dataSync()], [1, 2]);
  kept.dispose();
  const second = await startWasm({ threads: 2 });
  notEqual(second, first);
  first.dispose();
  reluOfRamp();
  second.dispose();
});

Deno.test("startWasm() called twice at once gives one device", async () => {
  const [first, second] = await Promise.all([startWasm({ threads: 2 }), startWasm({ threads: 2 })]);
  equal(second, first);
  reluOfRamp();
  first.dispose();
  equal(engine().findBackendFactory("earshot-wasm"), null);
});

Deno.test("startWasm() rejects a number of threads that cannot be", async () => {
  for (const threads of [-1, 1.5, NaN, 49]) {
    await rejects(startWasm({ threads }), {
      name: "RangeError",
      message: `Cannot start the WASM device: expected 0 to 48 threads, found ${threads}`,
    });
  }
  const module = await compileKernels({ relaxedSimd: false, shared: false });
  await rejects(startWasm({ threads: 2, module }), /expected 0 to 1 threads, found 2/);
});

for (const name of ["SharedArrayBuffer", "Worker"] as const) {
  Deno.test(`startWasm() says so when it runs on one thread for want of ${name}`, async () => {
    const kept = Reflect.get(globalThis, name);
    Reflect.deleteProperty(globalThis, name);
    try {
      await withDevice({ threads: 4 }, (device) => {
        equal(device.threads, 1);
        match(device.description, /^WASM, 1 thread \(4 asked for: no .* here\), /);
        reluOfRamp();
      });
    } finally {
      Reflect.set(globalThis, name, kept);
    }
  });
}

Deno.test("startWasm() runs on one thread where a shared memory is refused, and says so", async () => {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      if (descriptor.shared) throw new RangeError("could not allocate memory");
      super(descriptor);
    }
  };
  try {
    await withDevice({ threads: 2 }, (device) => {
      const expected = /^WASM, 1 thread \(2 asked for: no room for a shared memory here\), /;
      match(device.description, expected);
      reluOfRamp();
    });
  } finally {
    WebAssembly.Memory = Memory;
  }
});

Deno.test("startWasm() says so when workers do not start", async () => {
  const { Worker } = globalThis;
  globalThis.Worker = class {
    constructor() {
      throw new TypeError("no workers today");
    }
  } as unknown as typeof Worker;
  try {
    await withDevice({ threads: 2 }, (device) => {
      match(device.description, /^WASM, 1 thread \(2 asked for: no workers today\), /);
      reluOfRamp();
    });
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("tensors are given back to the memory, byte for byte", () =>
  withDevice({}, () => {
    const before = backendInUse().memoryUse();
    const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    const y = add(x, x);
    const words = tensor(["a", "b"]);
    ok(backendInUse().memoryUse().usedBytes > before.usedBytes);
    for (const each of [x, y, words]) each.dispose();
    deepEqual(backendInUse().memoryUse(), before);
  }));

for (const threads of [1, 2]) {
  Deno.test(`the memory grows under tensors that are in it, ${threads} threads`, () =>
    withDevice({ threads }, () => {
      const size = 3_000_000;
      const tensors = Array.from({ length: 8 }, (_, i) => tensor1d(new Float32Array(size).fill(i)));
      const sums = tensors.map((x) => add(x, tensors[1]!));
      sums.forEach((sum, i) => {
        const values = sum.dataSync();
        deepEqual([values[0], values[size - 1]], [i + 1, i + 1]);
      });
      for (const each of [...tensors, ...sums]) each.dispose();
    }));
}

Deno.test("an operation without a kernel is an error that names it", () =>
  withDevice({}, () => {
    const x = tensor1d([1]);
    throws(() => mul(x, x), /Multiply.*earshot-wasm/);
    x.dispose();
  }));
