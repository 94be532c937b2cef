/**
 * What we rely on of TensorFlow.js beyond what it documents: its types hide it, or do not promise it.
 */
import { equal, fail, ok, throws } from "node:assert/strict";
import {
  engine,
  grad,
  type Tensor,
  tensor1d,
  version_core as version,
} from "@tensorflow/tfjs-core";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import "../src/gradients.ts";
import { activation } from "../src/kernels.ts";
import { pendingCommands } from "../src/kernels/webgpu/_pending_commands.ts";
import { UnsupportedOpError } from "../src/errors.ts";
import type { StoreClass } from "../src/kernels/wasm/_backend.ts";
import { TensorStore } from "../src/kernels/wasm/_tensor_store.ts";
import { startTestWasm } from "./devices.ts";

/** Fails where a field is not there, or holds something else than we take it for. */
function expectField(
  owner: object,
  field: string,
  { in: where, fits }: { in: string; fits: (value: unknown) => boolean },
): void {
  const value: unknown = Reflect.get(owner, field);
  ok(fits(value), `TensorFlow.js ${version}: "${field}" of ${where} is not what it was: ${value}`);
}

Deno.test("the engine of TensorFlow.js tells whether it records or profiles [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const state = (field: string, wanted: unknown) =>
    expectField(engine().state, field, {
      in: "engine().state",
      fits: (value) => value === wanted,
    });
  state("gradientDepth", 0);
  state("profiling", false);
  const x = tensor1d([1, 2]);
  const slope = grad((x: Tensor) => {
    state("gradientDepth", 1);
    return activation(x, "relu");
  })(x);
  await engine().profile(() => {
    state("profiling", true);
    return [];
  });
  for (const each of [x, slope]) each.dispose();
  device.dispose();
});

Deno.test("the tape of TensorFlow.js has what recomputed layers read off it [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const x = tensor1d([1, 2]);
  const slope = grad((x: Tensor) => {
    const y = activation(x, "relu");
    const tape: unknown = engine().state.activeTape;
    ok(Array.isArray(tape), `TensorFlow.js ${version}: no list "activeTape" of engine().state`);
    const node: object = tape.at(-1);
    const where = { in: "a node of the tape" };
    expectField(node, "inputs", {
      ...where,
      fits: (inputs) => (inputs as { x?: unknown })?.x === x,
    });
    expectField(node, "outputs", {
      ...where,
      fits: (outputs) => (outputs as unknown[])?.[0] === y,
    });
    expectField(node, "saved", { ...where, fits: (saved) => (saved as unknown[])?.length === 1 });
    return y;
  })(x);
  for (const each of [x, slope]) each.dispose();
  device.dispose();
});

/** As much of a device as a backend reads when it is made. */
function idleGpu(encoder: object): GPUDevice {
  const commands = { ...encoder, finish: () => "commands" };
  return {
    queue: { submit: () => {} },
    features: new Set(),
    createCommandEncoder: () => commands,
  } as object as GPUDevice;
}

Deno.test({
  name: "the WebGPU backend of TensorFlow.js keeps its commands where ours are recorded",
  ignore: !("gpu" in navigator),
  fn: () => {
    const pass = { end: () => {} };
    const backend = new WebGPUBackend(idleGpu({ beginComputePass: () => pass }));
    const commands = pendingCommands(backend);
    backend.ensureCommandEncoderReady();
    ok(commands.commandEncoder, `TensorFlow.js ${version}: no "commandEncoder" once it is ready`);
    commands.computePassEncoder = commands.commandEncoder.beginComputePass();
    backend.endComputePassEncoder();
    equal(commands.computePassEncoder, null, `TensorFlow.js ${version}: "computePassEncoder"`);
    const { dataId } = backend.makeTensorInfo([1], "float32");
    commands.commandQueueOwnedIds.add(dataId);
    commands.dispatchCountInPass = 3;
    backend.disposeData(dataId);
    equal(backend.tensorMap.has(dataId), true, `TensorFlow.js ${version}: "commandQueueOwnedIds"`);
    backend.submitQueue();
    equal(backend.tensorMap.has(dataId), false, `TensorFlow.js ${version}: "commandQueueOwnedIds"`);
    equal(commands.dispatchCountInPass, 0, `TensorFlow.js ${version}: "dispatchCountInPass"`);
  },
});

Deno.test("pendingCommands() names the field that moved, and the version", () => {
  const moved = {
    commandEncoder: null,
    computePassEncoder: null,
    ownedIds: new WeakSet(),
    dispatchCountInPass: 0,
  };
  throws(() => pendingCommands(moved), {
    name: "UnsupportedOpError",
    message:
      `Cannot use the WebGPU backend of TensorFlow.js ${version}: expected its commands in "commandQueueOwnedIds", found undefined`,
  });
});

/** An object that fails for what it lacks, instead of giving undefined. */
function strict<Owner extends object>(owner: Owner, where: string): Owner {
  return new Proxy(owner, {
    get(_, field) {
      if (!(field in owner)) {
        fail(`TensorFlow.js ${version} wants "${String(field)}" of ${where}, which ours lacks`);
      }
      const value: unknown = Reflect.get(owner, field);
      return field === "tfjs" ? strict(value as object, `${where}.tfjs`) : value;
    },
  });
}

for (const Store of [BackendWasm, TensorStore] as readonly StoreClass[]) {
  Deno.test(`${Store.name} asks its module for nothing that ours lacks [wasm]`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const { wasm } = engine().backend as object as { wasm: ConstructorParameters<StoreClass>[0] };
    const hosted = new Store(strict(wasm, "its module"));
    const written = hosted.write(Float32Array.of(1, 2, 3), [3], "float32");
    const made = hosted.makeOutput([2], "int32", undefined, Int32Array.of(4, 5));
    expectField(hosted.dataIdMap.get(written), "memoryOffset", {
      in: "a tensor's data",
      fits: (value) => typeof value === "number" && value > 0,
    });
    equal(`${hosted.readSync(written)}`, "1,2,3");
    equal(`${await hosted.read(made.dataId)}`, "4,5");
    equal(`${hosted.typedArrayFromHeap(made)}`, "4,5");
    hosted.incRef(written);
    equal(hosted.disposeData(written), false);
    equal(hosted.disposeData(written), true);
    equal(hosted.disposeData(made.dataId), true);
    equal(hosted.numDataIds(), 0);
    equal(hosted.refCount(made.dataId), 0);
    equal(hosted.disposeData(made.dataId), true);
    if (Store === BackendWasm) {
      const text = hosted.write([new Uint8Array(1)] as never, [1], "string");
      equal(hosted.disposeData(text), true);
    } else throws(() => hosted.write(["a"] as never, [1], "string"), UnsupportedOpError);
    hosted.dispose();
    device.dispose();
  });
}
